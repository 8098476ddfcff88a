"""A device is chosen if it can make a training step, not if it is merely listed; what is not is said in a sentence."""

import warnings

import pytest
import torch

import hpvae_nb
from hpvae_nb import machine as precision
from hpvae_nb.core import blocks
from hpvae_nb.errors import InputError

CPU = torch.device("cpu")
NO_KERNELS = "CUDA error: no kernel image is available for execution on the device\nCompile with TORCH_USE_CUDA_DSA."


@pytest.fixture(autouse=True)
def nothing_remembered():
    """What one test found out about a device, no other test may know."""
    precision.probe.cache_clear()
    yield
    precision.probe.cache_clear()


@pytest.fixture
def listed(monkeypatch):
    """CUDA says that it is there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


def failing(error):
    """In place of `conv`: makes a layer that cannot be moved, or run, or differentiated."""

    def conv(*_):
        raise error

    return conv


class OnceOnly(torch.autograd.Function):
    """Doubles, and cannot be differentiated twice."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        return 2 * dy


class Probed:
    """In place of `probe`: says yes to all devices, and notes which were asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, device):
        self.asked.append(device)


def test_auto_takes_a_gpu_that_passes(monkeypatch, listed):
    monkeypatch.setattr(precision, "probe", Probed())
    assert precision.choose_device("auto") == torch.device("cuda")
    assert precision.probe.asked == [torch.device("cuda")]


def test_auto_takes_the_cpu_without_a_word_where_no_gpu_is_listed(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert precision.choose_device("auto") == CPU


def test_auto_never_takes_an_apple_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(precision, "probe", Probed())
    assert precision.choose_device("auto") == CPU
    assert precision.choose_device("mps") == torch.device("mps")
    assert precision.probe.asked == [torch.device("mps")]


@pytest.mark.parametrize("kind", [RuntimeError, NotImplementedError, AssertionError, OSError])
def test_auto_falls_back_in_one_sentence(monkeypatch, listed, kind):
    monkeypatch.setattr(precision, "conv", failing(kind(NO_KERNELS)))
    with pytest.warns(UserWarning, match="CUDA is there") as said:
        assert precision.choose_device("auto") == CPU
    (warning,) = said
    reason = f"{kind.__name__}: CUDA error: no kernel image is available for execution on the device"
    assert str(warning.message) == (
        f"CUDA is there but cannot run this package's convolutions ({reason}): the CPU is used instead"
    )


def test_training_goes_on_with_the_cpu(monkeypatch, listed, clip, tiny):
    monkeypatch.setattr(precision, "conv", failing(RuntimeError(NO_KERNELS)))
    with pytest.warns(UserWarning, match="CUDA is there but cannot run"):
        events = hpvae_nb.train(clip, tiny)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # else PyTorch's optimisers ask the GPU for more
    event = next(events)
    assert event.model.device == CPU


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps", torch.device("mps")])
def test_a_device_asked_for_by_name_must_pass(monkeypatch, listed, device, clip, tiny, tmp_path):
    monkeypatch.setattr(precision, "conv", failing(RuntimeError(NO_KERNELS)))
    with pytest.raises(InputError, match=r"device '\S+' cannot be used here \(.*no kernel image.*\): use 'cpu'"):
        hpvae_nb.train(clip, tiny, device=device, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_probe_differentiates_twice(monkeypatch):
    precision.probe(CPU)
    precision.probe.cache_clear()

    class Conv(torch.nn.Conv3d):
        def forward(self, x):
            return OnceOnly.apply(super().forward(x))

    monkeypatch.setattr(precision, "conv", lambda dims, a, b: Conv(a, b, 3, padding=1))
    with pytest.raises(RuntimeError, match="once_differentiable"):
        precision.probe(CPU)


def test_the_probe_looks_at_what_comes_out(monkeypatch):
    class Conv(torch.nn.Conv3d):
        def forward(self, x):
            return super().forward(x) * float("nan")

    monkeypatch.setattr(precision, "conv", lambda dims, a, b: Conv(a, b, 3, padding=1))
    with pytest.raises(ArithmeticError, match="no finite numbers"):
        precision.probe(CPU)


def test_the_probe_runs_the_layers_of_the_networks():
    assert precision.conv is blocks.conv


def test_success_is_remembered_and_failure_is_not(monkeypatch):
    made = []

    def conv(*arguments):
        made.append(arguments)
        if len(made) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return blocks.conv(*arguments)

    monkeypatch.setattr(precision, "conv", conv)
    with pytest.raises(torch.OutOfMemoryError):
        precision.probe(CPU)
    for _ in range(3):
        precision.probe(CPU)
    assert len(made) == 2


def test_the_probe_works_without_gradients_and_draws_no_random_numbers():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with torch.no_grad():
        precision.probe(CPU)
    assert torch.equal(torch.rand(3), expected)


def test_the_cpu_is_not_probed(monkeypatch):
    monkeypatch.setattr(precision, "conv", failing(RuntimeError(NO_KERNELS)))
    assert precision.choose_device("cpu") == CPU


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_passes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert precision.choose_device("auto").type == "cuda"
