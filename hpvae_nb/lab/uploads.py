"""Clips that a reader brings: an upload button for files of any size, a field for a path, and how both become clips."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import Clip, load_clip
from hpvae_nb.io.files import look, pictures_in
from hpvae_nb.io.images import load_image
from hpvae_nb.io.video_files import TooFewFrames
from hpvae_nb.recipe.config import Config

PIECE = 512 * 1024  # bytes of a message: half of what Colab takes, a twentieth of what JupyterLab does
WIDEST = 640  # pixels; what is brought larger is reduced, since no preset trains on more than half of it
ADVICE = (
    "Is a cell still running? Then the file waits for it. Else put it beside the notebook with the file browser, which "
    "takes any size, and type its name into the field of paths."
)


class Upload(anywidget.AnyWidget):
    """A button to upload a file with, of any size.

    A `FileUpload` of ipywidgets sends a file as one message, which servers drop without a word when it is large. This
    one sends pieces, and tells its reader if none arrives within ten seconds.
    """

    _esm = Path(__file__).with_name("uploads.js")
    description = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)
    advice = traitlets.Unicode(ADVICE).tag(sync=True)
    piece = traitlets.Int(PIECE).tag(sync=True)

    def __init__(self, received: Callable[[Path], Any], **traits: str) -> None:
        """
        Args:
            received: called with each file, which is deleted afterwards.
            traits: `description`, the button's words, and which files it shows, `accept`.
        """
        super().__init__(**traits)
        self._received, self._file, self._size = received, Path(), -1
        self._folder = tempfile.mkdtemp(prefix="hpvae_nb_")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.on_msg(lambda _, content, buffers: self._arrived(content, buffers))

    def _arrived(self, content: dict[str, Any], pieces: list[Any]) -> None:
        """A file's name and size, or its next piece; the answer says how many bytes are there, -1 when it is done."""
        there = -1
        if "name" in content:
            self._file, self._size, there = Path(self._folder) / plain_name(content["name"]), content["size"], 0
            self._file.write_bytes(b"")
        elif self._size >= 0 and content["at"] == self._file.stat().st_size:  # else it is of another window
            with self._file.open("ab") as file:
                file.write(b"".join(pieces))
            there = self._file.stat().st_size
            if there == self._size:
                self._size = there = -1
                try:
                    self._received(self._file)
                finally:
                    self._file.unlink(missing_ok=True)
                    self.send({"arrived": there})
                return
        self.send({"arrived": there})


def choosers(config: Config, received: Callable[[Path], Any], safely: Callable[[Callable[[], Any]], Any]) -> list[Any]:
    """What a clip can be brought with: a button to upload it, a field for its path, and Colab's own upload where it is.

    Args:
        config: for images or videos.
        received: called with the file's path.
        safely: calls what it is given, and says what that raises.
    """
    kind = "video/*,image/gif" if config.dims == 3 else "image/*"
    path = widgets.Text(
        description="or its path", placeholder="such as my.mp4, then Enter", continuous_update=False,
        layout=widgets.Layout(width="320px"),
    )  # fmt: skip

    def typed(change: Any) -> None:
        if change["new"].strip():
            received(Path(change["new"].strip()).expanduser())
            path.value = ""  # so that the same can be typed again

    path.observe(typed, names="value")
    found = [Upload(received, description="Upload your own clip", accept=kind), path]
    try:
        from google.colab import files
    except ImportError:
        return found
    own = widgets.Button(description="Colab's upload", icon="upload", tooltip="if the button beside it does not work")

    def colab() -> None:
        for name in files.upload():  # leaves them beside the notebook
            received(Path(name))

    own.on_click(lambda _: safely(colab))
    return [*found, own]


def clip_from_file(path: Path, config: Config) -> Clip:
    """The clip in a file, or in a folder of pictures: its first frames, reduced to at most 640 pixels of width.

    Raises:
        InputError: as `load_clip`, in words of the file's name, and of what can be done without code.
    """
    try:
        width = min(look(pictures_in(path)[0] if path.is_dir() else path).width, WIDEST)
        if config.dims == 2:
            return load_image(path, size=width)
        return load_clip(path, config.frames, size=width)
    except TooFewFrames as error:
        there = load_clip(path, None, size=width).frames
        raise InputError(
            f"{path.name} has {there} frames, but {config.frames} are learned from here: bring a longer clip"
        ) from error
    except InputError as error:
        raise InputError(str(error).replace(str(path), path.name)) from error


def clip_from_upload(name: str, content: bytes, config: Config) -> Clip:
    """`clip_from_file` of a file's content."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / plain_name(name)
        path.write_bytes(content)
        return clip_from_file(path, config)


def plain_name(name: str) -> str:
    """A file's name without folders, of any system; `upload` where nothing is left."""
    last = PureWindowsPath(name.replace(os.sep, "/")).name
    return last if last.strip(". ") else "upload"
