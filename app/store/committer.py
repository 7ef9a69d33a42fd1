"""Group commit: the commands of a tenant that are waiting share one transaction, and each gets its own result."""

import asyncio
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from app.domain.kernel.errors import Unavailable
from app.observe.logs import logger
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


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a lane appends at once, and for whom."""

    tenant_id: str
    node: str | None
    group: list[_Submission]


_Resolved = tuple[_Submission, Result]


class Committer:
    """A few threads that append what is waiting, each for one tenant at a time, and no two for the same tenant.

    Takes: `append(tenant_id, appends)`; a bound on the waiting submissions of a tenant, of all together for each lane as many; a bound
    on the commands in a transaction; how many threads, `lanes`: a tenant whose transaction hangs holds up one of them, and only itself
    where there are more; `node_of`, which names the node that has a tenant's rows where there are several: no node has more than half of
    the lanes. Latency at low load is one transaction: a command never waits for others to join it.
    """

    def __init__(
        self,
        append: Callable[[str, Sequence[AppendRequest]], list[Outcome]],
        *,
        waiting: int = 1024,
        batch: int = 256,
        lanes: int = 1,
        on_commit: Callable[[str], None] = lambda _tenant: None,
        node_of: Callable[[str], str | None] = lambda _tenant: None,
        on_failure: Callable[[str, BaseException], None] = lambda _tenant, _failure: None,
    ) -> None:
        self._append = append
        self._node_of = node_of
        self._of_nodes: Counter[str] = Counter()
        """How many lanes have a tenant of each node."""
        self._batch = batch
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._begun: dict[int, float] = {}
        """By thread, when its transaction began."""
        self._most_waiting = waiting
        self._lanes = lanes
        self._waiting: dict[str, deque[_Submission]] = {}
        """What waits, by tenant. A tenant is in it from its first submission until its turn ends with nothing more."""
        self._count = 0
        self._ready: deque[str] = deque()
        """Tenants of which something waits and which no lane has; in turn."""
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._lock = threading.Condition()

    def submit(self, appends: Sequence[AppendRequest]) -> ThreadFuture:
        """Queues commands that are appended together, in order; the future gives an outcome for each.

        Raises: Unavailable when too many are waiting already.
        """
        future: ThreadFuture = Future()
        if self._put(_Submission(appends, future)):
            self._wake()
        return future

    def submit_async(self, appends: Sequence[AppendRequest]) -> LoopFuture:
        """The same for a coroutine. All results of a batch reach their loop in one call.

        A lane begins when the coroutines that can run now have submitted theirs: they share its transaction, and it does not have
        to wrest the interpreter from them. Raises: Unavailable when too many are waiting already.
        """
        loop = asyncio.get_running_loop()
        future: LoopFuture = loop.create_future()
        if self._put(_Submission(appends, future)):
            loop.call_soon(self._wake)
        return future

    def _put(self, submission: _Submission) -> bool:
        """Queues a submission. Gives: whether a lane must be woken for it."""
        if not submission.appends:
            submission.resolve([])
            return False
        tenant_id = submission.appends[0].tenant_id
        with self._lock:
            if self._closed:
                raise Unavailable("shutting_down", "the server is stopping; try again")
            own = self._waiting.get(tenant_id)
            if self._count >= self._most_waiting * self._lanes or (own and len(own) >= self._most_waiting):
                raise Unavailable("queue_full", "too many writes are waiting; try again", retry_after=1)
            self._count += 1
            if own is not None:  # a lane has the tenant, or will take it
                own.append(submission)
                return False
            self._waiting[tenant_id] = deque([submission])
            self._ready.append(tenant_id)
            return True

    def _wake(self) -> None:
        """Wakes a lane, and begins another where tenants wait for one."""
        with self._lock:
            self._lock.notify()
            if len(self._ready) > self._idle and len(self._threads) < self._lanes:
                thread = threading.Thread(target=self._run, name=f"committer-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def longest(self) -> float:
        """Since how many seconds the longest of the transactions that are under way goes on."""
        now = monotonic()
        return now - min(list(self._begun.values()), default=now)

    def close(self) -> None:
        """Appends what is waiting, then stops."""
        self._wake()  # for what a coroutine has submitted just now
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(timeout=30)

    def _run(self) -> None:
        """A lane: tenants in turn."""
        done: _Turn | None = None
        while (turn := self._turn(done)) is not None:
            started = [submission for submission in turn.group if submission.start()]  # who gave up before is dropped
            if started:
                self._begun[threading.get_ident()] = monotonic()
                self._commit(turn.tenant_id, started)
                del self._begun[threading.get_ident()]
            done = turn

    def _turn(self, done: "_Turn | None") -> "_Turn | None":
        """The tenant whose turn is next, and what its transaction holds; None when the last one is done.

        Takes: the turn that is over.
        """
        with self._lock:
            if done is not None:
                self._end(done)
            while (turn := self._next()) is None:
                if self._closed and not self._ready:
                    return None
                self._idle += 1
                self._lock.wait()
                self._idle -= 1
            return turn

    def _end(self, turn: "_Turn") -> None:
        if self._waiting[turn.tenant_id]:
            self._ready.append(turn.tenant_id)
        else:
            del self._waiting[turn.tenant_id]
        if turn.node is not None:
            self._of_nodes[turn.node] -= 1
            self._lock.notify_all()  # some may have stood back for the node

    def _next(self) -> "_Turn | None":
        """The first tenant that is ready and whose node has lanes left."""
        for tenant_id in self._ready:
            node = self._node_of(tenant_id)
            if node is None or self._of_nodes[node] < max(1, self._lanes // 2):
                break
        else:
            return None
        self._ready.remove(tenant_id)
        if node is not None:
            self._of_nodes[node] += 1
        waiting, taken, count = self._waiting[tenant_id], [], 0
        while waiting and count < self._batch:
            taken.append(waiting.popleft())
            count += len(taken[-1].appends)
        self._count -= len(taken)
        return _Turn(tenant_id, node, taken)

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
                _tell(self._on_failure, tenant_id, failure)
                _resolve((submission, failure) for submission in group)
            return
        _tell(self._on_commit, tenant_id)
        _resolve((submission, [next(outcomes) for _ in submission.appends]) for submission in group)

    def _attempt(self, tenant_id: str, appends: Sequence[AppendRequest]) -> list[Outcome]:
        """Appends; once more where it is not known whether the database did.

        That is safe even when the first COMMIT was done and only its reply was lost: then the receipts are found.
        """
        try:
            return self._append(tenant_id, appends)
        except Unavailable:
            return self._append(tenant_id, looked_up_again(appends))


def _tell(listener: Callable[..., None], *what: object) -> None:
    """Tells a listener. A lane that ended with one that fails would hold its tenant's writes for ever."""
    try:
        listener(*what)
    except Exception as fault:  # noqa: BLE001 - what is written is written, whatever a listener makes of it
        with suppress(Exception):
            logger().error("listener_failed", error=type(fault).__name__)


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
