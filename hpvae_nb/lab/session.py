"""A training that survives its kernel: it lives in a folder of its own, is found there again, and goes on."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hpvae_nb.io.clips import Clip
from hpvae_nb.lab.background import Background, Pause, every
from hpvae_nb.lab.countdown import Countdown
from hpvae_nb.lab.progress import Progress
from hpvae_nb.method import HpVaeGan
from hpvae_nb.model import Model, load_model
from hpvae_nb.recipe.config import Config
from hpvae_nb.training.events import train
from hpvae_nb.training.run import Run

RUNS = "runs"  # beside the notebook, where its reader sees them and can delete them
TICK = 0.4  # seconds between two moves of the clock
PAUSE = 1.0  # seconds between two drawings of the losses, at least
DEAR = 30  # a drawing may be made every so many times the time that it takes
LONGER = 1.5  # times the steps of a scale, to go on after the last


class Training(Background):
    """A training in the background, which goes on from the last checkpoint in its folder.

    Attributes:
        progress: what was seen so far, in earlier sessions too.
        folder: where checkpoints go.
        model: the model so far; None before the first step.
        countdown: time left.
        began: when it was started last, by `time.monotonic`.
    """

    def __init__(
        self,
        clip: Clip,
        config: Config,
        folder: Path,
        seed: int,
        changed: Callable[[], None] = lambda: None,
        ticked: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            changed: called now and then to draw everything, in the thread.
            ticked: called a few times a second to move a clock, in another thread, also while a step takes long.
        """
        super().__init__(self._train, changed)
        self.progress, self.folder, self.seed, self._ticked = Progress(clip, config), folder, seed, ticked
        self.model: Model | None = None
        self.countdown, self.began = Countdown(), time.monotonic()

    def find(self) -> bool:
        """Take up what the folder holds of this run, if anything: a trained model is `done`, another can go on.

        Raises:
            InputError: it holds another run.
            CheckpointError: what it holds is damaged.
        """
        config = self.progress.config
        reached = self._claimed().reached() if self.folder.is_dir() else None
        if reached is None:
            return False
        self.progress.take_up(reached["scale"], reached["iteration"], reached["history"])
        saved = self.folder / "model.safetensors"
        if self.progress.steps >= config.steps_below(config.scales) and saved.exists():
            self.model = load_model(saved)
            self.progress.finish(self.model)
            self.state = "done"
        return True

    def prolonged(self, folder: Path, longer: Config) -> None:
        """Lay out a folder in which a run with more steps goes on from the end of this one.

        It is not the run that `longer` would be from the start: the scales below keep the steps they had.
        """
        there = Training(self.progress.clip, longer, folder, self.seed)._claimed()
        if not there.checkpoint.exists():
            shutil.copyfile(self._claimed().checkpoint, there.checkpoint)

    def _claimed(self) -> Run:
        return Run.open(self.folder, self.progress.clip, self.progress.config, HpVaeGan(), self.seed, resume=True)

    def _train(self, pause: Pause) -> None:
        self.countdown, self.began, due = Countdown(), time.monotonic(), 0.0
        with every(TICK, self._ticked):
            events = train(self.progress.clip, self.progress.config, seed=self.seed, out=self.folder, resume=True)
            try:
                while True:
                    pause()
                    event = next(events)
                    self.model, now = event.model, time.monotonic()
                    self.countdown.tell(event.remaining, now)
                    self.progress.note(event)
                    if now >= due or event.scale_done:
                        self._changed()
                        due = now + max(PAUSE, DEAR * (time.monotonic() - now))
            except StopIteration as end:
                self.model = end.value
                self.progress.finish(end.value)
            finally:
                events.close()  # writes a checkpoint, if it is not at its end


def run_folder(out: str | Path, clip: Clip, config: Config, seed: int) -> Path:
    """The folder in `out` of this run and no other: the clip's name, and a hash of clip, configuration and seed."""
    usual = Config().to_dict()  # left out, so that a setting to come changes no name
    chosen = {name: value for name, value in config.to_dict().items() if value != usual[name]}
    content = json.dumps([clip.identity(), chosen, seed], sort_keys=True).encode()
    name = re.sub(r"[^\w-]+", "_", clip.name)[:40]
    return Path(out) / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}"


def writable(folder: Path) -> bool:
    """Whether a folder can be written to, or made; nothing stays of the attempt."""
    place = next(there for there in [folder.absolute(), *folder.absolute().parents] if os.path.exists(there))
    try:
        with tempfile.TemporaryDirectory(dir=place):
            return True
    except OSError:
        return False
