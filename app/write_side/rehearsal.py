"""Rehearsal: a handler that decides as the real one does, and appends nothing.

A service that handles several commands is rehearsed whole: each command sees what those before it would have appended.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.domain.aggregates import DECISIONS
from app.domain.kernel.errors import DomainError, Refused
from app.domain.recorded import Recorded
from app.store.batch import claimed
from app.store.receipts import Receipt
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler
from app.write_side.pending import PendingWrites
from app.write_side.planner import Plan
from app.write_side.state_cache import VersionedState


class Rehearsal(Handler):
    """Plans the commands of one request on what the log holds now: no state that may be out of date is taken from a cache.

    Takes: the handler that it stands in for. `plans`: what would be appended, in order. `head`: the position that it was decided at.
    `rights`: by which capability each was decided, and about which type of aggregate.
    """

    def __init__(self, handler: Handler, tenant_id: str) -> None:
        super().__init__(handler.log, handler.committer, handler.clock, handler.new_id)
        self.head = handler.log.head(tenant_id)
        self.plans: list[Plan] = []
        self.rights: list[tuple[str, str]] = []
        self._pending = PendingWrites(batch=True)

    def handle(self, envelope: CommandEnvelope) -> Receipt:
        """What a command would append. Gives: the receipt that it might have. Raises: the refusal."""
        plan = self._planner.plan(envelope, self._pending)
        self._require_unclaimed(plan)
        position = self.head + sum(len(each.events) for each in self.plans)
        self.plans.append(plan)
        decision = DECISIONS[type(envelope.command)]
        self.rights.append((decision.capability, decision.aggregate))
        events = tuple((each.event_id, each.type, position + at) for at, each in enumerate(plan.events, start=1))
        own = plan.states.get(plan.append.stream_id)
        return Receipt(plan.append.stream_id, own.version if own else 0, position + len(events), events)

    def handle_batch(self, tenant_id: str, envelopes: Sequence[CommandEnvelope]) -> list[Receipt | DomainError]:
        """What commands would append, in order; a refused one does not affect the others."""
        earlier = self.log.replays(tenant_id, [envelope.request for envelope in envelopes])
        results: list[Receipt | DomainError] = []
        first: dict[str, Receipt] = {}
        for envelope, known in zip(envelopes, earlier, strict=True):
            key = envelope.request.key
            try:
                result = known or (replace(first[key], replayed=True) if key in first else self.handle(envelope))
            except DomainError as refusal:
                result = refusal
            if isinstance(result, Receipt):
                first.setdefault(key, result)
            results.append(result)
        return results

    def load(self, tenant_id: str, noun: str, id_or_ref: str) -> tuple[str, VersionedState]:
        """An aggregate's id and state, with what was rehearsed before. Raises: NotFound."""
        return self.loader.load(tenant_id, noun, id_or_ref, self._pending)

    def load_as_stored(self, tenant_id: str, noun: str, id_or_ref: str) -> tuple[str, VersionedState]:
        """The same: what was rehearsed stands for what is stored. Raises: NotFound."""
        return self.load(tenant_id, noun, id_or_ref)

    def opened(self) -> list[tuple[Recorded, dict[str, Any]]]:
        """The events that were rehearsed, each with its members in plain text: the keys that sealed them are at hand."""
        events = []
        for plan in self.plans:
            tenant_id, vault = plan.append.tenant_id, self.log.vault
            keys = {name: key for name, key in self._pending.data_keys.items() if key is not None}
            made = {key.key_id: vault.unwrap(tenant_id, key.wrapped) for key in plan.append.data_keys}
            keys |= {name: key for name, key in made.items() if key is not None}
            events += [(each, vault.reveal(keys, tenant_id, each.event_id, each.data)) for each in plan.events]
        return events

    def _require_unclaimed(self, plan: Plan) -> None:
        """Raises: Refused for a reference that is another's, which an append finds under its lock."""
        claims = dict.fromkeys(plan.append.claims)
        owners = self.log.look_up(plan.append.tenant_id, claims, ()).refs if claims else {}
        for claim in claims:
            if owners.get(claim, plan.append.stream_id) != plan.append.stream_id:
                refusal: Refused = claimed(claim[0])
                raise refusal
