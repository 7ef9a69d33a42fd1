"""The handler of commands: command -> state -> decision -> append -> receipt.

Every change of a ledger comes through here, whether it comes from the API, a webhook, an import or the command line.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound, Refused
from app.store.append import Outcome, Overtaken
from app.store.committer import Committer
from app.store.log import CacheMiss, Log
from app.store.receipts import Receipt
from app.write_side.batch_handler import BatchHandler
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.in_flight import InFlightRequests
from app.write_side.pending import PendingWrites
from app.write_side.planner import Plan, Planner
from app.write_side.state_cache import VersionedState
from app.write_side.stream_turns import DECIDED_FOR, PAUSE, StreamTurns


class Handler:
    """Handles commands. Takes: the log, its committer, a clock of microseconds, a maker of ids."""

    def __init__(self, log: Log, committer: Committer, clock: Callable[[], int], new_id: Callable[[str], str]) -> None:
        self.log = log
        self.committer = committer
        self.clock = clock
        self.new_id = new_id
        self._planner = Planner(log, clock, new_id)
        self.loader = self._planner.loader
        self._batches = BatchHandler(self._planner, committer)
        self._in_flight = InFlightRequests()
        self._turns = StreamTurns()

    # --- one command ---

    def handle(self, envelope: CommandEnvelope) -> Receipt:
        """Handles a command; returns when its events are on disk.

        Raises: a DomainError that says why it was refused; Unavailable when it may or may not be stored and can be sent
        again; of it Overtaken when others wrote to the same thing for longer than it may wait.
        """
        key, deadline = (envelope.tenant_id, envelope.request.key), monotonic() + DECIDED_FOR
        self._in_flight.acquire(key)
        try:
            while True:
                plan = self._planner.plan(envelope, PendingWrites())
                settled = self._settle(plan, self.committer.submit([plan.append]).result()[0])
                if isinstance(settled, Receipt):
                    return settled
                if monotonic() >= deadline:
                    raise settled
                sleep(PAUSE)
        except (Invalid, Refused, NotFound, Conflict, NotAllowed):
            # The same request may have been stored before; it is looked up only now, because an append looks it up itself.
            if (earlier := self.log.replay(envelope.tenant_id, envelope.request)) is None:
                raise
            return earlier
        finally:
            self._in_flight.release(key)

    async def handle_async(self, envelope: CommandEnvelope) -> Receipt:
        """The same for a coroutine. No thread waits for the disk, and none is used to plan when all states are cached."""
        key = (envelope.tenant_id, envelope.request.key)
        self._in_flight.acquire(key)
        try:
            settled = await self._attempt(envelope)
            return settled if isinstance(settled, Receipt) else await self._in_turn(envelope, settled)
        except (Invalid, Refused, NotFound, Conflict, NotAllowed):
            if envelope.request.fresh:
                raise
            earlier = await asyncio.to_thread(self.log.replay, envelope.tenant_id, envelope.request)
            if earlier is None:
                raise
            return earlier
        finally:
            self._in_flight.release(key)

    async def _attempt(self, envelope: CommandEnvelope) -> Receipt | Overtaken:
        """Decides and appends a command once."""
        try:
            plan = self._planner.plan(envelope, PendingWrites(cache_only=True))
        except CacheMiss:
            plan = await asyncio.to_thread(self._planner.plan, envelope, PendingWrites())
        return self._settle(plan, (await self.committer.submit_async([plan.append]))[0])

    async def _in_turn(self, envelope: CommandEnvelope, overtaken: Overtaken) -> Receipt:
        """Decides a command again, behind the others that were overtaken on the same stream. Raises: Overtaken in the end."""
        deadline = monotonic() + DECIDED_FOR
        try:
            async with self._turns.of(envelope.tenant_id, overtaken.stream, deadline):
                while True:
                    settled = await self._attempt(envelope)
                    if isinstance(settled, Receipt):
                        return settled
                    if monotonic() >= deadline:
                        raise settled
        except TimeoutError:
            raise overtaken from None

    def _settle(self, plan: Plan, outcome: Outcome) -> Receipt | Overtaken:
        """The receipt; or that the command must be decided again. Raises: the refusal otherwise."""
        if isinstance(outcome, Receipt):
            if not outcome.replayed:
                self._planner.cache_states(plan, outcome)
            return outcome
        self._planner.drop_states(plan)
        if isinstance(outcome, Overtaken):
            return outcome
        raise outcome

    # --- many commands ---

    def handle_batch(self, tenant_id: str, envelopes: Sequence[CommandEnvelope]) -> list[Receipt | DomainError]:
        """Handles commands in order; a refused one does not affect the others.

        Gives: for each its receipt or its refusal. A command sees what the commands before it decided.
        """
        return self._batches.handle(tenant_id, envelopes)

    # --- states and references ---

    def zone(self, tenant_id: str) -> ZoneInfo:
        """The tenant's reporting time zone. Raises: NotFound when there is no such tenant."""
        return self.loader.zone(tenant_id, PendingWrites())

    def resolve(self, tenant_id: str, noun: str, id_or_ref: str) -> str:
        """The id of an aggregate. Whether an id exists is not looked up. Raises: NotFound."""
        return self.loader.resolve(tenant_id, noun, id_or_ref)

    def load(self, tenant_id: str, noun: str, id_or_ref: str) -> tuple[str, VersionedState]:
        """An aggregate's id and state, which other processes may have changed since. Raises: NotFound."""
        return self.loader.load(tenant_id, noun, id_or_ref, PendingWrites())

    def load_as_stored(self, tenant_id: str, noun: str, id_or_ref: str) -> tuple[str, VersionedState]:
        """An aggregate's id and its state as the log has it now. Raises: NotFound."""
        stream_id, _ = self.load(tenant_id, noun, id_or_ref)
        self.loader.states.drop(tenant_id, [stream_id])
        return self.load(tenant_id, noun, stream_id)
