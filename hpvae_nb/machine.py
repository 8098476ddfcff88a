"""Where to compute, in which number format and on how many threads, decided by asking the hardware."""

import functools
import os
import timeit
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F

from hpvae_nb.core.blocks import SLOPE, conv
from hpvae_nb.core.convolution import channels_last, convolve
from hpvae_nb.core.resampling import upsample
from hpvae_nb.errors import InputError, check_whole, sentence

_CLEARLY = 1.15  # a race is won by this factor at least; else the safer one is taken
PRECISIONS = ("auto", "bfloat16", "float32")


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """Where to compute: `"auto"` is the first CUDA GPU if it passes `probe`, else the CPU; a GPU that fails is named.

    An Apple GPU is used only where asked for, with `"mps"`: this package was never run on one, and which of its
    operations PyTorch has there differs from version to version.

    Args:
        device: `"auto"`, `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`, or a `torch.device`.

    Raises:
        InputError: for a name PyTorch does not know, or a device that is not there or fails `probe`.
    """
    if device == "auto":
        if not torch.cuda.is_available():
            return torch.device("cpu")
        try:
            probe(torch.device("cuda"))
        except Exception as error:
            trouble = f"CUDA is there but cannot run this package's convolutions ({_reason(error)})"
            warnings.warn(f"{trouble}: the CPU is used instead", stacklevel=2)
            return torch.device("cpu")
        return torch.device("cuda")
    try:
        chosen = torch.device(device)
        if chosen.type != "cpu":
            probe(chosen)
    except Exception as error:
        trouble = f"device {str(device)!r} cannot be used here ({_reason(error)})"
        raise InputError(f"{trouble}: use 'cpu', or 'auto', which always finds one") from error
    return chosen


@functools.cache  # of what passed; what failed (a full GPU, say) is tried again
def probe(device: torch.device) -> None:
    """A training step in small: one upsampling, one convolution, and the double backward pass of a gradient penalty.

    To be listed is not enough: a GPU older than PyTorch's kernels counts as available and fails at the first
    convolution, and on an Apple GPU parts may be missing.

    Raises:
        Exception: whatever the device raises, which is RuntimeError in most cases, but not in all.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():  # the weights are drawn from nobody's random numbers
        layer = conv(3, 3, 4).to(device)
        coarse = torch.ones(1, 3, 2, 3, 3, device=device, requires_grad=True)
        x = upsample(coarse, (3, 4, 5))
        made = F.leaky_relu(layer(x), SLOPE).sum()
        (slope,) = torch.autograd.grad(made, x, create_graph=True)
        (made + slope.square().sum()).backward()
        gradients = [coarse.grad, *(weight.grad for weight in layer.parameters())]
        if not all(bool(torch.isfinite(gradient).all()) for gradient in gradients if gradient is not None):
            raise ArithmeticError("gradients that are no finite numbers")


def _reason(error: Exception) -> str:
    """An error's kind and first line: those of CUDA go on with advice on debugging."""
    return sentence(error).partition("\n")[0].rstrip(". ")


def native_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices itself; emulation is slower than float32.

    True for CPUs with AVX512-BF16 or AMX, and for NVIDIA GPUs from Ampere (compute capability 8) on.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # These have no public name in the older versions of PyTorch that are supported.
        probes = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        return any(probe() for probe in probes if probe is not None)
    return False


@functools.cache
def faster_in_bfloat16(device: torch.device) -> bool:
    """Whether convolutions are faster in bfloat16 than in float32 here; asked once for each process.

    What a processor lists as native need not be fast: with AVX512-BF16 alone, some multiply no faster than in float32,
    and the casts come on top. So two layers race, where the hardware has bfloat16 at all.
    """
    if device.type != "cpu" or not native_bfloat16(device):
        return native_bfloat16(device)
    wide, narrow = (_racing_layer(dtype) for dtype in (torch.float32, torch.bfloat16))
    times = [(_seconds(wide), _seconds(narrow)) for _ in range(12)]
    return min(b for _, b in times) * _CLEARLY < min(a for a, _ in times)


def choose_threads(threads: int | None = None) -> tuple[int, str]:
    """How many CPU threads to compute with, and why, in a few words.

    On a busy machine, small convolutions on many threads wait for each other, up to ten times as long as on one. So a
    layer is timed on 1, 2, 4, ... threads, up to as many as PyTorch uses now, once for each process.

    Args:
        threads: taken at its word; so is the environment variable `OMP_NUM_THREADS`.

    Raises:
        InputError: for a number below 1.
    """
    if threads is not None:
        return check_whole("threads", threads, advice=": leave it out to be chosen"), "as asked"
    if "OMP_NUM_THREADS" in os.environ:
        return torch.get_num_threads(), "by OMP_NUM_THREADS"
    seconds = _thread_race(torch.get_num_threads())
    if len(seconds) == 1:
        return 1, "all there are"
    best = min(seconds, key=lambda count: seconds[count] * (1 if count == 1 else _CLEARLY))
    times = {count: spent / seconds[best] for count, spent in seconds.items() if count != best}
    others = ", ".join(f"{count} took {factor:.1f} times as long" for count, factor in times.items())
    return best, f"by a short race: {others}"


@functools.cache
def _thread_race(most: int) -> dict[int, float]:
    """Seconds that a layer takes on 1, 2, 4, ... threads."""
    counts = sorted({min(2**k, most) for k in range(most.bit_length() + 1)})
    if counts == [1]:
        return {1: 0.0}
    run = _racing_layer(torch.float32)
    seconds = dict.fromkeys(counts, 0.0)
    try:
        for _ in range(10):  # in turn, and added up: it is the stalls that count
            for count in counts:
                torch.set_num_threads(count)
                seconds[count] += _seconds(run)
    finally:
        torch.set_num_threads(most)
    return seconds


def _racing_layer(dtype: torch.dtype) -> Callable[[], object]:
    """A middle layer of the networks at a small scale, ready to be run."""
    x = channels_last(torch.ones(1, 32, 7, 24, 40, dtype=dtype))
    weight = torch.full((32, 32, 3, 3, 3), 1e-3, dtype=dtype)

    def run() -> None:
        with torch.no_grad():
            convolve(x, weight)

    run()
    return run


def _seconds(run: Callable[[], object]) -> float:
    return timeit.timeit(run, number=1)


def choose_precision(precision: str, device: torch.device) -> str:
    """`"auto"` is bfloat16 convolutions where they are native and faster, and float32 elsewhere.

    Raises:
        InputError: for an unknown name.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision is {precision!r}, but must be one of {', '.join(map(repr, PRECISIONS))}")
    if precision != "auto":
        return precision
    return "bfloat16" if faster_in_bfloat16(device) else "float32"


def computing(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """A context in which convolutions run in `precision`; weights, sums, norms of gradients and losses stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")


def sound_precision(precision: str, device: torch.device, convolutions: Iterable[tuple[int, int]]) -> str:
    """As `choose_precision`, but never bfloat16 where its results are wrong.

    On a CPU, PyTorch (seen in 2.13.0) goes wrong in bfloat16 convolutions over time whose input has fewer frames than
    the kernel, padding left out: the weights' gradient comes from memory that nobody wrote to, and with a single frame
    and few channels the output itself is NaN. Kernels of one frame are sound, and so are images.

    Args:
        convolutions: (frames, kernel in time) of each one in three dimensions.

    Raises:
        InputError: for an unknown name, or bfloat16 where it is wrong.
    """
    chosen = choose_precision(precision, device)
    wrong = [(frames, kernel) for frames, kernel in convolutions if frames < kernel]
    if chosen == "float32" or device.type != "cpu" or not wrong:
        return chosen
    if precision == "auto":
        return "float32"
    where = "for {} frame{} and a kernel of {}".format(wrong[0][0], "s" * (wrong[0][0] > 1), wrong[0][1])
    trouble = f"precision 'bfloat16' gives wrong numbers on a CPU {where}"
    raise InputError(f"{trouble}: use 'float32' or 'auto', more frames at each scale, or another kernel")
