"""Work that goes on beside the notebook: in a thread, stopped between two steps, and gone on with later."""

import threading
from collections.abc import Callable

PATIENCE = 60.0  # seconds to wait for a step to end

Pause = Callable[..., None]
"""What work calls between two steps, with a number of seconds to wait or none; raises `Stopped` when it is to stop."""


class Stopped(BaseException):
    """No error of the work, and not to be caught as one: it was asked to stop, and may go on later."""


class Background:
    """Work in a thread of its own, so that the notebook stays usable.

    Only one of a process runs at a time: starting one stops the other, which can go on later.

    Attributes:
        state: `"ready"`, `"running"`, `"stopped"`, `"done"` or `"failed"`.
        error: why it failed; None otherwise.
    """

    _current: "Background | None" = None

    def __init__(self, work: Callable[[Pause], None], changed: Callable[[], None]) -> None:
        """
        Args:
            work: called with a `Pause`, at every start; it has to find out by itself where it was.
            changed: called in the thread when the state has changed, to show it.
        """
        self.state = "ready"
        self.error: Exception | None = None
        self._work, self._changed, self._stop = work, changed, threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or go on; nothing happens while it runs."""
        if self.state == "running" and not self._stop.is_set():
            return
        Background.stop_any()
        Background._current = self
        self._stop.clear()
        self.state, self.error = "running", None
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop after the step that is being made."""
        self._stop.set()

    def wait(self, seconds: float = PATIENCE) -> str:
        """Wait until it stands still, and say in which state."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)
        return self.state

    @classmethod
    def stop_any(cls) -> None:
        """Stop whatever runs in this process, and wait for it."""
        if cls._current is not None:
            cls._current.stop()
            cls._current.wait()

    def _pause(self, seconds: float = 0) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _run(self) -> None:
        try:
            self._changed()
            self._work(self._pause)
            self.state = "done"
        except Stopped:
            self.state = "stopped"
        except Exception as error:  # a thread's output is seen by nobody
            self.state, self.error = "failed", error
        try:
            self._changed()
        except Exception as error:  # nothing is left to show it in
            self.state, self.error = "failed", error
