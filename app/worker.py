"""The worker: three loops, which keep views up to date, take webhook messages in and append what falls due, until they are stopped."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

from app.domain.kernel.errors import DomainError
from app.observe.logs import logger
from app.runtime import Runtime
from app.services.deadlines import DeadlineSchedule, Watchers
from app.store.intact import DAMAGED
from app.webhooks.inbound.inbox import MESSAGES_PER_TURN

LONGEST_PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.025
"""The pause after each round that left nothing: what is appended meanwhile shares the next one. A round costs the same, however much
it finds, and takes the interpreter from the requests beside it."""
BEHIND_SECONDS: Final = 60
"""After how long views that have not arrived are behind: there is too much for the workers, or something holds them."""
FORGET_SECONDS: Final = 3600
"""How often old records of reads are looked for."""
DAY: Final = 86_400_000_000
REST_SECONDS: Final = 1.0
"""How long a tenant whose views could not be updated has no turn, at least."""


class Worker:
    """Catches views up, works the inbox off and appends what falls due. Any number of workers may run side by side.

    Each of the three has a loop of its own, so that none waits for another: an append may have to wait for its tenant's ledger, a
    view never does. In each, tenants take turns that are bounded, however much one of them has to do.

    Takes: a runtime, and where somebody watches the process a file that is touched after each round of the views that went well.
    """

    def __init__(self, runtime: Runtime, heartbeat: Path | None = None) -> None:
        self.runtime = runtime
        self.heartbeat = heartbeat
        self._stop = threading.Event()
        self._seen: dict[str, int] = {}
        """By tenant, which head all views have read."""
        self._aims: dict[str, int] = {}
        """By tenant, the head that its views are on their way to: fixed, so that they arrive however much is appended."""
        self._deadlines = DeadlineSchedule(Watchers(runtime.watcher, runtime.expiries), runtime.clock)
        self._behind_since: dict[str, float] = {}
        """By tenant, since when its views are on their way."""
        self._rests: dict[str, float] = {}
        """By tenant, until when it has no turn."""
        self._looks_at = monotonic() + REST_SECONDS
        self._forgets_at = monotonic()
        self._threads: list[threading.Thread] = []
        self._runs_in: int | None = None

    def start(self) -> None:
        """Runs in threads of its own."""
        self._start(self.run)

    def stop(self) -> None:
        """Asks the loops to end, and waits for those in threads of their own. A signal may call it in the midst of `run`."""
        self._stop.set()
        for wake in (self.runtime.wake, self.runtime.inbox.wake):
            wake.set()
        if self._runs_in != threading.get_ident():  # what `run` was doing may be what the others wait for
            self._join()

    def run(self) -> None:
        """Works until it is stopped; waits while the database cannot be reached."""
        self._runs_in = threading.get_ident()
        self._start(lambda: self._repeat(self.take_messages, self.runtime.inbox.wake))
        if self.runtime.settings.watchers:
            self._start(lambda: self._repeat(self.append_what_is_due, threading.Event()))
        self._repeat(self._watched_round, self.runtime.wake)
        self._join()

    def once(self) -> None:
        """One round of each loop, one after the other."""
        self.update_views()
        self.take_messages()
        if self.runtime.settings.watchers:
            self.append_what_is_due()

    # --- the rounds ---

    def update_views(self) -> bool:
        """A turn of every tenant's views, those with the least to read first. Gives: whether some have more to read.

        Raises: a DomainError when the database is away.
        """
        more, well, refusal = False, False, None
        for tenant_id, head in self._with_news():
            if self._stop.is_set():
                break
            aim, began = self._aims.setdefault(tenant_id, head), monotonic()
            self._behind_since.setdefault(tenant_id, began)
            try:
                arrived = not self.runtime.projector.turn(tenant_id, aim).more
            except DomainError as fault:  # perhaps only this tenant's rows are held
                logger().warning("views_wait", tenant_id=tenant_id, code=fault.code)
                self.runtime.health.failed(tenant_id, fault)
                if fault.code == DAMAGED:
                    self.runtime.alarms.begin(DAMAGED, tenant_id=tenant_id, **fault.members)
                self._rest(tenant_id, began)
                refusal = fault
                self.runtime.log.heads()  # raises where the database is away, for everybody
                continue
            except Exception as fault:  # noqa: BLE001 - one tenant's broken log keeps no other waiting
                logger().error("views_stand_still", tenant_id=tenant_id, error=type(fault).__name__)
                self._rest(tenant_id, began)
                continue
            well = True
            if arrived:
                self._seen[tenant_id] = self._aims.pop(tenant_id)
                self._behind_since.pop(tenant_id, None)
                self._deadlines.notify(tenant_id)
            more = more or not arrived
        self._watch_over_lag()
        if refusal is not None and not well:
            raise refusal
        self._look_again()
        return more

    def _look_again(self) -> None:
        """Now and then one tenant has a turn though nothing is new: its views may have been put back, or put right."""
        if monotonic() < self._looks_at or not self._seen:
            return
        self._looks_at = monotonic() + REST_SECONDS
        tenant_id = next(iter(self._seen))
        head = self._seen.pop(tenant_id)
        if not self.runtime.projector.turn(tenant_id, head).more:
            self._seen[tenant_id] = head  # behind all others

    def _watch_over_lag(self) -> None:
        """An alarm where a tenant's views have not arrived at the head of their aim for too long."""
        late = [who for who, since in self._behind_since.items() if monotonic() - since > BEHIND_SECONDS]
        if late:
            self.runtime.alarms.begin("views_behind", tenant_id=late[0], count=len(late))
        else:
            self.runtime.alarms.end("views_behind")

    def take_messages(self) -> bool:
        """A turn of the inbox. Gives: whether messages are left."""
        return self.runtime.inbox.work() >= MESSAGES_PER_TURN

    def append_what_is_due(self) -> bool:
        """A turn of the watchers. Gives: False, for what is left is planned. Raises: a DomainError when the database is away."""
        for tenant_id in [*self._seen]:
            self.runtime.people.run_once(tenant_id)
        self._deadlines.run_due()
        self._forget_old_reads()
        return False

    def _forget_old_reads(self) -> None:
        """Now and then removes from the read log what is older than it is kept."""
        if monotonic() < self._forgets_at:
            return
        self._forgets_at = monotonic() + FORGET_SECONDS
        before = self.runtime.clock() - self.runtime.settings.read_log_days * DAY
        for tenant_id in self.runtime.log.heads().known:
            try:
                self.runtime.read_log.forget(tenant_id, before)
            except DomainError as fault:  # perhaps only this tenant's rows are away
                logger().warning("reads_kept", tenant_id=tenant_id, code=fault.code)

    def _with_news(self) -> list[tuple[str, int]]:
        """The tenants whose views may have something to read, with their heads, those with the least first."""
        heads, now = self.runtime.log.heads().known, monotonic()
        news = {
            tenant_id: head - self._seen.get(tenant_id, 0)
            for tenant_id, head in heads.items()
            if self._seen.get(tenant_id) != head and self._rests.get(tenant_id, now) <= now
        }
        return [(tenant_id, heads[tenant_id]) for tenant_id in sorted(news, key=news.__getitem__)]

    def _rest(self, tenant_id: str, began: float) -> None:
        """Gives a tenant no turn for a while, for longer where it has waited for long."""
        moment = monotonic()
        self._rests[tenant_id] = moment + max(REST_SECONDS, 2 * (moment - began))

    # --- the loops ---

    def _watched_round(self) -> bool:
        self.runtime.look()
        more = self.update_views()
        if self.heartbeat is not None:
            self.heartbeat.touch()
        return more

    def _repeat(self, once: Callable[[], bool], wake: threading.Event) -> None:
        """Rounds until the worker is stopped, without a pause while they leave something."""
        pause = self.runtime.settings.poll_seconds
        while not self._stop.is_set():
            try:
                more = once()
                pause = self.runtime.settings.poll_seconds
            except DomainError as fault:
                logger().warning("worker_waits", code=fault.code)
                more, pause = False, min(pause * 2, LONGEST_PAUSE_SECONDS)
            except Exception as fault:  # noqa: BLE001 - the loop outlives every failure of a round
                logger().error("worker_failed", error=type(fault).__name__)
                more, pause = False, LONGEST_PAUSE_SECONDS
            if not more:
                self._stop.wait(PAUSE_SECONDS)
                wake.wait(pause)
            wake.clear()

    def _start(self, loop: Callable[[], None]) -> None:
        thread = threading.Thread(target=loop, name="worker", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _join(self) -> None:
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=30)
