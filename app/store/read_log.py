"""The read log: who has read what of persons, what was exported, and what auditors have read.

A record is on disk before its answer leaves: those that wait together share a transaction, so that it costs each the wait for the disk and
not a disk's turn of its own. What cannot be recorded is not answered.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, Full, Queue
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from app.domain.kernel.errors import Unavailable
from app.store.engine import Database
from app.store.tables import reads

MOST_WAITING: Final = 1024
MOST_TOGETHER: Final = 256
MOST_FORGOTTEN: Final = 5000
"""How many old records are removed in one transaction."""


class Read(NamedTuple):
    """A read. read_at: microseconds. kind: personal, export or auditor. texts: how many sealed texts it showed."""

    read_id: str
    read_at: int
    actor: str
    on_behalf_of: str | None
    client: str | None
    run: str | None
    operation: str
    target: str
    query: str
    kind: str
    texts: int
    reason: str | None


class _Waiting(NamedTuple):
    tenant_id: str
    read: Read
    recorded: "Future[None]"


class ReadLog:
    """Records reads, and shows them. Takes: the database; what is done when something could not be written."""

    def __init__(
        self, database: Database, failed: Callable[[str, Exception], None] = lambda _tenant, _fault: None
    ) -> None:
        self._database = database
        self._failed = failed
        self._queue: Queue[_Waiting | None] = Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def record(self, tenant_id: str, read: Read) -> "Future[None]":
        """Records a read. Gives: a future that is done once it is on disk. Raises: Unavailable where too many wait."""
        waiting = _Waiting(tenant_id, read, Future())
        with self._lock:
            if self._closed:
                raise Unavailable("read_log_full", "the server is ending", retry_after=1)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="read-log", daemon=True)
                self._thread.start()
            try:
                self._queue.put_nowait(waiting)
            except Full as error:
                raise Unavailable(
                    "read_log_full", "too many reads wait to be recorded; try again", retry_after=1
                ) from error
        return waiting.recorded

    def close(self) -> None:
        """Records what waits, and takes no more."""
        with self._lock:
            self._closed, thread = True, self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(timeout=30)

    def page(
        self,
        tenant_id: str,
        *,
        conditions: dict[str, Sequence[str]],
        since: int | None,
        until: int | None,
        before: str | None,
        limit: int,
    ) -> list[Read]:
        """The reads of a tenant, the newest first. Takes: values by column; instants; the id of the last one of the page before."""
        query = select(*(reads.c[name] for name in Read._fields)).where(reads.c.tenant_id == tenant_id)
        for name, values in conditions.items():
            query = query.where(reads.c[name].in_(values))
        if since is not None:
            query = query.where(reads.c.read_at >= since)
        if until is not None:
            query = query.where(reads.c.read_at < until)
        if before is not None:
            query = query.where(reads.c.read_id < before)
        with self._database.read(tenant_id) as connection:
            return [Read(*row) for row in connection.execute(query.order_by(reads.c.read_id.desc()).limit(limit))]

    def forget(self, tenant_id: str, before: int) -> int:
        """Removes records of a tenant from before an instant, some at a time. Gives: how many."""
        old = select(reads.c.read_id).where(reads.c.tenant_id == tenant_id, reads.c.read_at < before)
        gone = delete(reads).where(reads.c.tenant_id == tenant_id, reads.c.read_id == bindparam("gone"))
        removed = 0
        while True:
            with self._database.write(tenant_id) as connection:
                names = list(connection.scalars(old.order_by(reads.c.read_at).limit(MOST_FORGOTTEN)))
                if names:
                    connection.execute(gone, [{"gone": name} for name in names])
            removed += len(names)
            if len(names) < MOST_FORGOTTEN:
                return removed

    def _work(self) -> None:
        """Writes what waits, until the end is among it."""
        while (waiting := self._queue.get()) is not None:
            batch: dict[str, list[_Waiting]] = defaultdict(list)
            batch[waiting.tenant_id].append(waiting)
            ends = False
            for _ in range(MOST_TOGETHER - 1):
                try:
                    following = self._queue.get_nowait()
                except Empty:
                    break
                if following is None:
                    ends = True
                    break
                batch[following.tenant_id].append(following)
            for tenant_id, together in batch.items():
                self._write(tenant_id, together)
            if ends:
                return

    def _write(self, tenant_id: str, together: list[_Waiting]) -> None:
        rows = [{"tenant_id": tenant_id, **waiting.read._asdict()} for waiting in together]
        try:
            with self._database.write(tenant_id) as connection:
                connection.execute(insert(reads), rows)
        except Exception as fault:  # noqa: BLE001 - whoever waits learns of it; the next ones are tried all the same
            self._failed(tenant_id, fault)
            for waiting in together:
                waiting.recorded.set_exception(fault)
            return
        for waiting in together:
            waiting.recorded.set_result(None)
