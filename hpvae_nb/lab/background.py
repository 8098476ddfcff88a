"""Work that goes on beside the notebook: in a thread, stopped between two steps, and gone on with later."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

PATIENCE = 60.0  # seconds to wait for a step to end
SOON = 0.2  # seconds within which a loop that has nothing else to do begins with what it is given

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
        self._loop = Loop()

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

    def show(self, action: Callable[[], Any]) -> None:
        """Call what changes widgets, from the work's thread, so that the change arrives: see `Loop`."""
        self._loop.call(action)

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


class Loop:
    """The event loop of the thread that makes this, where there is one: a kernel's, that runs cells and callbacks.

    What other threads send to a notebook is dropped by some front ends, such as Colab, which ask what cell it is an
    answer to. So it is sent from the loop, as an answer to the cell that made this.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        self._home, self._context = threading.get_ident(), contextvars.copy_context()
        self._one, self._free = threading.Lock(), True

    def call(self, action: Callable[[], Any]) -> None:
        """Call `action` on the loop, and wait for its end; here, where there is no loop or a cell keeps it busy."""
        if self._loop is None or threading.get_ident() == self._home:
            action()
            return
        with self._one:
            if not self._free or not self._on_loop(self._loop, action):
                self._context.copy().run(action)

    def _on_loop(self, loop: asyncio.AbstractEventLoop, action: Callable[[], Any]) -> bool:
        """Whether the loop took it up; what it raises is raised here."""
        taken: Future[None] = Future()

        def run() -> None:
            self._free = True
            if taken.set_running_or_notify_cancel():
                try:
                    taken.set_result(action())
                except Exception as error:
                    taken.set_exception(error)

        self._free = False
        try:
            loop.call_soon_threadsafe(run, context=self._context.copy())
            taken.result(SOON)
        except TimeoutError:
            if taken.cancel():
                return False
            taken.result()
        except RuntimeError:  # the loop is closed: its front end went away
            if not taken.done():
                return False
            raise
        return True


@contextmanager
def every(seconds: float, action: Callable[[], Any]) -> Iterator[None]:
    """Inside, call `action` again and again in another thread."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            action()

    thread = threading.Thread(target=run, name="every", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
