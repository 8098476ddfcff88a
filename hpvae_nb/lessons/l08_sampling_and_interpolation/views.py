"""Steering a trained model with sliders: dice, ways between clips, borders, boxes and sizes (lesson 8).

Clips of a large model come coarse first, and whole when the sliders rest; that is what `scales` is for in the functions
that draw: with how many, enlarged as if it were all, which it is if not given.
"""

import functools
from typing import Any

import ipywidgets as widgets
import torch.nn.functional as F
from torch import Tensor

from hpvae_nb.core import steering
from hpvae_nb.core.resampling import Shape, shapes_for_output, upsample
from hpvae_nb.core.steering import Box
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.finer import Stage, Stages, by_scale, scale_stages
from hpvae_nb.lab.live import WIDE, live
from hpvae_nb.lab.show import animation, real_at_last_scale
from hpvae_nb.lessons.l08_sampling_and_interpolation.figures import outlined
from hpvae_nb.model import Model

WIDTH = 256  # of a picture, in pixels; the browser enlarges it, which is quicker than sending more
WIDEST = 3  # times the trained width, on a slider
WAY = 8  # clips on the way from one to another
SEEDS = 99  # the last seed on a slider


def steer_picture(
    model: Model, real: Tensor, *, seed: int, noise: list[float], noise_seed: int, start: int, scales: int | None = None
) -> tuple[bytes, str]:
    """What `steer_view` shows, and a sentence about it.

    Args:
        real: a clip `c t h w`, which stands below the scale `start`, the lowest that is drawn.
        seed: of the latent map, drawn when start is 0.
        noise: factors on the noise amplitudes, one for each GAN scale.
    """
    if start == 0:
        clip = model.decode(model.latent(1, seed=seed), noise=noise, seed=noise_seed, scales=scales)[0]
        words = f"Drawn from z of seed {seed}, with noise of seed {noise_seed}."
    else:
        if scales is not None and scales <= start:  # so far, nothing is drawn
            clip = upsample(real, model.shapes[scales - 1])
        else:
            clip = model.refine(real[None], start - 1, noise=noise, seed=noise_seed, scales=scales)[0]
        words = f"The real clip stands for scale {start - 1}; scales {start} to {model.scales - 1} are drawn above it."
    return _clip(model, clip), words


def steer_view(model: Model, clip: Clip) -> Any:
    """Sliders for the seeds of latent map and noise, for the start scale, and for the noise of each GAN scale.

    The clip, the training clip or another, stands below the start scale.
    """
    real, first, last = real_at_last_scale(model, clip), model.config.vae_levels, model.scales - 1

    def picture(seed: int, noise_seed: int, start: int, scales: int | None = None, **noise: float) -> tuple[bytes, str]:
        seeds = {"seed": seed, "noise_seed": noise_seed}
        return steer_picture(model, real, **seeds, noise=list(noise.values()), start=start, scales=scales)

    def idle(start: int, seed: int, noise_seed: int, **noise: float) -> dict[str, str]:
        why = {f"noise_{n}": f"scale {n} is not drawn" for n in range(first, start)}
        if start > 0:
            why["seed"] = "z is thrown at scale 0, which is not drawn"
        if not any(factor for name, factor in noise.items() if name not in why):
            why["noise_seed"] = "noise of strength 0 is none"
        return why

    def strength(n: int) -> Any:
        return widgets.FloatSlider(1, min=0, max=20, step=0.5, description=f"noise at scale {n}, × σ_{n}", **WIDE)

    return live(
        picture,
        **_shown(by_scale(model, lambda start, **_: scale_stages(model, start=start))),
        idle=idle,
        seed=_seed("seed of the latent map, z", 1),
        noise_seed=_seed("seed of the noise, z_n", 0),
        start=widgets.IntSlider(0, 0, last, description="lowest scale drawn, n", **WIDE),
        **{f"noise_{n}": strength(n) for n in range(first, last + 1)},
    )


def loop_view(model: Model) -> Any:
    """Two seeds and a moment, above a loop that leads from one clip to the other and back.

    The clips are two scales short of the finest, so that it follows a slider.
    """
    most, ready = max(1, model.scales - 2), set[tuple[int, int]]()

    @functools.lru_cache(maxsize=2)
    def way(a: int, b: int, scales: int) -> Tensor:
        first, last = (model.latent(1, seed=seed) for seed in (a, b))
        return model.decode(model.interpolate(first, last, WAY), noise=0.0, scales=scales)

    def picture(a: int, b: int, moment: float, scales: int | None = None) -> tuple[bytes, str]:
        words = f"One moment of {WAY} clips on the way from seed {a} to seed {b}, and back; scale {most - 1}."
        loop = steering.there_and_back(way(a, b, scales or most), moment)
        ready.clear()
        if scales is None:
            ready.add((a, b))
        like = (loop.shape[1], *model.shapes[most - 1][1:])
        return animation(loop, model.fps, width=WIDTH, like=like), words

    def stages(a: int, b: int, moment: float) -> list[Stage]:
        return scale_stages(model, scales=most, times=0 if (a, b) in ready else WAY)

    return live(
        picture,
        **_shown(by_scale(model, stages)),
        a=_seed("from seed, a", 1),
        b=_seed("to seed, b", 5),
        moment=widgets.FloatSlider(0.5, min=0, max=1, step=0.1, description="moment of the clips", **WIDE),
    )


def border_view(model: Model) -> Any:
    """Two latent maps side by side in one clip: their seeds, and place and softness of the border between them."""
    columns = model.shapes[0][-1]

    def idle(at: int, softness: int, **_: int) -> dict[str, str]:
        weight, why = steering.border(columns, at, softness), "the other one fills the whole map"
        return ({"left": why} if weight.min() == 1 else {}) | ({"right": why} if weight.max() == 0 else {})

    def picture(left: int, right: int, at: int, softness: int, scales: int | None = None) -> tuple[bytes, str]:
        a, b = (model.latent(1, seed=seed) for seed in (left, right))
        z = steering.blend(a, b, steering.border(columns, at, softness))
        words = f"Seed {left} up to column {at} of {columns}, seed {right} from there on, over {softness} columns."
        return _clip(model, model.decode(z, seed=0, scales=scales)[0]), words

    return live(
        picture,
        **_shown(by_scale(model)),
        idle=idle,
        left=_seed("seed on the left", 1),
        right=_seed("seed on the right", 5),
        at=widgets.IntSlider(columns // 2, 0, columns, description="border at column (sites)", **WIDE),
        softness=widgets.IntSlider(4, 0, columns, description="softness (sites)", **WIDE),
    )


def box_view(model: Model) -> Any:
    """Resample only a box of the latent map: two seeds and the box's ends in time, height and width.

    With keys: Tab reaches a slider's two ends in turn, arrow keys move the end that is reached.
    """
    times, rows, columns = model.shapes[0]

    @functools.lru_cache(maxsize=8)
    def original(seed: int, scales: int | None) -> tuple[Tensor, Tensor]:
        z = model.latent(1, seed=seed)
        return model.decode(z, seed=0, scales=scales), z

    def picture(seed: int, fresh: int, scales: int | None = None, **ends: tuple[int, int]) -> tuple[bytes, str]:
        (before, z), box = original(seed, scales), Box(**ends)
        after = model.decode(steering.resample(z, model.latent(1, seed=fresh), box), seed=0, scales=scales)[0]
        shape = tuple(after.shape[1:])
        place = box.scaled(tuple(z.shape[2:]), shape)
        changed, inside = steering.change(before[0], after), place.mask(shape)
        most = steering.rms(changed[inside])
        words = f"Inside the box the clip changed by {most:.2f} (root mean square; values span 2)"
        if not inside.all():
            words += f", outside by {steering.rms(changed[~inside]):.2f}"
        frames, *sides = _finest(model)
        like = (frames, *(side * max(1, WIDTH // sides[-1]) for side in sides))
        large = animation(outlined(after, place, width=WIDTH), model.fps, width=like[-1], like=like)
        return large, f"{words}. The box shows while its frames last."

    def ends(value: tuple[int, int], length: int, description: str) -> Any:
        return widgets.IntRangeSlider(value=value, min=0, max=length, description=description, **WIDE)

    return live(
        picture,
        **_shown(by_scale(model)),
        seed=_seed("seed of the clip", 1),
        fresh=_seed("seed inside the box", 5),
        times=ends((0, times), times, "box in time (sites)"),
        rows=ends((rows // 4, rows * 3 // 4), rows, "box in height (sites)"),
        columns=ends((columns // 12, columns * 3 // 8), columns, "box in width (sites)"),
    )


def size_picture(model: Model, *, seed: int, frames: int, width: int, scales: int | None = None) -> tuple[bytes, str]:
    """What `size_view` shows, and a sentence about it; white beside it up to the greatest width.

    So every picture is shown at the same scale, however narrow the window: wider is wider, and people stay as large.
    """
    size = (frames, model.shapes[-1][-2], width)
    clip = model.sample(1, seed=seed, size=size, scales=scales)[0]
    shapes, most = shapes_for_output(model.shapes, size), WIDEST * model.shapes[-1][-1]
    length, rows, columns = shapes[model.scales - 1]
    sized = F.interpolate(clip[None], (clip.shape[1], rows, columns), mode="nearest-exact")[0]
    padded = F.pad(sized, (0, most - columns), value=1.0)
    picture = animation(padded, model.fps, width=WIDEST * WIDTH, like=(length, rows, most))
    return picture, f"{frames} frames, {width} px wide, from {' x '.join(map(str, shapes[0]))} vectors."


def size_view(model: Model) -> Any:
    """Longer and wider than the training clip: a seed, and sliders for frames and width."""
    frames, height, width = model.shapes[-1]
    step = frames - 1
    return live(
        lambda **values: size_picture(model, **values),
        "webp",
        picture_width=f"{WIDEST * WIDTH}px",
        stages=by_scale(model, lambda frames, width, **_: scale_stages(model, size=(frames, height, width))),
        seed=_seed("seed", 3),
        frames=widgets.IntSlider(frames, frames, 4 * step + 1, step=step, description="frames, T", **WIDE),
        width=widgets.IntSlider(width, width, WIDEST * width, step=width // 4, description="width (px), W", **WIDE),
    )


def _finest(model: Model) -> Shape:
    return model.shapes[model.scales - 1]


def _clip(model: Model, clip: Tensor) -> bytes:
    return animation(clip, model.fps, width=WIDTH, like=_finest(model))


def _shown(stages: Stages | None) -> dict[str, Any]:
    return {"picture_format": "webp", "picture_width": "448px", "stages": stages}


def _seed(description: str, value: int) -> Any:
    return widgets.IntSlider(value, 0, SEEDS, description=description, **WIDE)
