"""Decisions without a database, a clock or a handler: events are given, a command is decided, events or a refusal follow.

    given(AccountOpened(name="Northwind", currency="EUR")).when(CloseAccount()).then(AccountClosed())
    given().when(ReopenAccount()).refused("account_open")

A `Scenario` is the same for stories of several aggregates: `do` decides a command and folds its events, in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self
from zoneinfo import ZoneInfo

import pytest

from app.domain.account.events import AccountOpened
from app.domain.aggregate_type import Decision, Related
from app.domain.aggregates import AGGREGATES, DECISIONS, aggregate_of
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import DomainError, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import micros, moment_start, nearest_day, typeid, zone
from app.domain.recorded import Recorded

NOW = "2026-01-15T09:00:00Z"
OPENED = AccountOpened(name="Northwind", currency="EUR", time_zone="UTC")


class TakesCommands(Protocol):
    """What takes commands: a scenario in memory, or a Steward on a database."""

    zone: ZoneInfo

    def do(self, command: Command, *, actor: str = ..., role: str = ..., **targets: str) -> Any: ...
    def state(self, aggregate: str, named: str) -> Any: ...
    def stream(self, stream_id: str) -> list[Recorded]: ...
    def events(self) -> list[Recorded]: ...
    def topics(self) -> list[str]: ...


class Appended(NamedTuple):
    """What a command led to: the aggregate's id and version, and its events as (id, topic, position)."""

    id: str
    version: int
    events: list[tuple[str, str, int]]


def recorded(
    event: Event,
    *,
    stream_id: str,
    version: int,
    recorded_at: int,
    event_id: str | None = None,
    effective_at: int | None = None,
    position: int | None = None,
    actor: str = "test",
) -> Recorded:
    """An event as the log would hold it. Its position is its version, and it is true when it is recorded, unless named."""
    return Recorded(
        tenant_id="tnt",
        position=version if position is None else position,
        event_id=event_id or f"evt_{version}",
        stream_id=stream_id,
        version=version,
        account_id=None,
        type=event.TOPIC,
        schema_version=event.VERSION,
        effective_at=recorded_at if effective_at is None else effective_at,
        recorded_at=recorded_at,
        actor=actor,
        body=f'{{"data":{event.model_dump_json(exclude_none=True)},"meta":{{}},"salt":""}}'.encode(),
    )


@dataclass
class Scenario:
    """Aggregates in memory. now: the instant at which commands are decided; zone: the tenant's."""

    now: int = micros(NOW)
    zone: ZoneInfo = field(default_factory=lambda: zone("UTC"))
    streams: dict[str, list[Recorded]] = field(default_factory=dict)
    references: dict[tuple[str, str], str] = field(default_factory=dict)
    ids: int = 0

    def new_id(self, prefix: str) -> str:
        """An id that no other has."""
        self.ids += 1
        return typeid(prefix, self.ids.to_bytes(16, "big"))

    def set_now(self, now: str) -> None:
        """Decides at another instant from here on."""
        self.now = micros(now)

    def given(self, stream_id: str, *events: Event, effective_at: int | None = None, actor: str = "test") -> Self:
        """Events that have happened to an aggregate, now unless an instant is named."""
        for event in events:
            self._append(
                stream_id, self.new_id("evt"), event, self.now if effective_at is None else effective_at, actor
            )
        return self

    def do(self, command: Command, *, actor: str = "test", role: str = "", **targets: str) -> Appended:
        """Decides a command and appends its events. Takes: its targets by aggregate. Raises: the refusal."""
        stream_id, decided, ids, effective_at = self._decide(command, actor, role, targets)
        kind = DECISIONS[type(command)]
        if kind.creates and (reference := vars(command).get("external_ref")):
            self.references[kind.aggregate, reference] = stream_id
        appended = []
        for item in decided:
            one = item if isinstance(item, Decided) else Decided(item)
            event_id = one.event_id or self.new_id("evt")
            at = effective_at if one.effective_at is None else one.effective_at
            self._append(ids[one.beside or kind.aggregate], event_id, one.event, at, actor)
            appended.append((event_id, one.event.TOPIC, self.ids))
        return Appended(stream_id, len(self.streams[stream_id]), appended)

    def when(self, command: Command, *, actor: str = "test", role: str = "", **targets: str) -> "Outcome":
        """What deciding a command leads to; nothing is appended."""
        try:
            decided = self._decide(command, actor, role, targets)[1]
        except DomainError as refusal:
            return Outcome((), refusal)
        return Outcome(tuple(item if isinstance(item, Decided) else Decided(item) for item in decided))

    # --- what has happened ---

    def events(self) -> list[Recorded]:
        """All events in the order in which they were appended."""
        return sorted((event for stream in self.streams.values() for event in stream), key=lambda one: one.position)

    def stream(self, stream_id: str) -> list[Recorded]:
        """The events of one aggregate."""
        return list(self.streams[stream_id])

    def topics(self) -> list[str]:
        """The topics of all events in order."""
        return [event.type for event in self.events()]

    def state(self, aggregate: str, named: str) -> Any:
        """The state of an aggregate, by id or reference."""
        return AGGREGATES[aggregate].fold(self.streams[self._resolved(aggregate, named)])

    # --- deciding ---

    def _decide(
        self, command: Command, actor: str, role: str, targets: dict[str, str]
    ) -> tuple[str, Any, dict[str, str], int]:
        decision = DECISIONS[type(command)]
        kind = AGGREGATES[decision.aggregate]
        if decision.creates:
            stream_id, state = self.new_id(kind.id_prefix), kind.initial
        else:
            stream_id = self._resolved(kind.name, targets[kind.name])
            state = kind.fold(self.streams[stream_id])
        ids, states = {kind.name: stream_id}, {}
        for related in decision.reads:
            if related.topic:
                states[related.name] = self._every(related, None if related.of_tenant else stream_id)
        at = self.now if command.effective_at is None else moment_start(command.effective_at, self.zone)
        for related, related_id in self._related(decision, command, targets, state, nearest_day(at, self.zone)):
            ids[related.name], states[related.name] = related_id, self.state(related.aggregate, related_id)
        context = Context(
            tenant_id="tnt",
            principal=Principal(actor, role),
            now=self.now,
            effective_at=at,
            zone=self.zone,
            stream_id=stream_id,
            new_id=self.new_id,
            states=states,
            ids=ids,
        )
        decided = decision.decide(state, command, context)
        if decision.reference:
            self.references[kind.name, decision.reference(command, context)] = stream_id
        return stream_id, decided, ids, at

    def _related(
        self, decision: Decision, command: Command, targets: dict[str, str], state: Any, day: str
    ) -> Iterator[tuple[Related, str]]:
        for related in decision.reads:
            if related.topic:
                continue
            named = targets.get(related.name) or vars(command).get(related.name)
            own = related.named(state, command, day)
            if named or not (related.optional and (own is None or not self._exists(related.aggregate, own))):
                yield related, self._resolved(related.aggregate, named or own)

    def _every(self, related: Related, account: str | None) -> dict[str, Any]:
        """The states of the aggregates of an account, or of none, that have an event of the topic, by id."""
        having = [one for one, stream in self.streams.items() if any(event.type == related.topic for event in stream)]
        states = {one: self.state(related.aggregate, one) for one in having}
        return {one: state for one, state in states.items() if state.account == account}

    def _exists(self, aggregate: str, named: str) -> bool:
        return named in self.streams or (aggregate, named.removeprefix("ref:")) in self.references

    def _resolved(self, aggregate: str, named: str) -> str:
        return self.references[aggregate, named.removeprefix("ref:")] if named.startswith("ref:") else named

    def _append(self, stream_id: str, event_id: str, event: Event, effective_at: int, actor: str) -> None:
        stream = self.streams.setdefault(stream_id, [])
        self.ids += 1
        stream.append(
            recorded(
                event,
                stream_id=stream_id,
                version=len(stream) + 1,
                position=self.ids,
                event_id=event_id,
                effective_at=effective_at,
                recorded_at=self.now,
                actor=actor,
            )
        )


class Outcome(NamedTuple):
    """What a decision led to: events, or a refusal."""

    decided: tuple[Decided, ...]
    refusal: DomainError | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """The events."""
        assert self.refusal is None, self.refusal
        return tuple(one.event for one in self.decided)

    def then(self, *events: Event) -> Self:
        """Exactly these events follow."""
        assert self.events == events
        return self

    def effective_at(self, *instants: str) -> Self:
        """The events are true at these instants."""
        assert [one.effective_at for one in self.decided] == [micros(instant) for instant in instants]
        return self

    def refused(self, code: str, kind: type[DomainError] = Refused) -> Self:
        """The command is refused with this code."""
        assert self.refusal is not None, f"decided {self.decided}"
        assert (type(self.refusal), self.refusal.code) == (kind, code)
        return self


class Given(NamedTuple):
    """One aggregate of an open account, and what has happened to it."""

    scenario: Scenario
    stream_id: str
    account: str

    @property
    def state(self) -> Any:
        """The state that the events lead to."""
        return aggregate_of(self.stream_id).fold(self.scenario.stream(self.stream_id))

    def when(self, command: Command, *, actor: str = "test", role: str = "", **targets: str) -> Outcome:
        """What deciding a command about it leads to."""
        aggregate = DECISIONS[type(command)].aggregate
        about = {} if DECISIONS[type(command)].creates or not self.stream_id else {aggregate: self.stream_id}
        return self.scenario.when(command, actor=actor, role=role, **{"account": self.account, **about, **targets})


def given(*events: Event, now: str = NOW) -> Given:
    """What has happened to one aggregate, beside an account that is open. Without events: to the account alone."""
    scenario = Scenario(now=micros(now))
    account = scenario.new_id("acct")
    scenario.given(account, OPENED)
    aggregate = events[0].TOPIC.partition(".")[0] if events else "account"
    if aggregate == "account":
        scenario.streams[account] = [] if events else scenario.streams[account]
        return Given(scenario.given(account, *events), account, account)
    stream_id = scenario.new_id(AGGREGATES[aggregate].id_prefix)
    return Given(scenario.given(stream_id, *events), stream_id, account)


def refusal(scenario: TakesCommands, command: Command, **members: str) -> str:
    """The kind and code with which a scenario or a Steward refuses a command; nothing is appended."""
    before = scenario.topics()
    with pytest.raises(DomainError) as refused:
        scenario.do(command, **members)
    assert scenario.topics() == before
    return f"{type(refused.value).__name__} {refused.value.code}"
