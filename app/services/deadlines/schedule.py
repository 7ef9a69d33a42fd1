"""DeadlineSchedule: when a pass runs for a tenant. Shortly after an event was appended, when the tenant's day changes, and else never.

Every deadline is the beginning of a day in the tenant's zone, or an instant that a pass names, so that before it only a new event
can make something due.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple, Protocol

from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import FOREVER
from app.observe.logs import logger

PAUSE_SECONDS: Final = 1.0
"""How long no pass runs for a tenant after the last one, however much is appended."""
RETRY_SECONDS: Final = 60.0
"""After how long a pass runs again for a tenant of which something was refused."""
TENANTS_PER_TURN: Final = 20
APPENDS_PER_PASS: Final = 200
"""How much is done for a tenant before another one has its turn."""


class PassOutcome(Protocol):
    """What a pass over a tenant says about the next one."""

    @property
    def until(self) -> int:
        """When the tenant's day ends, in microseconds."""

    @property
    def more(self) -> bool:
        """Whether something was left for the next pass."""

    @property
    def refused(self) -> int:
        """How many commands were refused."""


class Watcher(Protocol):
    """What runs a pass."""

    def run_once(self, tenant_id: str, limit: int | None = None) -> PassOutcome:
        """One pass over what may be due for a tenant, of about so many appends at the most."""


class PassOutcomes(NamedTuple):
    """What the passes of several watchers say together about the next one."""

    until: int
    more: bool
    refused: int


class Watchers:
    """Several watchers as one. Takes: them."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def run_once(self, tenant_id: str, limit: int | None = None) -> PassOutcome:
        """A pass of each."""
        outcomes = [watcher.run_once(tenant_id, limit) for watcher in self._watchers]
        return PassOutcomes(
            until=min(outcome.until for outcome in outcomes),
            more=any(outcome.more for outcome in outcomes),
            refused=sum(outcome.refused for outcome in outcomes),
        )


class DeadlineSchedule:
    """Runs passes when they are due, tenant by tenant; who has more to do than a pass may do stands behind all others again.

    Takes: the watcher, and a clock of microseconds; pauses are timed by the machine's own. `notify` may come from another thread.
    """

    def __init__(self, watcher: Watcher, clock: Callable[[], int]) -> None:
        self._watcher = watcher
        self._clock = clock
        self._next_pass: dict[str, float] = {}
        self._last_pass: dict[str, float] = {}
        self._day_ends: dict[str, int] = {}
        self._first_day_end = FOREVER
        self._lock = threading.Lock()

    def notify(self, tenant_id: str) -> None:
        """Something new was appended, and views have read it."""
        self._plan(tenant_id, self._last_pass.get(tenant_id, -PAUSE_SECONDS) + PAUSE_SECONDS)

    def run_due(self) -> None:
        """Runs the passes that are due. Raises: a DomainError when none could run, as when the database is away."""
        now = self._clock()
        if now >= self._first_day_end:
            for tenant_id, day_end in self._day_ends.items():
                if now >= day_end:
                    self.notify(tenant_id)
            self._first_day_end = FOREVER  # until the passes that follow know better
            self._first_day_end = min((end for end in self._day_ends.values() if end > now), default=FOREVER)
        if not self._next_pass:
            return
        moment, refusal, well = monotonic(), None, False
        with self._lock:
            turn = [tenant_id for tenant_id, at in self._next_pass.items() if at <= moment][:TENANTS_PER_TURN]
            for tenant_id in turn:
                del self._next_pass[tenant_id]
        for tenant_id in turn:
            try:
                self._run(tenant_id)
                well = True
            except DomainError as fault:  # perhaps only this tenant's ledger is held
                logger().warning("watcher_waits", tenant_id=tenant_id, code=fault.code)
                refusal = fault
        if refusal is not None and not well:
            raise refusal

    def _run(self, tenant_id: str) -> None:
        began = monotonic()
        try:
            outcome = self._watcher.run_once(tenant_id, APPENDS_PER_PASS)
        except DomainError:  # who waited long gives way to the others for longer
            moment = monotonic()
            self._plan(tenant_id, moment + max(PAUSE_SECONDS, 2 * (moment - began)))
            raise
        except Exception as fault:  # noqa: BLE001 - one tenant's trouble does not hold up the others
            logger().error("watcher_failed", tenant_id=tenant_id, error=type(fault).__name__)
            self._plan(tenant_id, monotonic() + RETRY_SECONDS)
            return
        self._last_pass[tenant_id] = moment = monotonic()
        self._day_ends[tenant_id] = outcome.until
        self._first_day_end = min(self._first_day_end, outcome.until)
        if outcome.more:
            self._plan(tenant_id, moment)
        elif outcome.refused:
            self._plan(tenant_id, moment + RETRY_SECONDS)

    def _plan(self, tenant_id: str, at: float) -> None:
        with self._lock:
            self._next_pass[tenant_id] = min(at, self._next_pass.get(tenant_id, at))
