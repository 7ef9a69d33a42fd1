"""The memory: the states of things and what references stand for, from what is remembered, else from the log."""

from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain.aggregate_type import AggregateType
from app.domain.aggregates import AGGREGATES, aggregate_of
from app.domain.kernel import values
from app.domain.kernel.errors import NotFound
from app.domain.recorded import Recorded
from app.store.log import CacheMiss, Log
from app.write_side.states import PendingWrites, StateCache, VersionedState

REMEMBERED: Final = 100_000
"""How many references, and how many tenants' zones, are remembered."""


class AggregateLoader:
    """Finds things by id or reference. Takes: the log."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.states = StateCache()
        self._refs: dict[tuple[str, str, str], str] = {}
        self._zones: dict[str, ZoneInfo] = {}

    def zone(self, tenant_id: str, overlay: PendingWrites) -> ZoneInfo:
        """The tenant's reporting time zone. Raises: NotFound when there is no such tenant."""
        known = self._zones.get(tenant_id)  # it is said once, when the ledger begins
        if known is None:
            known = values.zone(self.load(tenant_id, "tenant", tenant_id, overlay)[1].state.time_zone)
            _keep(self._zones, tenant_id, known)
        return known

    def resolve(self, tenant_id: str, noun: str, named: str) -> str:
        """The id of a thing by id or reference; whether an id exists is not looked up. Raises: NotFound."""
        if named.startswith("ref:"):
            return self._behind(tenant_id, noun, named.removeprefix("ref:"), PendingWrites())
        if values.is_typeid(named, AGGREGATES[noun].id_prefix):
            return named
        raise _missing(noun)

    def load(self, tenant_id: str, noun: str, named: str, overlay: PendingWrites) -> tuple[str, VersionedState]:
        """A thing's id and state by id or reference. Raises: NotFound; CacheMiss when only memory may be asked."""
        kind = AGGREGATES[noun]
        if named.startswith("ref:"):
            stream_id = self._behind(tenant_id, noun, named.removeprefix("ref:"), overlay)
        elif named.startswith(f"{kind.id_prefix}_"):
            stream_id = named
        else:
            raise _missing(noun)
        held = overlay.states.get(stream_id)
        if held is None and (held := self.states.get(tenant_id, stream_id)):
            overlay.remembered.add(stream_id)
        if held is None:
            if (noun, stream_id) in overlay.absent or not values.is_typeid(stream_id, kind.id_prefix):
                raise _missing(noun)
            if overlay.at_hand:
                raise CacheMiss
            held = self._read(tenant_id, kind, stream_id, self.log.stream(tenant_id, stream_id))
            if held.version == 0:
                raise _missing(noun)
        return stream_id, held

    def at_hand(self, tenant_id: str, noun: str, named: str, overlay: PendingWrites) -> VersionedState | None:
        """A thing's state, if it is in memory."""
        stream_id: str | None = named
        if named.startswith("ref:"):
            stream_id = self._refs.get((tenant_id, noun, named.removeprefix("ref:")))
        if stream_id is None:
            return None
        return overlay.states.get(stream_id) or self.states.get(tenant_id, stream_id)

    def fetch(self, tenant_id: str, wanted: Iterable[tuple[str, str]], overlay: PendingWrites) -> None:
        """Looks up together what is not in memory. Takes: things as (noun, id or ref:…)."""
        unknown = [
            (noun, named)
            for noun, named in wanted
            if (noun, named) not in overlay.absent and self.at_hand(tenant_id, noun, named, overlay) is None
        ]
        if not unknown:
            return
        refs = {(noun, named.removeprefix("ref:")) for noun, named in unknown if named.startswith("ref:")}
        ids = {named for noun, named in unknown if values.is_typeid(named, AGGREGATES[noun].id_prefix)}
        found = self.log.look_up(tenant_id, refs, ids)
        for (noun, ref), stream_id in found.refs.items():
            _keep(self._refs, (tenant_id, noun, ref), stream_id)
        for stream_id, events in found.streams.items():
            overlay.states[stream_id] = self._read(tenant_id, aggregate_of(stream_id), stream_id, events)
        overlay.absent |= {(noun, f"ref:{ref}") for noun, ref in refs - found.refs.keys()}
        overlay.absent |= {(noun, named) for noun, named in unknown if named in ids - found.streams.keys()}

    def _read(
        self, tenant_id: str, kind: AggregateType[Any], stream_id: str, events: Iterable[Recorded]
    ) -> VersionedState:
        """The state that a stream's events lead to, remembered if there are any."""
        version, state = 0, kind.initial
        for recorded in events:
            version, state = recorded.version, kind.evolve(state, recorded)
        held = VersionedState(version, state)
        if version:
            self.states.put(tenant_id, stream_id, held)
        return held

    def _behind(self, tenant_id: str, noun: str, ref: str, overlay: PendingWrites) -> str:
        found = overlay.refs.get((noun, ref)) or self._refs.get((tenant_id, noun, ref))
        if found is None:
            if (noun, f"ref:{ref}") in overlay.absent:
                raise _missing(noun)
            if overlay.at_hand:
                raise CacheMiss
            found = self.log.resolve(tenant_id, noun, ref)
            if found is None:
                overlay.absent.add((noun, f"ref:{ref}"))
                raise _missing(noun)
            _keep(self._refs, (tenant_id, noun, ref), found)
        return found


def _keep(memory: dict[Any, Any], key: Any, value: Any) -> None:
    if len(memory) >= REMEMBERED:
        memory.clear()
    memory[key] = value


def _missing(noun: str) -> NotFound:
    return NotFound(f"{noun}_not_found", f"there is no such {noun.replace('_', ' ')}")
