"""Planning: what a command appends. Pure decisions between a read and an append."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from app.domain.aggregate_type import Decision, Related
from app.domain.aggregates import AGGREGATES, DECISIONS, aggregate_of
from app.domain.kernel import values
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused
from app.domain.kernel.event import Event
from app.domain.recorded import Recorded
from app.store.append import AppendRequest
from app.store.log import CacheMiss, Log, NewEvent
from app.store.receipts import Receipt, Request
from app.write_side.aggregate_loader import AggregateLoader
from app.write_side.states import PendingWrites, VersionedState


class CommandEnvelope(NamedTuple):
    """A command on its way: for whom, about what, and how it may be recognised when it comes again.

    targets: noun to id, or to `ref:` and the caller's reference. if_match: the version that the caller saw.
    role: in which role the actor speaks, where a decision asks how far that reaches.
    """

    tenant_id: str
    actor: str
    command: Command
    request: Request
    targets: Mapping[str, str] = MappingProxyType({})
    if_match: int | None = None
    new_id: str | None = None
    meta: Mapping[str, Any] = MappingProxyType({})
    role: str = ""


class Plan(NamedTuple):
    """What a command wants appended, and what will be known once it is: the events, and the states they lead to."""

    append: AppendRequest
    events: list[Recorded]
    states: dict[str, VersionedState]


class Planner:
    """Plans commands on states that it remembers. Takes: the log, a clock of microseconds, a maker of ids."""

    def __init__(self, log: Log, clock: Callable[[], int], new_id: Callable[[str], str]) -> None:
        self.log = log
        self.clock = clock
        self.new_id = new_id
        self.memory = AggregateLoader(log)

    def plan(self, intent: CommandEnvelope, overlay: PendingWrites) -> Plan:
        """What a command appends. A refusal that rests on what was remembered is looked at again with what is.

        Raises: the refusal; CacheMiss when only memory may be asked and does not hold what it takes.
        """
        overlay.remembered.clear()
        try:
            return self._decide(intent, overlay)
        except DomainError as refusal:
            if not overlay.remembered:
                raise
            if overlay.at_hand:
                raise CacheMiss from refusal
            self.memory.states.drop(intent.tenant_id, overlay.remembered)
            return self._decide(intent, overlay)

    def stored(self, plan: Plan, receipt: Receipt) -> None:
        """Remembers the states that an append led to: what was planned on a version, once it is stored behind it."""
        first = receipt.position - len(plan.events) + 1
        for at, recorded in enumerate(plan.events):
            recorded.position, recorded.recorded_at = first + at, receipt.recorded_at
        for stream_id, held in plan.states.items():
            self.memory.states.put(plan.append.tenant_id, stream_id, held)

    def failed(self, plan: Plan) -> None:
        """Forgets what a plan rested on: somebody else was faster."""
        self.memory.states.drop(plan.append.tenant_id, plan.append.expects)

    def prefetch(self, tenant_id: str, intents: Sequence[CommandEnvelope], overlay: PendingWrites) -> None:
        """Looks up together what the commands of a batch name, and then what those things name in turn."""
        self.memory.fetch(tenant_id, {one for intent in intents for one in _named(intent)}, overlay)
        self.memory.fetch(tenant_id, {one for intent in intents for one in self._own(intent, overlay)}, overlay)

    def _own(self, intent: CommandEnvelope, overlay: PendingWrites) -> Iterator[tuple[str, str]]:
        """What the thing that a command is about names itself, where the caller does not."""
        decision = DECISIONS[type(intent.command)]
        named = None if decision.creates else intent.targets.get(decision.aggregate)
        held = named and self.memory.at_hand(intent.tenant_id, decision.aggregate, named, overlay)
        if not held:
            return
        for related in decision.reads:
            own = getattr(held.state, related.name, None)
            if own is not None and not _said(intent, related.name):
                yield related.aggregate, own

    # --- one decision ---

    def _decide(self, intent: CommandEnvelope, overlay: PendingWrites) -> Plan:
        command, tenant_id, now = intent.command, intent.tenant_id, self.clock()
        decision = DECISIONS[type(command)]
        begins = decision.aggregate == "tenant" and decision.creates
        where = values.zone("UTC") if begins else self.memory.zone(tenant_id, overlay)
        stream_id, held = self._primary(intent, decision, overlay)
        ids, states, read = {decision.aggregate: stream_id}, {}, {stream_id: held}
        for related in decision.reads:
            found = self._related(intent, related, stream_id, held.state, overlay)
            if found is not None:
                read_id, version = found
                ids[related.name], states[related.name], read[read_id] = read_id, version.state, version
        effective_at = _effective_at(command, where, now)
        context = Context(
            tenant_id, intent.actor, now, effective_at, where, stream_id, self.new_id, states, ids, intent.role
        )
        try:
            decided = decision.decide(held.state, command, context)
        except (ValueError, OverflowError) as error:  # days beyond the calendar and the like
            raise Invalid("out_of_range", "a date or an amount is out of range") from error
        account_id = _owner((held.state, *states.values()))
        drafts = self._drafts(decided, decision, ids, read, effective_at, account_id)
        return self._proposed(intent, overlay, stream_id, drafts, read, _claims(decision, command, context), now)

    def _proposed(
        self,
        intent: CommandEnvelope,
        overlay: PendingWrites,
        stream_id: str,
        drafts: list[NewEvent],
        read: dict[str, VersionedState],
        claims: Sequence[tuple[str, str]],
        now: int,
    ) -> Plan:
        command = intent.command
        # A reason that is a fact of the event is not sealed besides.
        told = command.reason is not None and any("reason" in _members(type(draft.event)) for draft in drafts)
        try:
            append = self.log.prepare(
                intent.tenant_id,
                stream_id,
                drafts,
                actor=intent.actor,
                reason=None if told else command.reason,
                meta={**intent.meta, "visibility": command.visibility},
                expects={stream: held.version for stream, held in read.items()},
                request=intent.request,
                claims=claims,
                known=overlay.keys,
                at_hand=overlay.at_hand,
            )
        except ValueError as error:  # what no door lets through, and no canonical form is there for
            raise Invalid("unwritable_text", "a text holds what cannot be written as JSON") from error
        if resting := tuple(overlay.planned[stream] for stream in read if stream in overlay.planned):
            append = replace(append, rests_on=resting)
        events = [
            expected(intent.tenant_id, intent.actor, draft, fact.state, now)
            for draft, fact in zip(drafts, append.facts, strict=True)
        ]
        plan = Plan(append, events, grown(events, read))
        if overlay.batch:
            overlay.states.update(read)
            overlay.states.update(plan.states)
            overlay.refs.update(dict.fromkeys(claims, stream_id))
            for draft in drafts:
                overlay.planned[draft.stream_id] = draft.event_id
            if not read[stream_id].version:
                overlay.begun.add(stream_id)
        return plan

    def _primary(
        self, intent: CommandEnvelope, decision: Decision, overlay: PendingWrites
    ) -> tuple[str, VersionedState]:
        noun = decision.aggregate
        if decision.creates:
            kind = AGGREGATES[noun]
            return intent.new_id or self.new_id(kind.id_prefix), VersionedState(0, kind.initial)
        named = intent.targets.get(noun)
        if named is None:
            raise Invalid(f"{noun}_missing", f"the {noun} must be named")
        stream_id, held = self.memory.load(intent.tenant_id, noun, named, overlay)
        if intent.if_match is not None and held.version != intent.if_match:
            self.memory.states.drop(intent.tenant_id, [stream_id])
            stream_id, held = self.memory.load(intent.tenant_id, noun, stream_id, overlay)
            if held.version != intent.if_match:
                raise Conflict("version_conflict", "it changed since you looked", current_version=held.version)
        return stream_id, held

    def _related(
        self,
        intent: CommandEnvelope,
        related: Related,
        stream_id: str,
        state: Any,
        overlay: PendingWrites,
    ) -> tuple[str, VersionedState] | None:
        name, aggregate, optional = related
        said = _said(intent, name)
        named = said or getattr(state, name, None)
        if named is None:
            if optional:
                return None
            raise Invalid(f"{name}_missing", f"the {name} must be named")
        own_ref = named.removeprefix("ref:") if optional and not said and named.startswith("ref:") else None
        if (
            own_ref
            and own_ref.startswith(stream_id)
            and stream_id in overlay.begun
            and (name, own_ref) not in overlay.refs
        ):
            return None  # what is called after a thing of this batch can only have begun in this batch, too
        try:
            found_id, held = self.memory.load(intent.tenant_id, aggregate, named, overlay)
        except NotFound:
            if optional and not said:
                return None
            raise
        own = getattr(state, "account", None)
        if name == "account" and own is not None and found_id != own:
            raise Refused("other_account", "the thing belongs to another account than the one that was named")
        return found_id, held

    def _drafts(
        self,
        decided: Sequence[Event | Decided],
        decision: Decision,
        ids: Mapping[str, str],
        read: Mapping[str, VersionedState],
        effective_at: int,
        account_id: str | None,
    ) -> list[NewEvent]:
        versions: dict[str, int] = {}
        drafts = []
        for item in decided:
            one = item if isinstance(item, Decided) else Decided(item)
            stream_id = ids[one.beside or decision.aggregate]
            versions[stream_id] = version = versions.get(stream_id, read[stream_id].version) + 1
            drafts.append(
                NewEvent(
                    one.event,
                    one.event_id or self.new_id("evt"),
                    stream_id,
                    version,
                    account_id or (stream_id if decision.aggregate == "account" else None),
                    effective_at if one.effective_at is None else one.effective_at,
                    vars(one.event).get("corrects"),
                )
            )
        return drafts


def _named(intent: CommandEnvelope) -> Iterator[tuple[str, str]]:
    """What a command names, as (noun, id or ref:…)."""
    decision = DECISIONS[type(intent.command)]
    if not decision.creates and (said := _said(intent, decision.aggregate)):
        yield decision.aggregate, said
    for related in decision.reads:
        if said := _said(intent, related.name):
            yield related.aggregate, said


def _said(intent: CommandEnvelope, noun: str) -> str | None:
    """The thing of a noun that the caller names, in the path or in the command."""
    # `vars`, here and above: an attribute that is not there costs pydantic more than all the rest of planning.
    return intent.targets.get(noun) or vars(intent.command).get(noun)


def _owner(states: Iterable[Any]) -> str | None:
    """The account that one of some things belongs to."""
    for state in states:
        owner: str | None = getattr(state, "account", None)
        if owner:
            return owner
    return None


def _claims(decision: Decision, command: Command, context: Context) -> list[tuple[str, str]]:
    claims = []
    if isinstance(command, Creation) and command.external_ref:
        claims.append((decision.aggregate, command.external_ref))
    if decision.reference:
        claims.append((decision.aggregate, decision.reference(command, context)))
    if decision.claims:
        claims += decision.claims(command, context)
    return claims


def _effective_at(command: Command, where: ZoneInfo, now: int) -> int:
    """When a command is true. Raises: Invalid for the first day of the year 1 where it begins in the year before."""
    if command.effective_at is None:
        return now
    moment = values.moment_start(command.effective_at, where)
    if not values.FIRST <= moment <= values.LAST:
        raise Invalid("out_of_range", "effective_at is out of range")
    return moment


def expected(tenant_id: str, actor: str, draft: NewEvent, body: bytes, now: int) -> Recorded:
    """An event as it will stand in the log, but for its position and time."""
    event = draft.event
    return Recorded(
        tenant_id,
        0,
        draft.event_id,
        draft.stream_id,
        draft.version,
        draft.account_id,
        event.TOPIC,
        event.VERSION,
        draft.effective_at,
        now,
        actor,
        body,
        typed=event,
    )


def grown(events: Sequence[Recorded], read: Mapping[str, VersionedState]) -> dict[str, VersionedState]:
    """The states behind the last of some events."""
    states: dict[str, VersionedState] = {}
    for recorded in events:
        stream_id = recorded.stream_id
        held = states.get(stream_id) or read[stream_id]
        states[stream_id] = VersionedState(recorded.version, aggregate_of(stream_id).evolve(held.state, recorded))
        recorded.typed = None  # it holds in plain words what is sealed in the body: not for a memory
    return states


@cache
def _members(kind: type[BaseModel]) -> frozenset[str]:
    return frozenset(kind.model_fields)
