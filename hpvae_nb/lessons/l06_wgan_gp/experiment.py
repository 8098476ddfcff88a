"""A toy critic of points in the plane, trained by equation (10); and what the gradient penalty costs on clips."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from hpvae_nb.core.resampling import Shape
from hpvae_nb.errors import InputError

Reading = Literal["outside", "inside"]
"""Where the -1 of equation (10) stands: outside the norm (Gulrajani et al.), or inside, as the paper prints it."""

EDGE, GRID = 3.2, 48  # the plane is drawn from -EDGE to EDGE, at GRID x GRID points


def toy_points(count: int = 256, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A ring of real points and a blob of fake ones inside it, each `b c` with c = 2."""
    generator = torch.Generator().manual_seed(seed)
    angle = torch.rand(count, generator=generator) * 2 * math.pi
    radius = 2 + 0.1 * torch.randn(count, generator=generator)
    real = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    fake = 0.35 * torch.randn(count, 2, generator=generator) + torch.tensor([0.6, 0.3])
    return real, fake


def toy_critic(seed: int = 0, width: int = 48) -> nn.Module:
    """A small network from points `b 2` to scores `b 1`; the caller's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [(2, width), (width, width), (width, width)]
        hidden = [part for a, b in layers for part in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        return nn.Sequential(*hidden, nn.Linear(width, 1))


def slopes(critic: nn.Module, x: Tensor, *, create_graph: bool = False) -> Tensor:
    """The critic's gradient at each of the points `b 2`, the same shape."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=create_graph)
    return gradient


@dataclass(frozen=True)
class Snapshot:
    """A toy critic at one moment of its training: scores and steepness over the plane, and two numbers.

    `surface` and `steepness` are `y x` maps; `distance` is E[D(real)] - E[D(fake)]; `slope` is the mean norm of the
    gradient on blends of real and fake.
    """

    step: int
    surface: Tensor
    steepness: Tensor
    distance: float
    slope: float


def train_toy(
    real: Tensor, fake: Tensor, weight: float, *, reading: Reading = "outside", steps: int = 200, every: int = 10
) -> list[Snapshot]:
    """Train a toy critic by equation (10) on fixed points, equally many `b 2`, and look at it every few steps.

    Args:
        weight: lambda, at least 0.
        steps: updates; seconds for a few hundred.
        every: steps between snapshots; the first is of the untrained critic.
    """
    critic, generator = toy_critic(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3, betas=(0.5, 0.9))
    history = []
    for step in range(steps + 1):
        epsilon = torch.rand(len(real), 1, generator=generator)
        gradient = slopes(critic, epsilon * real + (1 - epsilon) * fake, create_graph=True)
        outside = (gradient.norm(dim=1) - 1).square()
        penalty = (outside if reading == "outside" else (gradient - 1).norm(dim=1).square()).mean()
        distance = critic(real).mean() - critic(fake).mean()
        if step % every == 0:
            history.append(_look(critic, step, distance.item(), gradient.norm(dim=1).mean().item()))
        optimizer.zero_grad()
        (weight * penalty - distance).backward()
        optimizer.step()
    return history


def _look(critic: nn.Module, step: int, distance: float, slope: float) -> Snapshot:
    line = torch.linspace(-EDGE, EDGE, GRID)
    y, x = torch.meshgrid(line, line, indexing="ij")
    plane = torch.stack([x.flatten(), y.flatten()], dim=1)
    with torch.no_grad():
        surface = critic(plane).reshape(GRID, GRID)
    return Snapshot(step, surface, slopes(critic, plane).norm(dim=1).reshape(GRID, GRID), distance, slope)


def cheapest_pairing(real: Tensor, fake: Tensor) -> list[tuple[int, int]]:
    """Which fake point each real one goes to, so that all steps together are shortest; of equally many points `b 2`."""
    if len(real) != len(fake):
        raise InputError(f"{len(real)} real and {len(fake)} fake points cannot be paired: take equally many")
    rows, columns = linear_sum_assignment(torch.cdist(real, fake).numpy())
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def transport_cost(real: Tensor, fake: Tensor) -> float:
    """The Wasserstein-1 distance of two equally large sets of points `b 2`: the mean step of the cheapest pairing."""
    rows, columns = zip(*cheapest_pairing(real, fake), strict=True)
    return torch.cdist(real, fake)[rows, columns].mean().item()


def expected(weight: float, cost: float) -> tuple[float, float]:
    """Slope and distance that maximise s * W - lambda * (s - 1)^2, the toy's objective at an even slope s."""
    slope = 1 + cost / (2 * weight)
    return slope, slope * cost


def score_map(critic: nn.Module, video: Tensor) -> Tensor:
    """The critic's map of one clip `c t h w` in [-1, 1]: scores `t h w`, one for each r-sized patch."""
    with torch.no_grad():
        return critic(video[None].to(next(critic.parameters()).device))[0, 0].cpu()


# What the penalty costs

Layer = Callable[[Tensor, Tensor], Tensor]
"""Takes clips `b c t h w` and a weight `o c k k k`, and returns `b o t h w`."""

PARTS = ("output: the scores", "1st derivative: the slope", "2nd derivative: of the penalty, by weights")


def kernels(function: Callable[[], object]) -> list[Shape]:
    """The sizes (T, H, W) of the kernels of all convolutions that run in `function`, each once, smallest first."""
    with _Convolutions() as seen:
        function()
    return sorted(seen.sizes)


class _Convolutions(TorchDispatchMode):
    """Notes every convolution that PyTorch runs, also those that autograd asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: set[Shape] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "convolution" in str(func):
            weight = args[2 if "backward" in str(func) else 1]
            self.sizes.add(tuple(weight.shape[2:]))
        return func(*args, **(kwargs or {}))


def penalty_seconds(layer: Layer, clips: Tensor, weight: Tensor, *, runs: int = 3) -> list[float]:
    """Seconds of each of the `PARTS` of a gradient penalty and its gradient, for a critic of one layer.

    Args:
        layer: with one output channel or more; its score is the sum.
        clips: `b c t h w`, with a gradient.
        weight: `o c k k k`, with a gradient.
        runs: the shortest of so many counts, for each part: what else a machine does makes times longer, never shorter.
    """
    return [min(times) for times in zip(*(_once(layer, clips, weight) for _ in range(runs)), strict=True)]


def _once(layer: Layer, clips: Tensor, weight: Tensor) -> list[float]:
    begun = perf_counter()
    score = layer(clips, weight).sum()
    scored = perf_counter()
    (slope,) = torch.autograd.grad(score, clips, create_graph=True)
    sloped = perf_counter()
    torch.autograd.grad((slope.norm(dim=1) - 1).square().mean(), weight)
    return [scored - begun, sloped - scored, perf_counter() - sloped]
