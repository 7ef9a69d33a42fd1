"""Group commit: the commands that are waiting share one transaction, and each gets its own result."""

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

ThreadFuture = Future[list[Outcome]]
LoopFuture = asyncio.Future[list[Outcome]]
Result = list[Outcome] | BaseException
"""The outcomes of a submission, or the fault that prevented them."""


@dataclass(slots=True)
class _Submission:
    """Commands that are appended together, and the future of the thread or the coroutine that waits for them."""

    appends: Sequence[AppendRequest]
    future: ThreadFuture | LoopFuture

    def start(self) -> bool:
        """Whether the caller still waits. From here on a thread can no longer cancel."""
        if isinstance(self.future, asyncio.Future):
            return not self.future.cancelled()
        return self.future.set_running_or_notify_cancel()

    def resolve(self, result: Result) -> None:
        """Gives the caller the result. A coroutine may have been cancelled meanwhile."""
        if isinstance(self.future, asyncio.Future) and self.future.done():
            return
        if isinstance(result, BaseException):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


_Resolved = tuple[_Submission, Result]


class Committer:
    """One thread that appends what is waiting.

    Takes: `append(tenant_id, appends)`, a bound on the waiting submissions, a bound on the commands in a transaction.
    Latency at low load is one transaction: a command never waits for others to join it.
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
        self._queue: queue.SimpleQueue[_Submission | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, appends: Sequence[AppendRequest]) -> ThreadFuture:
        """Queues commands that are appended together, in order; the future gives an outcome for each.

        Raises: Unavailable when too many are waiting already.
        """
        future: ThreadFuture = Future()
        self._put(_Submission(appends, future))
        return future

    def submit_async(self, appends: Sequence[AppendRequest]) -> LoopFuture:
        """The same for a coroutine. All results of a batch reach their loop in one call.

        Raises: Unavailable when too many are waiting already.
        """
        future: LoopFuture = asyncio.get_running_loop().create_future()
        self._put(_Submission(appends, future))
        return future

    def _put(self, submission: _Submission) -> None:
        if not submission.appends:
            submission.resolve([])
            return
        with self._lock:
            if self._closed:
                raise Unavailable("shutting_down", "the server is stopping; try again")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self._thread.start()
            if self._queue.qsize() >= self._most_waiting:
                raise Unavailable("queue_full", "too many writes are waiting; try again", retry_after=1)
            self._queue.put(submission)

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
            by_tenant: dict[str, list[_Submission]] = defaultdict(list)
            for submission in taken:
                if submission.start():  # a caller that gave up before this is dropped
                    by_tenant[submission.appends[0].tenant_id].append(submission)
            for tenant_id, group in by_tenant.items():
                self._commit(tenant_id, group)
            if last:
                return

    def _gather(self, first: _Submission) -> tuple[list[_Submission], bool]:
        taken, count = [first], len(first.appends)
        while count < self._batch:
            try:
                submission = self._queue.get_nowait()
            except queue.Empty:
                break
            if submission is None:
                return taken, True
            taken.append(submission)
            count += len(submission.appends)
        return taken, False

    def _commit(self, tenant_id: str, group: list[_Submission]) -> None:
        """One transaction for a group; after a failure one for each half, until only the faulty submission fails.

        A database that cannot be reached is not the fault of any of them: then all of them get the error at once.
        """
        try:
            outcomes = iter(self._attempt(tenant_id, [append for submission in group for append in submission.appends]))
        except Exception as failure:  # noqa: BLE001 - whatever it is, the callers wait for a result
            if len(group) > 1 and not isinstance(failure, Unavailable):
                middle = len(group) // 2
                self._commit(tenant_id, group[:middle])
                self._commit(tenant_id, group[middle:])
            else:
                _resolve((submission, failure) for submission in group)
            return
        self._on_commit(tenant_id)
        _resolve((submission, [next(outcomes) for _ in submission.appends]) for submission in group)

    def _attempt(self, tenant_id: str, appends: Sequence[AppendRequest]) -> list[Outcome]:
        """Appends; once more where it is not known whether the database did.

        That is safe even when the first COMMIT was done and only its reply was lost: then the receipts are found.
        """
        try:
            return self._append(tenant_id, appends)
        except Unavailable:
            return self._append(tenant_id, looked_up_again(appends))


def _resolve(results: Iterable[_Resolved]) -> None:
    """Gives all callers their results: threads one by one, the coroutines of a loop in a single call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Resolved]] = defaultdict(list)
    for submission, result in results:
        if isinstance(submission.future, asyncio.Future):
            by_loop[submission.future.get_loop()].append((submission, result))
        else:
            submission.resolve(result)
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # nobody waits in a loop that is closed
            loop.call_soon_threadsafe(_resolve_each, of_loop)


def _resolve_each(results: Iterable[_Resolved]) -> None:
    for submission, result in results:
        submission.resolve(result)
