"""Time left as it is shown: it moves by itself, jumps nowhere, and soon follows what lasts."""

import random
from itertools import pairwise

import pytest

from hpvae_nb.lab.countdown import GENTLE, TRUST, Countdown, about, stopwatch

TICK = 0.4


def shown(told, seconds):
    """What is shown every tick, while `told(now)` is told eight times as often."""
    countdown, found = Countdown(), []
    for k in range(round(8 * seconds / TICK)):
        now = k * TICK / 8
        countdown.tell(told(now), now)
        if k % 8 == 7:
            found.append((now, countdown.left(now)))
    return found


def test_what_is_told_rightly_is_shown_as_it_is():
    assert all(left == pytest.approx(60 - now) for now, left in shown(lambda now: 60 - now, 50))


def test_it_moves_while_nothing_is_told():
    countdown = Countdown()
    countdown.tell(30.0, now=100.0)
    assert [countdown.left(now) for now in (100.0, 100.5, 105.0)] == [30.0, 29.5, 25.0]


def test_nothing_is_shown_before_it_is_known_or_long_after_it_was():
    countdown = Countdown()
    countdown.tell(None, now=0.0)
    assert countdown.left(0.0) is None
    countdown.tell(30.0, now=1.0)
    countdown.tell(None, now=1.0 + TRUST)
    assert countdown.left(1.0 + TRUST) == 30.0 - TRUST
    assert countdown.left(1.1 + TRUST) is None
    countdown.tell(90.0, now=2.0 + TRUST)
    assert countdown.left(2.0 + TRUST) == 90.0, "after a silence, news are believed at once"


def test_it_never_falls_below_nothing():
    countdown = Countdown()
    countdown.tell(1.0, now=0.0)
    assert countdown.left(5.0) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_estimates_that_jump_are_shown_calmly_and_without_bias(seed):
    draw = random.Random(seed)
    told, found = [], []
    for now, left in shown(lambda now: told.append((120 - now) * draw.choice([1 / 1.3, 1, 1.3])) or told[-1], 60):
        found.append(left)
        assert left == pytest.approx(120 - now, rel=0.3)
    moves = [abs(b - a) / a for a, b in pairwise(found[5:])]
    jumps = [abs(b - a) / a for a, b in pairwise(told)]
    assert max(moves) < max(jumps) / 3


@pytest.mark.parametrize("factor", [5.0, 1 / 5])
def test_a_change_that_lasts_is_followed_within_seconds(factor):
    def told(now):
        return 40.0 - now if now < 10 else (40.0 - now) * factor

    right = [now for now, left in shown(told, 30) if now > 10 and 1 / 1.3 < left / told(now) < 1.3]
    assert right[0] < 10 + 4 * max(GENTLE, 0.05 * 30 * factor)


def test_numbers_have_no_more_digits_than_are_known():
    seconds = [0, 0.2, 8, 59.5, 61, 150, 599, 601, 3601, 9000]
    words = ["0 s", "1 s", "8 s", "1 min", "1 min 10 s", "2 min 30 s", "10 min", "11 min", "1 h 1 min", "2 h 30 min"]
    assert [about(value) for value in seconds] == words
    assert [stopwatch(value) for value in (0, 7.46, 720, 3723.4)] == ["0:00.0", "0:07.4", "12:00.0", "1:02:03.4"]
