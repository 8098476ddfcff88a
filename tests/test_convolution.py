"""The convolution that is cheap to differentiate twice gives PyTorch's values and gradients."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hpvae_nb.core import convolution, losses
from hpvae_nb.core.convolution import Conv2d, Conv3d, channels_last, convolve, to_slope

PLAIN = {4: F.conv2d, 5: F.conv3d}
SHAPES = [(2, 3, 4, 5, 6), (1, 3, 1, 4, 5), (1, 2, 2, 9, 4), (1, 16, 13, 20, 11), (2, 3, 6, 5), (1, 2, 6, 5)]
KERNELS = [1, 3, 5]


def tensors(shape, kernel, dtype, out=4):
    random = torch.Generator().manual_seed(sum(shape) + kernel)
    weight = (out, shape[1], *[kernel] * (len(shape) - 2))
    return [torch.randn(s, generator=random, dtype=dtype).requires_grad_() for s in (shape, weight, (out,))]


def plain(x, weight, bias=None, padding="zeros"):
    k = weight.shape[-1] // 2
    if padding == "replicate":
        return PLAIN[x.ndim](F.pad(x, [k] * (2 * (x.ndim - 2)), mode="replicate"), weight, bias)
    return PLAIN[x.ndim](x, weight, bias, padding=k)


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize(("shape", "kernel"), list(itertools.product(SHAPES, KERNELS)))
def test_values_and_gradients_are_pytorchs_in_float32(shape, kernel, padding):
    inputs = tensors(shape, kernel, torch.float32)
    for x in (inputs[0], channels_last(inputs[0])):
        ours, theirs = convolve(x, *inputs[1:], padding), plain(*inputs, padding)
        scale = theirs.abs().max().item()
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * scale)
        dy = torch.randn_like(theirs)
        for a, b in zip(
            torch.autograd.grad(ours, inputs, dy),
            torch.autograd.grad(theirs, inputs, dy, retain_graph=True),
            strict=True,
        ):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * b.abs().max().item())


@pytest.mark.slow
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize(("shape", "kernel"), [(SHAPES[0], 3), (SHAPES[1], 3), (SHAPES[2], 5), (SHAPES[4], 3)])
def test_first_and_second_derivatives_are_right(shape, kernel, padding):
    """Against differences, in float64: of the input, the weight and the bias, and of their gradients."""
    small = [*tensors((shape[0], 2, *shape[2:]), kernel, torch.float64, out=2), padding]
    assert torch.autograd.gradcheck(convolve, small)
    assert torch.autograd.gradgradcheck(convolve, small)


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-5), (torch.bfloat16, 0.05)])
def test_a_critics_penalty_is_pytorchs(dims, dtype, close, padding):
    def critic(layer):
        torch.manual_seed(0)
        convolutions = (layer(a, b, 3, padding=1, padding_mode=padding) for a, b in ((3, 8), (8, 8), (8, 1)))
        first, *others = convolutions
        return nn.Sequential(first, *(part for other in others for part in (nn.LeakyReLU(0.2), other)))

    real, fake = torch.randn(2, 1, 3, *(7, 9, 8)[-dims:], generator=torch.Generator().manual_seed(1))
    found = []
    for layer in ({2: Conv2d, 3: Conv3d}[dims], {2: nn.Conv2d, 3: nn.Conv3d}[dims]):
        network = critic(layer)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            penalty = losses.gradient_penalty(network, real, fake, generator=torch.Generator().manual_seed(2))
        penalty.backward()
        # The bias of the last layer sways no slope: PyTorch gives it no gradient, or zeros.
        found.append([penalty.detach()] + [p.grad for p in network.parameters() if p.ndim > 1])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=close, atol=close * theirs.abs().max().item())


def test_the_slope_costs_no_weight_gradient_and_later_ones_have_it(monkeypatch):
    made = []
    original = convolution._weight_gradient
    monkeypatch.setattr(convolution, "_weight_gradient", lambda *a: (made.append(1), original(*a))[1])
    x, weight, bias = tensors((1, 3, 4, 5, 6), 3, torch.float32)
    with to_slope():
        y = convolve(x, weight, bias).square()  # with a second derivative, which reaches the first node again
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert not made
    ours = torch.autograd.grad(slope.square().sum(), (weight, bias))
    assert made
    (slope,) = torch.autograd.grad(plain(x, weight, bias).square().sum(), x, create_graph=True)
    theirs = torch.autograd.grad(slope.square().sum(), (weight, bias))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * b.abs().max().item())


def test_without_onednn_pytorch_computes_it(monkeypatch):
    inputs = tensors((1, 3, 4, 5, 6), 3, torch.float32)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch, "mkldnn_convolution", None)
    torch.testing.assert_close(convolve(*inputs), plain(*inputs))
    convolve(*inputs).sum().backward()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dims", [2, 3])
def test_on_a_gpu_too(dims):
    shape = (2, 3, 6, 7, 8)[: dims + 2]
    inputs = [v.detach().cuda().requires_grad_() for v in tensors(shape, 3, torch.float64)]
    torch.testing.assert_close(convolve(*inputs), plain(*inputs))
    assert torch.autograd.gradgradcheck(convolve, inputs)


@pytest.mark.parametrize(
    "unlike",
    [{"stride": 2}, {"dilation": 2}, {"padding": 0}, {"groups": 3}, {"kernel_size": 2}, {"padding_mode": "reflect"}],
)
def test_what_is_no_plain_convolution_is_pytorchs(unlike):
    options = {"in_channels": 3, "out_channels": 6, "kernel_size": 3, "padding": 1, **unlike}
    ours, theirs = Conv3d(**options), nn.Conv3d(**options)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 6, 7, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(x), theirs(x))
