"""What a training will cost, before it starts: arithmetic counted, time measured on a few layers, memory estimated."""

import math
import time
from dataclasses import dataclass

import torch

from hpvae_nb.core.blocks import conv
from hpvae_nb.core.networks import RGB
from hpvae_nb.core.resampling import Shape
from hpvae_nb.machine import computing
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.windows import kept_in_pool, window_shape

_BEYOND_CONVOLUTIONS = 1.4  # measured at `laptop`: a step takes so many times what its probed layers do
_PROBED_VOXELS = 40_000  # beyond this a layer's speed no longer depends on its size
_PROBING = 0.1  # seconds for each scale: the best of as many runs as fit, since a busy machine has slow moments
_PROCESS_BYTES = 0.45e9  # measured: an idle process with PyTorch and PyAV loaded


@dataclass(frozen=True)
class Cost:
    """One scale's cost: `flops` and `seconds` of a training step, `peak_bytes` of the process while it runs."""

    scale: int
    shape: Shape
    is_vae: bool
    flops: float
    seconds: float
    peak_bytes: float


def network_flops(config: Config, which: str, kernel: int | None = None) -> float:
    """Floating-point operations per site of one forward pass of `"E"`, `"G0"`, `"G"` or `"D"`, convolutions only."""
    c, taps = config.channels, (kernel or config.kernel) ** config.dims

    def chain(first: int, layers: int, last: int) -> int:
        return first * c + (layers - 2) * c * c + c * last

    weights = {
        "E": RGB * c + (config.encoder_layers - 1) * c * c + 2 * c * config.latent,
        "G0": chain(config.latent, config.generator_layers, RGB),
        "G": chain(RGB, config.generator_layers, RGB),
        "D": chain(RGB, config.critic_layers, 1),
    }
    return 2.0 * taps * weights[which]


def step_flops(config: Config, shapes: list[Shape], scale: int) -> float:
    """Floating-point operations of one training step at `scale` for one training sample, convolutions only.

    A pass with its backward pass counts three forward passes, a backward pass to the input alone one, and the penalty
    with its double backward pass six. What is not done at each step, such as the filling of a pool, is spread over all.
    """
    sites = [math.prod(shape) for shape in shapes]
    if not config.is_vae(scale):
        sites[scale] = math.prod(window_shape(config, shapes[scale]))
    encoder = network_flops(config, "E", config.encoder_kernel) * sites[0]
    base, *above = (
        network_flops(config, "G" if n else "G0", config.generator_kernel(n)) * sites[n] for n in range(scale + 1)
    )
    between, top = sum(above[:-1]), sum(above[-1:])
    if config.is_vae(scale):
        return 3 * (encoder + base + top) + (2 if config.freeze else 3) * between
    critic = network_flops(config, "D") * sites[scale]
    below = (1 if config.freeze else 3) * (encoder + 2 * (base + between))
    if config.pool is not None:
        made = kept_in_pool(config) + config.steps(scale) // config.pool_every
        below = made / config.steps(scale) * (base + between)
    return below + 2 * 3 * top + (2 * 3 + 6 / config.penalty_every + 2) * critic


def estimate(config: Config, shapes: list[Shape], device: torch.device, precision: str, batch: int = 1) -> list[Cost]:
    """Cost of a step at every scale, from the speed of one middle layer at that scale's size on this machine."""
    costs = []
    for scale, shape in enumerate(shapes):
        flops = batch * step_flops(config, shapes, scale)
        is_vae, peak = config.is_vae(scale), _peak_bytes(config, shapes, scale, batch)
        computed = shape if is_vae else window_shape(config, shape)
        layer_flops, layer_seconds = _probe(config, scale, computed, device, precision)
        seconds = _BEYOND_CONVOLUTIONS * flops / layer_flops * layer_seconds
        costs.append(Cost(scale, shape, is_vae, flops, seconds, peak))
    return costs


def _probe(config: Config, scale: int, shape: Shape, device: torch.device, precision: str) -> tuple[float, float]:
    """Operations and seconds of a forward and backward pass of one middle layer of G^scale, a batch of two."""
    shrink = max(1.0, (math.prod(shape) / _PROBED_VOXELS) ** 0.5)
    shape = (*shape[:-2], *(max(1, round(side / shrink)) for side in shape[-2:]))
    c, kernel = config.channels, config.generator_kernel(scale)
    layer = conv(config.dims, c, c, kernel, config.padding).to(device)
    x = torch.zeros(2, c, *shape, device=device, requires_grad=True)
    best, began = math.inf, time.perf_counter()
    while best == math.inf or time.perf_counter() - began < _PROBING:
        start = time.perf_counter()
        with computing(device, precision):
            y = layer(x)
        y.float().sum().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 3 * 2 * 2.0 * kernel**config.dims * c * c * math.prod(shape), best


def _peak_bytes(config: Config, shapes: list[Shape], scale: int, batch: int) -> float:
    """Feature maps alive at once, in float32; half of that in bfloat16 is eaten up by casts and workspace."""
    sites = [batch * math.prod(shape) for shape in shapes[: scale + 1]]
    if config.is_vae(scale):
        maps = 3 * config.generator_layers * sites[scale]
        return _PROCESS_BYTES + 4 * config.channels * maps
    top = batch * math.prod(window_shape(config, shapes[scale]))
    with_graph = top if config.freeze else top + sum(sites[:-1])
    maps = 2 * 3 * config.generator_layers * with_graph + 5 * config.critic_layers * top
    # A whole clip passes one network at a time, three maps of it alive: in sampling, or in filling a pool.
    maps = max(maps, 3 * sites[scale])
    kept = kept_in_pool(config) * RGB * sites[scale]
    return _PROCESS_BYTES + 4 * (config.channels * maps + kept)
