"""A clock that goes when it is told to."""

from app.domain.kernel.values import micros


class Clock:
    """Gives microseconds; each reading is a millisecond later than the last, so that order shows."""

    def __init__(self, now: str = "2026-01-15T09:00:00Z") -> None:
        self.now = micros(now)

    def __call__(self) -> int:
        self.now += 1000
        return self.now

    def set(self, now: str) -> None:
        """Moves to an instant."""
        self.now = micros(now)
