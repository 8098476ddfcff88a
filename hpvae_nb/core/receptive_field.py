"""How far a network sees: r from kernel, stride and dilation, and measured from gradients (section 3.1, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hpvae_nb.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float


def receptive_field(module: nn.Module) -> tuple[int, ...]:
    """Size r of the input region one output site sees, along each axis (T, H, W), in sites.

    Each layer of kernel k and dilation d adds (k - 1) * d steps of the input it reads; strides multiply the step.
    Layers count in the order in which the module holds them, as one chain; of an encoder's two heads, which are alike,
    one counts.

    Raises:
        InputError: when the module holds no convolution.
    """
    field, jump = None, None
    for layer in convolutions(module):
        kernel, stride, dilation = layer.kernel_size, layer.stride, layer.dilation
        if field is None or jump is None:
            field, jump = [1] * len(kernel), [1] * len(kernel)
        field = [r + (k - 1) * d * j for r, k, d, j in zip(field, kernel, dilation, jump, strict=True)]
        jump = [j * s for j, s in zip(jump, stride, strict=True)]
    if field is None:
        raise InputError(f"{type(module).__name__} holds no convolution, so it has no receptive field to compute")
    return tuple(field)


def empirical_receptive_field(module: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The extent, along each axis, of the input sites whose value changes the central output site.

    Measured from gradients: of the central output, summed over channels, with respect to a random input of the given
    shape. Normalisation over sites lets every output see every input a little, so it is left out while measuring.

    Args:
        module: a network of `b c t h w` or `b c h w`.
        shape: the input's, as `t h w`, `c t h w` or `b c t h w`; make it larger than the field that is expected.

    Returns:
        The extent along each site axis, in sites; an extent equal to the shape may be cut off by the border.
    """
    seen = gradient_map(module, shape) > 0
    extents = []
    for axis in range(seen.ndim):
        hit = torch.nonzero(seen.any(dim=tuple(a for a in range(seen.ndim) if a != axis)) if seen.ndim > 1 else seen)
        extents.append(int(hit.max() - hit.min()) + 1 if len(hit) else 0)
    return tuple(extents)


def gradient_map(
    module: nn.Module, shape: tuple[int, ...], site: tuple[int, ...] | None = None, *, patch: Sequence[int] = ()
) -> Float[Tensor, "*sites"]:
    """How strongly each input site sways one output site: |gradient|, summed over channels (figure 3, in green).

    Normalisation over sites, by which everything sways everything, is left out.

    Args:
        module: a network of `b c t h w` or `b c h w`; several outputs count as the first.
        shape: the input's, as `t h w`, `c t h w` or `b c t h w` (without t for two dimensions).
        site: the output site; the central one if not given.
        patch: sizes, odd, of a patch of the output around that site, whose sum counts in its place; what lies outside
            the output is left out.

    Returns:
        A map `t h w` of values of at least 0.

    Raises:
        InputError: when the module holds no convolution, or the shape has too few axes.
    """
    layers = convolutions(module)
    if not layers:
        raise InputError(f"{type(module).__name__} holds no convolution, so it has no receptive field to measure")
    first = layers[0]
    sites = tuple(shape)[-len(first.kernel_size) :]
    if len(sites) < len(first.kernel_size):
        raise InputError(f"shape is {tuple(shape)}, but the network has {len(first.kernel_size)} site axes")
    x = torch.randn(1, first.in_channels, *sites, generator=torch.Generator().manual_seed(0))
    x = x.to(next(module.parameters()).device).requires_grad_()
    handles = [layer.register_forward_hook(_leave_out) for layer in module.modules() if isinstance(layer, _NORMS)]
    training = {part: part.training for part in module.modules()}
    module.eval()  # no power iteration: measuring must not change the weights
    try:
        y = module(x)
    finally:
        for part, was in training.items():
            part.training = was
        for handle in handles:
            handle.remove()
    y = y[0] if isinstance(y, tuple) else y
    at = site or tuple(length // 2 for length in y.shape[2:])
    around = [slice(max(0, i - r // 2), i + r // 2 + 1) for i, r in zip(at, patch or [1] * len(at), strict=True)]
    (gradient,) = torch.autograd.grad(y[(0, slice(None), *around)].sum(), x)
    return gradient[0].abs().sum(dim=0)


_NORMS = (nn.GroupNorm, nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


def _leave_out(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return inputs[0]


def convolutions(module: nn.Module) -> list[nn.Conv1d | nn.Conv2d | nn.Conv3d]:
    """The convolutions that one signal passes: all of them, but only one head of an encoder."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    skipped = {id(layer) for name, layer in module.named_modules() if name.endswith("to_logvar")}
    return [layer for layer in module.modules() if isinstance(layer, kinds) and id(layer) not in skipped]
