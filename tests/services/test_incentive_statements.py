"""Incentives: every line cites an event, whose account was the payee's then, and no event is paid twice."""

import threading
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.account.commands import CloseAccount, SetAccountOwner
from app.domain.contract.commands import AddLine, AmendContract, CorrectContract, Line, SetLine
from app.domain.incentive_statement.commands import DisputeLine, ResolveDispute
from app.domain.kernel.errors import Invalid, NotFound, Refused, Unavailable
from app.domain.kernel.values import scaled
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion
from app.domain.policy.rules import ApprovalRules, IncentiveRules
from app.store.receipts import Receipt
from tests.services.incentives_factory import (
    RATES,
    claw_back,
    client,
    issue,
    lost,
    plan,
    preview,
    renewed,
    reprice,
    signed,
    statements,
    told,
)
from tests.support.application import Steward


def code(refused: Any) -> str:
    """The code of a refusal."""
    found: str = refused.value.code
    return found


# --- what is paid ---


def test_what_was_signed_grown_and_renewed_is_paid_by_its_annual_value_and_cites_its_event(
    steward: Steward,
) -> None:
    plan(steward)
    agreed = signed(steward, client(steward))
    grown = reprice(steward, agreed, "150.00", "2025-03-01")
    again = renewed(steward, agreed)

    worked = preview(steward)

    assert told(worked) == [
        ("new_business", "1200", "1", "120"), ("expansion", "600", "1", "30"), ("renewal", "1800", "1", "36"),
    ]  # fmt: skip
    assert [line.event for line in worked.lines][1:] == [grown, again]
    assert {line.contract for line in worked.lines} == {agreed}
    assert worked.version == "incentive@default/1"


def test_only_what_happened_within_the_period_and_by_then_is_paid(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    reprice(sqlite_steward, agreed, "150.00", "2025-03-01")

    assert [line.rule for line in preview(sqlite_steward, "2025-01-01", "2025-03-01").lines] == ["new_business"]
    assert [line.rule for line in preview(sqlite_steward, "2025-01-02", "2025-04-01").lines] == ["expansion"]
    assert [line.rule for line in preview(sqlite_steward, as_of="2025-02-28").lines] == ["new_business"]
    assert preview(sqlite_steward, "2025-03-02", "2026-01-01").lines == ()


def test_what_lies_ahead_is_not_paid_yet(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    renewed(sqlite_steward, agreed)
    reprice(sqlite_steward, agreed, "150.00", "2026-06-01")

    assert [line.rule for line in preview(sqlite_steward, "2026-01-01", "2027-01-01").lines] == []
    sqlite_steward.clock.set("2026-06-02T09:00:00Z")
    assert [line.rule for line in preview(sqlite_steward, "2026-01-01", "2027-01-01").lines] == ["expansion"]


def test_who_cared_for_the_account_at_the_instant_is_paid(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    account = client(sqlite_steward, "maria")
    agreed = signed(sqlite_steward, account)
    reprice(sqlite_steward, agreed, "150.00", "2025-06-01")
    reprice(sqlite_steward, agreed, "200.00", "2025-07-01")
    sqlite_steward.do(SetAccountOwner(owner="tom", effective_at="2025-06-15"), account=account)

    assert told(preview(sqlite_steward)) == [("new_business", "1200", "1", "120"), ("expansion", "600", "1", "30")]
    assert told(preview(sqlite_steward, payee="tom")) == [("expansion", "600", "1", "30")]
    assert preview(sqlite_steward, payee="nobody").lines == ()


def test_a_cut_a_correction_and_a_change_for_nothing_are_no_expansion(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    reprice(sqlite_steward, agreed, "50.00", "2025-02-01")
    reprice(sqlite_steward, agreed, "120.00", "2025-03-01", cause="correction")

    assert [line.rule for line in preview(sqlite_steward).lines] == ["new_business"]


def test_a_corrected_amendment_is_paid_for_what_it_should_have_said_and_the_correction_is_not(
    sqlite_steward: Steward,
) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    grown = reprice(sqlite_steward, agreed, "250.00", "2025-03-01")
    before = sqlite_steward.catch_up()
    right = SetLine(op="set_line", line="main", unit_price="125.00", cause="correction")
    sqlite_steward.do(CorrectContract(corrects=grown, changes=(right,)), contract=agreed)

    lines = preview(sqlite_steward).lines
    assert [(line.event, line.value) for line in lines if line.rule == "expansion"] == [(grown, "300")]
    known = preview(sqlite_steward, known_at=before).lines
    assert [(line.event, line.value) for line in known if line.rule == "expansion"] == [(grown, "1800")]


def test_a_line_that_is_added_counts_from_its_own_first_day(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    more = AddLine(
        op="add_line", line="social", product="social", unit_price="10.00", interval="month", start="2025-09-01"
    )
    sqlite_steward.do(AmendContract(effective_at="2025-05-01", changes=(more,)), contract=agreed)

    assert told(preview(sqlite_steward))[1:] == [("expansion", "120", "1", "6")]


def test_what_a_contract_began_with_is_not_paid_again_as_growth_of_the_same_day(
    sqlite_steward: Steward,
) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    reprice(sqlite_steward, agreed, "150.00", "2025-01-01")

    assert told(preview(sqlite_steward)) == [("new_business", "1200", "1", "120"), ("expansion", "600", "1", "30")]


def test_a_lost_renewal_is_worth_nothing(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    renewed(sqlite_steward, agreed)
    lost(sqlite_steward, agreed, "2026-01-01")

    assert [line.rule for line in preview(sqlite_steward).lines] == ["new_business"]


def test_an_event_in_another_currency_is_left_out_and_said(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    account = client(sqlite_steward)
    signed(sqlite_steward, account)
    line = Line(line="main", product="retainer", unit_price="1000", interval="month")
    signed(sqlite_steward, account, currency="JPY", lines=(line,))

    worked = preview(sqlite_steward)
    assert told(worked) == [("new_business", "1200", "1", "120")]
    assert [one.reason for one in worked.left_out] == ["other_currency"]
    assert told(preview(sqlite_steward, currency="JPY")) == [("new_business", "12000", "1", "1200")]
    with pytest.raises(Invalid) as refused:
        preview(sqlite_steward, currency=None)
    assert code(refused) == "mixed_currencies"


@pytest.mark.parametrize(
    ("currency", "price", "amount"), [("JPY", "137", "164"), ("EUR", "1.11", "1.33"), ("KWD", "1.111", "1.333")]
)
def test_each_line_is_rounded_half_up_to_the_minor_unit(
    sqlite_steward: Steward, currency: str, price: str, amount: str
) -> None:
    plan(sqlite_steward)
    line = Line(line="main", product="retainer", unit_price=price, interval="month")
    signed(sqlite_steward, client(sqlite_steward), currency=currency, lines=(line,))

    assert [line.amount for line in preview(sqlite_steward, currency=currency).lines] == [amount]


def test_the_retention_of_the_book_lifts_what_renewals_pay(steward: Steward) -> None:
    tiers = [
        {"at_least": "0.5", "factor": "1.1"},
        {"at_least": "0.75", "factor": "1.5"},
        {"at_least": "1", "factor": "2"},
    ]
    plan(steward, retention_tiers=tiers)
    kept, gone = (
        signed(steward, client(steward), at="2024-01-01", price=price, end="2026-01-01")
        for price in ("300.00", "100.00")
    )
    renewed(steward, kept)
    lost(steward, gone, "2025-05-01")

    worked = preview(steward)

    assert worked.retention is not None
    assert (worked.retention.value, worked.retention.numerator, worked.retention.denominator) == (
        "0.75",
        "300.00",
        "400.00",
    )
    assert told(worked) == [("renewal", "3600", "1.5", "108")]


def test_without_a_book_there_is_no_factor(sqlite_steward: Steward) -> None:
    plan(sqlite_steward, retention_tiers=[{"at_least": "0", "factor": "3"}])
    agreed = signed(sqlite_steward, client(sqlite_steward))
    renewed(sqlite_steward, agreed)

    worked = preview(sqlite_steward)

    assert worked.retention is not None
    assert (worked.retention.value, worked.retention.nothing) == (None, "no_paying_accounts_at_start")
    assert [line.factor for line in worked.lines] == ["1", "1"]


# --- plans ---


def test_a_plan_must_be_one_in_force_all_over_the_period(sqlite_steward: Steward) -> None:
    policy = plan(sqlite_steward, start="2025-01-01")
    signed(sqlite_steward, client(sqlite_steward))
    with pytest.raises(Refused) as refused:
        preview(sqlite_steward, "2024-06-01", "2025-06-01")
    assert code(refused) == "plan_not_in_force"

    other = IncentiveRules.model_validate({"rates": RATES[:1]})
    sqlite_steward.do(DraftPolicyVersion(rules=other), policy=policy)
    sqlite_steward.do(ActivatePolicy(number=2, start="2025-07-01", replaces=1), policy=policy)
    with pytest.raises(Refused) as refused:
        preview(sqlite_steward)
    assert code(refused) == "plan_changes_within_period"
    assert [line.rule for line in preview(sqlite_steward, "2025-01-01", "2025-07-01").lines] == ["new_business"]


def test_a_policy_of_another_kind_is_no_plan_and_one_that_is_not_there_is_not_found(
    sqlite_steward: Steward,
) -> None:
    with pytest.raises(NotFound):
        preview(sqlite_steward)
    other = sqlite_steward.do(DraftPolicy(name="x", rules=ApprovalRules(), external_ref="mine"))
    assert other.id
    with pytest.raises(Refused) as refused:
        issue(sqlite_steward, plan="ref:mine")
    assert code(refused) == "not_an_incentive_plan"


# --- statements ---


def test_a_statement_says_what_was_previewed_and_a_second_one_leaves_out_what_was_paid(
    steward: Steward,
) -> None:
    plan(steward)
    agreed = signed(steward, client(steward))
    worked = preview(steward)

    receipt = issue(steward, external_ref="q1")

    [row] = statements(steward)
    assert [line["event"] for line in row.lines] == [line.event for line in worked.lines]
    assert (row.statement, row.total, row.read_to, row.external_ref) == (
        receipt.id,
        scaled("120"),
        worked.position,
        "q1",
    )
    assert steward.runtime.handler.resolve(steward.tenant, "incentive_statement", "ref:q1") == receipt.id
    with pytest.raises(Refused) as refused:
        issue(steward)
    assert code(refused) == "nothing_to_pay"
    assert [(one.reason, one.statement) for one in preview(steward).left_out] == [("paid", receipt.id)]

    reprice(steward, agreed, "150.00", "2025-03-01")
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
            except Unavailable:  # views are behind what somebody else has written: ask again
                continue
            return

    callers = [threading.Thread(target=pay) for _ in range(4)]
    for caller in callers:
        caller.start()
    while any(caller.is_alive() for caller in callers):
        steward.catch_up()  # as a worker does beside the doors
    steward.catch_up()

    assert sum(isinstance(one, Receipt) for one in outcomes) == 1
    assert {one for one in outcomes if isinstance(one, str)} == {"nothing_to_pay"}
    paid = Counter((line["rule"], line["event"]) for row in statements(steward) for line in row.lines)
    assert len(paid) == 6
    assert set(paid.values()) == {1}


# --- clawbacks and disputes ---


def test_a_loss_takes_back_what_its_contract_had_paid_not_long_ago_and_only_once(steward: Steward) -> None:
    plan(steward)
    account = client(steward)
    agreed, other = signed(steward, account), signed(steward, account, at="2025-02-01")
    reprice(steward, agreed, "150.00", "2025-06-01")
    statement = issue(steward).id
    loss = lost(steward, agreed, "2025-10-01")

    claw_back(steward, statement, loss)

    [row] = statements(steward)
    # half a year after June, but not after January
    assert [(line["rule"], line["contract"], line["returned"]) for line in row.lines] == [
        ("new_business", agreed, "0"), ("new_business", other, "0"), ("expansion", agreed, "30"),
    ]  # fmt: skip
    assert (row.total, row.returned) == (scaled("270"), scaled("30"))
    with pytest.raises(Refused) as refused:
        claw_back(steward, statement, loss)
    assert code(refused) == "already_clawed_back"


def test_what_a_dispute_adds_after_a_loss_is_taken_back_for_the_same_loss(steward: Steward) -> None:
    plan(steward)
    agreed = signed(steward, client(steward), at="2025-10-01")
    statement = issue(steward).id
    event = preview(steward).left_out[0].event
    loss = lost(steward, agreed, "2025-12-01")
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
    signed(sqlite_steward, account, at="2025-09-01")
    signed(sqlite_steward, account, at="2025-10-01")
    signed(sqlite_steward, client(sqlite_steward), at="2025-10-01")
    statement = issue(sqlite_steward).id
    loss = sqlite_steward.do(CloseAccount(effective_at="2025-12-01"), account=account).events[0][0]

    claw_back(sqlite_steward, statement, loss)

    [row] = statements(sqlite_steward)
    assert sorted(line["returned"] for line in row.lines) == ["0", "120", "120"]


def test_what_is_no_loss_or_takes_nothing_back_is_refused(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    agreed = signed(sqlite_steward, client(sqlite_steward))
    won = preview(sqlite_steward).lines[0].event
    statement = issue(sqlite_steward).id
    with pytest.raises(Refused) as refused:
        claw_back(sqlite_steward, statement, won)
    assert code(refused) == "not_a_loss"
    with pytest.raises(Refused) as refused:
        claw_back(sqlite_steward, statement, "evt_01jd7z5m3sf8x9v0w1y2z3a4b5")
    assert code(refused) == "unknown_event"
    with pytest.raises(Refused) as refused:
        claw_back(sqlite_steward, statement, lost(sqlite_steward, agreed, "2025-07-01"))
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
    agreed = signed(sqlite_steward, client(sqlite_steward), at="2025-10-01")
    statement = issue(sqlite_steward).id
    event = preview(sqlite_steward).left_out[0].event
    claw_back(sqlite_steward, statement, lost(sqlite_steward, agreed, "2025-12-01"))
    sqlite_steward.do(DisputeLine(event=event, reason="No"), incentive_statement=statement)

    with pytest.raises(Refused) as refused:
        sqlite_steward.do(
            ResolveDispute(event=event, outcome="changed", amount="1", reason="Less"), incentive_statement=statement
        )
    assert code(refused) == "below_clawed_back"


# --- whatever happens ---

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
                    [row] = [one for one in statements(steward) if one.statement == issued[month % len(issued)]]
                    event = row.lines[0]["event"]
                    steward.do(DisputeLine(event=event, reason="No"), incentive_statement=row.statement)
                    told_ = ResolveDispute(event=event, outcome="changed", amount=f"{month}", reason="So")
                    steward.do(told_, incentive_statement=row.statement)

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
