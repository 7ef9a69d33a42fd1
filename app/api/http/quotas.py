"""Quotas: how much of something each of many may have in a time. What was taken comes back steadily.

Source: ITU-T I.371 annex A (GCRA): all that is remembered of one is when it will have everything again.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

MOST_REMEMBERED: Final = 20_000
"""How many that have taken something are remembered. Where there are more, those that came first are as if they had taken nothing."""
NOTED_SECONDS: Final = 60
NEARLY: Final = 0.001
"""Of one of it: what is so near to a whole one is one, for moments are sums of many parts."""


class Quota:
    """So much in so many seconds for each. Takes: its name, both numbers, the unit where it is not requests, a clock of seconds."""

    def __init__(
        self,
        name: str,
        amount: int,
        seconds: int,
        *,
        unit: str = "requests",
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.name = name
        self.amount = amount
        kind = "" if unit == "requests" else f';qu="{unit}"'
        self.policy = f'"{name}";q={amount}{kind};w={seconds}'
        """As a header says it."""
        self.pause = max(1, -(-seconds // amount))
        """After how many seconds there is more."""
        self._clock = clock
        self._seconds = seconds
        self._each = seconds / amount
        self._full_at: dict[str, float] = {}
        self._overdrawn: set[str] = set()
        self._noted: dict[str, float] = {}

    def left(self, key: str) -> int:
        """How much is left; below 0 where more was taken than there was."""
        return self._whole(max(self._full_at.get(key, 0) - self._clock(), 0))

    def take(self, key: str, count: int = 1) -> int:
        """Takes so much, whether it is there or not. Gives: how much is left."""
        now = self._clock()
        full_at = self._full_at.get(key, 0)
        if full_at < now:
            if len(self._full_at) >= MOST_REMEMBERED:
                self._forget(now)
            full_at = now
        self._full_at[key] = full_at = full_at + count * self._each
        left = self._whole(full_at - now)
        if left < 0:
            self._overdrawn.add(key)
        return left

    def give_back(self, key: str) -> None:
        """Undoes the taking of one."""
        if key in self._full_at:
            self._full_at[key] -= self._each

    def is_overdrawn(self, key: str) -> bool:
        """Whether more was taken than there was, and has not come back yet."""
        if key not in self._overdrawn:
            return False
        overdrawn = self.left(key) < 0
        if not overdrawn:
            self._overdrawn.discard(key)
        return overdrawn

    def wait(self, key: str, count: int = 1) -> int:
        """In how many whole seconds so much will be left, at least 1."""
        missing = self._full_at.get(key, 0) - self._clock() + count * self._each - self._seconds
        return max(1, -int(-missing // 1))

    def first(self, key: str) -> bool:
        """Whether this was not asked within a minute: a log has a line then, and not thousands."""
        now = self._clock()
        if now < self._noted.get(key, now):
            return False
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[key] = now + NOTED_SECONDS
        return True

    def _whole(self, missing: float) -> int:
        """How many of it the time is worth that is left when this much is missing."""
        return int(((self._seconds - missing) / self._each + NEARLY) // 1)

    def _forget(self, now: float) -> None:
        """Forgets who has everything again; where that is nobody, the half that came first."""
        self._full_at = {key: full_at for key, full_at in list(self._full_at.items()) if full_at > now}
        if len(self._full_at) >= MOST_REMEMBERED:
            self._full_at = dict(list(self._full_at.items())[MOST_REMEMBERED // 2 :])
