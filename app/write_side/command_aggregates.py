"""CommandAggregates: which aggregates a command reads, and their states.

The *primary* aggregate is the one that the command is about. The *related* ones are those that its decision reads too.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from app.domain.aggregate_type import Decision, Related
from app.domain.aggregates import AGGREGATES, DECISIONS
from app.domain.kernel.errors import Conflict, Invalid, NotFound, Refused
from app.store.log import CacheMiss
from app.write_side.aggregate_loader import AggregateLoader, missing
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.pending import PendingWrites
from app.write_side.state_cache import VersionedState


class Loaded(NamedTuple):
    """An aggregate that a command reads: its id and its state."""

    stream_id: str
    versioned: VersionedState


class CommandAggregates:
    """Finds the aggregates of commands. Takes: the loader, a maker of ids."""

    def __init__(self, loader: AggregateLoader, new_id: Callable[[str], str]) -> None:
        self._loader = loader
        self._new_id = new_id

    def prefetch(
        self,
        tenant_id: str,
        envelopes: Sequence[CommandEnvelope],
        pending: PendingWrites,
        day_of: Callable[[CommandEnvelope], str],
    ) -> None:
        """Reads together what the commands of a batch name, and then what those aggregates name in turn.

        Takes: `day_of`, the tenant's day on which a command takes effect.
        """
        named = {name for envelope in envelopes for name in _named_by(envelope)}
        self._loader.prefetch(tenant_id, named, pending)
        named = {name for envelope in envelopes for name in self._named_by_primary(envelope, pending, day_of)}
        self._loader.prefetch(tenant_id, named, pending)

    def primary(self, envelope: CommandEnvelope, decision: Decision, pending: PendingWrites) -> Loaded:
        """The aggregate that a command is about, or a new one. Raises: Invalid, NotFound, Conflict for If-Match."""
        aggregate, tenant_id = decision.aggregate, envelope.tenant_id
        if decision.creates:
            aggregate_type = AGGREGATES[aggregate]
            stream_id = envelope.new_id or self._new_id(aggregate_type.id_prefix)
            return Loaded(stream_id, VersionedState(0, aggregate_type.initial))
        id_or_ref = envelope.targets.get(aggregate)
        if id_or_ref is None:
            raise Invalid(f"{aggregate}_missing", f"the {aggregate} must be named")
        stream_id, versioned = self._in_reach(envelope, aggregate, id_or_ref, pending)
        if envelope.if_match is not None and versioned.version != envelope.if_match:
            self._loader.states.drop(tenant_id, [stream_id])
            stream_id, versioned = self._loader.load(tenant_id, aggregate, stream_id, pending)
            if versioned.version != envelope.if_match:
                raise Conflict("version_conflict", "it changed since you looked", current_version=versioned.version)
        return Loaded(stream_id, versioned)

    def related(
        self, envelope: CommandEnvelope, related: Related, primary: Loaded, pending: PendingWrites, day: str
    ) -> Loaded | None:
        """An aggregate that the decision reads besides. Gives: None where there is none and none is required.

        Raises: Invalid, NotFound; Refused where it belongs to another account.
        """
        name, aggregate, optional = related.name, related.aggregate, related.optional
        state = primary.versioned.state
        by_caller = envelope.target(name)
        id_or_ref = by_caller or related.named(state, envelope.command, day)
        if id_or_ref is None:
            if optional:
                return None
            raise Invalid(f"{name}_missing", f"the {name} must be named")
        if optional and not by_caller and _cannot_exist_yet(name, id_or_ref, primary.stream_id, pending):
            return None
        try:
            stream_id, versioned = self._in_reach(envelope, aggregate, id_or_ref, pending)
        except NotFound:
            if optional and not by_caller:
                return None
            raise
        account = getattr(state, "account", None)
        if name == "account" and account is not None and stream_id != account:
            raise Refused("other_account", "the thing belongs to another account than the one that was named")
        return Loaded(stream_id, versioned)

    def _in_reach(
        self, envelope: CommandEnvelope, aggregate: str, id_or_ref: str, pending: PendingWrites
    ) -> tuple[str, VersionedState]:
        """An aggregate's id and state. Raises: NotFound, in the same words for what is of an account out of the actor's reach."""
        stream_id, versioned = self._loader.load(envelope.tenant_id, aggregate, id_or_ref, pending)
        reach = envelope.principal.reach
        if not reach.whole:
            account = stream_id if aggregate == "account" else getattr(versioned.state, "account", None)
            if account is not None:
                held = self._loader.load(envelope.tenant_id, "account", account, pending)[1].state
                if not reach.sees(held):
                    raise missing(aggregate)
            if getattr(versioned.state, "payee", next(iter(reach.names), None)) not in reach.names:
                raise missing(aggregate)
        return stream_id, versioned

    def every(
        self, envelope: CommandEnvelope, related: Related, account: str | None, pending: PendingWrites
    ) -> list[Loaded]:
        """The aggregates of an account that have an event of the topic, those of the commands before this one among them.

        Takes: None for those of no account. Raises: CacheMiss when nothing may be read.
        """
        if pending.cache_only:
            raise CacheMiss
        found = dict.fromkeys(self._loader.log.streams_of(envelope.tenant_id, account, related.topic))
        found |= dict.fromkeys(pending.of_account.get((str(account), related.topic), ()))
        self._loader.prefetch(envelope.tenant_id, [(related.aggregate, stream_id) for stream_id in found], pending)
        return [
            Loaded(*self._loader.load(envelope.tenant_id, related.aggregate, stream_id, pending)) for stream_id in found
        ]

    def _named_by_primary(
        self, envelope: CommandEnvelope, pending: PendingWrites, day_of: Callable[[CommandEnvelope], str]
    ) -> Iterator[tuple[str, str]]:
        """What the primary aggregate's own state names, where the caller does not, as (aggregate, id or ref:…)."""
        decision = DECISIONS[type(envelope.command)]
        id_or_ref = None if decision.creates else envelope.targets.get(decision.aggregate)
        primary = id_or_ref and self._loader.cached(envelope.tenant_id, decision.aggregate, id_or_ref, pending)
        if not primary:
            return
        for related in decision.reads:
            day = day_of(envelope) if related.named_by is not None else ""
            by_state = related.named(primary.state, envelope.command, day)
            if by_state is not None and not envelope.target(related.name):
                yield related.aggregate, by_state


def _named_by(envelope: CommandEnvelope) -> Iterator[tuple[str, str]]:
    """What the caller of a command names, as (aggregate, id or ref:…)."""
    decision = DECISIONS[type(envelope.command)]
    if not decision.creates and (id_or_ref := envelope.target(decision.aggregate)):
        yield decision.aggregate, id_or_ref
    for related in decision.reads:
        if id_or_ref := envelope.target(related.name):
            yield related.aggregate, id_or_ref


def _cannot_exist_yet(name: str, id_or_ref: str, stream_id: str, pending: PendingWrites) -> bool:
    """Whether a reference is derived from an aggregate that begins in this batch, and has not been claimed in it either.

    Such a reference need not be looked up: nobody could claim it before that aggregate existed.
    """
    ref = id_or_ref.removeprefix("ref:") if id_or_ref.startswith("ref:") else ""
    return (
        ref != "" and ref.startswith(stream_id) and stream_id in pending.new_streams and (name, ref) not in pending.refs
    )
