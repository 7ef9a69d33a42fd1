"""Budgets and incentive statements as views: updated step by step, they equal a rebuild from the log."""

from app.domain.budget.commands import CloseBudget, CorrectSpend, RecordForecast, RecordSpend, ReviseBudget, SetBudget
from app.domain.incentive_statement.commands import DisputeLine, ResolveDispute
from tests.services.incentives_factory import claw_back, client, issue, lost, plan, preview, signed
from tests.support.application import Steward
from tests.support.views import assert_views_are_right


def test_views_updated_step_by_step_equal_a_rebuild(steward: Steward) -> None:
    account = client(steward)
    terms = {"title": "Spring", "currency": "EUR", "amount": "10.00", "start": "2026-01-01", "end": "2026-07-01"}
    budget = steward.do(SetBudget(**terms), account=account).id
    for number in range(3):
        steward.do(RecordSpend(amount="4.00", document=str(number), spent_at="2026-01-10"), budget=budget)
        steward.catch_up()
        steward.do(CorrectSpend(document=str(number), amount="3.00"), budget=budget)
        steward.do(RecordForecast(at_completion="12.00"), budget=budget)
    steward.do(ReviseBudget(amount="12.00", reason="More"), budget=budget)
    steward.do(CloseBudget(), budget=budget)
    plan(steward, clawback_months=12)
    contract = signed(steward, account)
    statement = issue(steward).id
    event = preview(steward).left_out[0].event
    steward.do(DisputeLine(event=event, reason="No"), incentive_statement=statement)
    steward.catch_up()
    kept = ResolveDispute(event=event, outcome="kept", reason="Yes")
    steward.do(kept, incentive_statement=statement)
    claw_back(steward, statement, lost(steward, contract, "2025-07-01"))

    steward.catch_up()

    assert_views_are_right(steward)
    assert [(row.amount, row.recorded, len(row.corrections)) for row in steward.rows("budget_spends")] == [
        (3_000_000, 4_000_000, 1)
    ] * 3
    assert [row.at_completion for row in steward.rows("budget_forecasts")] == [12_000_000] * 3
    [row] = steward.rows("incentive_statements")
    assert (row.total, row.returned) == (120_000_000, 120_000_000)
