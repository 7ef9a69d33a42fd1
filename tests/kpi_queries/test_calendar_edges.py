"""Figures at the ends of the calendar: answered, or refused by name."""

import pytest

from app.domain.contract.commands import Line
from app.domain.kernel.errors import Invalid
from app.domain.policy.rules import MetricRules
from tests.kpi_queries.history_factory import (
    RISING,
    account,
    ask,
    contract,
    in_force,
    two_currencies,
)
from tests.support.application import Steward
from tests.support.databases import Databases


def test_the_edges_of_the_calendar_are_answered_or_refused_by_name(databases: Databases) -> None:
    west = Steward(databases.fresh("sqlite"), time_zone="America/New_York")
    two_currencies(west)
    in_force(west, MetricRules(reporting_currency="USD", netting="month", shortest_gap_days=3650), "0001-01-01")
    in_force(west, RISING, "0001-01-01")
    west.catch_up()

    with pytest.raises(Invalid) as refused:
        ask(west, "mrr_waterfall", ("0001-01-01", "9999-12-31"))
    assert refused.value.code == "fx_rate_missing"
    assert ask(west, "mrr_waterfall", ("0001-01-01", "9999-12-31"), currency="EUR")["value"] == "150.00"
    for moment in ("0001-01-01", "0001-01-01T00:00:00Z", "9999-12-30"):
        assert ask(west, "mrr", None, as_of=moment)["currency"] == "USD"
    west.close()


@pytest.mark.parametrize(("zone", "oldest"), [("Europe/Berlin", "95.00"), ("America/New_York", "190.00")])
def test_contracts_at_the_ends_of_the_calendar_are_counted_or_refused_and_hold_up_no_view(
    databases: Databases, zone: str, oldest: str
) -> None:
    steward = Steward(databases.fresh("sqlite"), time_zone=zone)
    old = account(steward, "Old")
    discounted = Line(
        line="main",
        product="retainer",
        unit_price="100",
        interval="month",
        discount_percent="5",
        discount_end="9999-12-31",
    )
    refused = []
    for start, end in (("0001-01-01", "0001-02-01"), ("0001-01-02", "0001-02-01"), ("9999-01-02", "9999-12-31")):
        try:
            contract(steward, old, "100", start, end, signed_at="2026-01-01", effective_at="2026-01-01",
                     notice_days=3650, lines=(discounted,))  # fmt: skip
        except Invalid as refusal:
            refused.append((start, refusal.code))
    steward.catch_up()

    assert refused == ([("0001-01-01", "out_of_range")] if zone == "Europe/Berlin" else [])
    assert ask(steward, "mrr", None, as_of="0001-01-20")["value"] == oldest
    assert ask(steward, "mrr", None, as_of="9999-06-01")["value"] == "100.00"  # no discount of twelve months
    assert (
        ask(steward, "customer_lifetime_value", None, as_of="0001-01-01T00:00:00Z")["null_reason"]
        == "no_paying_accounts"
    )
    answer = ask(steward, "forecast_accuracy", ("0001-01-01", "9999-12-31"))
    assert answer["null_reason"] == "no_forecasts_in_period"
    steward.close()
