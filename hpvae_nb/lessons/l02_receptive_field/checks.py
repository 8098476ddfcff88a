"""Checks of lesson 2: computing a receptive field, reading it off a gradient, and choosing a depth."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hpvae_nb.lab.exercise import Mistake, ask, exercise, match


def _fields(kernels: list[int], strides: list[int], dilations: list[int]) -> tuple[int, int, int]:
    """r; and what comes out when a layer's stride counts for itself: with the earlier ones, or in their place."""
    r, together, alone, jump = 1, 1, 1, 1
    for kernel, stride, dilation in zip(kernels, strides, dilations, strict=True):
        r += (kernel - 1) * dilation * jump
        jump *= stride
        together += (kernel - 1) * dilation * jump
        alone += (kernel - 1) * dilation * stride
    return r, together, alone


@exercise
def field(answer: Callable[[list[int], list[int], list[int]], int]) -> str:
    """`field(kernels, strides, dilations)`: r of a chain of layers, from the first (nearest the input) to the last."""
    chains = [([3], [1], [1]), ([3] * 5, [1] * 5, [1] * 5), ([3, 3], [1, 1], [1, 2]), ([3, 5], [2, 1], [1, 1])]
    for _ in range(10):
        depth = random.randint(2, 5)
        kernels, strides, dilations = (random.choices(some, k=depth) for some in ((1, 3, 5), (1, 2), (1, 2, 3)))
        chains.append((kernels, strides, dilations))
    for kernels, strides, dilations in chains:
        actual = ask(answer, list(kernels), list(strides), list(dilations))
        (expected, *own_stride), ones = _fields(kernels, strides, dilations), [1] * len(kernels)
        unstrided, dense = _fields(kernels, ones, dilations)[0], _fields(kernels, strides, ones)[0]
        layers = f"kernels {kernels}, strides {strides}, dilations {dilations}"
        wrong = {
            f"a layer of kernel k adds k - 1 to what its input sees, not k ({layers})": [sum(kernels)],
            f"one too few: before the first layer a site sees itself, so start from r = 1 ({layers})": [expected - 1],
            f"a layer's own stride does not widen its own view, but that of every layer after it: keep a jump and "
            f"multiply it after adding ({layers})": own_stride,
            f"a stride makes later layers step further in the input, so it must multiply ({layers})": [unstrided],
            f"dilation d spreads a kernel of k over (k - 1) * d + 1 sites ({layers})": [dense],
        }
        match(actual, expected, wrong, f"{layers}: r is {expected}, you give {actual}")
    return "each layer adds (kernel - 1) * dilation steps, and a step is the product of the strides before it"


@exercise
def extent(answer: Callable[[Tensor], Any]) -> str:
    """`extent(gradient)`: how far, along each axis, the entries of a map reach that are not zero."""
    for number in range(8):
        shape = torch.Size(random.sample(range(7, 14), 3))
        sizes = [random.randint(4, 6) for _ in shape]
        gradient = torch.zeros(shape)
        inside = gradient[tuple(slice(1, 1 + size) for size in sizes)]
        inside += torch.rand(inside.shape) + 0.1
        if number % 2:  # holes, as dilation makes them
            for axis in range(3):
                inside.narrow(axis, 1, sizes[axis] - 2).zero_()
        seen = gradient > 0
        actual = ask(answer, gradient.clone())
        if isinstance(actual, Tensor):
            actual = actual.tolist()
        if not isinstance(actual, (list, tuple)):
            raise Mistake(f"one number for each of the 3 axes is wanted, you give {actual!r}")
        actual, expected = [int(g) for g in actual], [int(i.max() - i.min()) + 1 for i in torch.nonzero(seen).T]
        counted = [int(seen.any(dim=tuple(a for a in range(3) if a != axis)).sum()) for axis in range(3)]
        wrong = {
            "off by one: from site 3 to site 5 there are 5 - 3 + 1 = 3 sites": [[r - 1 for r in expected]],
            "you count the sites that are seen; a dilated kernel leaves holes, so measure from end to end": [counted],
            "the axes come in the wrong order: time, height, width": [expected[::-1]],
        }
        match(actual, expected, wrong, f"the map reaches over {expected} sites, you give {actual}")
    return "from the first site that matters to the last, along each axis"


@exercise
def depth_for(answer: Callable[[int, int], int]) -> str:
    """`depth_for(size, kernel)`: the fewest layers whose field is at least `size`."""
    cases = [(3, 3), (11, 3), (12, 3), (1, 3), *((random.randint(2, 60), random.choice((3, 5, 7))) for _ in range(30))]
    for size, kernel in cases:
        actual, case, exact = ask(answer, size, kernel), f"size {size}, kernel {kernel}", (size - 1) / (kernel - 1)
        expected, down = math.ceil(exact), math.floor(exact)
        wrong: dict[str, list[float]] = {
            f"rounded down, the field stays too small: {case} needs {expected} layers, not {actual}": [down],
            f"{exact:.2f} layers cannot be built: round up ({case})": [exact],
            f"solve 1 + depth * (kernel - 1) >= size for the depth; {case} needs {expected}, not {actual}": [
                math.ceil(size / kernel),
                math.ceil(size / (kernel - 1)),
            ],
        }
        match(actual, expected, wrong, f"{case} needs {expected} layers, you give {actual}")
    return "the fewest layers that see a whole thing of that size"
