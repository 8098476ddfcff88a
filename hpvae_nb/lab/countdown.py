"""Time left, as it is shown: it moves by itself, takes up news gently, and says when it does not know."""

import math

GENTLE = 2.0  # seconds within which most of a change of mind is shown, or the share below of what is left
SHARE = 0.05
TRUST = 10.0  # seconds that an estimate counts down while nothing new is told, or the share below of what was left
TRUSTED = 0.1


class Countdown:
    """Goes down with the time between two estimates, which may differ by a factor, and be none for a while.

    `hpvae_nb.training.clock` tells after each step what would be left if the machine stayed as fast as it is. On a busy
    machine that changes every second. Shown is an average of what the last seconds told, so it follows what lasts. It
    reads no clock: whoever asks says what time it is, in seconds.
    """

    def __init__(self) -> None:
        self._end = self._told = self._until = -math.inf  # when the work ends, what was told last, and trust in it

    def tell(self, remaining: float | None, now: float) -> None:
        """What is left by the newest estimate; None for none."""
        if remaining is None:
            return
        end = now + remaining
        if self.left(now) is None:
            self._end = end
        else:
            self._end += (end - self._end) * (1 - math.exp((self._told - now) / max(GENTLE, SHARE * remaining)))
        self._told, self._until = now, now + max(TRUST, TRUSTED * remaining)

    def left(self, now: float) -> float | None:
        """Seconds, at least 0; None if too long nothing was told."""
        return max(0.0, self._end - now) if now <= self._until else None


def about(seconds: float) -> str:
    """Time left with as many digits as are known of it, such as `8 s`, `1 min 20 s`, `2 h 5 min`."""
    step = 1 if seconds < 60 else 10 if seconds < 600 else 60
    whole = step * math.ceil(seconds / step)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" + (f" {rest} s" if rest else "")


def stopwatch(seconds: float) -> str:
    """Time so far, as a stopwatch shows it: `0:07.4`, `12:00.0`, `1:02:03.4`."""
    tenths = int(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02}" if hours else f"{minutes}") + f":{rest // 10:02}.{rest % 10}"
