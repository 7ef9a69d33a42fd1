"""The planner: turns a command into an append. It reads states and decides; it writes nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from app.domain.aggregate_type import Decision
from app.domain.aggregates import DECISIONS
from app.domain.kernel import values
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import DomainError, Invalid
from app.domain.kernel.event import Event
from app.domain.kernel.principal import AGENT, Principal
from app.domain.kernel.rights import Authorisation
from app.domain.recorded import Recorded
from app.store.append import AppendRequest
from app.store.batch import claimed
from app.store.log import CacheMiss, Log
from app.store.new_event import NewEvent
from app.store.receipts import Receipt
from app.write_side.agent_limits import AgentLimits
from app.write_side.aggregate_loader import AggregateLoader
from app.write_side.approvals import Approvals
from app.write_side.authoriser import Authoriser
from app.write_side.command_aggregates import CommandAggregates
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.pending import PendingWrites
from app.write_side.state_cache import VersionedState
from app.write_side.states_after import before_append, states_after

COUNTED: Final = frozenset(
    related.topic for decision in DECISIONS.values() for related in decision.reads if related.topic
)
"""The topics by which decisions find all aggregates of an account."""


class Plan(NamedTuple):
    """What a command appends; and the events and states that there will be once it is stored."""

    append: AppendRequest
    events: list[Recorded]
    states: dict[str, VersionedState]


class Planner:
    """Plans commands. Takes: the log, a clock of microseconds, a maker of ids."""

    def __init__(self, log: Log, clock: Callable[[], int], new_id: Callable[[str], str]) -> None:
        self.log = log
        self.clock = clock
        self.new_id = new_id
        self.loader = AggregateLoader(log)
        self.aggregates = CommandAggregates(self.loader, new_id)
        self.authoriser = Authoriser(self.loader)
        self.agents = AgentLimits(self.loader)
        self.approvals = Approvals(self.loader, self.authoriser, new_id)

    def plan(self, envelope: CommandEnvelope, pending: PendingWrites) -> Plan:
        """What a command appends. A refusal that was decided on cached states is decided again on the log's.

        Raises: the refusal; CacheMiss where nothing may be read and something is not cached.
        """
        pending.from_cache.clear()
        try:
            return self._decide(envelope, pending)
        except DomainError as refusal:
            if not pending.from_cache:
                raise
            if pending.cache_only:
                raise CacheMiss from refusal
            self.loader.states.drop(envelope.tenant_id, pending.from_cache)
            return self._decide(envelope, pending)

    def prefetch(self, tenant_id: str, envelopes: Sequence[CommandEnvelope], pending: PendingWrites) -> None:
        """Reads together what the commands of a batch will need."""
        now = self.clock()

        def day_of(envelope: CommandEnvelope) -> str:
            zone = self.loader.zone(tenant_id, pending)
            at = values.moment_start(envelope.command.effective_at, zone) if envelope.command.effective_at else now
            return values.nearest_day(at, zone)

        self.aggregates.prefetch(tenant_id, envelopes, pending, day_of)

    def cache_states(self, plan: Plan, receipt: Receipt) -> None:
        """Caches the states of a plan that was stored as it was planned."""
        first = receipt.position - len(plan.events) + 1
        for at, recorded in enumerate(plan.events):
            recorded.position, recorded.recorded_at = first + at, receipt.recorded_at
        for stream_id, versioned in plan.states.items():
            self.loader.states.put(plan.append.tenant_id, stream_id, versioned)

    def drop_states(self, plan: Plan) -> None:
        """Forgets the states that a plan was decided on: another writer was faster."""
        self.loader.states.drop(plan.append.tenant_id, plan.append.expects)

    # --- one decision ---

    def _decide(self, envelope: CommandEnvelope, pending: PendingWrites) -> Plan:
        command, tenant_id, now = envelope.command, envelope.tenant_id, self.clock()
        decision = DECISIONS[type(command)]
        creates_tenant = decision.aggregate == "tenant" and decision.creates
        zone = values.zone("UTC") if creates_tenant else self.loader.zone(tenant_id, pending)
        primary = self.aggregates.primary(envelope, decision, pending)
        stream_id, state = primary.stream_id, primary.versioned.state
        ids, states, read = {decision.aggregate: stream_id}, {}, {stream_id: primary.versioned}
        effective_at, counts = _effective_at(command, zone, now), {}
        day = values.nearest_day(effective_at, zone) if any(each.named_by for each in decision.reads) else ""
        for related in decision.reads:
            if related.topic:
                account = None if related.of_tenant else stream_id
                every = self.aggregates.every(envelope, related, account, pending)
                states[related.name] = {each.stream_id: each.versioned.state for each in every}
                read |= {each.stream_id: each.versioned for each in every}
                if account is not None:
                    counts[account, related.topic] = len(every)
                continue
            loaded = self.aggregates.related(envelope, related, primary, pending, day)
            if loaded is not None:
                ids[related.name], states[related.name] = loaded.stream_id, loaded.versioned.state
                read[loaded.stream_id] = loaded.versioned
        account_id = _account_of((state, *states.values())) or (stream_id if decision.aggregate == "account" else None)
        authorised = self.authoriser.authorise(
            envelope, decision, state, account_id=account_id, pending=pending, counts=counts, now=now
        )
        context = Context(
            tenant_id=tenant_id,
            principal=_as(envelope.principal, authorised),
            now=now,
            effective_at=effective_at,
            zone=zone,
            stream_id=stream_id,
            new_id=self.new_id,
            states=states,
            ids=ids,
            people_known=envelope.people_known,
            suggested_by=self.approvals.suggested_by(envelope, pending),
            limit=authorised.limit,
            behind=partial(self.authoriser.person_behind, tenant_id, pending),
            mark=partial(self._mark, tenant_id),
        )
        try:
            decided = decision.decide(state, command, context)
        except (ValueError, OverflowError) as error:  # days beyond the calendar and the like
            raise Invalid("out_of_range", "a date or an amount is out of range") from error
        new_events = self._new_events(decided, decision, context, read, account_id)
        claims = _claims(decision, command, context)
        if envelope.principal.actor.startswith(AGENT):
            claims.append(self.agents.require(envelope, read, pending, now, zone))
        if envelope.approves is not None:
            new_events.append(self.approvals.event(envelope, envelope.approves, new_events, read, pending, now))
        if decision.former_claims:
            self._require_unclaimed(decision.former_claims(command, context), context, pending)
        envelope = envelope._replace(meta={**envelope.meta, "authorised_by": authorised.said()})
        return self._plan(envelope, pending, stream_id, new_events, read=read, claims=claims, counts=counts, now=now)

    def _mark(self, tenant_id: str, text: str) -> str:
        return self.log.vault.mark(tenant_id, text.encode()).hex()

    def _require_unclaimed(self, claims: Sequence[tuple[str, str]], context: Context, pending: PendingWrites) -> None:
        """Raises: Refused where another aggregate has claimed a value, as older code did; CacheMiss where nothing may be read."""
        if pending.cache_only:
            raise CacheMiss
        for noun, named in claims:
            if self.log.resolve(context.tenant_id, noun, named) not in (None, context.stream_id):
                raise claimed(noun)

    def _new_events(
        self,
        decided: Sequence[Event | Decided],
        decision: Decision,
        context: Context,
        read: Mapping[str, VersionedState],
        account_id: str | None,
    ) -> list[NewEvent]:
        """What was decided, as the next events of their streams."""
        versions: dict[str, int] = {}
        new_events = []
        for item in decided:
            decided_event = item if isinstance(item, Decided) else Decided(item)
            event = decided_event.event
            stream_id = context.ids[decided_event.beside or decision.aggregate]
            versions[stream_id] = version = versions.get(stream_id, read[stream_id].version) + 1
            effective_at = decided_event.effective_at
            new_events.append(
                NewEvent(
                    event=event,
                    event_id=decided_event.event_id or self.new_id("evt"),
                    stream_id=stream_id,
                    version=version,
                    account_id=account_id,
                    effective_at=context.effective_at if effective_at is None else effective_at,
                    corrects=vars(event).get("corrects"),
                )
            )
        return new_events

    def _plan(
        self,
        envelope: CommandEnvelope,
        pending: PendingWrites,
        stream_id: str,
        new_events: list[NewEvent],
        *,
        read: dict[str, VersionedState],
        claims: Sequence[tuple[str, str]],
        counts: Mapping[tuple[str, str], int],
        now: int,
    ) -> Plan:
        append = self._append_request(envelope, pending, stream_id, new_events, read=read, claims=claims, counts=counts)
        events = [
            before_append(envelope.tenant_id, envelope.principal.actor, new_event, stored.state, now)
            for new_event, stored in zip(new_events, append.events, strict=True)
        ]
        plan = Plan(append, events, states_after(events, read))
        if pending.batch:
            pending.states.update(read)
            pending.states.update(plan.states)
            pending.refs.update(dict.fromkeys(claims, stream_id))
            for new_event in new_events:
                pending.last_event_ids[new_event.stream_id] = new_event.event_id
                topic = (str(new_event.account_id), new_event.event.TOPIC)
                if topic[1] in COUNTED:
                    pending.of_account.setdefault(topic, []).append(new_event.stream_id)
            if not read[stream_id].version:
                pending.new_streams.add(stream_id)
        return plan

    def _append_request(
        self,
        envelope: CommandEnvelope,
        pending: PendingWrites,
        stream_id: str,
        new_events: list[NewEvent],
        *,
        read: Mapping[str, VersionedState],
        claims: Sequence[tuple[str, str]],
        counts: Mapping[tuple[str, str], int],
    ) -> AppendRequest:
        command = envelope.command
        # A reason that is a member of the event itself is not sealed a second time.
        in_event = command.reason is not None and any("reason" in _members(type(new.event)) for new in new_events)
        try:
            append = self.log.prepare(
                envelope.tenant_id,
                stream_id,
                new_events,
                actor=envelope.principal.actor,
                reason=None if in_event else command.reason,
                meta={
                    **envelope.meta,
                    **_approved(envelope),
                    **envelope.principal.said(),
                    "visibility": command.visibility,
                },
                expects={stream: versioned.version for stream, versioned in read.items()},
                request=envelope.request,
                claims=claims,
                counts=counts,
                known_keys=pending.data_keys,
                cache_only=pending.cache_only,
            )
        except ValueError as error:  # text that has no canonical form; the API refuses it before it comes here
            raise Invalid("unwritable_text", "a text holds what cannot be written as JSON") from error
        last_event_ids = pending.last_event_ids
        if depends_on := tuple(last_event_ids[stream] for stream in read if stream in last_event_ids):
            append = replace(append, depends_on=depends_on)
        return append


def _as(principal: Principal, authorised: Authorisation) -> Principal:
    """The principal in the role that allowed it, by which the limits are."""
    return principal if principal.role == authorised.role else principal._replace(role=authorised.role)


def _approved(envelope: CommandEnvelope) -> dict[str, str]:
    """What the events of a suggestion that is approved say of it."""
    return {} if envelope.approves is None else {"suggestion": envelope.approves.suggestion}


def _account_of(states: Iterable[Any]) -> str | None:
    """The account that one of some aggregates belongs to."""
    for state in states:
        account: str | None = getattr(state, "account", None)
        if account:
            return account
    return None


def _claims(decision: Decision, command: Command, context: Context) -> list[tuple[str, str]]:
    """The references that the command claims, as (noun, reference)."""
    claims = []
    if isinstance(command, Creation) and command.external_ref:
        claims.append((decision.aggregate, command.external_ref))
    if decision.reference:
        claims.append((decision.aggregate, decision.reference(command, context)))
    if decision.claims:
        claims += decision.claims(command, context)
    return claims


def _effective_at(command: Command, zone: ZoneInfo, now: int) -> int:
    """When a command takes effect. Raises: Invalid for the first day of the year 1 where it begins in the year before."""
    if command.effective_at is None:
        return now
    moment = values.moment_start(command.effective_at, zone)
    if not values.FIRST <= moment <= values.LAST:
        raise Invalid("out_of_range", "effective_at is out of range")
    return moment


@cache
def _members(event_class: type[BaseModel]) -> frozenset[str]:
    return frozenset(event_class.model_fields)
