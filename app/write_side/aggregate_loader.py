"""AggregateLoader: aggregates by id or by reference, from the cache, else from the log."""

from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain.aggregate_type import AggregateType
from app.domain.aggregates import AGGREGATES, aggregate_of
from app.domain.kernel import values
from app.domain.kernel.errors import NotFound
from app.domain.recorded import Recorded
from app.store.log import CacheMiss, Log
from app.write_side.pending import PendingWrites
from app.write_side.state_cache import StateCache, VersionedState

CACHE_SIZE: Final = 100_000
"""How many references, and how many tenants' time zones, are cached."""


class AggregateLoader:
    """Loads aggregates. Takes: the log.

    An aggregate is named by `id_or_ref`: its id, or `ref:` and the caller's own reference. `aggregate` is the name of its type.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.states = StateCache()
        self._refs: dict[tuple[str, str, str], str] = {}
        self._zones: dict[str, ZoneInfo] = {}

    def zone(self, tenant_id: str, pending: PendingWrites) -> ZoneInfo:
        """The tenant's reporting time zone. Raises: NotFound when there is no such tenant."""
        zone = self._zones.get(tenant_id)  # it never changes after the tenant was created
        if zone is None:
            zone = values.zone(self.load(tenant_id, "tenant", tenant_id, pending)[1].state.time_zone)
            _cache(self._zones, tenant_id, zone)
        return zone

    def resolve(self, tenant_id: str, aggregate: str, id_or_ref: str) -> str:
        """The id of an aggregate. Whether an id exists is not looked up. Raises: NotFound."""
        if id_or_ref.startswith(values.REF):
            return self._id_of_ref(tenant_id, aggregate, _reference(id_or_ref), PendingWrites())
        if values.is_typeid(id_or_ref, AGGREGATES[aggregate].id_prefix):
            return id_or_ref
        raise missing(aggregate)

    def load(
        self, tenant_id: str, aggregate: str, id_or_ref: str, pending: PendingWrites
    ) -> tuple[str, VersionedState]:
        """An aggregate's id and state. Raises: NotFound; CacheMiss when it is not cached and nothing may be read."""
        aggregate_type = AGGREGATES[aggregate]
        if id_or_ref.startswith(values.REF):
            stream_id = self._id_of_ref(tenant_id, aggregate, _reference(id_or_ref), pending)
        elif id_or_ref.startswith(f"{aggregate_type.id_prefix}_"):
            stream_id = id_or_ref
        else:
            raise missing(aggregate)
        versioned = pending.states.get(stream_id)
        if versioned is None and (versioned := self.states.get(tenant_id, stream_id)):
            pending.from_cache.add(stream_id)
        if versioned is None:
            if (aggregate, stream_id) in pending.absent or not values.is_typeid(stream_id, aggregate_type.id_prefix):
                raise missing(aggregate)
            if pending.cache_only:
                raise CacheMiss
            versioned = self._fold(tenant_id, aggregate_type, stream_id, list(self.log.stream(tenant_id, stream_id)))
            if versioned.version == 0:
                raise missing(aggregate)
        return stream_id, versioned

    def cached(self, tenant_id: str, aggregate: str, id_or_ref: str, pending: PendingWrites) -> VersionedState | None:
        """An aggregate's state, if it is pending or cached."""
        stream_id: str | None = id_or_ref
        if id_or_ref.startswith(values.REF):
            stream_id = self._refs.get((tenant_id, aggregate, _reference(id_or_ref)))
        if stream_id is None:
            return None
        return pending.states.get(stream_id) or self.states.get(tenant_id, stream_id)

    def prefetch(self, tenant_id: str, names: Iterable[tuple[str, str]], pending: PendingWrites) -> None:
        """Reads aggregates that are not cached in one transaction. Takes: pairs of aggregate and `id_or_ref`."""
        unknown = [
            (aggregate, id_or_ref)
            for aggregate, id_or_ref in names
            if (aggregate, id_or_ref) not in pending.absent
            and self.cached(tenant_id, aggregate, id_or_ref, pending) is None
        ]
        if not unknown:
            return
        refs = {(aggregate, _reference(name)) for aggregate, name in unknown if name.startswith(values.REF)}
        ids = {name for aggregate, name in unknown if values.is_typeid(name, AGGREGATES[aggregate].id_prefix)}
        stored = self.log.look_up(tenant_id, refs, ids)
        for (aggregate, ref), stream_id in stored.refs.items():
            _cache(self._refs, (tenant_id, aggregate, ref), stream_id)
        for stream_id, events in stored.streams.items():
            pending.states[stream_id] = self._fold(tenant_id, aggregate_of(stream_id), stream_id, events)
        pending.absent |= {(aggregate, f"ref:{ref}") for aggregate, ref in refs - stored.refs.keys()}
        pending.absent |= {(aggregate, name) for aggregate, name in unknown if name in ids - stored.streams.keys()}

    def _fold(
        self, tenant_id: str, aggregate_type: AggregateType[Any], stream_id: str, events: list[Recorded]
    ) -> VersionedState:
        """The state that a stream's events lead to; cached unless there are none."""
        version = events[-1].version if events else 0
        versioned = VersionedState(version, aggregate_type.fold(events))
        if version:
            self.states.put(tenant_id, stream_id, versioned)
        return versioned

    def _id_of_ref(self, tenant_id: str, aggregate: str, ref: str, pending: PendingWrites) -> str:
        stream_id = pending.refs.get((aggregate, ref)) or self._refs.get((tenant_id, aggregate, ref))
        if stream_id is None:
            if (aggregate, f"ref:{ref}") in pending.absent:
                raise missing(aggregate)
            if pending.cache_only:
                raise CacheMiss
            stream_id = self.log.resolve(tenant_id, aggregate, ref)
            if stream_id is None:
                pending.absent.add((aggregate, f"ref:{ref}"))
                raise missing(aggregate)
            _cache(self._refs, (tenant_id, aggregate, ref), stream_id)
        return stream_id


def _cache(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= CACHE_SIZE:
        cache.clear()
    cache[key] = value


def _reference(id_or_ref: str) -> str:
    """The reference behind `ref:`, as stored ones are written."""
    return values.as_compared(id_or_ref[len(values.REF) :])


def missing(aggregate: str) -> NotFound:
    """The refusal of what is not there, and of what is out of reach."""
    return NotFound(f"{aggregate}_not_found", f"there is no such {aggregate.replace('_', ' ')}")
