"""A convolution that is cheap to differentiate twice: what the gradient penalty of a critic needs (equation 10).

PyTorch differentiates the gradient of a convolution by its general rule, which takes a weight's gradient as a
convolution whose kernel is as large as the clip. Here the first derivative is written in terms of convolutions again:
the gradient of the input is the output's gradient convolved with the mirrored kernel. So the second derivative is made
of ordinary convolutions too, with the same values. LeakyReLU has no second derivative, and a critic of these two layers
needs nothing else.

Everything here is for stride 1, an odd kernel, and padding of kernel // 2, which keeps T, H and W.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
_SLOW_SIZE = 20_480  # PyTorch's own bound on batch * channels * T * H, up to which it takes a slow path for float32

Padding = Literal["zeros", "replicate"]
Pads = tuple[int, ...]

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


def channels_last(x: Float[Tensor, "b c *sites"]) -> Float[Tensor, "b c *sites"]:
    """The same values, with the channels of a site beside each other in memory: what convolutions are fastest on."""
    return x.contiguous(memory_format=CHANNELS_LAST[x.ndim])


class Conv2d(nn.Conv2d):
    """`b c h w` to `b c h w`, computed by `convolve`; what has a stride, say, is left to PyTorch."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not _plain(self):
            return super()._conv_forward(x, weight, bias)
        return convolve(x, weight, bias, self.padding_mode)


class Conv3d(nn.Conv3d):
    """`b c t h w` to `b c t h w`, computed by `convolve`; what has a stride, say, is left to PyTorch."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not _plain(self):
            return super()._conv_forward(x, weight, bias)
        return convolve(x, weight, bias, self.padding_mode)


def _plain(layer: nn.Conv2d | nn.Conv3d) -> bool:
    same = tuple(k // 2 for k in layer.kernel_size)
    ones = (1,) * len(same)
    odd = all(k % 2 for k in layer.kernel_size)
    usual = layer.padding == same and layer.stride == layer.dilation == ones and layer.groups == 1
    return odd and usual and layer.padding_mode in ("zeros", "replicate")


def convolve(
    x: Float[Tensor, "b c *sites"],
    weight: Float[Tensor, "o c *kernel"],
    bias: Float[Tensor, "o"] | None = None,
    padding: str = "zeros",
) -> Float[Tensor, "b o *sites"]:
    """x * weight + bias, differentiable any number of times at the cost of ordinary convolutions.

    Under autocast, inputs are cast to its number format, as PyTorch does for its own convolutions.

    Args:
        x: `b c t h w` or `b c h w`; fastest with its channels last in memory.
        weight: `o c k k k` or `o c k k`, k odd.
        bias: `o`.
        padding: what lies beyond the borders: `"zeros"`, or `"replicate"`, the outermost sites again.

    Returns:
        `b o t h w` or `b o h w`.
    """
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    pads = tuple(k // 2 for k in weight.shape[2:])
    if padding == "replicate":
        with torch.autocast(x.device.type, enabled=False):  # it would pad in float32
            x = F.pad(x, [k for k in reversed(pads) for _ in ("before", "after")], mode="replicate")
        pads = (0,) * len(pads)
    y: Tensor = _Convolution.apply(x, weight, bias, pads)
    return y


class _Convolution(torch.autograd.Function):
    """With zeros beyond the borders, `pads` of them on each side of T, H and W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, pads: Pads) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.to_slope, ctx.pads = _to_slope.get(), pads
        return _forward(x, weight, bias, pads)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        (dy,), (x, weight), pads = grads, ctx.saved_tensors, ctx.pads
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        if ctx.to_slope and torch.is_grad_enabled():
            for_weight = for_bias = ctx.to_slope = False
        sites = [0, *range(2, dy.ndim)]
        return (
            _Convolution.apply(dy, _mirrored(weight), None, _back(pads, weight)) if for_x else None,
            _WeightGradient.apply(x, dy, weight, pads) if for_weight else None,
            dy.sum(sites) if for_bias else None,
            None,
        )


class _WeightGradient(torch.autograd.Function):
    """How a convolution's weight sways a loss whose gradient by the output is dy; linear in x and in dy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dy: Tensor, weight: Tensor, pads: Pads) -> Tensor:
        ctx.save_for_backward(x, dy)
        ctx.pads = pads
        return _weight_gradient(x, dy, weight, pads)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (like_weight,), (x, dy), pads = grads, ctx.saved_tensors, ctx.pads
        for_x, for_dy, *_ = ctx.needs_input_grad
        return (
            _Convolution.apply(dy, _mirrored(like_weight), None, _back(pads, like_weight)) if for_x else None,
            _Convolution.apply(x, like_weight, None, pads) if for_dy else None,
            None,
            None,
        )


def _mirrored(weight: Tensor) -> Tensor:
    """The kernel that leads back from output to input: flipped in all site axes, its two channel axes swapped."""
    return weight.flip(tuple(range(2, weight.ndim))).transpose(0, 1)


def _back(pads: Pads, weight: Tensor) -> Pads:
    """The padding with which the mirrored kernel leads back to the input's size."""
    return tuple(k - 1 - pad for k, pad in zip(weight.shape[2:], pads, strict=True))


def _forward(x: Tensor, weight: Tensor, bias: Tensor | None, pads: Pads) -> Tensor:
    ones = [1] * len(pads)
    if _asks_size(x):  # called by name, oneDNN does not first ask whether the sample is large enough
        y: Tensor = torch.mkldnn_convolution(x, weight, bias, pads, ones, ones, 1)
        return y
    return torch.convolution(x, weight, bias, ones, pads, ones, False, [0] * len(ones), 1)


def _weight_gradient(x: Tensor, dy: Tensor, weight: Tensor, pads: Pads) -> Tensor:
    small = x.shape[0] * x.shape[1] * x.shape[2] * x.shape[3] <= _SLOW_SIZE and len(x) < 16
    if not (x.ndim == 5 and small and _asks_size(x)):
        return _backward_kernel(x, dy, weight, pads)
    # Frames as a batch of images, once for each tap in time: a batch that large never takes the slow path.
    return torch.stack([_tap_gradient(x, dy, weight, pads, tap) for tap in range(weight.shape[2])], dim=2)


def _tap_gradient(x: Tensor, dy: Tensor, weight: Tensor, pads: Pads, tap: int) -> Tensor:
    """Of the weights at one tap in time, over all samples."""
    shift = tap - pads[0]  # frame t of the output reads frame t + shift of the input
    first, last = max(0, -shift), min(dy.shape[2], x.shape[2] - shift)
    if last <= first:  # a kernel longer than the clip has taps that meet no frame
        return torch.zeros_like(weight[:, :, tap])
    read, made = x.narrow(2, first + shift, last - first), dy.narrow(2, first, last - first)
    one, *others = (_frames_gradient(*pair, weight[:, :, tap], pads[1:]) for pair in zip(read, made, strict=True))
    return sum(others, one)


def _frames_gradient(x: Tensor, dy: Tensor, weight: Tensor, pads: Pads) -> Tensor:
    """Of one sample's frames, `c t h w`: with channels last in memory, they are a batch of images as they lie."""
    return _backward_kernel(x.transpose(0, 1), dy.transpose(0, 1), weight, pads)


def _backward_kernel(x: Tensor, dy: Tensor, weight: Tensor, pads: Pads) -> Tensor:
    ones = [1] * len(pads)
    only_weight = [False, True, False]
    return torch.ops.aten.convolution_backward(
        dy, x, weight, None, ones, pads, ones, False, [0] * len(ones), 1, only_weight
    )[1]


def _asks_size(x: Tensor) -> bool:
    """Whether PyTorch would choose between oneDNN and its slow path by the size of `x`."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and torch.backends.mkldnn.is_available()
