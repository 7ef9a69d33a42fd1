"""Figures in a reporting currency: converted by the rates in force, with a row for what rates alone changed."""

from decimal import Decimal

import pytest

from app.domain.kernel.errors import DomainError, Invalid
from app.domain.policy.rules import MetricRules
from app.kpi_queries.sources import SOURCES
from projections.kpis import KPIS
from projections.kpis.base import RowKind
from tests.kpi_queries.history_factory import (
    RISING,
    YEAR,
    account,
    amounts,
    ask,
    contract,
    explained,
    in_force,
    rates,
    two_currencies,
)
from tests.support.application import Steward


def test_a_reporting_currency_converts_what_is_mixed_and_the_answer_names_table_and_rates(
    steward: Steward,
) -> None:
    two_currencies(steward)
    in_force(steward, MetricRules(reporting_currency="USD"))
    in_force(steward, RISING)
    steward.catch_up()

    answer = ask(steward, "mrr_waterfall")
    assert amounts(answer) == {"opening": "210.00", "expansion": "55.00", "fx": "22.50", "closing": "287.50"}
    assert (answer["currency"], answer["policy_version"], answer["fx_version"]) == (
        "USD",
        "metric@default/1",
        "fx@default/1",
    )
    assert answer["fx_rates"] == [
        {"currency": "EUR", "base": "USD", "date": "2023-01-01", "rate": "1.1"},
        {"currency": "EUR", "base": "USD", "date": "2025-10-01", "rate": "1.25"},
    ]
    assert ask(steward, "net_revenue_retention")["value"] == "1.261905"
    assert ask(steward, "arr", None, as_of="2025-12-31")["value"] == "3450.00"
    assert ask(steward, "arpa", None, as_of="2025-12-31")["value"] == "143.75"

    only = ask(steward, "mrr", None, as_of="2025-12-31", currency="EUR")
    assert (only["value"], only["currency"], only["fx_version"]) == ("150.00", "EUR", None)
    counted = ask(steward, "client_retention_rate")
    assert (counted["value"], counted["currency"], counted["fx_version"]) == ("1", None, None)


def test_movements_at_their_own_days_rates_leave_less_to_fx(steward: Steward) -> None:
    two_currencies(steward)
    in_force(steward, MetricRules(reporting_currency="USD", fx="spot"))
    in_force(steward, RISING)
    steward.catch_up()

    assert amounts(ask(steward, "mrr_waterfall")) == {
        "opening": "210.00", "expansion": "60.00", "fx": "17.50", "closing": "287.50",
    }  # fmt: skip
    assert ask(steward, "net_revenue_retention")["value"] == "1.261905"


def test_a_rate_that_falls_is_a_negative_fx_row(steward: Steward) -> None:
    contract(steward, account(steward, "Dollars"), "100.00")
    contract(steward, account(steward, "Yen"), "1000.00", currency="JPY")
    in_force(steward, rates(("2023-01-01", "JPY", "0.0071234567"), ("2025-06-01", "JPY", "0.0063")))
    steward.catch_up()

    rows = ask(steward, "mrr_waterfall", reporting="USD")["rows"]
    assert {row["name"]: row["amount"] for row in rows if Decimal(row["amount"])} == {
        "opening": "107.12", "fx": "-0.82", "closing": "106.30",
    }  # fmt: skip


def test_a_named_reporting_currency_is_reached_by_way_of_the_base(
    steward: Steward,
) -> None:
    two_currencies(steward)
    in_force(steward, RISING)
    steward.catch_up()

    with pytest.raises(Invalid) as refused:
        ask(steward, "mrr", None, as_of="2025-12-31")
    assert refused.value.code == "mixed_currencies"
    euros = ask(steward, "mrr", None, as_of="2025-12-31", reporting="EUR")
    assert (euros["value"], euros["currency"], euros["policy_version"]) == ("230.00", "EUR", "default/1")
    assert "reporting_currency=EUR" in euros["explain_url"]


def test_nothing_is_converted_without_a_table_or_a_rate(steward: Steward) -> None:
    two_currencies(steward)
    steward.catch_up()
    with pytest.raises(Invalid) as refused:
        ask(steward, "mrr", None, as_of="2025-12-31", reporting="USD")
    assert refused.value.code == "fx_table_missing"

    in_force(steward, rates(("2025-02-01", "EUR", "1.1")))
    steward.catch_up()
    assert ask(steward, "mrr", None, as_of="2025-12-31", reporting="USD")["value"] == "265.00"
    with pytest.raises(Invalid) as refused:
        ask(steward, "net_revenue_retention", reporting="USD")
    assert (refused.value.code, "EUR on 2024-12-31" in str(refused.value)) == ("fx_rate_missing", True)
    with pytest.raises(Invalid) as refused:
        ask(steward, "mrr", None, as_of="2025-12-31", reporting="CHF")
    assert refused.value.code == "fx_rate_missing"


def test_what_needs_no_conversion_needs_no_table(steward: Steward) -> None:
    contract(steward, account(steward, "Dollars"), "100.00")
    in_force(steward, MetricRules(reporting_currency="USD"))
    steward.catch_up()

    answer = ask(steward, "mrr", None, as_of="2025-12-31")
    assert (answer["value"], answer["currency"], answer["fx_version"]) == ("100.00", "USD", None)
    assert "fx_rates" not in answer


def test_a_switch_of_currency_is_no_expansion(steward: Steward) -> None:
    switched = account(steward, "Switched")
    contract(steward, switched, "100.00", end="2025-06-01", currency="EUR")
    contract(steward, switched, "120.00", start="2025-06-01")
    in_force(steward, RISING)
    steward.catch_up()

    assert amounts(ask(steward, "mrr_waterfall", reporting="USD")) == {
        "opening": "110.00",
        "fx": "10.00",
        "closing": "120.00",
    }
    assert ask(steward, "net_revenue_retention", reporting="USD")["value"] == "1"


def test_what_falls_due_in_several_currencies_is_compared_at_the_rates_before_the_period(
    steward: Steward,
) -> None:
    contract(
        steward,
        account(steward, "Dollars"),
        "100.00",
        end="2025-06-01",
        auto_renew=True,
        renewal_term_months=12,
    )
    contract(steward, account(steward, "Euros"), "100.00", end="2025-06-01", currency="EUR")
    in_force(steward, RISING)
    steward.catch_up()

    answer = ask(steward, "renewal_rate", method="value", reporting="USD")
    assert (answer["numerator"], answer["denominator"], answer["value"]) == ("1200.00", "2520.00", "0.47619")
    _, listed, _ = explained(steward, "renewal_rate", method="value", reporting="USD")
    assert sorted((row["items"][0]["currency"], row["items"][0]["expiring"]) for row in listed) == [
        ("USD", "1200.00"), ("USD", "1320.00"),
    ]  # fmt: skip
    assert ask(steward, "renewal_rate", reporting="USD")["value"] == "0.5"


def test_converted_contributions_sum_to_the_figure_page_by_page(steward: Steward) -> None:
    two_currencies(steward)
    contract(steward, account(steward, "More euros"), "33.33", interval="year", currency="EUR")
    in_force(steward, MetricRules(reporting_currency="USD", netting="month"))
    in_force(steward, rates(("2023-01-01", "EUR", "1.0987654321"), ("2025-03-01", "EUR", "1.2")))
    steward.catch_up()
    for kpi in (kpi for kpi in KPIS if kpi.reads is RowKind.ACCOUNT_MOVEMENTS):
        period = YEAR if kpi.kind == "period" else None
        answer, whole, _ = explained(steward, kpi.name, period, as_of="2025-12-31")
        _, first, last = explained(steward, kpi.name, period, as_of="2025-12-31", limit=1)
        _, second, _ = explained(steward, kpi.name, period, as_of="2025-12-31", limit=10, after=last)
        assert first + second == whole
        assert sum(Decimal(row["contribution"]["numerator"]) for row in whole) == Decimal(answer["numerator"])
        assert all(row["events"] for row in whole)
    _, whole, _ = explained(steward, "mrr_waterfall")
    story = {row["name"]: row for row in whole}["Euros"]
    assert (story["opening"], story["expansion"], story["fx"], story["closing"]) == (
        "109.88",
        "54.94",
        "15.19",
        "180.00",
    )


def test_a_query_that_narrows_and_converts_at_once_is_refused_by_name(sqlite_steward: Steward) -> None:
    for scope, code in (
        ({"currency": "EUR", "reporting": "USD"}, "currency_twice"),
        ({"policy": "ref:metric@default:1"}, "policy_not_found"),
        ({"policy": "nonsense"}, "invalid_policy"),
    ):
        with pytest.raises(DomainError) as refused:
            ask(sqlite_steward, "mrr", None, as_of="2025-12-31", **scope)  # type: ignore[arg-type]
        assert refused.value.code == code
    with pytest.raises(Invalid) as hours:
        ask(sqlite_steward, "scope_creep_ratio", reporting="USD")
    assert hours.value.code == "currency_not_allowed"


def test_all_that_counts_money_can_be_converted_to_one_currency() -> None:
    money = {kpi.reads for kpi in KPIS if any(method.money for method in kpi.methods.values())}
    assert frozenset(SOURCES) == frozenset(RowKind)
    assert {kind for kind, source in SOURCES.items() if source.has_currency} == money
