"""Incentive statements: no event is paid twice, losses take back what they paid, and disputes change single lines."""

import threading
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.account.commands import CloseAccount, SetAccountOwner
from app.domain.incentive_statement.commands import DisputeLine, ResolveDispute
from app.domain.kernel.errors import Invalid, Refused, Unavailable
from app.domain.kernel.values import scaled
from app.store.receipts import Receipt
from tests.services.incentives_factory import (
    claw_back,
    client,
    issue,
    lost,
    plan,
    preview,
    reprice,
    signed,
    statements,
)
from tests.support.application import Steward


def code(refused: Any) -> str:
    """The code of a refusal."""
    refusal_code: str = refused.value.code
    return refusal_code


# --- statements ---


def test_a_statement_equals_its_preview_and_a_second_one_leaves_out_what_was_paid(
    steward: Steward,
) -> None:
    plan(steward)
    contract = signed(steward, client(steward))
    statement_preview = preview(steward)

    receipt = issue(steward, external_ref="q1")

    [row] = statements(steward)
    assert [line["event"] for line in row.lines] == [line.event for line in statement_preview.lines]
    assert (row.statement, row.total, row.read_to, row.external_ref) == (
        receipt.id,
        scaled("120"),
        statement_preview.position,
        "q1",
    )
    assert steward.runtime.handler.resolve(steward.tenant, "incentive_statement", "ref:q1") == receipt.id
    with pytest.raises(Refused) as refused:
        issue(steward)
    assert code(refused) == "nothing_to_pay"
    assert [(event.reason, event.statement) for event in preview(steward).left_out] == [("paid", receipt.id)]

    reprice(steward, contract, "150.00", "2025-03-01")
    issue(steward)
    assert [line["rule"] for row in statements(steward) for line in row.lines] == ["new_business", "expansion"]


def test_the_same_request_again_is_answered_again_and_pays_nothing(steward: Steward) -> None:
    plan(steward)
    signed(steward, client(steward))

    first, again = issue(steward, key="once"), issue(steward, key="once")

    assert (again.id, again.replayed) == (first.id, True)
    assert len(statements(steward)) == 1


def test_a_taken_reference_of_the_callers_own_is_refused_by_name(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    account = client(sqlite_steward)
    signed(sqlite_steward, account)
    issue(sqlite_steward, external_ref="q1")
    signed(sqlite_steward, account, at="2025-02-01")

    with pytest.raises(Refused) as refused:
        issue(sqlite_steward, external_ref="q1")
    assert code(refused) == "external_ref_taken"


def test_two_statements_at_once_never_pay_the_same_event(steward: Steward) -> None:
    plan(steward)
    account = client(steward)
    for month in range(1, 7):
        signed(steward, account, at=f"2025-0{month}-01")
    steward.catch_up()
    outcomes: list[Any] = []

    def pay() -> None:
        while True:
            try:
                outcomes.append(issue(steward, read=False))
            except Refused as refusal:
                outcomes.append(refusal.code)
            except Unavailable:  # the views have not read another caller's writes yet: try again
                continue
            return

    callers = [threading.Thread(target=pay) for _ in range(4)]
    for caller in callers:
        caller.start()
    while any(caller.is_alive() for caller in callers):
        steward.catch_up()  # as a worker does beside the API
    steward.catch_up()

    assert sum(isinstance(outcome, Receipt) for outcome in outcomes) == 1
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} == {"nothing_to_pay"}
    paid = Counter((line["rule"], line["event"]) for row in statements(steward) for line in row.lines)
    assert len(paid) == 6
    assert set(paid.values()) == {1}


# --- clawbacks and disputes ---


def test_a_loss_takes_back_what_its_contract_paid_within_the_clawback_months_and_only_once(steward: Steward) -> None:
    plan(steward)
    account = client(steward)
    contract, other = signed(steward, account), signed(steward, account, at="2025-02-01")
    reprice(steward, contract, "150.00", "2025-06-01")
    statement = issue(steward).id
    loss = lost(steward, contract, "2025-10-01")

    claw_back(steward, statement, loss)

    [row] = statements(steward)
    # half a year after June, but not after January
    assert [(line["rule"], line["contract"], line["returned"]) for line in row.lines] == [
        ("new_business", contract, "0"), ("new_business", other, "0"), ("expansion", contract, "30"),
    ]  # fmt: skip
    assert (row.total, row.returned) == (scaled("270"), scaled("30"))
    with pytest.raises(Refused) as refused:
        claw_back(steward, statement, loss)
    assert code(refused) == "already_clawed_back"


def test_an_amount_that_a_dispute_adds_after_a_loss_is_taken_back_for_the_same_loss(steward: Steward) -> None:
    plan(steward)
    contract = signed(steward, client(steward), at="2025-10-01")
    statement = issue(steward).id
    event = preview(steward).left_out[0].event
    loss = lost(steward, contract, "2025-12-01")
    claw_back(steward, statement, loss)
    steward.do(DisputeLine(event=event, reason="It was more"), incentive_statement=statement)
    steward.do(
        ResolveDispute(event=event, outcome="changed", amount="150", reason="So it was"), incentive_statement=statement
    )

    claw_back(steward, statement, loss)

    [row] = statements(steward)
    assert (row.lines[0]["paid"], row.lines[0]["returned"], row.returned) == ("150", "150", scaled("150"))
    assert row.total + row.disputed == row.returned
    with pytest.raises(Refused) as refused:
        claw_back(steward, statement, loss)
    assert code(refused) == "already_clawed_back"


def test_a_closed_account_takes_back_everything_of_it(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    account = client(sqlite_steward)
    contracts = [signed(sqlite_steward, account, at=day) for day in ("2025-09-01", "2025-10-01")]
    signed(sqlite_steward, client(sqlite_steward), at="2025-10-01")
    statement = issue(sqlite_steward).id
    for contract in contracts:
        lost(sqlite_steward, contract, "2025-12-01")
    loss = sqlite_steward.do(CloseAccount(effective_at="2025-12-01"), account=account).events[0][0]

    claw_back(sqlite_steward, statement, loss)

    [row] = statements(sqlite_steward)
    assert sorted(line["returned"] for line in row.lines) == ["0", "120", "120"]


def test_an_event_that_is_no_loss_or_takes_nothing_back_is_refused(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    won = preview(sqlite_steward).lines[0].event
    statement = issue(sqlite_steward).id
    with pytest.raises(Refused) as refused:
        claw_back(sqlite_steward, statement, won)
    assert code(refused) == "not_a_loss"
    with pytest.raises(Refused) as refused:
        claw_back(sqlite_steward, statement, "evt_01jd7z5m3sf8x9v0w1y2z3a4b5")
    assert code(refused) == "unknown_event"
    with pytest.raises(Refused) as refused:
        claw_back(sqlite_steward, statement, lost(sqlite_steward, contract, "2025-07-01"))
    assert code(refused) == "nothing_to_claw_back"


def test_a_dispute_ends_with_the_line_as_it_was_or_with_another_amount(steward: Steward) -> None:
    plan(steward)
    signed(steward, client(steward))
    statement = issue(steward).id
    event = preview(steward).left_out[0].event

    def refused(command: Any) -> str:
        with pytest.raises((Refused, Invalid)) as refusal:
            steward.do(command, incentive_statement=statement)
        return code(refusal)

    changed = ResolveDispute(event=event, outcome="changed", amount="60.00", reason="Won together")
    assert refused(changed) == "line_not_disputed"
    assert refused(DisputeLine(event="evt_x", reason="Mine, too")) == "line_unknown"
    steward.do(DisputeLine(event=event, reason="Not mine alone"), incentive_statement=statement)
    assert refused(DisputeLine(event=event, reason="Again")) == "line_disputed"
    assert statements(steward)[0].open_disputes == 1
    assert refused(ResolveDispute(event=event, outcome="changed", amount="60.001", reason="x")) == "amount_too_fine"
    assert refused(ResolveDispute(event=event, outcome="changed", amount="120", reason="x")) == "nothing_changes"

    steward.do(changed, incentive_statement=statement)

    [row] = statements(steward)
    assert (row.total, row.disputed, row.open_disputes) == (scaled("120"), scaled("-60"), 0)
    assert (row.lines[0]["paid"], row.lines[0]["dispute"]["state"]) == ("60", "changed")
    assert b"Won together" not in b"".join(event.body for event in steward.runtime.log.after(steward.tenant, 0, 1000))


def test_no_dispute_brings_a_line_below_what_was_taken_back(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward), at="2025-10-01")
    statement = issue(sqlite_steward).id
    event = preview(sqlite_steward).left_out[0].event
    claw_back(sqlite_steward, statement, lost(sqlite_steward, contract, "2025-12-01"))
    sqlite_steward.do(DisputeLine(event=event, reason="No"), incentive_statement=statement)

    with pytest.raises(Refused) as refused:
        sqlite_steward.do(
            ResolveDispute(event=event, outcome="changed", amount="1", reason="Less"), incentive_statement=statement
        )
    assert code(refused) == "below_clawed_back"


# --- any sequence of steps ---

MONTHS = st.integers(1, 12)
STEPS = st.one_of(
    st.tuples(st.just("sign"), MONTHS),
    st.tuples(st.just("grow"), MONTHS),
    st.tuples(st.just("hand over"), MONTHS),
    st.tuples(st.just("issue"), MONTHS),
    st.tuples(st.just("lose"), MONTHS),
    st.tuples(st.just("change"), MONTHS),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=4, max_size=14))
def test_over_any_series_of_statements_no_event_is_paid_twice_and_never_more_is_taken_back_than_paid(
    steward: Steward, steps: list[tuple[str, int]]
) -> None:
    steward.tenant = steward.new_tenant("Another")
    plan(steward, clawback_months=12)
    account, contracts, issued = client(steward), list[str](), list[str]()
    contracts.append(signed(steward, account))
    for number, (step, month) in enumerate(steps):
        day, payee = f"2025-{month:02}-01", ("maria", "tom")[number % 2]
        with suppress(Refused):
            match step:
                case "sign":
                    contracts.append(signed(steward, account, at=day))
                case "grow":
                    reprice(steward, contracts[month % len(contracts)], f"{100 + 10 * number}.00", day)
                case "hand over":
                    steward.do(SetAccountOwner(owner=payee, effective_at=day), account=account)
                case "issue":
                    issued.append(issue(steward, payee=payee).id)
                case "lose" if issued:
                    claw_back(
                        steward,
                        issued[month % len(issued)],
                        lost(steward, contracts[month % len(contracts)], day),
                    )
                case "change" if issued:
                    [row] = [
                        statement
                        for statement in statements(steward)
                        if statement.statement == issued[month % len(issued)]
                    ]
                    event = row.lines[0]["event"]
                    steward.do(DisputeLine(event=event, reason="No"), incentive_statement=row.statement)
                    resolution = ResolveDispute(event=event, outcome="changed", amount=f"{month}", reason="So")
                    steward.do(resolution, incentive_statement=row.statement)

    rows = statements(steward)
    paid = Counter((line["rule"], line["event"]) for row in rows for line in row.lines)
    assert set(paid.values()) <= {1}
    for row in rows:
        for line in row.lines:
            left = sum(scaled(entry["amount"]) for entry in line["entries"])
            assert left == scaled(line["paid"]) - scaled(line["returned"]) >= 0
        assert row.total == sum(scaled(line["amount"]) for line in row.lines)
        assert row.total + row.disputed - row.returned == sum(
            scaled(entry["amount"]) for line in row.lines for entry in line["entries"]
        )
        assert row.returned == sum(scaled(line["returned"]) for line in row.lines)
