"""Worked examples that others published, played against a whole application where rows alone would not do."""

from decimal import Decimal

from app.domain.contract.commands import Line, TerminateContract
from app.domain.renewal.commands import OpenRenewal, SetRenewalRisk
from tests.kpi_queries.history_factory import account, ask, contract, explained
from tests.support.application import Steward

MARCH = ("2025-03-01", "2025-04-01")


def test_voluntary_and_involuntary_losses_are_separate(steward: Steward) -> None:
    """Source: D12, Chargebee, churn reasons: 15 leave at 10 of their own will, 10 at 10 do not: 150 and 100."""
    for number in range(25):
        ended = contract(steward, account(steward, f"Client {number}"), "10.00")
        termination = TerminateContract(effective_end="2025-03-10", reason="left", voluntary=number < 15)
        steward.do(termination, contract=ended)
    steward.catch_up()

    answer, listed, _ = explained(steward, "mrr_waterfall", MARCH)
    wished = {row.account for row in steward.rows("contracts") if row.termination and row.termination["voluntary"]}
    lost = [Decimal(row["churn"]) for row in listed if row["account"] in wished]
    unwished = [Decimal(row["churn"]) for row in listed if row["account"] not in wished]

    assert (sum(lost), sum(unwished)) == (150, 100)
    assert {row["name"]: row["amount"] for row in answer["rows"]}["churn"] == "250.00"


def test_only_what_recurs_is_available_to_renew_and_forecast_by_the_year(steward: Steward) -> None:
    """Source: D23, CustomerOS, renewal forecast: once 1,000,000; 5 at 10 a month; 2 at 1,000 a year; certain: 2,600."""
    sold = (
        Line(line="once", product="set-up", kind="one_off", unit_price="1000000"),
        Line(line="seats", product="seats", quantity="5", unit_price="10", interval="month"),
        Line(line="sites", product="sites", quantity="2", unit_price="1000", interval="year"),
    )
    due = contract(steward, account(steward, "Northwind"), "0", start="2025-02-01", end="2026-02-01", lines=sold)
    cycle = steward.do(OpenRenewal(), contract=due).id
    steward.do(SetRenewalRisk(risk="on_track", probability="1"), renewal=cycle)
    steward.catch_up()

    answer = ask(steward, "renewal_forecast", ("2026-01-01", "2027-01-01"))

    assert (answer["available_to_renew"], answer["value"], answer["high"]) == ("2600.00", "2600.00", "2600.00")
