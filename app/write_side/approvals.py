"""Approvals: a suggestion is approved in the same append as the events of its write, so that it is done once or not at all."""

from collections.abc import Callable, Sequence
from functools import partial

from app.domain.aggregates import aggregate_of
from app.domain.suggestion import decisions
from app.store.new_event import NewEvent
from app.write_side.aggregate_loader import AggregateLoader
from app.write_side.authoriser import Authoriser
from app.write_side.command_envelope import Approval, CommandEnvelope
from app.write_side.pending import PendingWrites
from app.write_side.state_cache import VersionedState


class Approvals:
    """Decides about suggestions whose writes are planned. Takes: the loader, who knows the persons behind keys, a maker of ids."""

    def __init__(self, loader: AggregateLoader, authoriser: Authoriser, new_id: Callable[[str], str]) -> None:
        self._loader = loader
        self._authoriser = authoriser
        self._new_id = new_id

    def suggested_by(self, envelope: CommandEnvelope, pending: PendingWrites) -> str | None:
        """From whose suggestion a write is done, or for whom an agent suggested it; None for a write that nobody suggested."""
        if envelope.approves is None:
            return None
        state = self._loader.load(envelope.tenant_id, "suggestion", envelope.approves.suggestion, pending)[1].state
        return str(state.person or state.author)

    def event(
        self,
        envelope: CommandEnvelope,
        approval: Approval,
        new_events: Sequence[NewEvent],
        read: dict[str, VersionedState],
        pending: PendingWrites,
        now: int,
    ) -> NewEvent:
        """The event that approves a suggestion, for the end of its write. What it rests on is added to what the write has read.

        Raises: the refusal; CacheMiss where nothing may be read and something is not cached.
        """
        tenant_id = envelope.tenant_id
        stream_id, suggestion = self._loader.load(tenant_id, "suggestion", approval.suggestion, pending)
        for stream in suggestion.state.rests_on:
            if stream not in read:
                read[stream] = self._loader.load(tenant_id, aggregate_of(stream).name, stream, pending)[1]
        moved = {
            stream: read[stream].version
            for stream, version in suggestion.state.rests_on.items()
            if read[stream].version != version
        }
        behind = partial(self._authoriser.person_behind, tenant_id, pending)
        approved = decisions.approve(
            suggestion.state,
            envelope.principal,
            now,
            own=behind(suggestion.state.author) == behind(envelope.principal.actor),
            moved=moved,
            appended=[new.event_id for new in new_events],
            edited=approval.edited,
        )
        read[stream_id] = suggestion
        return NewEvent(
            event=approved,
            event_id=self._new_id("evt"),
            stream_id=stream_id,
            version=suggestion.version + 1,
            account_id=suggestion.state.account,
            effective_at=now,
        )
