"""Work in the background: it stops between two steps, goes on when asked, and only one of a process runs."""

import threading

import pytest

from hpvae_nb.lab.background import Background


@pytest.fixture
def counting():
    """Work that counts until it is stopped, from where it was; and what it showed of its states."""
    made, shown = [], []

    def work(pause):
        while len(made) < 1_000_000:
            pause(0.001)
            made.append(len(made))

    background = Background(work, lambda: shown.append(background.state))
    background.made, background.shown = made, shown
    yield background
    Background.stop_any()


def until_begun(background):
    while not background.made:
        background._thread.join(0.01)


def test_work_is_done_and_says_so():
    shown = []
    background = Background(lambda pause: pause(), lambda: shown.append(background.state))
    assert background.state == "ready"
    background.start()
    assert background.wait() == "done"
    assert shown == ["running", "done"]


def test_stopped_work_goes_on_where_it_was(counting):
    counting.start()
    until_begun(counting)
    counting.stop()
    assert counting.wait() == "stopped"
    before = len(counting.made)
    counting.start()
    counting.start()  # it runs already
    until = threading.Event()
    until.wait(0.05)
    counting.stop()
    counting.wait()
    assert counting.made == list(range(len(counting.made)))
    assert len(counting.made) > before
    assert counting.shown == ["running", "stopped"] * 2


def test_only_one_runs(counting):
    counting.start()
    until_begun(counting)
    other = Background(lambda pause: None, lambda: None)
    other.start()
    assert counting.state == "stopped"
    assert other.wait() == "done"


def test_a_long_rest_ends_when_it_is_stopped():
    background = Background(lambda pause: pause(600), lambda: None)
    background.start()
    background.stop()
    assert background.wait(5) == "stopped"


@pytest.mark.parametrize("broken", ["work", "changed"])
def test_what_goes_wrong_is_kept(broken):
    def fail(*_):
        raise KeyError("x")

    background = Background(*(fail if part == broken else lambda *_: None for part in ("work", "changed")))
    background.start()
    assert background.wait() == "failed"
    assert isinstance(background.error, KeyError)
