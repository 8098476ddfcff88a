"""Whatever someone brings: a picture, a video or a folder, told apart by content and given to its reader."""

from pathlib import Path

from torch import Tensor

from hpvae_nb.errors import InputError
from hpvae_nb.io import picture_files, video_files
from hpvae_nb.io.video_files import FOLDER_FPS, Look, Size, check_enough, natural

PICTURES = {
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff"),
    ".webp",
}


def read_file(
    path: Path,
    frames: int | None,
    start: int,
    fps: float | None,
    size: Size | None,
    said: set[str],
    profiles: bool = True,
) -> tuple[list[Tensor], float]:
    """The wanted frames of a video or picture, as ``video_files.read_file`` and ``picture_files.read_file`` say."""
    if picture_files.is_picture(path):
        return picture_files.read_file(path, frames, start, fps, size, said, profiles)
    return video_files.read_file(path, frames, start, fps, size, said)


def look(path: Path) -> Look:
    """What a file holds, as far as can be told without keeping its pixels; errors as of ``read_file``."""
    return (picture_files if picture_files.is_picture(path) else video_files).look(path)


def read_folder(
    path: Path, frames: int | None, start: int, fps: float | None, size: Size | None, said: set[str]
) -> tuple[list[Tensor], float]:
    """As ``read_file``, of a folder's pictures in natural order; none that are hidden. ``fps`` only names the rate."""
    files = pictures_in(path)
    check_enough(len(files), start, frames, path)
    chosen = files[start : None if frames is None else start + frames]
    return [read_file(file, 1, 0, None, size, said)[0][0] for file in chosen], fps or FOLDER_FPS


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order; none that are hidden.

    Raises:
        InputError: there is none.
    """
    files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURES and not f.name.startswith(".")]
    if not files:
        kinds = ", ".join(sorted(PICTURES))
        raise InputError(f"the folder {folder} holds no pictures: put some there, numbered for a video ({kinds})")
    return sorted(files, key=lambda file: natural(file.name))
