"""Group commit: the commands that are waiting share one transaction, and each gets its own answer."""

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from app.domain.kernel.errors import Unavailable
from app.store.append import AppendRequest, Outcome
from app.store.batch import looked_up_again

Answer = Future[list[Outcome]]
Soon = asyncio.Future[list[Outcome]]


@dataclass(slots=True)
class _Waiting:
    """Commands that stay together, and who waits for them: a thread, or a coroutine of a loop."""

    appends: Sequence[AppendRequest]
    answer: Answer | Soon

    def stays(self) -> bool:
        """Whether somebody still waits. From here on a thread cannot give up, so that each answer finds its waiter."""
        if isinstance(self.answer, asyncio.Future):
            return not self.answer.cancelled()
        return self.answer.set_running_or_notify_cancel()

    def tell(self, told: list[Outcome] | BaseException) -> None:
        """Answers. A coroutine may have given up meanwhile."""
        if isinstance(self.answer, asyncio.Future) and self.answer.done():
            return
        if isinstance(told, BaseException):
            self.answer.set_exception(told)
        else:
            self.answer.set_result(told)


_Told = tuple[_Waiting, list[Outcome] | BaseException]


class Committer:
    """One thread that appends what is waiting.

    Takes: `append(tenant_id, appends)`, a bound on the waiting submissions, a bound on the commands in a transaction.
    Latency at low load is one transaction: nobody waits for company.
    """

    def __init__(
        self,
        append: Callable[[str, Sequence[AppendRequest]], list[Outcome]],
        *,
        waiting: int = 1024,
        batch: int = 256,
        on_commit: Callable[[str], None] = lambda _tenant: None,
    ) -> None:
        self._append = append
        self._batch = batch
        self._on_commit = on_commit
        self._most_waiting = waiting
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, appends: Sequence[AppendRequest]) -> Answer:
        """Queues commands that stay together, in order; the answer holds an outcome for each.

        Raises: Unavailable when too many are waiting already.
        """
        answer: Answer = Future()
        self._put(_Waiting(appends, answer))
        return answer

    def submit_async(self, appends: Sequence[AppendRequest]) -> Soon:
        """The same for a coroutine, which awaits the answer: all answers of a batch reach their loop in one call.

        Raises: Unavailable when too many are waiting already.
        """
        answer: Soon = asyncio.get_running_loop().create_future()
        self._put(_Waiting(appends, answer))
        return answer

    def _put(self, waiting: _Waiting) -> None:
        if not waiting.appends:
            waiting.tell([])
            return
        with self._lock:
            if self._closed:
                raise Unavailable("shutting_down", "the server is stopping; try again")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self._thread.start()
            if self._queue.qsize() >= self._most_waiting:
                raise Unavailable("queue_full", "too many writes are waiting; try again", retry_after=1)
            self._queue.put(waiting)

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
                if waiting.stays():  # who gave up before its turn is dropped
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
        try:
            outcomes = iter(self._attempt(tenant_id, [append for waiting in group for append in waiting.appends]))
        except Exception as failure:  # noqa: BLE001 - whatever it is, somebody waits for an answer
            if len(group) > 1 and not isinstance(failure, Unavailable):
                middle = len(group) // 2
                self._commit(tenant_id, group[:middle])
                self._commit(tenant_id, group[middle:])
            else:
                _tell((waiting, failure) for waiting in group)
            return
        self._on_commit(tenant_id)
        _tell((waiting, [next(outcomes) for _ in waiting.appends]) for waiting in group)

    def _attempt(self, tenant_id: str, appends: Sequence[AppendRequest]) -> list[Outcome]:
        """Appends; where the database could not say whether it did, once more.

        That is safe even when the first COMMIT was done and only its reply lost: the receipts tell.
        """
        try:
            return self._append(tenant_id, appends)
        except Unavailable:
            return self._append(tenant_id, looked_up_again(appends))


def _tell(told: Iterable[_Told]) -> None:
    """Answers all who wait: threads one by one, the coroutines of a loop in a single call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Told]] = defaultdict(list)
    for waiting, outcome in told:
        if isinstance(waiting.answer, asyncio.Future):
            by_loop[waiting.answer.get_loop()].append((waiting, outcome))
        else:
            waiting.tell(outcome)
    for loop, those in by_loop.items():
        with suppress(RuntimeError):  # a loop that is closed has nobody who waits
            loop.call_soon_threadsafe(_tell_each, those)


def _tell_each(told: Iterable[_Told]) -> None:
    for waiting, outcome in told:
        waiting.tell(outcome)
