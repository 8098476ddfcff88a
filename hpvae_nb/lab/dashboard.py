"""A dashboard for training: buttons, time left, losses, a sample of each finished scale, and a clip of one's own."""

import shutil
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import torch

from hpvae_nb.errors import CheckpointError, InputError, sentence
from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.background import Background
from hpvae_nb.lab.countdown import about, stopwatch
from hpvae_nb.lab.live import image, message
from hpvae_nb.lab.progress import loss_figure
from hpvae_nb.lab.render import png
from hpvae_nb.lab.report import duration, steps_text
from hpvae_nb.lab.session import LONGER, RUNS, Training, run_folder, writable
from hpvae_nb.lab.show import animation
from hpvae_nb.lab.uploads import choosers, clip_from_file, clip_from_upload
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import scale_shapes
from hpvae_nb.training.plan import make_plan

PREVIEW = 168  # pixels
ALERT = 10.0  # seconds that what went wrong stays readable while a training goes on
TIPS = {  # of each button: what it does, and why it can do nothing now
    "train": ("train, or go on from the last checkpoint", "it trains, or is trained: see Go on training"),
    "stop": ("stop after this step, and keep it", "nothing is trained just now"),
    "anew": ("forget what was trained of this clip", "nothing was trained of this clip yet"),
    "sample": ("another random sample at each press", "train first, or stop"),
    "save": ("write the model as a file beside the notebook", "train first, or stop"),
    "longer": ("more steps at the finest scale", "after the last scale"),
}


def dashboard(clip: Clip, config: Config, *, out: str | Path = RUNS, seed: int = 0) -> Any:
    """Train a clip while watching: losses, a sample of each finished scale, time left; stop, go on, or bring a clip.

    Training runs in a thread of its own, so that the notebook stays usable. A new dashboard stops the training of an
    earlier one, so a cell can be run again at any time; the earlier one can still go on.

    A training survives its kernel: it lives in a folder of its own, whose name holds the clip's and a hash of clip,
    configuration and seed. A dashboard of the same three finds it there and offers to go on; one that was trained to
    its end is shown as such. *Start anew* deletes this folder; those of other clips stay until you delete them.

    Args:
        clip: to begin with; an upload replaces it.
        config: from `preset`.
        out: folder for the runs, `runs` beside the notebook if not given. Where it cannot be written to, runs live in a
            temporary folder, as long as the notebook's kernel does.
        seed: of everything random.

    Returns:
        A box whose `children` are: the buttons and what a clip can be brought with, a progress bar with the time left,
        a line of text, the losses, the previews. Its `buttons` are there by name: `train`, `stop`, `anew`, `sample`,
        `save`, `longer`. Its `training` is the `Training`, whose `model` is there at any time; its
        `receive(name, content)` is what an upload calls.

    Raises:
        InputError: when `clip` cannot be trained with `config`.
    """
    Background.stop_any()
    return _Dashboard(clip, config, out, seed).box


class _Dashboard:
    """The widgets, and what happens when they are used."""

    def __init__(self, clip: Clip, config: Config, out: str | Path, seed: int) -> None:
        self.config, self.seed, self.note, self.alert_until = config, seed, "", 0.0
        self.buttons = {
            "train": widgets.Button(icon="play", button_style="primary"),
            "stop": widgets.Button(description="Stop", icon="stop"),
            "anew": widgets.Button(description="Start anew", icon="refresh"),
            "sample": widgets.Button(description="Sample", icon="random"),
            "save": widgets.Button(description="Save", icon="save"),
            "longer": widgets.Button(description="Go on training", icon="forward"),
        }
        self.bar = widgets.IntProgress(0, 0, 1, layout=widgets.Layout(width="420px"))
        self.left = widgets.Label()
        self.text = widgets.HTML()
        self.losses = image("png", max_width="100%")
        wrapped = widgets.Layout(flex_flow="row wrap", align_items="center")
        self.previews = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        brought = choosers(config, lambda path: self._safely(lambda: self._take(path)), self._safely)
        controls = widgets.VBox(
            [widgets.HBox(list(self.buttons.values()), layout=wrapped), widgets.HBox(brought, layout=wrapped)]
        )
        reached = widgets.HBox([self.bar, self.left], layout=wrapped)
        self.box = widgets.VBox([controls, reached, self.text, self.losses, self.previews])
        self.out = Path(out)
        if not writable(self.out):
            self.note = f"Note: {self.out} cannot be written to, so this training ends with the notebook's kernel."
            self.out = Path(tempfile.mkdtemp(prefix="hpvae_nb_"))
            weakref.finalize(self.box, shutil.rmtree, self.out, ignore_errors=True)
        actions = (self._train, self._stop, self._start_anew, self._sample, self._save, self._go_on)
        for button, action in zip(self.buttons.values(), actions, strict=True):
            button.on_click(lambda _, action=action: self._safely(action))
        self.box.buttons = self.buttons
        self.box.receive = lambda name, content: self._safely(lambda: self._receive(name, content))
        self._show(clip, config)

    def _show(self, clip: Clip, config: Config, said: str = "") -> None:
        """Make `clip` the one to be trained. Nothing changes when it can't be."""
        words, plan = _noted(lambda: make_plan(clip, config))
        folder = run_folder(self.out, clip, config, self.seed)
        training = Training(
            clip, config, folder, self.seed, lambda: self._redraw(training), lambda: self._tick(training)
        )
        found, error = False, None
        try:
            found = training.find()
        except (InputError, CheckpointError) as damaged:
            error = damaged
        self.training = self.box.training = training
        self.drawn, self.samples = -1, 0
        self.previews.children = [_preview("the clip", training.progress.real(-1), clip.fps)]
        self._redraw(training)
        size = " x ".join(map(str, plan.shapes[-1]))
        made = training.progress.steps
        seconds = sum(
            cost.seconds * max(0, config.steps(n) - max(0, made - config.steps_below(n)))
            for n, cost in enumerate(plan.costs)
        )
        expected = f"Expect about {duration(seconds)} on this machine, and {plan.peak_bytes / 1e9:.1f} GB of memory."
        if found:
            way = "" if training.state == "done" else " Continue goes on with it."
            said += f" Found in {folder}: {training.progress.words()}{way} Start anew forgets it."
        parts = [
            f"{clip.name}: {config.scales} scales up to {size}, {steps_text(config)}.",
            "" if training.state == "done" else expected,
        ]
        self._say(" ".join(filter(None, [*parts, said.strip(), words, self.note])))
        if error is not None:
            self._fail(f"{sentence(error)}; or press Start anew, which deletes {folder}")

    # What buttons and uploads do

    def _train(self) -> None:
        self.training.start()

    def _stop(self) -> None:
        self.training.stop()
        self._switch("stop", False)

    def _start_anew(self) -> None:
        self._rest()
        shutil.rmtree(self.training.folder, ignore_errors=True)
        self._show(self.training.progress.clip, self.config)

    def _sample(self) -> None:
        assert self.training.model is not None
        self.samples += 1
        clip = self.training.model.sample(1, seed=self.samples)[0]
        scale = self.training.model.scales - 1
        preview = _preview(f"sample {self.samples}", clip, self.training.progress.fps(scale))
        shown = [child for child in self.previews.children if not getattr(child, "sampled", False)]
        preview.sampled = True
        self.previews.children = [*shown, preview]

    def _save(self) -> None:
        assert self.training.model is not None
        path = self.training.model.save(f"{self.training.folder.name}.safetensors")
        self._say(f"Saved: load_model('{path}') reads it.")

    def _go_on(self) -> None:
        """More steps at the finest scale, in a run of its own."""
        progress = self.training.progress
        steps = round(LONGER * progress.config.iterations)
        longer = progress.config.replace(iterations=steps)
        self.training.prolonged(run_folder(self.out, progress.clip, longer, self.seed), longer)
        self._show(progress.clip, longer, f"The finest scale goes on to {steps} steps; those below stay as they are.")
        self.training.start()

    def _receive(self, name: str, content: bytes) -> None:
        self._bring(lambda: clip_from_upload(name, content, self.config))

    def _take(self, path: Path) -> None:
        self._bring(lambda: clip_from_file(path, self.config))

    def _bring(self, read: Callable[[], Clip]) -> None:
        words, clip = _noted(read)
        scale_shapes(self.config, clip)  # if it can't be trained, leave what is there alone
        self._rest()
        self._show(clip, self.config, words)

    def _rest(self) -> None:
        self.training.stop()
        self.training.wait()

    # What is seen

    def _redraw(self, training: Training) -> None:
        """Show where a training stands; called by its thread, now and then. Buttons come last."""
        progress, new = training.progress, dict[str, Any]()
        if training.error is None:
            if progress.steps != self.drawn:
                new["losses"] = png(loss_figure(progress.losses, progress.config), quick=True)
            there = sum(not getattr(child, "sampled", False) for child in self.previews.children) - 1
            new["previews"] = [
                _preview(f"scale {n} ({progress.config.kind(n)})", progress.previews[n], progress.fps(n))
                for n in sorted(progress.previews)[there:]
            ]
        training.show(lambda: self._put(training, **new))

    def _put(self, training: Training, losses: bytes | None = None, previews: Any = ()) -> None:
        if training is not self.training:
            return  # it was replaced meanwhile
        if losses is not None:
            self.losses.value, self.drawn = losses, training.progress.steps
            self.losses.tooltip = f"Losses over all steps. {training.progress.words()}"
        if previews:
            self.previews.children = [*self.previews.children, *previews]
        self._move(training)
        if training.error is not None:
            self._fail(sentence(training.error))
        elif training.state in ("stopped", "done"):
            self._say(f"{training.progress.words()} It is kept in {training.folder}.")
        elif training.state == "running" and time.monotonic() > self.alert_until:
            self._say("Laying out the networks ..." if training.progress.last is None else training.progress.words())
        running, done, model = training.state == "running", training.state == "done", training.model is not None
        begun = training.progress.steps > 0
        self.buttons["train"].description = "Trained" if done else "Continue" if begun else "Train"
        able = {"train": not running and not done, "stop": running, "anew": training.folder.exists(), "longer": done}
        able |= {"sample": model and not running, "save": model and not running}
        for name, on in able.items():
            self._switch(name, on)

    def _switch(self, name: str, on: bool) -> None:
        self.buttons[name].disabled, self.buttons[name].tooltip = not on, TIPS[name][not on]

    def _tick(self, training: Training) -> None:
        training.show(lambda: self._move(training))

    def _move(self, training: Training) -> None:
        """Bar and time, which cost nothing."""
        if training is not self.training:
            return
        progress, now = training.progress, time.monotonic()
        self.bar.max, self.bar.value = progress.total, progress.steps
        self.bar.bar_style = {"done": "success", "failed": "danger"}.get(training.state, "")
        words = [f"step {progress.steps} of {progress.total} ({100 * progress.steps // progress.total} %)"]
        if training.state != "running":
            words.append("trained" if training.state == "done" else training.state)
        else:
            left = training.countdown.left(now)
            words.append(f"{stopwatch(now - training.began)} so far")
            words.append("measuring what is left" if left is None else f"about {about(left)} left")
        self.left.value = ", ".join(words)

    def _say(self, words: str, *, alert: bool = False) -> None:
        said = message(words.strip(), alert=alert)
        self.text.value = f"<b>{said}</b>" if alert else said

    def _fail(self, words: str) -> None:
        self.alert_until = time.monotonic() + ALERT
        self._say(words, alert=True)

    def _safely(self, action: Callable[[], None]) -> None:
        """A callback's output is seen by nobody: say what went wrong where it is read."""
        try:
            action()
        except Exception as error:
            self._fail(sentence(error))


def _preview(name: str, clip: torch.Tensor, fps: float) -> Any:
    video = clip if clip.ndim == 4 else clip[:, None]
    size = " x ".join(map(str, clip.shape[1:]))
    picture = image("webp", width=f"{PREVIEW}px")
    picture.value, picture.tooltip = animation(video, fps, width=PREVIEW), f"{name}, {size}"
    return widgets.VBox([picture, widgets.Label(picture.tooltip)], layout=widgets.Layout(margin="0 10px 0 0"))


def _noted(action: Callable[[], Any]) -> tuple[str, Any]:
    """What was warned of, in words, and the result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = action()
    return " ".join(f"Note: {warning.message}." for warning in caught), result
