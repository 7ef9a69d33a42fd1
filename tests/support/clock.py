"""A clock that the test sets."""

from app.domain.kernel.values import micros


class Clock:
    """Microseconds. Each reading is a millisecond later than the last one, so that instants keep the order of readings."""

    def __init__(self, now: str = "2026-01-15T09:00:00Z") -> None:
        self.now = micros(now)

    def __call__(self) -> int:
        self.now += 1000
        return self.now

    def set(self, now: str) -> None:
        """Sets the clock to an instant."""
        self.now = micros(now)
