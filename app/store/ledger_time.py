"""LedgerTime: when the next event of a ledger is recorded. What only rises must not rise too far: it would stay there."""

from collections.abc import Callable
from typing import Final

from app.domain.kernel.errors import Unavailable

HOUR: Final = 3_600_000_000
AHEAD_OF_LEDGER: Final = 31 * 24 * HOUR
"""Microseconds after which a ledger that grows would have grown."""
AHEAD_OF_SECOND: Final = 24 * HOUR
"""Microseconds by which two sound clocks never differ."""

Clock = Callable[[], int]


class LedgerTime:
    """Gives the time of an append: never before the last one, and never far ahead of the ledger and of a second clock both.

    Takes: the clock; a second one that nobody sets, which counts from anywhere; the time when both were first read, by the database's clock
    where it has one. All in microseconds.
    """

    def __init__(self, clock: Clock, second: Clock, began: int) -> None:
        self._clock = clock
        self._second = second
        self._offset = began - second()

    def after(self, recorded_at: int) -> int:
        """When an event is recorded that comes after one of this time. Raises: Unavailable where the clock cannot be right."""
        now = self._clock()
        if now - recorded_at > AHEAD_OF_LEDGER and now - self._second() - self._offset > AHEAD_OF_SECOND:
            raise Unavailable(
                "clock_ahead", "this server's clock is far ahead; set it right, then restart the server", retry_after=60
            )
        return max(now, recorded_at)


def unguarded(clock: Clock) -> Callable[[int], int]:
    """The same for a clock that is believed: that of a test, or of a history that is played day by day."""
    return lambda recorded_at: max(clock(), recorded_at)
