"""A scope change that becomes part of a contract: one append over both streams, and what it is worth."""

from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bootstrap import build
from app.domain.account.state import AccountState
from app.domain.contract import commands as contract_commands
from app.domain.contract import decisions as contract_decisions
from app.domain.contract import state as contract_state
from app.domain.contract.aggregate import CONTRACT
from app.domain.contract.commands import AmendContract, DraftContract, Line, SignContract, SuspendContract
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import day_start, scaled
from app.domain.scope_change.commands import WithdrawScopeChange
from app.domain.scope_change.decisions import amend
from app.domain.scope_change.state import ScopeChangeState
from app.store.receipts import Request
from app.write_side.command_envelope import CommandEnvelope
from tests.domain.scenario import Scenario
from tests.domain.scope_change.scope_changes import ADD_LINE, accepted, account, amendment, contract, raised, refusal
from tests.support.application import Steward

UTC = ZoneInfo("UTC")


def test_the_request_and_its_contract_are_amended_in_one_append(steward: Steward) -> None:
    client = account(steward)
    agreed = contract(steward, client)
    change = raised(steward, client, contract=agreed)
    accepted(steward, change)

    receipt = steward.do(amendment(), scope_change=change)

    contract_event, event = steward.runtime.log.after(steward.tenant, receipt.position - 2, 10)
    assert [topic for _, topic, _ in receipt.events] == ["contract.amended", "scope_change.amended"]
    assert (contract_event.stream_id, event.stream_id) == (agreed, change)
    assert contract_event.account_id == event.account_id == client
    assert (contract_event.data["amendment_no"], contract_event.data["scope_change"]) == (1, change)
    assert event.data == {
        "contract": agreed,
        "contract_event": contract_event.event_id,
        "amendment_no": 1,
        "mrr_delta": "250",
        "one_off": "0",
        "currency": "EUR",
    }
    assert (receipt.id, receipt.version) == (change, event.version)


def test_what_a_contract_was_amended_by_is_not_withdrawn_and_what_was_withdrawn_amends_nothing(
    sqlite_steward: Steward,
) -> None:
    client = account(sqlite_steward)
    agreed = contract(sqlite_steward, client)
    change, dropped = (raised(sqlite_steward, client, contract=agreed) for _ in range(2))
    sqlite_steward.do(WithdrawScopeChange(), scope_change=dropped)
    by_nothing, by_hand = (
        AmendContract.model_validate({"effective_at": "2026-02-01", "changes": [ADD_LINE], "scope_change": each})
        for each in (dropped, change)
    )

    with pytest.raises(Refused, match="scope_change_withdrawn"):
        sqlite_steward.do(by_nothing, contract=agreed)
    sqlite_steward.do(by_hand, contract=agreed)
    with pytest.raises(Refused, match="scope_change_amended"):
        sqlite_steward.do(WithdrawScopeChange(), scope_change=change)


def test_an_amendment_that_takes_effect_later_was_agreed_on_now(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    change = raised(sqlite_steward, client, contract=contract(sqlite_steward, client))
    accepted(sqlite_steward, change)

    receipt = sqlite_steward.do(amendment(effective_at="2026-06-01"), scope_change=change)

    contract_event, event = sqlite_steward.runtime.log.after(sqlite_steward.tenant, receipt.position - 2, 10)
    assert contract_event.effective_at == day_start("2026-06-01", UTC)
    assert event.effective_at < day_start("2026-01-16", UTC)


def test_nothing_becomes_part_of_a_contract_that_the_client_has_not_accepted(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))

    assert refusal(scenario, amendment(), scope_change=change) == "not_accepted"


def test_the_contract_must_be_signed_and_of_the_same_account(sqlite_steward: Steward) -> None:
    client, stranger = account(sqlite_steward), account(sqlite_steward)
    foreign = contract(sqlite_steward, stranger)
    line = Line(line="main", product="retainer", unit_price="10", interval="month")
    draft = sqlite_steward.do(DraftContract(currency="EUR", start="2026-01-01", lines=(line,)), account=client).id
    change = raised(sqlite_steward, client)
    accepted(sqlite_steward, change)

    with pytest.raises(Invalid) as unnamed:
        sqlite_steward.do(amendment(), scope_change=change)
    assert unnamed.value.code == "contract_missing"
    assert refusal(sqlite_steward, amendment(contract=foreign), scope_change=change) == "other_account"
    assert refusal(sqlite_steward, amendment(contract=draft), scope_change=change) == "contract_not_signed"

    sqlite_steward.do(SignContract(signed_at="2026-01-15"), contract=draft)
    sqlite_steward.do(amendment(contract=draft), scope_change=change)


def test_the_rules_of_the_contract_hold_for_the_request_too(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))
    accepted(scenario, change)

    unknown = ({"op": "remove_line", "line": "nothing"},)
    assert refusal(scenario, amendment(changes=unknown), scope_change=change) == "unknown_line"
    assert refusal(scenario, amendment(effective_at="2027-02-01"), scope_change=change) == "outside_term"


def test_a_request_becomes_part_of_a_contract_once(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))
    accepted(scenario, change)
    scenario.do(amendment(), scope_change=change)

    assert refusal(scenario, amendment(), scope_change=change) == "scope_change_amended"


def test_a_contract_amended_meanwhile_is_looked_at_again_and_both_are_still_one_append(
    steward: Steward,
) -> None:
    """Two processes: this one remembers the contract as it was, the other amends it, then this one amends by the scope change."""
    client = account(steward)
    agreed = contract(steward, client)
    change = raised(steward, client, contract=agreed)
    accepted(steward, change)
    assert steward.state("contract", agreed).amendments == 0
    other = build(steward.settings, clock=steward.clock)
    dearer = AmendContract.model_validate(
        {"effective_at": "2026-01-20", "changes": [{"op": "set_line", "line": "main", "unit_price": "1100"}]}
    )
    other.handler.handle(
        CommandEnvelope(steward.tenant, Principal("test"), dearer, Request("other", b""), {"contract": agreed})
    )
    other.close()

    changes = ({"op": "set_line", "line": "main", "unit_price": "1500"},)
    receipt = steward.do(amendment(changes=changes), scope_change=change)

    events = steward.runtime.log.after(steward.tenant, receipt.position - 2, 10)
    assert [event.type for event in events] == ["contract.amended", "scope_change.amended"]
    assert [event.data["amendment_no"] for event in events] == [2, 2]
    assert events[1].data["mrr_delta"] == "400"
    assert [event.version for event in steward.stream(agreed)] == [1, 2, 3, 4]


def test_a_line_that_begins_later_counts_from_when_it_begins(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))
    accepted(scenario, change)

    changes = (
        {**ADD_LINE, "start": "2026-04-01", "end": "2026-06-01"},
        {**ADD_LINE, "line": "later", "start": "2026-07-01", "unit_price": "100"},
    )
    scenario.do(amendment(changes=changes), scope_change=change)

    assert scenario.events()[-1].data["mrr_delta"] == "350"


def test_a_contract_that_rests_pays_nothing_more(scenario: Scenario) -> None:
    client = account(scenario)
    agreed = contract(scenario, client)
    change = raised(scenario, client, contract=agreed)
    accepted(scenario, change)
    scenario.do(SuspendContract(effective_at="2026-01-20"), contract=agreed)

    scenario.do(amendment(), scope_change=change)

    assert scenario.events()[-1].data["mrr_delta"] == "0"


def test_what_is_paid_once_is_summed_apart(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))
    accepted(scenario, change)

    once = {"op": "add_line", "product": "shoot", "kind": "one_off"}
    changes = (
        {**once, "line": "shoot", "quantity": "3", "unit_price": "400.10"},
        {**once, "line": "cut", "quantity": "1", "unit_price": "100", "discount_percent": "25"},
        {"op": "set_line", "line": "main", "quantity": "0.9"},
    )
    scenario.do(amendment(changes=changes), scope_change=change)

    data = scenario.events()[-1].data
    assert (data["mrr_delta"], data["one_off"]) == ("-100", "1275.3")


VAST = {"op": "add_line", "product": "moon", "kind": "one_off", "quantity": "1", "unit_price": "900000000000"}


@pytest.mark.parametrize(
    "changes",
    [
        ({**VAST, "line": "one"}, {**VAST, "line": "two"}),
        ({"op": "set_line", "line": "main", "quantity": "999999999999", "unit_price": "999999999999"},),
    ],
)
def test_an_amendment_beyond_every_amount_is_refused_and_no_view_stands_still(
    sqlite_steward: Steward, changes: tuple[dict[str, str], ...]
) -> None:
    client = account(sqlite_steward)
    change = raised(sqlite_steward, client, contract=contract(sqlite_steward, client))
    accepted(sqlite_steward, change)

    with pytest.raises(Invalid) as refused:
        sqlite_steward.do(amendment(changes=changes), scope_change=change)

    assert refused.value.code == "amount_out_of_range"
    sqlite_steward.catch_up()
    assert sqlite_steward.runtime.projector.parked(sqlite_steward.tenant) == {}


# --- what it is worth, for any lines ---

A_MONTH = {
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "quarter": Fraction(1, 3),
    "half_year": Fraction(1, 6),
    "year": Fraction(1, 12),
    "two_years": Fraction(1, 24),
}
cents = st.integers(0, 10**8).map(lambda cent: f"{cent // 100}.{cent % 100:02d}")
lines = st.tuples(cents, st.integers(0, 500).map(str), st.sampled_from(sorted(A_MONTH)))


def _monthly(price: str, quantity: str, interval: str) -> Fraction:
    return Fraction(price) * Fraction(quantity) * A_MONTH[interval]


def _context(states: dict[str, Any], effective_at: int) -> Context:
    ids = {"account": "acct", "contract": "ctr", "scope_change": "scr"}
    return Context(
        tenant_id="tnt",
        principal=Principal("test"),
        now=effective_at,
        effective_at=effective_at,
        zone=UTC,
        stream_id="scr",
        new_id=lambda prefix: f"{prefix}_new",
        states=states,
        ids=ids,
    )


@given(old=st.lists(lines, min_size=1, max_size=4), new=st.lists(lines, max_size=4), dearer=cents, remove=st.booleans())
def test_the_monthly_difference_is_a_twelfth_of_the_annual_one_to_the_last_digit(
    old: list[tuple[str, str, str]], new: list[tuple[str, str, str]], dearer: str, remove: bool
) -> None:
    start, at = day_start("2026-01-01", UTC), day_start("2026-03-01", UTC)
    agreed = contract_state.ContractState()
    states: dict[str, Any] = {"account": AccountState(account="acct", open=True), "contract": agreed}
    told = tuple(
        Line.model_validate({"line": f"old {n}", "product": "x", "unit_price": p, "quantity": q, "interval": i})
        for n, (p, q, i) in enumerate(old)
    )
    for event in contract_decisions.record(
        agreed,
        contract_commands.RecordContract(currency="EUR", start="2026-01-01", signed_at="2026-01-01", lines=told),
        _context(states, start),
    ):
        recorded = contract_decisions.preview(event, f"evt_{event.TOPIC}", "ctr", agreed, _context(states, start))
        agreed = CONTRACT.fold([recorded], agreed)
    states["contract"] = agreed

    changes: list[dict[str, Any]] = [
        {"op": "remove_line", "line": "old 0"} if remove else {"op": "set_line", "line": "old 0", "unit_price": dearer}
    ]
    for n, (price, quantity, interval) in enumerate(new):
        line = {"line": f"new {n}", "unit_price": price, "quantity": quantity, "interval": interval}
        changes.append({**ADD_LINE, **line})
    command = amendment(effective_at="2026-03-01", changes=tuple(changes))
    change = ScopeChangeState(account="acct", contract="ctr", accepted=True)
    contract_event, event = amend(change, command, _context(states, at))

    first = _monthly(*old[0])
    expected = sum((_monthly(*line) for line in new), Fraction(0)) - first
    expected += 0 if remove else _monthly(dearer, old[0][1], old[0][2])
    digits = abs(expected) * 10**6
    rounded = int(digits + Fraction(1, 2)) * (-1 if expected < 0 else 1)
    assert scaled(event.event.mrr_delta) == rounded  # type: ignore[attr-defined]
    assert event.event.contract_event == contract_event.event_id  # type: ignore[attr-defined]
