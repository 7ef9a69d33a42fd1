"""The corridor: command -> state -> decision -> append -> receipt.

Everything that changes a ledger comes through here, whether from a door, a webhook, an import or the command line.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused
from app.store import receipts
from app.store.append import Outcome
from app.store.committer import Committer
from app.store.log import CacheMiss, Log
from app.store.receipts import Receipt
from app.write_side.batch_handler import BatchHandler
from app.write_side.planner import CommandEnvelope, Plan, Planner
from app.write_side.states import InFlightRequests, PendingWrites, VersionedState

__all__ = ["CommandEnvelope", "Handler"]

ATTEMPTS: Final = 3
"""How often a command without If-Match is decided anew when somebody else was faster."""


class Handler:
    """Handles commands. Takes: the log, its committer, a clock of microseconds, a maker of ids."""

    def __init__(self, log: Log, committer: Committer, clock: Callable[[], int], new_id: Callable[[str], str]) -> None:
        self.log = log
        self.committer = committer
        self.clock = clock
        self.new_id = new_id
        self._planner = Planner(log, clock, new_id)
        self._memory = self._planner.memory
        self._batches = BatchHandler(self._planner, committer)
        self._flights = InFlightRequests()

    # --- one command ---

    def handle(self, intent: CommandEnvelope) -> Receipt:
        """Handles a command and waits for the disk.

        Raises: a DomainError by its name; Unavailable when it is not known to be stored and may be sent again.
        """
        flight = (intent.tenant_id, intent.request.key)
        self._flights.board(flight)
        try:
            receipt, attempt = None, 0
            while receipt is None:
                attempt += 1
                plan = self._planner.plan(intent, PendingWrites())
                receipt = self._settle(plan, self.committer.submit([plan.append]).result()[0], attempt)
            return receipt
        except (Invalid, Refused, NotFound, Conflict):
            if (answered := self._answered(intent)) is None:
                raise
            return answered
        finally:
            self._flights.land(flight)

    async def handle_async(self, intent: CommandEnvelope) -> Receipt:
        """The same without a thread that waits, and with none at all where memory holds what deciding takes."""
        flight = (intent.tenant_id, intent.request.key)
        self._flights.board(flight)
        try:
            receipt, attempt = None, 0
            while receipt is None:
                attempt += 1
                try:
                    plan = self._planner.plan(intent, PendingWrites(at_hand=True))
                except CacheMiss:
                    plan = await asyncio.to_thread(self._planner.plan, intent, PendingWrites())
                outcomes = await self.committer.submit_soon([plan.append])
                receipt = self._settle(plan, outcomes[0], attempt)
            return receipt
        except (Invalid, Refused, NotFound, Conflict):
            if intent.request.fresh or (answered := await asyncio.to_thread(self._answered, intent)) is None:
                raise
            return answered
        finally:
            self._flights.land(flight)

    def _answered(self, intent: CommandEnvelope) -> Receipt | None:
        """What the same request was answered when it came before: what is refused now may have been done then.

        It is asked for only where planning refused; an append looks by itself. Raises: Invalid for another request's key.
        """
        if intent.request.fresh:
            return None
        found = self.log.receipts(intent.tenant_id, [intent.request.key]).get(intent.request.key)
        return receipts.replay(intent.request, found) if found else None

    def _settle(self, plan: Plan, outcome: Outcome, attempt: int) -> Receipt | None:
        """The receipt; None when the command must be decided anew. Raises: the refusal otherwise."""
        if isinstance(outcome, Receipt):
            if not outcome.replayed:
                self._planner.stored(plan, outcome)
            return outcome
        self._planner.failed(plan)
        if isinstance(outcome, Conflict) and attempt < ATTEMPTS:
            return None
        raise outcome

    # --- many commands ---

    def handle_batch(self, tenant_id: str, intents: Sequence[CommandEnvelope]) -> list[Receipt | DomainError]:
        """Handles commands in order; one that is refused costs no other.

        Gives: for each its receipt or its refusal. A command sees what the commands before it decided.
        """
        return self._batches.handle(tenant_id, intents)

    # --- states and references ---

    def zone(self, tenant_id: str) -> ZoneInfo:
        """The tenant's reporting time zone. Raises: NotFound when there is no such tenant."""
        return self._memory.zone(tenant_id, PendingWrites())

    def resolve(self, tenant_id: str, noun: str, named: str) -> str:
        """The id of a thing by id or reference; whether an id exists is not looked up. Raises: NotFound."""
        return self._memory.resolve(tenant_id, noun, named)

    def load(self, tenant_id: str, noun: str, named: str) -> tuple[str, VersionedState]:
        """A thing's id and state by id or reference. Raises: NotFound."""
        return self._memory.load(tenant_id, noun, named, PendingWrites())
