"""Reads that wait for views wait on the event loop: one task looks for all of them, and none of them has a thread.

Source: RFC 7240 section 4.3, by which `wait` is a hint: where too many wait, a read is answered at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from app.api.http.fair_threads import WHOSE
from app.domain.kernel.errors import DomainError
from app.read_side.patience import PATIENCE, Behind, Patience
from app.read_side.projector import Projector

T = TypeVar("T")
SHORTEST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 0.1
"""Seconds between two looks: the longer nobody comes and nothing is reached, the longer."""


@dataclass(eq=False)
class Waiter:
    """A read that waits: for what, and what wakes it."""

    behind: Behind
    woken: asyncio.Future[None]

    def reached(self, positions: Mapping[str, int]) -> bool:
        """Whether the views are where it waits for."""
        return all(positions[view.name] >= self.behind.position for view in self.behind.views)


class WaitingReads:
    """The reads of a process that wait. Takes: the projector, and how many of a tenant may wait at a time."""

    def __init__(self, projector: Projector, most: int) -> None:
        self._projector = projector
        self._most = most
        self._waiting: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        """Gives: what a read gives, once its views have read what it asks for, or have had the time that it gives them.

        It is asked again from the start, so that nothing may be appended before all that it reads was read.
        """
        patience = Patience()
        token = PATIENCE.set(patience)
        try:
            while True:
                try:
                    return await read()
                except Behind as behind:
                    await self._wait(behind, patience)
                    patience.ask_again()
        finally:
            PATIENCE.reset(token)

    async def _wait(self, behind: Behind, patience: Patience) -> None:
        of_tenant = self._waiting[behind.tenant_id]
        if len(of_tenant) >= self._most:
            patience.end()
            return
        waiter = Waiter(behind, asyncio.get_running_loop().create_future())
        of_tenant.add(waiter)
        self._arrived.set()
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(waiter.woken, max(0.0, patience.left(behind.seconds)))
        finally:
            of_tenant.discard(waiter)
            if not of_tenant and self._waiting.get(behind.tenant_id) is of_tenant:
                del self._waiting[behind.tenant_id]

    async def _watch(self) -> None:
        """Wakes who has what it waits for, as long as anybody waits."""
        WHOSE.set("waiting reads")  # not that of whose read happens to be the first
        pause = SHORTEST_PAUSE
        try:
            while self._waiting:
                self._arrived.clear()
                tenants = list(self._waiting)
                reached = await asyncio.to_thread(self._positions, tenants)
                woke = [waiter for tenant_id in tenants for waiter in self._woken(tenant_id, reached[tenant_id])]
                for waiter in woke:
                    if not waiter.woken.done():
                        waiter.woken.set_result(None)
                pause = SHORTEST_PAUSE if woke or self._arrived.is_set() else min(pause * 1.5, LONGEST_PAUSE)
                await asyncio.sleep(SHORTEST_PAUSE)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), pause - SHORTEST_PAUSE)
        finally:
            self._task = None

    def _woken(self, tenant_id: str, positions: Mapping[str, int] | None) -> list[Waiter]:
        """Who shall ask again: also where the database is away, for the read itself says so."""
        waiting = self._waiting.get(tenant_id, ())
        return [waiter for waiter in waiting if positions is None or waiter.reached(positions)]

    def _positions(self, tenants: Sequence[str]) -> dict[str, Mapping[str, int] | None]:
        """How far the views of tenants have read, None where that cannot be said now."""
        reached: dict[str, Mapping[str, int] | None] = {}
        for tenant_id in tenants:
            try:
                reached[tenant_id] = self._projector.positions(tenant_id)
            except DomainError:
                reached[tenant_id] = None
        return reached
