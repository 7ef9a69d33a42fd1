"""The worker: a loop that keeps views up to date, takes webhook messages in and appends what falls due, until it is stopped."""

import threading
from pathlib import Path
from typing import Final

from app.domain.kernel.errors import DomainError
from app.observe.logs import logger
from app.runtime import Runtime
from app.services.deadlines import DeadlineSchedule

LONGEST_PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.025
"""The pause after each round: what is appended meanwhile shares the next one. A round costs the same, however much it finds,
and takes the interpreter from the requests beside it."""


class Worker:
    """Catches views up, works the inbox off and appends what falls due. Any number of workers may run side by side.

    Takes: a runtime, and where somebody watches the process a file that is touched after each round that went well.
    """

    def __init__(self, runtime: Runtime, heartbeat: Path | None = None) -> None:
        self.runtime = runtime
        self.heartbeat = heartbeat
        self._stop = threading.Event()
        self._seen: dict[str, int] = {}
        self._deadlines = DeadlineSchedule(runtime.watcher, runtime.clock)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Runs in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks the loop to end, and waits for it."""
        self._stop.set()
        self.runtime.wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def run(self) -> None:
        """Looks for new events until it is stopped; waits while the database cannot be reached."""
        pause = self.runtime.settings.poll_seconds
        while not self._stop.is_set():
            try:
                self.once()
                if self.heartbeat is not None:
                    self.heartbeat.touch()
                pause = self.runtime.settings.poll_seconds
            except DomainError as fault:
                logger().warning("worker_waits", code=fault.code)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            except Exception as fault:  # noqa: BLE001 - the loop outlives every failure of a round
                logger().error("worker_failed", error=type(fault).__name__)
                pause = LONGEST_PAUSE_SECONDS
            self._stop.wait(PAUSE_SECONDS)
            self.runtime.wake.wait(pause)
            self.runtime.wake.clear()

    def once(self) -> int:
        """One round over all tenants. Gives: how many events were read."""
        read = 0
        for tenant_id, head in self.runtime.log.tenants().items():
            if self._seen.get(tenant_id) == head:
                continue
            try:
                read += self.runtime.projector.catch_up(tenant_id)
            except DomainError:  # the database is away, for everybody
                raise
            except Exception as fault:  # noqa: BLE001 - one tenant's broken log keeps no other waiting
                logger().error("views_stand_still", tenant_id=tenant_id, error=type(fault).__name__)
                continue
            self._seen[tenant_id] = head
            self._deadlines.notify(tenant_id)
        self.runtime.inbox.work()
        if self.runtime.settings.watchers:
            self._deadlines.run_due()
        return read
