"""A convolution that is cheap to differentiate twice: what the gradient penalty of a critic needs (equation 10).

PyTorch differentiates the gradient of a convolution by its general rule, which takes a weight's gradient as a
convolution whose kernel is as large as the clip. Here the first derivative is written in terms of convolutions again:
the gradient of the input is the output's gradient convolved with the mirrored kernel. So the second derivative is made
of ordinary convolutions too, with the same values. LeakyReLU has no second derivative, and a critic of these two layers
needs nothing else.

Everything here is for stride 1, an odd kernel, and zero padding of kernel // 2, which keeps T, H and W.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
_SLOW_SIZE = 20_480  # PyTorch's own bound on batch * channels * T * H, up to which it takes a slow path for float32

_to_slope = ContextVar("_to_slope", default=False)


@contextmanager
def to_slope() -> Iterator[None]:
    """For the forward pass of what is differentiated by its input first, and by its weights only then.

    A custom function is not told which gradients are asked for, so the first backward pass through convolutions made
    inside (with `create_graph=True`, of the input) leaves the weights' gradients out; later ones have them.
    """
    token = _to_slope.set(True)
    try:
        yield
    finally:
        _to_slope.reset(token)


def channels_last(x: Tensor) -> Tensor:
    """The same values, with the channels of a site beside each other in memory: what convolutions are fastest on."""
    return x.contiguous(memory_format=CHANNELS_LAST[x.ndim])


class Conv2d(nn.Conv2d):
    """`b c h w` to `b c h w`, computed by `convolve`; what has a stride, say, is left to PyTorch."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return convolve(x, weight, bias) if _plain(self) else super()._conv_forward(x, weight, bias)


class Conv3d(nn.Conv3d):
    """`b c t h w` to `b c t h w`, computed by `convolve`; what has a stride, say, is left to PyTorch."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return convolve(x, weight, bias) if _plain(self) else super()._conv_forward(x, weight, bias)


def _plain(layer: nn.Conv2d | nn.Conv3d) -> bool:
    same = tuple(k // 2 for k in layer.kernel_size)
    ones = (1,) * len(same)
    odd = all(k % 2 for k in layer.kernel_size)
    usual = layer.padding == same and layer.stride == layer.dilation == ones and layer.groups == 1
    return odd and usual and layer.padding_mode == "zeros"


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x * weight + bias, differentiable any number of times at the cost of ordinary convolutions.

    Under autocast, inputs are cast to its number format, as PyTorch does for its own convolutions.

    Args:
        x: `b c t h w` or `b c h w`; fastest with its channels last in memory.
        weight: `o c k k k` or `o c k k`, k odd.
        bias: `o`.

    Returns:
        `b o t h w` or `b o h w`.
    """
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    y: Tensor = _Convolution.apply(x, weight, bias)
    return y


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.to_slope = _to_slope.get()
        return _forward(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (dy,), (x, weight) = grads, ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        if ctx.to_slope and torch.is_grad_enabled():
            for_weight = for_bias = ctx.to_slope = False
        sites = [0, *range(2, dy.ndim)]
        return (
            _Convolution.apply(dy, _mirrored(weight), None) if for_x else None,
            _WeightGradient.apply(x, dy, weight) if for_weight else None,
            dy.sum(sites) if for_bias else None,
        )


class _WeightGradient(torch.autograd.Function):
    """How a convolution's weight sways a loss whose gradient by the output is dy; linear in x and in dy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dy: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, dy)
        return _weight_gradient(x, dy, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (like_weight,), (x, dy) = grads, ctx.saved_tensors
        for_x, for_dy, _ = ctx.needs_input_grad
        return (
            _Convolution.apply(dy, _mirrored(like_weight), None) if for_x else None,
            _Convolution.apply(x, like_weight, None) if for_dy else None,
            None,
        )


def _mirrored(weight: Tensor) -> Tensor:
    """The kernel that leads back from output to input: flipped in all site axes, its two channel axes swapped."""
    return weight.flip(tuple(range(2, weight.ndim))).transpose(0, 1)


def _forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    padding, ones = [k // 2 for k in weight.shape[2:]], [1] * (x.ndim - 2)
    if _asks_size(x):  # called by name, oneDNN does not first ask whether the sample is large enough
        y: Tensor = torch.mkldnn_convolution(x, weight, bias, padding, ones, ones, 1)
        return y
    return torch.convolution(x, weight, bias, ones, padding, ones, False, [0] * len(ones), 1)


def _weight_gradient(x: Tensor, dy: Tensor, weight: Tensor) -> Tensor:
    small = x.shape[0] * x.shape[1] * x.shape[2] * x.shape[3] <= _SLOW_SIZE and len(x) < 16
    if not (x.ndim == 5 and small and _asks_size(x)):
        return _backward_kernel(x, dy, weight)
    # Frames as a batch of images, once for each tap in time: a batch that large never takes the slow path.
    return torch.stack([_tap_gradient(x, dy, weight, tap) for tap in range(weight.shape[2])], dim=2)


def _tap_gradient(x: Tensor, dy: Tensor, weight: Tensor, tap: int) -> Tensor:
    """Of the weights at one tap in time, over all samples."""
    shift = tap - weight.shape[2] // 2
    kept = x.shape[2] - abs(shift)
    if kept <= 0:  # a kernel longer than the clip has taps that meet no frame
        return torch.zeros_like(weight[:, :, tap])
    read, made = x.narrow(2, max(0, shift), kept), dy.narrow(2, max(0, -shift), kept)
    first, *others = (_frames_gradient(*pair, weight[:, :, tap]) for pair in zip(read, made, strict=True))
    return sum(others, first)


def _frames_gradient(x: Tensor, dy: Tensor, weight: Tensor) -> Tensor:
    """Of one sample's frames, `c t h w`: with channels last in memory, they are a batch of images as they lie."""
    return _backward_kernel(x.transpose(0, 1), dy.transpose(0, 1), weight)


def _backward_kernel(x: Tensor, dy: Tensor, weight: Tensor) -> Tensor:
    padding, ones = [k // 2 for k in weight.shape[2:]], [1] * (x.ndim - 2)
    only_weight = [False, True, False]
    return torch.ops.aten.convolution_backward(
        dy, x, weight, None, ones, padding, ones, False, [0] * len(ones), 1, only_weight
    )[1]


def _asks_size(x: Tensor) -> bool:
    """Whether PyTorch would choose between oneDNN and its slow path by the size of `x`."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and torch.backends.mkldnn.is_available()
