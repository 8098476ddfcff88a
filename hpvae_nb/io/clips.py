"""Clips: from a file, a folder of pictures or a bundled name to a tensor in [-1, 1], checked on the way in.

How files are decoded, and with what, stands in ``video_files``.

Axis letters: ``c`` channel (3: red, green, blue), ``t`` time, ``h`` height, ``w`` width.
"""

import difflib
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import torch
from einops import reduce, repeat
from torch import Tensor

from hpvae_nb.errors import InputError, require
from hpvae_nb.io.video_files import ALPHA_SAID, FOLDER_FPS, GREY_SAID, PathLike, Size, read_file, read_folder

ROUNDING = 1e-4  # how far beyond [-1, 1] is float noise (a resize, say), clamped without a word


class Elsewhere(NamedTuple):
    """A clip that ``download_clip`` knows by name: its address, its SHA-256, what it shows and whose it is."""

    url: str
    sha256: str
    what: str


ELSEWHERE = {  # not bundled: such footage may be looked at and trained on, but is not ours to pass on
    "wingsuit": Elsewhere(
        "https://raw.githubusercontent.com/shirgur/hp-vae-gan/f372e844/visuals/wingsuit_real.gif",
        "6c7c1f19bbe6009c261b4373b942c9a8c27ff5b5b1ae02a15726f9ab889aafea",
        "flyers in wingsuits over a hill, 13 frames of 256x144: a clip of the paper's Figure 1, from its authors' "
        "repository (the repository is under MIT, the footage is somebody else's)",
    ),
}


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """One video clip, or one image, ready to train on.

    Attributes:
        video: float32, ``c t h w`` (an image: ``c h w``), c = 3, values in [-1, 1].
        fps: frames per second; without meaning for an image.
        name: a short label for titles and file names.

    Given one channel it repeats it, given four it drops the alpha, and says either with a ``UserWarning``.

    Raises:
        InputError: anything else than such a tensor; fps not above 0.
    """

    video: Tensor
    fps: float = FOLDER_FPS
    name: str = "clip"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"{self.name}: fps is {self.fps}, but frames per second must be above 0, such as fps=24")
        object.__setattr__(self, "video", _checked(self.video, self.name))

    def __repr__(self) -> str:
        return f"Clip({self.name!r}, {' x '.join(map(str, self.video.shape))}, {self.fps:g} fps)"

    @property
    def dims(self) -> int:
        """3 for a video (time, height, width), 2 for an image (height, width)."""
        return self.video.ndim - 1

    @property
    def frames(self) -> int:
        """Number of frames; 1 for an image."""
        return self.video.shape[1] if self.dims == 3 else 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.video.shape[-2], self.video.shape[-1]


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
    """Names that ``load_clip`` and ``load_image`` know without a path, sorted."""
    return sorted(path.stem for path in data_dir().glob("*.mp4"))


def load_clip(
    path_or_name: PathLike, frames: int | None = 13, start: int = 0, fps: float | None = None, size: Size | None = None
) -> Clip:
    """Read a stretch of video.

    Source: 13 frames is the length of clip the paper trains on.

    Args:
        path_or_name: a bundled name (see ``bundled_clips``), a video file, or a folder of numbered pictures, taken in
            natural order (2 before 10). A bundled name wins over a folder so called in the working directory: write
            ``./bunny`` for that.
        frames: how many frames, at least 1; None for all from ``start`` on (12 bytes of memory per pixel and frame).
        start: first frame, counted from 0 and after any change of frame rate.
        fps: frames per second to resample to, at most the file's own: for each instant the stored frame nearest in
            time. None keeps the stored frames. For a folder it only names the rate (24 without it).
        size: ``(height, width)`` in pixels, or the width alone, keeping the aspect ratio; None keeps the file's.

    Returns:
        A ``Clip`` with ``video`` of shape ``3 t h w`` in [-1, 1]. Grey and transparent sources are converted, and
        frames unevenly spaced in time kept as they are; a ``UserWarning`` says so.

    Raises:
        InputError: no such file; not readable; too few frames; frames, start, fps or size out of range; a URL.
        ImportError: the package ``av`` is missing.
    """
    _check_request(frames, start, fps, size)
    path, name = _find(path_or_name)
    said: set[str] = set()
    read = read_folder if path.is_dir() else read_file
    pictures, rate = read(path, frames, start, fps, size, said)
    shapes = {(picture.shape[1], picture.shape[2]) for picture in pictures}
    if len(shapes) > 1:
        (h, w), *_, (h2, w2) = sorted(shapes)
        sizes = f"{len(shapes)} sizes, from {w}x{h} to {w2}x{h2} pixels"
        raise InputError(f"{path} mixes frames of {sizes}, but a clip has one: give size=(height, width)")
    for sentence in sorted(said):
        warnings.warn(sentence.format(name), UserWarning, stacklevel=2)
    return Clip(torch.stack(pictures, dim=1), float(rate), name)


def load_image(path_or_name: PathLike, size: Size | None = None) -> Clip:
    """Read one image: a picture file, or the first frame of whatever ``load_clip`` reads, with its errors.

    The ``video`` of the ``Clip`` that comes back has the shape ``3 h w``, values in [-1, 1].
    """
    clip = load_clip(path_or_name, frames=1, size=size)
    return Clip(clip.video[:, 0], clip.fps, clip.name)


def download_clip(url_or_name: str, sha256: str | None = None, folder: PathLike | None = None) -> Path:
    """Fetch a clip once, check it, and keep it.

    Args:
        url_or_name: http or https address of the file, or a name in ``ELSEWHERE``: ``"wingsuit"``, a clip of the paper.
        sha256: its checksum, 64 hexadecimal digits; a file already there with this checksum is not fetched again.
            None for a name, which brings its own.
        folder: where to keep it; None for the user's cache folder.

    Returns:
        The path of the checked file, for ``load_clip``.

    Raises:
        InputError: neither http(s) nor a known name; no checksum; the address does not answer; the file has another
            checksum (and is deleted).
        ImportError: the package ``pooch`` is missing.
    """
    url, kept_as = url_or_name, None
    if url_or_name in ELSEWHERE:
        url, own, _ = ELSEWHERE[url_or_name]
        sha256 = own if sha256 is None else sha256
        kept_as = url_or_name + Path(urlsplit(url).path).suffix
    elif re.fullmatch(r"[\w-]+", url_or_name):
        known = ", ".join(sorted(ELSEWHERE))
        raise InputError(f"{url_or_name!r} is no clip known by name: give one of {known}, or an http(s) address")
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"{url!r} is no http or https address: give a local file to load_clip as it is")
    if sha256 is None:
        raise InputError(f"{url} comes without a checksum: give sha256=, so that what arrives can be trusted")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError(f"{sha256!r} is no SHA-256 checksum, which has 64 hexadecimal digits: see sha256sum")
    pooch = require("pooch", "downloading clips")
    kept = Path(folder) if folder is not None else pooch.os_cache("hpvae_nb")
    fetch = pooch.HTTPDownloader(progressbar=False)
    known_hash = f"sha256:{sha256.lower()}"
    try:
        return Path(pooch.retrieve(url, known_hash=known_hash, fname=kept_as, path=kept, downloader=fetch))
    except OSError as error:  # first: the network's errors are OSErrors, and a few of them ValueErrors too
        raise InputError(f"{url} could not be fetched ({error}): check the address and the network") from error
    except ValueError as error:  # pooch's sentence holds both checksums
        raise InputError(f"{url} is not the file it was: {error}") from error


def _check_request(frames: int | None, start: int, fps: float | None, size: Size | None) -> None:
    if frames is not None and (not isinstance(frames, int) or frames < 1):
        raise InputError(f"frames={frames!r}, but a whole number from 1 is wanted: give frames=13, or None for all")
    if not isinstance(start, int) or start < 0:
        raise InputError(f"start={start!r}, but a whole number from 0 is wanted: count from the clip's beginning")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError(f"fps={fps!r}, but frames per second must be above 0: give such as fps=12, or None for all")
    if size is None:
        return
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides):
        raise InputError(f"size={size!r}, but pixels from 1 are wanted: give (height, width) or the width alone")


def _find(path_or_name: PathLike) -> tuple[Path, str]:
    """The path on disk and the label of what was asked for."""
    if isinstance(path_or_name, str):
        if "://" in path_or_name:
            raise InputError(f"{path_or_name!r} is an address: fetch it with download_clip first, then load the file")
        bare = re.fullmatch(r"[\w-]+", path_or_name) is not None
        if bare and path_or_name in bundled_clips():
            return data_dir() / f"{path_or_name}.mp4", path_or_name
    path = Path(path_or_name).expanduser()
    if path.exists():
        return path, path.name if path.is_dir() else path.stem
    if path_or_name in ELSEWHERE:
        raise InputError(f"{path_or_name!r} is not bundled: fetch it first, load_clip(download_clip({path_or_name!r}))")
    names = bundled_clips()
    near = difflib.get_close_matches(path.stem.lower(), names, n=1, cutoff=0.5)
    hint = "check the path; the bundled clips"
    if near:
        hint = f"did you mean the bundled clip {near[0]!r}? The bundled ones"
    raise InputError(f"there is no file or folder {str(path)!r}: {hint} are {', '.join(names)}")
