"""Work in the background: it stops between two steps, goes on when asked, and only one of a process runs."""

import asyncio
import contextvars
import threading
import time

import pytest

from hpvae_nb.lab.background import Background, Loop, every


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


CELL = contextvars.ContextVar("cell")


def from_a_thread(loop, count=1):
    """Let another thread call `loop` some times; the thread, and where each call was made: the thread and the cell."""
    made = []
    calls = [lambda: made.append((threading.get_ident(), CELL.get(None)))] * count
    thread = threading.Thread(target=lambda: [loop.call(call) for call in calls])
    thread.start()
    return thread, made


def test_what_is_shown_goes_by_the_loop_as_an_answer_to_its_cell():
    async def kernel():
        CELL.set("the cell that made it")
        loop = Loop()
        CELL.set("another cell")
        thread, made = from_a_thread(loop, 3)
        while thread.is_alive():
            await asyncio.sleep(0.01)
        return made

    assert asyncio.run(kernel()) == [(threading.get_ident(), "the cell that made it")] * 3


def test_while_a_cell_runs_it_is_shown_all_the_same_and_once():
    async def kernel():
        CELL.set("the cell that made it")
        thread, made = from_a_thread(Loop(), 10)
        thread.join()  # as a cell that does not let go
        during = list(made)
        await asyncio.sleep(0.1)
        assert made == during, "nothing is called twice"
        return thread.ident, made

    ident, made = asyncio.run(kernel())
    assert made == [(ident, "the cell that made it")] * 10


def test_after_the_cell_it_goes_by_the_loop_again():
    async def kernel():
        loop = Loop()
        from_a_thread(loop)[0].join()
        await asyncio.sleep(0.1)
        thread, made = from_a_thread(loop)
        while thread.is_alive():
            await asyncio.sleep(0.01)
        return made

    assert asyncio.run(kernel())[0][0] == threading.get_ident()


@pytest.mark.parametrize("closed", [True, False])
def test_without_a_loop_it_is_called_where_it_is(closed):
    async def kernel():
        return Loop()

    thread, made = from_a_thread(asyncio.run(kernel()) if closed else Loop())
    thread.join()
    assert made == [(thread.ident, None)]


def test_what_goes_wrong_on_the_loop_reaches_the_work():
    async def kernel():
        background = Background(lambda pause: background.show(lambda: 1 / 0), lambda: None)
        background.start()
        while background.state in ("ready", "running"):
            await asyncio.sleep(0.01)
        return background

    assert isinstance(asyncio.run(kernel()).error, ZeroDivisionError)


def test_a_clock_ticks_until_the_end():
    ticks = []
    with every(0.01, lambda: ticks.append(1)):
        while len(ticks) < 3:
            time.sleep(0.01)
    there = len(ticks)
    time.sleep(0.05)
    assert len(ticks) == there
