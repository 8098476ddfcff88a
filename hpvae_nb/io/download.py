"""Clips that are not bundled: fetched once, checked, and kept."""

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hpvae_nb.errors import InputError, require
from hpvae_nb.io.video_files import PathLike


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

_NAME = "Mozilla/5.0 (compatible; hpvae_nb, a teaching package)"  # servers refuse programs that do not say who they are
_ANSWERS = {  # by code, or by its hundreds
    401: "it wants to know who asks: fetch the file in a browser, and give load_clip its path",
    403: "it refuses programs or strangers: fetch the file in a browser, and give load_clip its path",
    404: "there is no such file: check the address",
    410: "the file is gone: look for another address",
    429: "it was asked too often: try again later",
    4: "it does not understand: check the address",
    5: "it has trouble of its own: try again later",
}


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
        InputError: neither http(s) nor a known name; no checksum; the address does not answer, or with an error; the
            folder cannot be written; the file has another checksum (and is deleted).
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
    kept = Path(folder).expanduser() if folder is not None else pooch.os_cache("hpvae_nb")
    fetch = pooch.HTTPDownloader(progressbar=False, headers={"User-Agent": _NAME})
    known_hash = f"sha256:{sha256.lower()}"
    try:
        return Path(pooch.retrieve(url, known_hash=known_hash, fname=kept_as, path=kept, downloader=fetch))
    except OSError as error:  # first: the network's errors are OSErrors, and a few of them ValueErrors too
        if not hasattr(error, "response"):  # which all of the network's have, and none of the disk's
            why = error.strerror or "it is not writable"
            raise InputError(f"{kept} cannot keep {url} ({why}): give folder=, one that can be written") from error
        raise InputError(f"{url} could not be fetched: {_why(error)}") from error
    except ValueError as error:  # pooch's sentence holds both checksums
        raise InputError(f"{url} is not the file it was: {error}") from error


def _why(error: Any) -> str:
    """What an error of the network means, and what to do."""
    if error.response is not None:
        code = error.response.status_code
        return f"its server answers {code} ({error.response.reason}), {_ANSWERS.get(code, _ANSWERS[code // 100])}"
    if "Timeout" in type(error).__name__:
        return "its server does not answer in time, try again later"
    if "resol" in str(error):  # NameResolutionError, "failed to resolve"
        return "there is no server of that name, or no network: check both"
    if "SSL" in type(error).__name__:
        return "its server's certificate is not accepted: check the address, and this machine's clock and certificates"
    return f"the connection could not be made, or broke off ({type(error).__name__}): check the network, and try again"
