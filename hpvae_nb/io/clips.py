"""Clips: from a file, a folder of pictures or a bundled name to a tensor in [-1, 1], checked on the way in.

How files are told apart and decoded stands in ``files``; pictures and sets of them are read by ``images``.

Axis letters: ``c`` channel (3: red, green, blue), ``t`` time, ``h`` height, ``w`` width.
"""

import difflib
import hashlib
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.request import url2pathname

import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from torch import Tensor

from hpvae_nb.errors import InputError, require, whole
from hpvae_nb.io.download import ELSEWHERE
from hpvae_nb.io.files import read_file, read_folder
from hpvae_nb.io.shown import ALPHA_SAID, GREY_SAID
from hpvae_nb.io.video_files import FOLDER_FPS, PathLike, Size, check_size

APART_SAID = (
    "the pictures of {} look like different ones, and are taken as moments of one video: load_images makes a set"
)
_COARSE = 8  # pixels a side at which pictures are held against each other
ROUNDING = 1e-4  # how far beyond [-1, 1] is float noise (a resize, say), clamped without a word

# In the wheel of scikit-image, in the public domain or CC0: data/README.md has source and terms of each.
OF_SKIMAGE = (
    "astronaut.png",
    "brick.png",
    "chelsea.png",
    "coffee.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "rocket.jpg",
)


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """One video clip, one image, or one set of images, ready to train on.

    Attributes:
        video: float32, ``c t h w`` (an image: ``c h w``; a set of n images: ``c n h w``), c = 3, values in [-1, 1].
        fps: frames per second; without meaning for images.
        name: a short label for titles and file names.
        still: whether the frames are different pictures of one training set, and no moments of a video.

    Given one channel it repeats it, given four it drops the alpha, and says either with a ``UserWarning``.

    Raises:
        InputError: anything else than such a tensor; fps not above 0.
    """

    video: Tensor
    fps: float = FOLDER_FPS
    name: str = "clip"
    still: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"{self.name}: fps is {self.fps}, but frames per second must be above 0, such as fps=24")
        object.__setattr__(self, "video", _checked(self.video, self.name))
        if self.still and self.video.ndim != 4:
            shape = tuple(self.video.shape)
            raise InputError(f"{self.name}: still=True is for a set 'c n h w', got shape {shape}: leave it out")

    def __repr__(self) -> str:
        sizes = " x ".join(map(str, self.batch.shape[1:]))
        if self.dims == 3:
            return f"Clip({self.name!r}, {sizes}, {self.fps:g} fps)"
        return f"Clip({self.name!r}, {f'{len(self.batch)} pictures of ' if self.still else ''}{sizes})"

    @property
    def dims(self) -> int:
        """3 for a video (time, height, width), 2 for images (height, width)."""
        return 2 if self.still else self.video.ndim - 1

    @property
    def frames(self) -> int:
        """Number of frames; 1 for images."""
        return self.video.shape[1] if self.dims == 3 else 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.video.shape[-2], self.video.shape[-1]

    @property
    def batch(self) -> Tensor:
        """What there is to learn from, with an axis for how many: ``1 c t h w``, or ``n c h w`` of images."""
        return rearrange(self.video, "c n h w -> n c h w") if self.still else self.video[None]

    def identity(self) -> dict[str, str | int]:
        """What tells this clip from others, for a run's folder."""
        pictures = {"pictures": len(self.batch)} if self.still else {}  # else videos and sets might have the same bytes
        return {"name": self.name, "sha256": hashlib.sha256(self.video.numpy().tobytes()).hexdigest()} | pictures


def _checked(video: Tensor, name: str) -> Tensor:
    """The tensor as ``Clip`` promises it, or an InputError that says why it cannot be."""
    if not isinstance(video, Tensor):
        got = type(video).__name__
        raise InputError(f"{name}: expected a torch tensor 'c t h w', got {got}: convert it with torch.as_tensor(x)")
    shape, kind = tuple(video.shape), video.dtype
    if video.ndim not in (3, 4):
        raise InputError(f"{name}: expected 'c t h w' (or 'c h w', an image), got shape {shape}: index one clip out")
    if 0 in shape:
        raise InputError(f"{name}: shape {shape} holds no pixels, but at least one frame of 1x1 is needed: load more")
    if shape[0] not in (1, 3, 4):
        wanted = "but 3 (or 1 grey, or 4 with alpha) are wanted first"
        move = "move the axis with rearrange(x, 't h w c -> c t h w')"
        raise InputError(f"{name}: {shape[0]} channels in shape {shape}, {wanted}: {move}")
    if not video.is_floating_point():
        raise InputError(f"{name}: dtype {kind} where floats in [-1, 1] are wanted: convert it with x / 127.5 - 1")
    video = video.detach().to(torch.float32)
    bad = ~torch.isfinite(video)
    if bad.any():
        where = "in the image"
        if video.ndim == 4:
            where = f"first in frame {int(reduce(bad, 'c t h w -> t', 'any').nonzero()[0])}"
        raise InputError(f"{name}: {int(bad.sum())} values are NaN or infinite, {where}: repair or leave out these")
    low, high = video.min().item(), video.max().item()
    if low < -1 - ROUNDING or high > 1 + ROUNDING:
        fix = "x / 127.5 - 1" if high > 2 else "x.clamp(-1, 1), or x * 2 - 1 where it was meant to lie in [0, 1]"
        raise InputError(f"{name}: values reach from {low:.4g} to {high:.4g}, outside [-1, 1]: rescale with {fix}")
    if shape[0] == 1:
        warnings.warn(GREY_SAID.format(name), UserWarning, stacklevel=4)
        video = repeat(video, "1 ... -> c ...", c=3)
    elif shape[0] == 4:
        warnings.warn(ALPHA_SAID.format(name), UserWarning, stacklevel=4)
        video = video[:3]
    return video.clamp(-1, 1)


class Found(NamedTuple):
    """A file or folder on disk, the label of what was asked for, and whether that came along with this package."""

    path: Path
    name: str
    bundled: bool


def data_dir() -> Path:
    """The folder of bundled clips: inside an installed wheel, else at the top of the source checkout.

    Raises:
        InputError: neither is there.
    """
    inside = Path(__file__).parent.parent / "data"
    for folder in (inside, inside.parent.parent / "data"):
        if (folder / "balloons.mp4").is_file():  # a folder merely called "data" may be anybody's
            return folder
    raise InputError(f"the bundled clips are not at {inside}: install hpvae_nb again, or give your own clip's path")


def bundled_clips() -> list[str]:
    """Names of videos that ``load_clip`` knows without a path, sorted."""
    return sorted(path.stem for path in data_dir().glob("*.mp4"))


def bundled_images() -> list[str]:
    """Names of pictures that ``load_image`` knows without a path, sorted; it takes those of clips, too."""
    ours = (path.name for path in data_dir().glob("*.png"))
    return sorted(Path(file).stem for file in (*OF_SKIMAGE, *ours))


def load_clip(
    path_or_name: PathLike, frames: int | None = 13, start: int = 0, fps: float | None = None, size: Size | None = None
) -> Clip:
    """Read a stretch of video.

    Source: 13 frames is the length of clip the paper trains on.

    Args:
        path_or_name: a bundled name (see ``bundled_clips``), a video file, or a folder of numbered pictures, taken in
            natural order (2 before 10). A bundled name wins over a folder so called in the working directory: write
            ``./bunny`` for that. Pictures that are no moments of one scene are for ``load_images``.
        frames: how many frames, at least 1; None for all from ``start`` on (12 bytes of memory per pixel and frame).
        start: first frame, counted from 0 and after any change of frame rate.
        fps: frames per second to resample to, at most the file's own: for each instant the stored frame nearest in
            time. None keeps the stored frames. For a folder it only names the rate (24 without it).
        size: ``(height, width)`` in pixels, or the width alone, keeping the aspect ratio; None keeps the file's.

    Returns:
        A ``Clip`` with ``video`` of shape ``3 t h w`` in [-1, 1]. Grey and transparent sources are converted, and
        frames unevenly spaced in time kept as they are; a ``UserWarning`` says so, and if a folder's pictures look like
        different ones.

    Raises:
        InputError: no such file; not readable; too few frames; frames too large to be kept whole; frames, start, fps
            or size out of range; a URL.
        ImportError: the package ``av`` is missing.
    """
    frames, start, size = _checked_request(frames, start, fps, size)
    found, said = find(path_or_name), set[str]()
    path, name, _ = found
    pictures, rate = read_found(found, frames, start, fps, size, said)
    shapes = {(picture.shape[1], picture.shape[2]) for picture in pictures}
    if len(shapes) > 1:
        (h, w), *_, (h2, w2) = sorted(shapes)
        sizes = f"{len(shapes)} sizes, from {w}x{h} to {w2}x{h2} pixels"
        apart = "for different pictures as one training set, use load_images (and dims=2)"
        raise InputError(f"{path} mixes frames of {sizes}, but a clip has one: give size=(height, width), or, {apart}")
    video = torch.stack(pictures, dim=1)
    if path.is_dir() and unlike(video):
        said.add(APART_SAID)
    for sentence in sorted(said):
        warnings.warn(sentence.format(name), UserWarning, stacklevel=2)
    return Clip(video, float(rate), name)


def read_found(
    found: Found, frames: int | None, start: int, fps: float | None, size: Size | None, said: set[str]
) -> tuple[list[Tensor], float]:
    """As ``read_file``, of a file or folder. What is bundled keeps its numbers: the evidence was measured with them."""
    if found.path.is_dir():
        return read_folder(found.path, frames, start, fps, size, said)
    return read_file(found.path, frames, start, fps, size, said, profiles=not found.bundled)


def unlike(video: Tensor) -> bool:
    """Whether neighbouring frames `c t h w` are hardly more alike than pictures of different things are."""
    small = F.adaptive_avg_pool2d(rearrange(video, "c t h w -> t c h w"), _COARSE)
    apart, spread = small.diff(dim=0).square().mean(), small.var(dim=(0, 2, 3), correction=0).mean()
    return len(small) > 1 and bool(apart > spread)  # of independent values it would be twice that


def _checked_request(
    frames: int | None, start: int, fps: float | None, size: Size | None
) -> tuple[int | None, int, Size | None]:
    count, first = whole(frames), whole(start)
    if frames is not None and (count is None or count < 1):
        raise InputError(f"frames={frames!r}, but a whole number from 1 is wanted: give frames=13, or None for all")
    if first is None or first < 0:
        raise InputError(f"start={start!r}, but a whole number from 0 is wanted: count from the clip's beginning")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError(f"fps={fps!r}, but frames per second must be above 0: give such as fps=12, or None for all")
    return count, first, check_size(size)


def find(path_or_name: PathLike) -> Found:
    """What a path or a bundled name stands for. A bundled name wins over a file or folder so called.

    Raises:
        InputError: there is nothing of that name (with the nearest one that is bundled), or it is an address.
    """
    path_or_name = local(path_or_name)
    if isinstance(path_or_name, str):
        bare = re.fullmatch(r"[\w-]+", path_or_name) is not None
        if bare and path_or_name in (*bundled_clips(), *bundled_images()):
            return Found(_bundled(path_or_name), path_or_name, True)
    path = Path(path_or_name).expanduser()
    if path.exists():
        return Found(path, path.name if path.is_dir() else path.stem, False)
    if path_or_name in ELSEWHERE:
        raise InputError(f"{path_or_name!r} is not bundled: fetch it first, load_clip(download_clip({path_or_name!r}))")
    clips, images = bundled_clips(), bundled_images()
    hint = "check the path; the bundled clips and pictures"
    for near in difflib.get_close_matches(path.stem.lower(), [*clips, *images], n=1, cutoff=0.5):
        hint = f"did you mean the bundled {'clip' if near in clips else 'picture'} {near!r}? The bundled ones"
    raise InputError(f"there is no file or folder {str(path)!r}: {hint} are {', '.join([*clips, *images])}")


def local(path_or_name: PathLike) -> PathLike:
    """What a ``file:`` address points to; anything else as it is, but for other addresses."""
    if not isinstance(path_or_name, str):
        return path_or_name
    if address := re.fullmatch(r"file:(?://(?:localhost)?)?(/(?!/).*)", path_or_name, re.IGNORECASE):
        return url2pathname(address[1])
    if re.match(r"file:", path_or_name, re.IGNORECASE):
        raise InputError(f"{path_or_name!r} is a file on another machine: copy it here, and give its path")
    if "://" in path_or_name:
        raise InputError(f"{path_or_name!r} is an address: fetch it with download_clip first, then load the file")
    return path_or_name


def _bundled(name: str) -> Path:
    """The file of a bundled name; that of scikit-image's pictures lies in its own package, and is never fetched."""
    for file in OF_SKIMAGE:
        if Path(file).stem == name:
            skimage = require("skimage", f"the picture {name!r}", "scikit-image")
            path = Path(str(skimage.__file__)).parent / "data" / file
            if not path.is_file():
                raise InputError(f"scikit-image {skimage.__version__} brings no {file}: pip install scikit-image==0.26")
            return path
    return next(path for suffix in ("mp4", "png") if (path := data_dir() / f"{name}.{suffix}").is_file())
