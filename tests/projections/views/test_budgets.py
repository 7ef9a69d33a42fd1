"""Budgets and incentive statements as views: grown step by step they are what a rebuild makes of the log."""

from app.domain.budget.commands import CloseBudget, CorrectSpend, RecordForecast, RecordSpend, ReviseBudget, SetBudget
from app.domain.incentive_statement.commands import DisputeLine, ResolveDispute
from tests.services.incentives_factory import claw_back, client, issue, lost, plan, preview, signed
from tests.support.applications import House
from tests.support.views import assert_grown_right


def test_what_is_grown_step_by_step_is_what_a_rebuild_makes(house: House) -> None:
    account = client(house)
    terms = {"title": "Spring", "currency": "EUR", "amount": "10.00", "start": "2026-01-01", "end": "2026-07-01"}
    budget = house.do(SetBudget(**terms), account=account).id
    for number in range(3):
        house.do(RecordSpend(amount="4.00", document=str(number), spent_at="2026-01-10"), budget=budget)
        house.catch_up()
        house.do(CorrectSpend(document=str(number), amount="3.00"), budget=budget)
        house.do(RecordForecast(at_completion="12.00"), budget=budget)
    house.do(ReviseBudget(amount="12.00", reason="More"), budget=budget)
    house.do(CloseBudget(), budget=budget)
    plan(house, clawback_months=12)
    agreed = signed(house, account)
    statement = issue(house).id
    event = preview(house).left_out[0].event
    house.do(DisputeLine(event=event, reason="No"), incentive_statement=statement)
    house.catch_up()
    kept = ResolveDispute(event=event, outcome="kept", reason="Yes")
    house.do(kept, incentive_statement=statement)
    claw_back(house, statement, lost(house, agreed, "2025-07-01"))

    house.catch_up()

    assert_grown_right(house)
    assert [(row.amount, row.recorded, len(row.corrections)) for row in house.rows("budget_spends")] == [
        (3_000_000, 4_000_000, 1)
    ] * 3
    assert [row.at_completion for row in house.rows("budget_forecasts")] == [12_000_000] * 3
    [row] = house.rows("incentive_statements")
    assert (row.total, row.returned) == (120_000_000, 120_000_000)
