"""DeadlineSchedule: when a tenant is looked at. Shortly after something happened, when its day changes, and else never.

Every deadline is the beginning of a day in the tenant's zone, so that between two midnights only a new event can make
something due.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import FOREVER
from app.observe.logs import logger

REST_SECONDS: Final = 1.0
"""How long a tenant is left alone after it was looked at, however much happens."""
RETRY_SECONDS: Final = 60.0
"""How long what was refused is left alone."""
MOST_TENANTS: Final = 20
MOST_APPENDS: Final = 200
"""How much is done in one turn, so that views, which wait for it, are not kept long."""


class Seen(Protocol):
    """What a look at a tenant tells about the next one."""

    @property
    def until(self) -> int:
        """When its day ends, in microseconds."""

    @property
    def more(self) -> bool:
        """Whether something was left for the next turn."""

    @property
    def refused(self) -> int:
        """How many were refused."""


class Watcher(Protocol):
    """Who looks."""

    def look(self, tenant_id: str, most: int | None = None) -> Seen:
        """One pass over what may be due for a tenant, of at most so many appends."""


class DeadlineSchedule:
    """Says when to look. Takes: who looks, and a clock of microseconds; pauses are timed by the machine's own."""

    def __init__(self, watcher: Watcher, clock: Callable[[], int]) -> None:
        self._watcher = watcher
        self._clock = clock
        self._wanted: dict[str, float] = {}
        self._looked: dict[str, float] = {}
        self._until: dict[str, int] = {}
        self._soonest = FOREVER

    def heard(self, tenant_id: str) -> None:
        """Something new has happened, and views have read it."""
        self._want(tenant_id, self._looked.get(tenant_id, -REST_SECONDS) + REST_SECONDS)

    def work(self) -> None:
        """Looks where it is time. Raises: a DomainError when the database is away."""
        now = self._clock()
        if now >= self._soonest:
            for tenant_id, until in self._until.items():
                if now >= until:
                    self.heard(tenant_id)
            self._soonest = FOREVER  # until the looks that follow say better
            self._soonest = min((until for until in self._until.values() if until > now), default=FOREVER)
        if not self._wanted:
            return
        moment = monotonic()
        turn = [tenant_id for tenant_id, at in self._wanted.items() if at <= moment][:MOST_TENANTS]
        for tenant_id in turn:
            self._look(tenant_id)

    def _look(self, tenant_id: str) -> None:
        del self._wanted[tenant_id]
        try:
            seen = self._watcher.look(tenant_id, MOST_APPENDS)
        except DomainError:  # the database is away, for everybody
            self._want(tenant_id, monotonic() + REST_SECONDS)
            raise
        except Exception as fault:  # noqa: BLE001 - one tenant's trouble keeps no other waiting
            logger().error("watcher_failed", tenant_id=tenant_id, error=type(fault).__name__)
            self._want(tenant_id, monotonic() + RETRY_SECONDS)
            return
        self._looked[tenant_id] = moment = monotonic()
        self._until[tenant_id] = seen.until
        self._soonest = min(self._soonest, seen.until)
        if seen.more:
            self._want(tenant_id, moment)
        elif seen.refused:
            self._want(tenant_id, moment + RETRY_SECONDS)

    def _want(self, tenant_id: str, at: float) -> None:
        self._wanted[tenant_id] = min(at, self._wanted.get(tenant_id, at))
