"""Incentive previews: which events are paid, to whom, by which plan. Every line cites an event of an account that the payee owned then."""

from typing import Any

import pytest

from app.domain.account.commands import SetAccountOwner
from app.domain.contract.commands import AddLine, AmendContract, CorrectContract, Line, SetLine
from app.domain.kernel.errors import Invalid, NotFound, Refused
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion
from app.domain.policy.rules import ApprovalRules, IncentiveRules
from tests.services.incentives_factory import (
    RATES,
    client,
    issue,
    lost,
    paid_lines,
    plan,
    preview,
    renewed,
    reprice,
    signed,
)
from tests.support.application import Steward


def code(refused: Any) -> str:
    """The code of a refusal."""
    refusal_code: str = refused.value.code
    return refusal_code


# --- what is paid ---


def test_new_expanded_and_renewed_contracts_are_paid_by_annual_value_and_each_line_cites_its_event(
    steward: Steward,
) -> None:
    plan(steward)
    contract = signed(steward, client(steward))
    expansion = reprice(steward, contract, "150.00", "2025-03-01")
    renewal = renewed(steward, contract)

    statement_preview = preview(steward)

    assert paid_lines(statement_preview) == [
        ("new_business", "1200", "1", "120"), ("expansion", "600", "1", "30"), ("renewal", "1800", "1", "36"),
    ]  # fmt: skip
    assert [line.event for line in statement_preview.lines][1:] == [expansion, renewal]
    assert {line.contract for line in statement_preview.lines} == {contract}
    assert statement_preview.version == "incentive@default/1"


def test_only_what_happened_within_the_period_and_by_then_is_paid(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    reprice(sqlite_steward, contract, "150.00", "2025-03-01")

    assert [line.rule for line in preview(sqlite_steward, "2025-01-01", "2025-03-01").lines] == ["new_business"]
    assert [line.rule for line in preview(sqlite_steward, "2025-01-02", "2025-04-01").lines] == ["expansion"]
    assert [line.rule for line in preview(sqlite_steward, as_of="2025-02-28").lines] == ["new_business"]
    assert preview(sqlite_steward, "2025-03-02", "2026-01-01").lines == ()


def test_a_future_event_is_not_paid_yet(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    renewed(sqlite_steward, contract)
    reprice(sqlite_steward, contract, "150.00", "2026-06-01")

    assert [line.rule for line in preview(sqlite_steward, "2026-01-01", "2027-01-01").lines] == []
    sqlite_steward.clock.set("2026-06-02T09:00:00Z")
    assert [line.rule for line in preview(sqlite_steward, "2026-01-01", "2027-01-01").lines] == ["expansion"]


def test_the_owner_of_the_account_at_the_instant_is_paid(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    account = client(sqlite_steward, "maria")
    contract = signed(sqlite_steward, account)
    reprice(sqlite_steward, contract, "150.00", "2025-06-01")
    reprice(sqlite_steward, contract, "200.00", "2025-07-01")
    sqlite_steward.do(SetAccountOwner(owner="tom", effective_at="2025-06-15"), account=account)

    assert paid_lines(preview(sqlite_steward)) == [
        ("new_business", "1200", "1", "120"),
        ("expansion", "600", "1", "30"),
    ]
    assert paid_lines(preview(sqlite_steward, payee="tom")) == [("expansion", "600", "1", "30")]
    assert preview(sqlite_steward, payee="nobody").lines == ()


def test_a_cut_a_correction_and_a_change_for_nothing_are_no_expansion(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    reprice(sqlite_steward, contract, "50.00", "2025-02-01")
    reprice(sqlite_steward, contract, "120.00", "2025-03-01", cause="correction")

    assert [line.rule for line in preview(sqlite_steward).lines] == ["new_business"]


def test_a_corrected_amendment_is_paid_by_its_corrected_terms_and_the_correction_is_not(
    sqlite_steward: Steward,
) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    expansion = reprice(sqlite_steward, contract, "250.00", "2025-03-01")
    before = sqlite_steward.catch_up()
    right = SetLine(op="set_line", line="main", unit_price="125.00", cause="correction")
    sqlite_steward.do(CorrectContract(corrects=expansion, changes=(right,)), contract=contract)

    lines = preview(sqlite_steward).lines
    assert [(line.event, line.value) for line in lines if line.rule == "expansion"] == [(expansion, "300")]
    known = preview(sqlite_steward, known_at=before).lines
    assert [(line.event, line.value) for line in known if line.rule == "expansion"] == [(expansion, "1800")]


def test_a_line_that_is_added_counts_from_its_own_first_day(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    more = AddLine(
        op="add_line", line="social", product="social", unit_price="10.00", interval="month", start="2025-09-01"
    )
    sqlite_steward.do(AmendContract(effective_at="2025-05-01", changes=(more,)), contract=contract)

    assert paid_lines(preview(sqlite_steward))[1:] == [("expansion", "120", "1", "6")]


def test_what_a_contract_began_with_is_not_paid_again_as_growth_of_the_same_day(
    sqlite_steward: Steward,
) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    reprice(sqlite_steward, contract, "150.00", "2025-01-01")

    assert paid_lines(preview(sqlite_steward)) == [
        ("new_business", "1200", "1", "120"),
        ("expansion", "600", "1", "30"),
    ]


def test_a_lost_renewal_is_not_paid(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    contract = signed(sqlite_steward, client(sqlite_steward))
    renewed(sqlite_steward, contract)
    lost(sqlite_steward, contract, "2026-01-01")

    assert [line.rule for line in preview(sqlite_steward).lines] == ["new_business"]


def test_an_event_in_another_currency_is_left_out_with_its_reason(sqlite_steward: Steward) -> None:
    plan(sqlite_steward)
    account = client(sqlite_steward)
    signed(sqlite_steward, account)
    line = Line(line="main", product="retainer", unit_price="1000", interval="month")
    signed(sqlite_steward, account, currency="JPY", lines=(line,))

    statement_preview = preview(sqlite_steward)
    assert paid_lines(statement_preview) == [("new_business", "1200", "1", "120")]
    assert [event.reason for event in statement_preview.left_out] == ["other_currency"]
    assert paid_lines(preview(sqlite_steward, currency="JPY")) == [("new_business", "12000", "1", "1200")]
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

    statement_preview = preview(steward)

    assert statement_preview.retention is not None
    assert (
        statement_preview.retention.value,
        statement_preview.retention.numerator,
        statement_preview.retention.denominator,
    ) == (
        "0.75",
        "300.00",
        "400.00",
    )
    assert paid_lines(statement_preview) == [("renewal", "3600", "1.5", "108")]


def test_without_a_book_there_is_no_factor(sqlite_steward: Steward) -> None:
    plan(sqlite_steward, retention_tiers=[{"at_least": "0", "factor": "3"}])
    contract = signed(sqlite_steward, client(sqlite_steward))
    renewed(sqlite_steward, contract)

    statement_preview = preview(sqlite_steward)

    assert statement_preview.retention is not None
    assert (statement_preview.retention.value, statement_preview.retention.nothing) == (
        None,
        "no_paying_accounts_at_start",
    )
    assert [line.factor for line in statement_preview.lines] == ["1", "1"]


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


def test_a_policy_of_another_kind_is_no_plan_and_a_missing_plan_is_not_found(
    sqlite_steward: Steward,
) -> None:
    with pytest.raises(NotFound):
        preview(sqlite_steward)
    other = sqlite_steward.do(DraftPolicy(name="x", rules=ApprovalRules(), external_ref="mine"))
    assert other.id
    with pytest.raises(Refused) as refused:
        issue(sqlite_steward, plan="ref:mine")
    assert code(refused) == "not_an_incentive_plan"
