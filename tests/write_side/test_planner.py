"""Planning: what is known at hand is what the log will say, and no more is read than it takes."""

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
from app.domain.policy.commands import ActivatePolicy, DraftPolicy
from app.domain.policy.decisions import rules_in_force
from app.domain.policy.rules import RenewalRules
from app.domain.recorded import Recorded
from app.store.log import CacheMiss, NewEvent
from app.store.receipts import Receipt, Request
from app.write_side.batch_handler import STRETCH
from app.write_side.planner import CommandEnvelope, Planner, expected, grown
from app.write_side.states import PendingWrites, VersionedState
from tests.golden import SEALED, sample
from tests.support.application import Steward
from tests.support.databases import Databases
from tests.support.lifetimes import life

OPENING = OpenAccount(name="Northwind", currency="EUR")
AMOUNTS = {"one_off": "5.00", "atr": "1200.50", "value": "900.00", "cost": "100.00", "annual_value": "800.00"}
"""What states keep as numbers."""
CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def property_steward(databases: Databases) -> Iterator[Steward]:
    """A Steward on SQLite that the examples of a property share."""
    made = Steward(databases.fresh("sqlite"))
    yield made
    made.close()


@pytest.fixture
def planner(steward: Steward) -> Planner:
    """Who has planned nothing yet."""
    return Planner(steward.runtime.log, steward.clock, steward.runtime.new_id)


def intent(steward: Steward, command: Command, **targets: str) -> CommandEnvelope:
    return CommandEnvelope(steward.tenant, "test", command, Request(steward.runtime.new_id("req"), b""), targets)


# --- the state that is at hand, and the one in the log ---


def spoken(value: Any) -> Any:
    """A golden event's data before anything in it was sealed."""
    if value == SEALED:
        return "in plain words"
    if isinstance(value, dict):
        return {name: spoken(member) for name, member in value.items()}
    return [spoken(member) for member in value] if isinstance(value, list) else value


@st.composite
def told(draw: st.DrawFn, topics: list[str]) -> Event:
    """An event of one of some topics, with any of the members that it may lack."""
    kind = CATALOGUE[draw(st.sampled_from(topics))]
    data = {**spoken(sample(kind)), **{name: amount for name, amount in AMOUNTS.items() if name in kind.model_fields}}
    for name, field in kind.model_fields.items():
        if not field.is_required() and draw(st.booleans()):
            del data[name]
    return kind.model_validate(data)


def streams() -> list[tuple[str, list[str]]]:
    """Each noun with the topics that its state is grown from."""
    nouns = {noun: [topic for topic in CATALOGUE if topic.partition(".")[0] == noun] for noun in AGGREGATES}
    assert sorted(topic for topics in nouns.values() for topic in topics) == sorted(CATALOGUE)
    return list(nouns.items())


@pytest.mark.parametrize(("noun", "topics"), streams(), ids=list(AGGREGATES))
@settings(deadline=None)
@given(st.data())
def test_the_state_grown_from_what_is_at_hand_is_the_one_grown_from_what_is_stored(
    property_steward: Steward, noun: str, topics: list[str], data: st.DataObject
) -> None:
    events = data.draw(st.lists(told(topics), min_size=1, max_size=6))
    log, stream_id = property_steward.runtime.log, property_steward.runtime.new_id(AGGREGATES[noun].id_prefix)
    drafts = [
        NewEvent(one, property_steward.runtime.new_id("evt"), stream_id, version, "acct", 5, None)
        for version, one in enumerate(events, 1)
    ]
    append = log.prepare(
        "tnt", stream_id, drafts, actor="a", meta={}, reason=None, expects={stream_id: 0}, request=Request("r", b"")
    )
    bodies = [fact.state for fact in append.facts]

    at_hand = grown(
        [expected("tnt", "a", draft, body, 7) for draft, body in zip(drafts, bodies, strict=True)],
        {stream_id: VersionedState(0, AGGREGATES[noun].initial)},
    )

    state = AGGREGATES[noun].initial
    for draft, body in zip(drafts, bodies, strict=True):
        kind = type(draft.event)
        stored = Recorded(
            "tnt", 0, draft.event_id, stream_id, draft.version, "acct", kind.TOPIC, kind.VERSION, 5, 7, "a", body
        )
        state = AGGREGATES[noun].evolve(state, stored)
    assert at_hand == {stream_id: VersionedState(len(drafts), state)}


def test_what_memory_holds_after_a_life_is_what_the_log_tells(steward: Steward) -> None:
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


def test_nothing_that_is_sealed_stays_in_memory_in_plain_words(steward: Steward) -> None:
    event = CATALOGUE["contract.terminated"].model_validate(spoken(sample(CATALOGUE["contract.terminated"])))
    draft = NewEvent(event, "evt_1", "ctr_1", 1, "acct_1", 5)

    states = grown([expected("tnt", "a", draft, b"", 7)], {"ctr_1": VersionedState(0, AGGREGATES["contract"].initial)})

    assert [one.typed for one in states["ctr_1"].state.history] == [None]


# --- in memory or not ---


def test_what_memory_does_not_hold_is_not_read_where_only_memory_may_be_asked(
    steward: Steward, planner: Planner
) -> None:
    account = steward.do(OPENING).id
    renaming = intent(steward, RenameAccount(name="Contoso"), account=account)

    with pytest.raises(CacheMiss):
        planner.plan(renaming, PendingWrites(at_hand=True))
    planner.plan(renaming, PendingWrites())

    assert planner.plan(renaming, PendingWrites(at_hand=True)).append.expects == {account: 1}


def test_a_refusal_is_never_planned_from_memory_alone(steward: Steward, planner: Planner) -> None:
    account = steward.do(OPENING).id
    planner.plan(intent(steward, RenameAccount(name="Contoso"), account=account), PendingWrites())
    again = intent(steward, RenameAccount(name="Northwind"), account=account)

    with pytest.raises(CacheMiss):
        planner.plan(again, PendingWrites(at_hand=True))
    with pytest.raises(Refused, match="nothing_changes"):
        planner.plan(again, PendingWrites())


def test_a_person_whose_key_may_be_stored_is_looked_up_where_the_database_may_be_asked(
    steward: Steward, planner: Planner
) -> None:
    account = steward.do(OPENING).id
    alone = intent(steward, LogInteraction.model_validate(CALL), account=account)
    planner.plan(alone, PendingWrites())
    with_somebody = LogInteraction.model_validate({**CALL, "participants": [{"name": "Ada", "stakeholder": "stk_1"}]})

    assert planner.plan(alone, PendingWrites(at_hand=True)).append.facts
    with pytest.raises(CacheMiss):
        planner.plan(intent(steward, with_somebody, account=account), PendingWrites(at_hand=True))


# --- batches ---


def test_what_a_batch_names_is_looked_up_together(steward: Steward) -> None:
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
    stranger = Steward(str(steward.settings.database_url))
    asked: list[str] = []
    sql.listen(
        stranger.runtime.database.reader, "before_cursor_execute", lambda _c, _k, text, *_rest: asked.append(text)
    )

    items = stranger.ingest(ended, tenant=steward.tenant)

    stranger.close()
    assert {item.status for item in items} == {"accepted"}
    assert len(asked) < contracts


@pytest.mark.parametrize("met_before", [True, False], ids=["met before", "never met"])
def test_a_person_of_a_batch_is_looked_up_once_however_often_it_is_named(steward: Steward, *, met_before: bool) -> None:
    account, calls = steward.do(OPENING).id, 40
    data = {**CALL, "participants": [{"name": "Ada", "stakeholder": "stk_1"}]}
    told = [
        {"specversion": "1.0", "id": f"i{n}", "source": "crm", "type": "interaction.logged", "subject": account, "data": data}
        for n in range(calls + 1)
    ]  # fmt: skip
    if met_before:
        steward.ingest(told[:1])
    asked: list[str] = []
    sql.listen(
        steward.runtime.database.reader, "before_cursor_execute", lambda _c, _k, text, *_rest: asked.append(text)
    )

    items = steward.ingest(told[1:])

    assert {item.status for item in items} == {"accepted"}
    assert sum("data_keys" in text for text in asked) <= 2  # and once more where the first of them made the key
    opened = steward.runtime.log.reveal(
        steward.tenant,
        [
            (one.event_id, one.data)
            for one in steward.runtime.log.after(steward.tenant, 0, 100, types=["interaction.logged"])
        ],
    )
    assert {one["participants"][0]["name"] for one in opened} == {"Ada"}


def test_commands_see_what_was_decided_before_them_in_a_stretch_that_is_not_appended_yet(
    steward: Steward,
) -> None:
    account = steward.do(OPENING).id
    names = [RenameAccount(name=f"Name {number}") for number in range(2 * STRETCH + 10)]
    batch = [intent(steward, command, account=account) for command in (*names, names[-1], CloseAccount(), names[0])]

    results = steward.runtime.handler.handle_batch(steward.tenant, batch)

    receipts = [one for one in results if isinstance(one, Receipt)]
    assert [one.version for one in receipts] == list(range(2, len(names) + 3))
    assert [one.position for one in receipts] == list(range(3, len(names) + 4))
    assert [str(one).partition(":")[0] for one in results if not isinstance(one, Receipt)] == [
        "nothing_changes",
        "account_closed",
    ]


@pytest.mark.parametrize("stands", [True, False], ids=["a policy that stands", "none"])
def test_what_begins_in_a_batch_is_bound_by_a_policy_that_began_before_and_it_is_looked_up_once(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, *, stands: bool
) -> None:
    found: list[Any] = []

    def look(_state: AccountState, command: RenameAccount, context: Context) -> tuple[Event, ...]:
        found.append(rules_in_force(context, RenewalRules()))
        return (AccountRenamed(name=command.name),)

    monkeypatch.setitem(DECISIONS, RenameAccount, Decision(look, reads=(optional("policy"),), aggregate="account"))
    monkeypatch.setattr(AccountState, "policy", "ref:renewal@default", raising=False)
    rules = RenewalRules(grace_days=7)
    if stands:
        steward.do(DraftPolicy(rules=rules))
        steward.do(ActivatePolicy(number=1, start="2020-01-01"), policy="ref:renewal@default")
    accounts = [f"a{number}" for number in range(20)]
    opened = [OpenAccount(name="Northwind", currency="EUR", external_ref=ref) for ref in accounts]
    renamed = [(RenameAccount(name="Contoso"), {"account": f"ref:{ref}"}) for ref in accounts]
    batch = [
        *(intent(steward, one) for one in opened),
        *(intent(steward, one, **targets) for one, targets in renamed),
    ]
    stranger = Steward(str(steward.settings.database_url))
    asked: list[str] = []
    sql.listen(
        stranger.runtime.database.reader, "before_cursor_execute", lambda _c, _k, text, *_rest: asked.append(text)
    )

    results = stranger.runtime.handler.handle_batch(steward.tenant, batch)

    stranger.close()
    assert all(isinstance(one, Receipt) for one in results)
    assert found == [rules if stands else RenewalRules()] * len(accounts)
    assert len(asked) < len(accounts)
