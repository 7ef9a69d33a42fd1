"""The states that an append will lead to, so that they can be cached without reading the log again."""

from collections.abc import Mapping, Sequence

from app.domain.aggregates import aggregate_of
from app.domain.recorded import Recorded
from app.store.new_event import NewEvent
from app.write_side.state_cache import VersionedState


def before_append(tenant_id: str, actor: str, new_event: NewEvent, body: bytes, now: int) -> Recorded:
    """An event as it will stand in the log, but for its position, its time and its leaf."""
    event = new_event.event
    return Recorded(
        tenant_id=tenant_id,
        position=0,
        event_id=new_event.event_id,
        stream_id=new_event.stream_id,
        version=new_event.version,
        account_id=new_event.account_id,
        type=event.TOPIC,
        schema_version=event.VERSION,
        effective_at=new_event.effective_at,
        recorded_at=now,
        actor=actor,
        body=body,
        typed=event,
    )


def states_after(events: Sequence[Recorded], read: Mapping[str, VersionedState]) -> dict[str, VersionedState]:
    """The states after the last of some events. Takes: the states before them, by stream."""
    states: dict[str, VersionedState] = {}
    for recorded in events:
        stream_id = recorded.stream_id
        before = states.get(stream_id) or read[stream_id]
        states[stream_id] = VersionedState(recorded.version, aggregate_of(stream_id).evolve(before.state, recorded))
        recorded.typed = None  # it holds in plain text what is sealed in the body; a cache must not
    return states
