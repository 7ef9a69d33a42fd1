"""Planning: the states that are cached are those that the log leads to, and no more is read than needed."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sql

from app.domain.account.commands import CloseAccount, OpenAccount, RenameAccount
from app.domain.account.events import AccountRenamed
from app.domain.account.state import AccountState
from app.domain.aggregate_type import Decision, optional
from app.domain.aggregates import AGGREGATES, DECISIONS, aggregate_of
from app.domain.catalogue import CATALOGUE
from app.domain.interaction.commands import LogInteraction
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.principal import Principal
from app.domain.policy.commands import ActivatePolicy, DraftPolicy
from app.domain.policy.decisions import rules_in_force
from app.domain.policy.rules import RenewalRules
from app.domain.recorded import Recorded
from app.store.log import CacheMiss
from app.store.new_event import NewEvent
from app.store.receipts import Receipt, Request
from app.write_side.batch_handler import CHUNK
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.pending import PendingWrites
from app.write_side.planner import Planner
from app.write_side.state_cache import VersionedState
from app.write_side.states_after import before_append, states_after
from tests.golden import SEALED, sample
from tests.support.application import Steward
from tests.support.databases import Databases
from tests.support.lifetimes import life

OPENING = OpenAccount(name="Northwind", currency="EUR")
AMOUNTS = {"one_off": "5.00", "atr": "1200.50", "value": "900.00", "cost": "100.00", "price": "150.00", "annual_value": "800.00",
           "expires_at": "2026-12-01T00:00:00.000000Z"}  # fmt: skip
"""Members that states hold as numbers, instants among them."""
CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def property_steward(databases: Databases) -> Iterator[Steward]:
    """A Steward on SQLite that all examples of a property share."""
    steward = Steward(databases.fresh("sqlite"))
    yield steward
    steward.close()


OF_OTHERS = {"role": "user"}
"""Events that are named for another noun than that of their aggregate."""


@pytest.fixture
def planner(steward: Steward) -> Planner:
    """A planner with an empty cache."""
    return Planner(steward.runtime.log, steward.clock, steward.runtime.new_id)


def envelope(steward: Steward, command: Command, **targets: str) -> CommandEnvelope:
    return CommandEnvelope(
        steward.tenant, Principal("test"), command, Request(steward.runtime.new_id("req"), b""), targets
    )


# --- the cached state, and the one that the log leads to ---


def unsealed(value: Any) -> Any:
    """A golden event's data as it was before anything in it was sealed."""
    if value == SEALED:
        return "in plain text"
    if isinstance(value, dict):
        return {name: unsealed(member) for name, member in value.items()}
    return [unsealed(member) for member in value] if isinstance(value, list) else value


@st.composite
def events_of(draw: st.DrawFn, topics: list[str]) -> Event:
    """An event of one of some topics, with any of the members that it may lack."""
    kind = CATALOGUE[draw(st.sampled_from(topics))]
    data = {**unsealed(sample(kind)), **{name: amount for name, amount in AMOUNTS.items() if name in kind.model_fields}}
    for name, field in kind.model_fields.items():
        if not field.is_required() and draw(st.booleans()):
            del data[name]
    return kind.model_validate(data)


def streams() -> list[tuple[str, list[str]]]:
    """Each aggregate type with the topics of its events."""
    homes = {topic: OF_OTHERS.get(topic.partition(".")[0], topic.partition(".")[0]) for topic in CATALOGUE}
    nouns = {noun: [topic for topic, home in homes.items() if home == noun] for noun in AGGREGATES}
    assert sorted(topic for topics in nouns.values() for topic in topics) == sorted(CATALOGUE)
    return list(nouns.items())


@pytest.mark.parametrize(("noun", "topics"), streams(), ids=list(AGGREGATES))
@settings(deadline=None)
@given(st.data())
def test_the_state_after_new_events_is_the_state_after_the_stored_events(
    property_steward: Steward, noun: str, topics: list[str], data: st.DataObject
) -> None:
    events = data.draw(st.lists(events_of(topics), min_size=1, max_size=6))
    log, stream_id = property_steward.runtime.log, property_steward.runtime.new_id(AGGREGATES[noun].id_prefix)
    new_events = [
        NewEvent(
            event=event,
            event_id=property_steward.runtime.new_id("evt"),
            stream_id=stream_id,
            version=version,
            account_id="acct",
            effective_at=5,
        )
        for version, event in enumerate(events, 1)
    ]
    append = log.prepare(
        "tnt", stream_id, new_events, actor="a", meta={}, reason=None, expects={stream_id: 0}, request=Request("r", b"")
    )
    bodies = [stored.state for stored in append.events]

    states = states_after(
        [before_append("tnt", "a", new_event, body, 7) for new_event, body in zip(new_events, bodies, strict=True)],
        {stream_id: VersionedState(0, AGGREGATES[noun].initial)},
    )

    state = AGGREGATES[noun].initial
    for new_event, body in zip(new_events, bodies, strict=True):
        kind = type(new_event.event)
        stored = Recorded(
            tenant_id="tnt",
            position=0,
            event_id=new_event.event_id,
            stream_id=stream_id,
            version=new_event.version,
            account_id="acct",
            type=kind.TOPIC,
            schema_version=kind.VERSION,
            effective_at=5,
            recorded_at=7,
            actor="a",
            body=body,
        )
        state = AGGREGATES[noun].evolve(state, stored)
    assert states == {stream_id: VersionedState(len(new_events), state)}


def test_cached_states_after_a_long_history_are_those_that_the_log_leads_to(steward: Steward) -> None:
    for start in (0, 150):
        steward.ingest(life(7, 300)[start : start + 150])
    events = steward.runtime.log.after(steward.tenant, 0, 1000)
    assert len({one.stream_id for one in events}) > 50

    for stream_id in {one.stream_id for one in events}:
        noun = aggregate_of(stream_id)
        version, state = 0, noun.initial
        for recorded in steward.runtime.log.stream(steward.tenant, stream_id):
            recorded.leaf = b""  # not known before the event has its position, and nothing that a state needs
            version, state = recorded.version, noun.evolve(state, recorded)
        name = next(name for name, kind in AGGREGATES.items() if kind is noun)
        held = steward.runtime.handler.load(steward.tenant, name, stream_id)[1]
        for recorded in getattr(held.state, "history", ()):
            recorded.leaf = b""
        assert held == VersionedState(version, state)


def test_nothing_that_is_sealed_stays_in_the_cache_in_plain_text(steward: Steward) -> None:
    event = CATALOGUE["contract.terminated"].model_validate(unsealed(sample(CATALOGUE["contract.terminated"])))
    new_event = NewEvent(
        event=event, event_id="evt_1", stream_id="ctr_1", version=1, account_id="acct_1", effective_at=5
    )

    states = states_after(
        [before_append("tnt", "a", new_event, b"", 7)], {"ctr_1": VersionedState(0, AGGREGATES["contract"].initial)}
    )

    assert [recorded.typed for recorded in states["ctr_1"].state.history] == [None]


# --- from the cache alone ---


def test_what_is_not_cached_is_not_read_where_only_the_cache_may_be_used(steward: Steward, planner: Planner) -> None:
    account = steward.do(OPENING).id
    renaming = envelope(steward, RenameAccount(name="Contoso"), account=account)

    with pytest.raises(CacheMiss):
        planner.plan(renaming, PendingWrites(cache_only=True))
    planner.plan(renaming, PendingWrites())

    assert planner.plan(renaming, PendingWrites(cache_only=True)).append.expects == {account: 1}


def test_nobody_is_refused_on_cached_states_alone(steward: Steward, planner: Planner) -> None:
    account = steward.do(OPENING).id
    planner.plan(envelope(steward, RenameAccount(name="Contoso"), account=account), PendingWrites())
    again = envelope(steward, RenameAccount(name="Northwind"), account=account)

    with pytest.raises(CacheMiss):
        planner.plan(again, PendingWrites(cache_only=True))
    with pytest.raises(Refused, match="nothing_changes"):
        planner.plan(again, PendingWrites())


def test_the_data_key_of_a_person_is_looked_up_only_where_the_database_may_be_read(
    steward: Steward, planner: Planner
) -> None:
    account = steward.do(OPENING).id
    alone = envelope(steward, LogInteraction.model_validate(CALL), account=account)
    planner.plan(alone, PendingWrites())
    with_a_person = LogInteraction.model_validate({**CALL, "participants": [{"name": "Ada", "stakeholder": "stk_1"}]})

    assert planner.plan(alone, PendingWrites(cache_only=True)).append.events
    with pytest.raises(CacheMiss):
        planner.plan(envelope(steward, with_a_person, account=account), PendingWrites(cache_only=True))


# --- batches ---


def test_what_a_batch_names_is_looked_up_in_few_statements(steward: Steward) -> None:
    contracts = 40
    signed = [
        {"specversion": "1.0", "id": f"s{n}", "source": "crm", "type": "contract.signed", "subject": "ref:nw",
         "data": {"contract": f"ref:c{n}", "currency": "EUR", "start": "2025-01-01", "end": "2026-01-01",
                  "signed_at": "2024-12-01",
                  "lines": [{"line": "main", "product": "retainer", "unit_price": "100", "interval": "month"}]}}
        for n in range(contracts)
    ]  # fmt: skip
    ended = [
        {"specversion": "1.0", "id": f"t{n}", "source": "crm", "type": "contract.terminated", "subject": "ref:nw",
         "data": {"contract": f"ref:c{n}", "effective_end": "2026-01-01", "reason": "price", "voluntary": True}}
        for n in range(contracts)
    ]  # fmt: skip
    steward.do(OpenAccount(name="Northwind", currency="EUR", external_ref="nw"))
    assert {item.status for item in steward.ingest(signed)} == {"accepted"}
    other_process = Steward(str(steward.settings.database_url))
    statements: list[str] = []
    sql.listen(
        other_process.runtime.database.reader,
        "before_cursor_execute",
        lambda _c, _k, text, *_rest: statements.append(text),
    )

    items = other_process.ingest(ended, tenant=steward.tenant)

    other_process.close()
    assert {item.status for item in items} == {"accepted"}
    assert len(statements) < contracts


@pytest.mark.parametrize("known_before", [True, False], ids=["known before", "new"])
def test_a_person_of_a_batch_is_looked_up_once_however_often_they_are_named(
    steward: Steward, *, known_before: bool
) -> None:
    account, calls = steward.do(OPENING).id, 40
    data = {**CALL, "participants": [{"name": "Ada", "stakeholder": "stk_1"}]}
    logged = [
        {"specversion": "1.0", "id": f"i{n}", "source": "crm", "type": "interaction.logged", "subject": account, "data": data}
        for n in range(calls + 1)
    ]  # fmt: skip
    if known_before:
        steward.ingest(logged[:1])
    statements: list[str] = []
    sql.listen(
        steward.runtime.database.reader, "before_cursor_execute", lambda _c, _k, text, *_rest: statements.append(text)
    )

    items = steward.ingest(logged[1:])

    assert {item.status for item in items} == {"accepted"}
    assert sum("data_keys" in text for text in statements) <= 2  # and once more where the first of them made the key
    opened = steward.runtime.log.reveal(
        steward.tenant,
        [
            (one.event_id, one.data)
            for one in steward.runtime.log.after(steward.tenant, 0, 100, types=["interaction.logged"])
        ],
    )
    assert {one["participants"][0]["name"] for one in opened} == {"Ada"}


def test_commands_see_what_was_decided_before_them_in_a_chunk_that_is_not_appended_yet(
    steward: Steward,
) -> None:
    account = steward.do(OPENING).id
    names = [RenameAccount(name=f"Name {number}") for number in range(2 * CHUNK + 10)]
    batch = [envelope(steward, command, account=account) for command in (*names, names[-1], CloseAccount(), names[0])]

    results = steward.runtime.handler.handle_batch(steward.tenant, batch)

    receipts = [result for result in results if isinstance(result, Receipt)]
    assert [receipt.version for receipt in receipts] == list(range(2, len(names) + 3))
    assert [receipt.position for receipt in receipts] == list(range(3, len(names) + 4))
    assert [str(result).partition(":")[0] for result in results if not isinstance(result, Receipt)] == [
        "nothing_changes",
        "account_closed",
    ]


@pytest.mark.parametrize("in_force", [True, False], ids=["a policy in force", "none"])
def test_a_policy_from_before_a_batch_binds_what_begins_in_it_and_is_looked_up_once(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, *, in_force: bool
) -> None:
    rules_seen: list[Any] = []

    def rename(_state: AccountState, command: RenameAccount, context: Context) -> tuple[Event, ...]:
        rules_seen.append(rules_in_force(context, RenewalRules()))
        return (AccountRenamed(name=command.name),)

    monkeypatch.setitem(
        DECISIONS, RenameAccount, Decision(rename, "keep_account", reads=(optional("policy"),), aggregate="account")
    )
    monkeypatch.setattr(AccountState, "policy", "ref:renewal@default", raising=False)
    rules = RenewalRules(grace_days=7)
    if in_force:
        steward.do(DraftPolicy(rules=rules))
        steward.do(ActivatePolicy(number=1, start="2020-01-01"), policy="ref:renewal@default")
    accounts = [f"a{number}" for number in range(20)]
    opened = [OpenAccount(name="Northwind", currency="EUR", external_ref=ref) for ref in accounts]
    renamed = [(RenameAccount(name="Contoso"), {"account": f"ref:{ref}"}) for ref in accounts]
    batch = [
        *(envelope(steward, one) for one in opened),
        *(envelope(steward, one, **targets) for one, targets in renamed),
    ]
    other_process = Steward(str(steward.settings.database_url))
    statements: list[str] = []
    sql.listen(
        other_process.runtime.database.reader,
        "before_cursor_execute",
        lambda _c, _k, text, *_rest: statements.append(text),
    )

    results = other_process.runtime.handler.handle_batch(steward.tenant, batch)

    other_process.close()
    assert all(isinstance(result, Receipt) for result in results)
    assert rules_seen == [rules if in_force else RenewalRules()] * len(accounts)
    assert len(statements) < len(accounts)
