"""What a file is by its first bytes, whatever its name says: a web page named .mp4 is told from half a video.

Pillow and FFmpeg know the formats they read. This is the table of what neither should be asked, and of what to do with
it instead; libraries that guess types know no such way out, and hold a git-lfs pointer for text.
"""

import re
from pathlib import Path

from hpvae_nb.errors import InputError

_HEAD = 4096  # bytes that tell
_FETCH = "fetch the file itself again"
_UNPACK = "unpack it, and give what is inside"
_EXPORT = "save it as png in the program that made it"
DEVELOP = "develop it to jpg or png first"

FOREIGN: tuple[tuple[bytes, str, str], ...] = (  # a pattern of first bytes, what has it, what to do
    (
        rb"version https://git-lfs\.github\.com/spec",
        "a git-lfs pointer, not the file itself",
        "run git lfs pull",
    ),
    (rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|[?!].{0,2000}?<html\b)", "a web page", _FETCH),
    (rb"(\xef\xbb\xbf)?\s*<(svg\b|[?!].{0,2000}?<svg\b)", "a drawing in SVG", _EXPORT),
    (rb".{0,1000}%PDF-", "a PDF document", "save the page as png first"),
    (rb"PK\x03\x04|\x1f\x8b\x08|7z\xbc\xaf|Rar!|\xfd7zXZ|BZh[1-9]|.{257}ustar", "an archive", _UNPACK),
    (rb"8BPS", "a Photoshop document", _EXPORT),
    (rb"gimp xcf", "a GIMP document", _EXPORT),
    (rb".{4}ftypcrx |FUJIFILMCCD-RAW|II(U\0|RO|RS)|II\*\0.{4}CR\x02\0", "a camera's raw file", DEVELOP),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture", _EXPORT),
    (rb"\x93NUMPY", "a NumPy array", "load it with NumPy, and make a Clip of torch.as_tensor(x)"),
)
RAW = {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw"}
_TEXT = re.compile(rb"(?!P[1-6]\s|GIF8|YUV4MPEG2 |FLV)[\t\n\f\r\x20-\x7e\x80-\xff]+")
_AVIF = re.compile(rb".{4}ftyp(avi[fs]|mif1.{0,40}avif)", re.DOTALL)
_HEIF = re.compile(rb".{4}ftyp(hei[cmsx]|mif[12])", re.DOTALL)  # a sequence (hevc, msf1) is a video to FFmpeg


def head(path: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        InputError: no file, not to be opened, empty; or a kind of file that has another way in than this package.
    """
    if not path.is_file():  # to read from a pipe or a device might never end
        raise InputError(f"{path} is no file: give a video, a picture or a folder of pictures")
    try:
        with path.open("rb") as file:
            first = file.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror}): give a file that you may read") from error
    if not first:
        raise InputError(f"{path} is empty, without a single byte: {_FETCH}")
    if path.suffix.lower() in RAW:  # most are a TIFF, of which a reader would see the small preview
        raise InputError(f"{path} is a camera's raw file: {DEVELOP}")
    for pattern, kind, way in FOREIGN:
        if re.match(pattern, first, re.DOTALL | re.IGNORECASE):
            raise InputError(f"{path} is {kind}: {way}")
    if _is_text(first):
        raise InputError(f"{path} is text, and holds no video: give a video, a picture or a folder of pictures")
    return first


def still_kind(first: bytes) -> str | None:
    """`"AVIF"` or `"HEIF"`: kinds of picture whose boxes FFmpeg would read, a tile at a time or unturned; or None."""
    return "AVIF" if _AVIF.match(first) else "HEIF" if _HEIF.match(first) else None


def _is_text(first: bytes) -> bool:
    if not _TEXT.fullmatch(first):
        return False
    try:
        first.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(first) - 4  # a letter that the end of what was read cuts through
    return True
