"""Group commit: the commands that are waiting share one transaction, and each gets its own answer."""

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from app.domain.errors import Unavailable
from app.store.append import Append, Outcome

Answer = Future[list[Outcome]]


@dataclass
class _Waiting:
    appends: Sequence[Append]
    answer: Answer = field(default_factory=Future)


class Committer:
    """One thread that appends what is waiting.

    Takes: `append(tenant_id, appends)`, a bound on the waiting submissions, a bound on the commands in a transaction.
    Latency at low load is one transaction: nobody waits for company.
    """

    def __init__(
        self,
        append: Callable[[str, Sequence[Append]], list[Outcome]],
        *,
        waiting: int = 1024,
        batch: int = 256,
        on_commit: Callable[[str], None] = lambda _tenant: None,
    ) -> None:
        self._append = append
        self._batch = batch
        self._on_commit = on_commit
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(maxsize=waiting)
        self._thread: threading.Thread | None = None
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, appends: Sequence[Append]) -> Answer:
        """Queues commands that stay together, in order; the answer holds an outcome for each.

        Raises: Unavailable when too many are waiting already.
        """
        waiting = _Waiting(appends)
        if not appends:
            waiting.answer.set_result([])
            return waiting.answer
        with self._lock:
            if self._closed:
                raise Unavailable("shutting_down", "the server is stopping; try again")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self._thread.start()
            try:
                self._queue.put_nowait(waiting)
            except queue.Full:
                raise Unavailable("queue_full", "too many writes are waiting; try again", retry_after=1) from None
        return waiting.answer

    def close(self) -> None:
        """Appends what is waiting, then stops."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            taken, last = self._gather(first)
            by_tenant: dict[str, list[_Waiting]] = defaultdict(list)
            for waiting in taken:
                # Who gave up before its turn is dropped; from here on nobody can, so that each answer finds its waiter.
                if waiting.answer.set_running_or_notify_cancel():
                    by_tenant[waiting.appends[0].tenant_id].append(waiting)
            for tenant_id, group in by_tenant.items():
                self._commit(tenant_id, group)
            if last:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        taken, count = [first], len(first.appends)
        while count < self._batch:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return taken, True
            taken.append(waiting)
            count += len(waiting.appends)
        return taken, False

    def _commit(self, tenant_id: str, group: list[_Waiting]) -> None:
        """One transaction for a group; after a failure each half by itself, until only the guilty one fails.

        A database that is away is nobody's fault: then all of them are told at once.
        """
        appends = [append for waiting in group for append in waiting.appends]
        try:
            outcomes = self._attempt(tenant_id, appends)
        except Unavailable as failure:
            for waiting in group:
                waiting.answer.set_exception(failure)
            return
        except Exception as failure:  # noqa: BLE001 - whatever it is, somebody waits for an answer
            if len(group) > 1:
                middle = len(group) // 2
                self._commit(tenant_id, group[:middle])
                self._commit(tenant_id, group[middle:])
                return
            group[0].answer.set_exception(failure)
            return
        self._on_commit(tenant_id)
        at = 0
        for waiting in group:
            waiting.answer.set_result(outcomes[at : at + len(waiting.appends)])
            at += len(waiting.appends)

    def _attempt(self, tenant_id: str, appends: Sequence[Append]) -> list[Outcome]:
        """Appends; where the database could not say whether it did, once more.

        That is safe even when the first COMMIT was done and only its reply lost: the receipts tell.
        """
        try:
            return self._append(tenant_id, appends)
        except Unavailable:
            return self._append(tenant_id, appends)
