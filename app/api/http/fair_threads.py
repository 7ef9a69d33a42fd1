"""Threads that tenants share: however much one of them asks for, the next request of another has a thread soon.

Whatever a request does that may wait for the database is done in one of them, and has a connection at most.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

WHOSE: Final = ContextVar("WHOSE", default="")
"""Whose the request is that is handled: its tenant, or who it says that it is as long as that is not checked."""


class _Work(NamedTuple):
    """What is to be done, and the future of who waits for it."""

    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: dict[str, Any]

    def do(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.function(*self.arguments, **self.named)
        except BaseException as fault:  # noqa: BLE001 - whoever waits gets it, whatever it is
            self.future.set_exception(fault)
        else:
            self.future.set_result(result)


class FairThreads(ThreadPoolExecutor):
    """An executor whose threads are taken by tenants in turn. It is the event loop's own: `asyncio.to_thread` uses it.

    Takes: how many threads there are, and how many of them one tenant has at most: what it asks for beyond waits, and holds none.
    """

    def __init__(self, threads: int, of_tenant: int) -> None:
        super().__init__(threads, "request")
        self._most = of_tenant
        self._waiting: dict[str, deque[_Work]] = {}
        """What waits, by tenant; the tenant whose turn is next comes first."""
        self._running: defaultdict[str, int] = defaultdict(int)
        self._sharing = threading.Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Does something for whose request this is. Gives: the future of its result."""
        work = _Work(Future(), fn, args, kwargs)
        with self._sharing:
            self._waiting.setdefault(WHOSE.get(), deque()).append(work)
        super().submit(self._work)
        return work.future

    def _work(self) -> None:
        """Does what comes next, until nothing is left that may be begun."""
        before: str | None = None
        while (turn := self._next(before)) is not None:
            before, work = turn
            work.do()
            del work, turn  # a result may be large, and the next work may be long in coming

    def _next(self, before: str | None) -> tuple[str, _Work] | None:
        """The next work, of the first tenant that has threads left. Takes: the tenant whose work was done."""
        with self._sharing:
            if before is not None:
                self._running[before] -= 1
                if not self._running[before]:
                    del self._running[before]
            free = (each for each in self._waiting if self._running.get(each, 0) < self._most)
            tenant_id = next(free, None)
            if tenant_id is None:
                return None
            waiting = self._waiting.pop(tenant_id)
            work = waiting.popleft()
            if waiting:
                self._waiting[tenant_id] = waiting  # behind all others
            self._running[tenant_id] += 1
            return tenant_id, work
