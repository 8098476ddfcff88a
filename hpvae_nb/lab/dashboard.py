"""A dashboard for training: buttons, time left, losses, a sample of each finished scale, and a clip of one's own."""

import shutil
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import torch

from hpvae_nb.errors import InputError, sentence
from hpvae_nb.io.clips import Clip, load_clip
from hpvae_nb.io.files import look
from hpvae_nb.io.images import load_image
from hpvae_nb.lab.background import Background, Pause
from hpvae_nb.lab.live import image, message
from hpvae_nb.lab.progress import Progress, loss_figure
from hpvae_nb.lab.render import png
from hpvae_nb.lab.report import duration, steps_text
from hpvae_nb.lab.show import animation
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import scale_shapes
from hpvae_nb.training.events import train
from hpvae_nb.training.plan import make_plan

PAUSE = 0.5  # seconds between redraws, at least
WIDEST = 640  # pixels; what is uploaded larger is reduced, since no preset trains on more than half of it
PREVIEW = 168  # pixels


class Training(Background):
    """A training in the background, which goes on from its last checkpoint.

    Attributes:
        progress: what was seen so far.
        folder: where checkpoints go; a folder that already holds this run is gone on with.
        model: the model so far; None before the first step.
    """

    def __init__(self, clip: Clip, config: Config, folder: Path, seed: int, changed: Callable[[], None]) -> None:
        super().__init__(self._train, changed)
        self.progress, self.folder, self.seed = Progress(clip, config), folder, seed
        self.model: Model | None = None

    def _train(self, pause: Pause) -> None:
        clip, config = self.progress.clip, self.progress.config
        events = train(clip, config, seed=self.seed, out=self.folder, resume=True)
        due = 0.0
        try:
            while True:
                pause()
                event = next(events)
                self.model = event.model
                self.progress.note(event)
                began = time.monotonic()
                if began >= due:
                    self._changed()
                    took = time.monotonic() - began
                    due = began + max(PAUSE, 5 * took)  # drawing takes a fifth of the time at most
        except StopIteration as end:
            self.model = end.value
            self.progress.finish(end.value)
        finally:
            events.close()  # writes a checkpoint, if it is not at its end


def dashboard(clip: Clip, config: Config, *, out: str | Path | None = None, seed: int = 0) -> Any:
    """Train a clip while watching: losses, a sample of each finished scale, time left; stop, go on, or bring a clip.

    Training runs in a thread of its own, so that the notebook stays usable. A new dashboard stops the training of an
    earlier one, so a cell can be run again at any time; the earlier one can still go on.

    Args:
        clip: to begin with; the upload button replaces it.
        config: from `preset`.
        out: folder for the runs, one in it for each clip's name. Runs that are already there are gone on with. If not
            given, they live in a temporary folder, as long as the notebook's kernel does.
        seed: of everything random.

    Returns:
        A box whose `children` are: the buttons (train or continue, stop, upload), a progress bar with the time left, a
        line of text, the losses, the previews. Its `training` is the `Training`, whose `model` is there at any
        time; its `receive(name, content)` is what an upload calls.

    Raises:
        InputError: when `clip` cannot be trained with `config`.
    """
    Background.stop_any()
    return _Dashboard(clip, config, out, seed).box


def uploads(value: Any) -> list[tuple[str, bytes]]:
    """Name and content of each file in a `FileUpload`'s value: of ipywidgets 8, or of 7, which Colab has."""
    if isinstance(value, Mapping):  # ipywidgets 7
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def clip_from_upload(name: str, content: bytes, config: Config) -> Clip:
    """The clip in a file that was uploaded: its first frames, reduced to at most 640 pixels of width.

    Raises:
        InputError: as `load_clip`, in words of the file's own name.
    """
    name = Path(name).name
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / (name if name.strip(".") else "upload")
        path.write_bytes(content)
        try:
            width = min(look(path).width, WIDEST)
            if config.dims == 2:
                return load_image(path, size=width)
            return load_clip(path, config.frames, size=width)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from error


class _Dashboard:
    """The widgets, and what happens when they are used."""

    def __init__(self, clip: Clip, config: Config, out: str | Path | None, seed: int) -> None:
        self.config, self.seed = config, seed
        self.go = widgets.Button(icon="play", button_style="primary")
        self.halt = widgets.Button(description="Stop", icon="stop", tooltip="stop after this step, and keep it")
        self.upload = widgets.FileUpload(
            accept="video/*,image/gif" if config.dims == 3 else "image/*", description="Upload your own clip",
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.bar = widgets.IntProgress(0, 0, 1, description="trained", layout=widgets.Layout(width="420px"))
        self.left = widgets.Label()
        self.text = widgets.HTML()
        self.losses = image("png", max_width="100%")
        self.previews = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        buttons, reached = widgets.HBox([self.go, self.halt, self.upload]), widgets.HBox([self.bar, self.left])
        self.box = widgets.VBox([buttons, reached, self.text, self.losses, self.previews])
        self.out, self.temporary = out, tempfile.mkdtemp(prefix="hpvae_nb_")
        weakref.finalize(self.box, shutil.rmtree, self.temporary, ignore_errors=True)
        self.go.on_click(lambda _: self._safely(self.training.start))
        self.halt.on_click(lambda _: self._safely(self._ask_to_stop))
        self.upload.observe(lambda change: [self.box.receive(*file) for file in uploads(change["new"])], names="value")
        self.box.receive = lambda name, content: self._safely(lambda: self._take(name, content))
        self._show_clip(clip)

    def _show_clip(self, clip: Clip, said: str = "") -> None:
        """Make `clip` the one to be trained. Nothing changes when it can't be."""
        words, plan = _noted(lambda: make_plan(clip, self.config))
        size = " x ".join(map(str, plan.shapes[-1]))
        expected = (
            f"{self.config.scales} scales up to {size}, {steps_text(self.config)}. Expect about "
            f"{duration(plan.seconds)} on this machine, and {plan.peak_bytes / 1e9:.1f} GB of memory."
        )
        folder = Path(tempfile.mkdtemp(dir=self.temporary)) if self.out is None else Path(self.out) / clip.name
        self.training = self.box.training = Training(clip, self.config, folder, self.seed, self.redraw)
        self.drawn = -1
        self.previews.children = [self._preview("the clip", self.training.progress.real(-1), clip.fps)]
        self.redraw()
        self._say(" ".join([f"{clip.name}: {expected}", said, words]))

    def _take(self, name: str, content: bytes) -> None:
        words, clip = _noted(lambda: clip_from_upload(name, content, self.config))
        scale_shapes(self.config, clip)  # if it can't be trained, leave what is there alone
        self.training.stop()
        self.training.wait()
        self._show_clip(clip, words)

    def _ask_to_stop(self) -> None:
        self.training.stop()
        self.halt.disabled = True

    def redraw(self) -> None:
        """Show where the training stands; called by its thread, at most about twice a second. Buttons come last."""
        try:
            self._draw(self.training, self.training.progress)
        finally:
            state = self.training.state
            started = "Trained" if state == "done" else "Continue"
            self.go.description = started if self.training.progress.steps else "Train"
            self.go.disabled = state in ("running", "done")
            self.halt.disabled = state != "running"

    def _draw(self, training: Training, progress: Progress) -> None:
        running = training.state == "running"
        self.bar.max, self.bar.value = progress.total, progress.steps
        self.bar.bar_style = {"done": "success", "failed": "danger"}.get(training.state, "")
        remaining = progress.last.remaining if running and progress.last else None
        self.left.value = training.state if remaining is None else f"{duration(remaining)} left"
        if training.error is not None:
            self._say(sentence(training.error), alert=True)
        elif running and progress.last is None:
            self._say("Laying out the networks ...")
        elif training.state != "ready":
            self._say(progress.words())
        if progress.steps != self.drawn:
            self.losses.value = png(loss_figure(progress.losses, progress.config))
            self.losses.tooltip = f"Losses over all steps. {progress.words()}"
            self.drawn = progress.steps
        for scale in sorted(progress.previews)[len(self.previews.children) - 1 :]:
            name = f"scale {scale} ({self.config.kind(scale)})"
            preview = self._preview(name, progress.previews[scale], progress.fps(scale))
            self.previews.children = [*self.previews.children, preview]

    def _preview(self, name: str, clip: torch.Tensor, fps: float) -> Any:
        video = clip if clip.ndim == 4 else clip[:, None]
        size = " x ".join(map(str, clip.shape[1:]))
        picture = image("webp", width=f"{PREVIEW}px")
        picture.value, picture.tooltip = animation(video, fps, width=PREVIEW), f"{name}, {size}"
        return widgets.VBox([picture, widgets.Label(picture.tooltip)])

    def _say(self, words: str, *, alert: bool = False) -> None:
        said = message(words.strip(), alert=alert)
        self.text.value = f"<b>{said}</b>" if alert else said

    def _safely(self, action: Callable[[], None]) -> None:
        """A callback's output is seen by nobody: say what went wrong where it is read."""
        try:
            action()
        except Exception as error:
            self._say(sentence(error), alert=True)


def _noted(action: Callable[[], Any]) -> tuple[str, Any]:
    """What was warned of, in words, and the result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = action()
    return " ".join(f"Note: {warning.message}." for warning in caught), result
