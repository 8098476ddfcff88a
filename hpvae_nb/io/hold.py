"""One writer a folder: two trainings in one folder at once would write over each other's files."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from hpvae_nb.errors import InputError

LOCK = ".lock"


class Hold:
    """Inside `with Hold(folder):`, nobody else is, in this process or another; who was killed holds nothing any more.

    A loop over events that broke off, without closing them, still holds its folder. The next hold of the same thread,
    or of any once that thread has ended, takes it over.

    Attributes:
        lost: whether it was taken over, so that nothing may be written any more.

    Raises:
        InputError: on entering, when somebody else holds the folder.
    """

    _here: dict[Path, Hold] = {}  # noqa: RUF012  (the holds of this process)

    def __init__(self, folder: Path) -> None:
        self.folder, self.lost = folder.resolve(), False
        self._lock = FileLock(self.folder / LOCK, timeout=0, thread_local=False)

    def __enter__(self) -> Hold:
        self._thread = threading.current_thread()
        what = f"{self.folder} is being written to by another training or sweep"
        refused = InputError(f"{what}: wait for its end or stop it, or choose another folder")
        if left := Hold._here.get(self.folder):
            if left._thread is not self._thread and left._thread.is_alive():
                raise refused
            left.lost = True
            left._lock.release()
        try:
            self._lock.acquire()
        except Timeout:
            raise refused from None
        except (OSError, NotImplementedError):
            pass  # no lock can be had here, as on some shared drives; what cannot be written says so itself
        Hold._here[self.folder] = self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self.lost:
            del Hold._here[self.folder]
            self._lock.release()
