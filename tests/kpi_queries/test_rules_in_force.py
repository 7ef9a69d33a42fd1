"""Figures by the policies in force: a tenant's rules and rates, as they were known, and what other rules would say."""

from decimal import Decimal
from typing import Any

import pytest

from app.domain.contract.commands import GiveNotice, Line, SuspendContract, TerminateContract
from app.domain.kernel.errors import DomainError, Invalid
from app.domain.policy.commands import DraftPolicyVersion
from app.domain.policy.rules import MetricRules
from app.kpi_queries.sources import SOURCES
from projections.kpis import KPIS
from projections.kpis.base import RowKind
from tests.kpi_queries.history_factory import YEAR, account, ask, contract, explained, in_force, rates
from tests.support.application import Steward
from tests.support.databases import Databases

RISING = rates(("2023-01-01", "EUR", "1.1"), ("2025-03-01", "EUR", "1.2"), ("2025-10-01", "EUR", "1.25"))


def lost(steward: Steward) -> None:
    """One account stays; of another one contract of two ends, after its notice."""
    contract(steward, account(steward, "Stays"), "100.00")
    half = account(steward, "Half")
    contract(steward, half, "40.00")
    ended = contract(steward, half, "60.00")
    steward.do(TerminateContract(effective_end="2025-06-01", reason="too dear", voluntary=True), contract=ended)


def amounts(answer: dict[str, object]) -> dict[str, str]:
    """The waterfall's rows that are not 0."""
    told = {row["name"]: row["amount"] for row in answer["rows"]}  # type: ignore[attr-defined]
    return {name: amount for name, amount in told.items() if Decimal(amount)}


def test_a_figure_is_counted_by_the_policy_in_force_on_its_closing_day_and_names_it(steward: Steward) -> None:
    lost(steward)
    in_force(steward, MetricRules(contract_end="churn"), "2025-07-01")
    steward.catch_up()

    before, after = ask(steward, "mrr_waterfall", ("2025-01-01", "2025-07-01")), ask(steward, "mrr_waterfall")
    assert (amounts(before)["contraction"], before["policy_version"]) == ("60.00", "default/1")
    assert (amounts(after)["churn"], after["policy_version"]) == ("60.00", "metric@default/1")
    assert "churn" not in amounts(before)


def test_a_policy_that_is_dated_back_changes_nothing_that_was_known(steward: Steward) -> None:
    lost(steward)
    known = steward.catch_up()
    first = ask(steward, "mrr_waterfall", known_at=known)
    in_force(steward, MetricRules(contract_end="churn"))
    steward.catch_up()

    assert amounts(ask(steward, "mrr_waterfall"))["churn"] == "60.00"
    assert ask(steward, "mrr_waterfall", known_at=known) == first


def test_what_a_draft_would_say_is_asked_without_putting_it_in_force(steward: Steward) -> None:
    lost(steward)
    policy = in_force(steward, MetricRules())
    steward.do(DraftPolicyVersion(rules=MetricRules(contract_end="churn")), policy=policy)
    steward.catch_up()

    assert "churn" not in amounts(ask(steward, "mrr_waterfall"))
    told = ask(steward, "mrr_waterfall", policy="ref:metric@default:2")
    assert (amounts(told)["churn"], told["policy_version"]) == ("60.00", "metric@default/2")
    assert "policy=ref%3Ametric%40default%3A2" in told["explain_url"]
    assert ask(steward, "mrr_waterfall", policy="ref:metric@default:1")["policy_version"] == "metric@default/1"


def test_rules_that_count_as_the_houses_own_give_the_same_figures(steward: Steward) -> None:
    lost(steward)
    steward.catch_up()
    counted = [kpi for kpi in KPIS if kpi.name != "customer_lifetime_value"]  # which a margin is for
    asked = [(kpi.name, YEAR if kpi.kind == "period" else None, method) for kpi in counted for method in kpi.methods]
    counts_by_default = [ask(steward, *one, as_of="2025-12-31") for one in asked]
    in_force(steward, MetricRules(gross_margin="0.8", fx="spot"))
    steward.catch_up()

    for one, before in zip(asked, counts_by_default, strict=True):
        after = ask(steward, *one, as_of="2025-12-31")
        assert after["policy_version"] == "metric@default/1"
        members = ("value", "numerator", "denominator", "warnings", "rows", "currency", "fx_version")
        assert {name: after.get(name) for name in members} == {name: before.get(name) for name in members if name in before} | {
            name: None for name in members if name not in before
        }  # fmt: skip


def test_a_notice_ends_a_contract_where_the_rules_say_so_and_a_rest_pays_on(steward: Steward) -> None:
    noticed = contract(steward, account(steward, "Noticed"), "100.00", end="2026-01-01")
    steward.do(GiveNotice(effective_at="2025-03-10"), contract=noticed)
    resting = contract(steward, account(steward, "Resting"), "50.00")
    steward.do(SuspendContract(effective_at="2025-02-01"), contract=resting)
    in_force(steward, MetricRules(churn_at="notice", hold="unchanged"))
    steward.catch_up()

    told = ask(steward, "mrr_waterfall", ("2025-01-01", "2025-04-01"))
    assert amounts(told) == {"opening": "150.00", "churn": "100.00", "closing": "50.00"}
    assert ask(steward, "client_retention_rate", ("2025-01-01", "2025-04-01"))["value"] == "0.5"


def test_a_return_is_judged_by_when_the_account_left_however_long_before_the_period(steward: Steward) -> None:
    back = account(steward, "Back")
    contract(steward, back, "100.00", start="2024-01-01", end="2024-06-01")
    contract(steward, back, "80.00", start="2025-03-01")
    in_force(steward, MetricRules(reactivation_days=365))
    steward.catch_up()
    assert amounts(ask(steward, "mrr_waterfall")) == {"reactivation": "80.00", "closing": "80.00"}
    assert amounts(ask(steward, "mrr_waterfall", policy="ref:metric@default:1")) == amounts(
        ask(steward, "mrr_waterfall")
    )

    steward.do(DraftPolicyVersion(rules=MetricRules(reactivation_days=90)), policy="ref:metric@default")
    steward.catch_up()
    told = ask(steward, "mrr_waterfall", policy="ref:metric@default:2")
    assert amounts(told) == {"new": "80.00", "closing": "80.00"}


def test_a_short_gap_is_bridged_by_a_return_that_lies_behind_the_period(steward: Steward) -> None:
    gap = account(steward, "Gap")
    contract(steward, gap, "100.00", end="2025-06-20")
    contract(steward, gap, "120.00", start="2025-07-05")
    in_force(steward, MetricRules(shortest_gap_days=30))
    steward.catch_up()

    assert amounts(ask(steward, "mrr_waterfall", ("2025-01-01", "2025-07-01"))) == {
        "opening": "100.00",
        "closing": "100.00",
    }
    told = ask(steward, "mrr_waterfall", ("2025-07-01", "2026-01-01"))
    assert amounts(told) == {"opening": "100.00", "expansion": "20.00", "closing": "120.00"}


def test_behind_a_bridged_gap_stand_what_was_paid_before_it_and_the_return(steward: Steward) -> None:
    gap = account(steward, "Gap")
    before = contract(steward, gap, "100.00", end="2025-03-01")
    after = contract(steward, gap, "120.00", start="2025-09-01", signed_at="2025-08-20")
    in_force(steward, MetricRules(shortest_gap_days=365))
    steward.catch_up()

    for name, period, as_of in (
        ("mrr", None, "2025-06-01"),
        ("concentration", None, "2025-06-01"),
        ("net_revenue_retention", ("2025-05-01", "2025-07-01"), None),
        ("customer_lifetime_value", None, "2025-06-01"),
    ):
        _, (row,), _ = explained(steward, name, period, as_of=as_of)
        assert signed(steward, row) == {before, after}, name


def test_behind_a_loss_by_notice_stands_the_notice(steward: Steward) -> None:
    leaving = account(steward, "Leaving")
    agreed = contract(steward, leaving, "100.00")
    steward.do(GiveNotice(effective_at="2025-03-10", effective_end="2026-03-10"), contract=agreed)
    in_force(steward, MetricRules(churn_at="notice"))
    steward.catch_up()

    for name, period, as_of in (
        ("mrr_waterfall", ("2025-03-01", "2025-04-01"), None),
        ("customer_lifetime_value", None, "2025-04-01"),
    ):
        _, (row,), _ = explained(steward, name, period, as_of=as_of)
        assert "contract.notice_given" in [event["type"] for event in row["events"]], name


def signed(steward: Steward, row: dict[str, Any]) -> set[str]:
    """The contracts whose signatures are told behind an account's row."""
    told = {event["id"] for event in row["events"] if event["type"] == "contract.signed"}
    events = steward.runtime.log.after(steward.tenant, 0, 1000)
    return {event.stream_id for event in events if event.event_id in told}


# --- money ---


def two_currencies(steward: Steward) -> None:
    """Dollars that stay, euros that grow in April."""
    contract(steward, account(steward, "Dollars"), "100.00")
    euros = account(steward, "Euros")
    contract(steward, euros, "100.00", currency="EUR")
    contract(steward, euros, "50.00", start="2025-04-01", currency="EUR")


def test_a_reporting_currency_converts_what_is_mixed_and_the_answer_names_table_and_rates(
    steward: Steward,
) -> None:
    two_currencies(steward)
    in_force(steward, MetricRules(reporting_currency="USD"))
    in_force(steward, RISING)
    steward.catch_up()

    told = ask(steward, "mrr_waterfall")
    assert amounts(told) == {"opening": "210.00", "expansion": "55.00", "fx": "22.50", "closing": "287.50"}
    assert (told["currency"], told["policy_version"], told["fx_version"]) == ("USD", "metric@default/1", "fx@default/1")
    assert told["fx_rates"] == [
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

    told = ask(steward, "mrr_waterfall", reporting="USD")["rows"]
    assert {row["name"]: row["amount"] for row in told if Decimal(row["amount"])} == {
        "opening": "107.12", "fx": "-0.82", "closing": "106.30",
    }  # fmt: skip


def test_another_reporting_currency_is_asked_for_by_name_and_reached_by_way_of_the_base(
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

    told = ask(steward, "mrr", None, as_of="2025-12-31")
    assert (told["value"], told["currency"], told["fx_version"]) == ("100.00", "USD", None)
    assert "fx_rates" not in told


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

    told = ask(steward, "renewal_rate", method="value", reporting="USD")
    assert (told["numerator"], told["denominator"], told["value"]) == ("1200.00", "2520.00", "0.47619")
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
        told, whole, _ = explained(steward, kpi.name, period, as_of="2025-12-31")
        _, first, last = explained(steward, kpi.name, period, as_of="2025-12-31", limit=1)
        _, second, _ = explained(steward, kpi.name, period, as_of="2025-12-31", limit=10, after=last)
        assert first + second == whole
        assert sum(Decimal(row["contribution"]["numerator"]) for row in whole) == Decimal(told["numerator"])
        assert all(row["events"] for row in whole)
    _, whole, _ = explained(steward, "mrr_waterfall")
    story = {row["name"]: row for row in whole}["Euros"]
    assert (story["opening"], story["expansion"], story["fx"], story["closing"]) == (
        "109.88",
        "54.94",
        "15.19",
        "180.00",
    )


def test_a_question_that_narrows_and_converts_at_once_is_refused_by_name(sqlite_steward: Steward) -> None:
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


def test_all_that_counts_money_can_be_told_in_one_currency() -> None:
    money = {kpi.reads for kpi in KPIS if any(method.money for method in kpi.methods.values())}
    assert frozenset(SOURCES) == frozenset(RowKind)
    assert {kind for kind, source in SOURCES.items() if source.has_currency} == money


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
    told = ask(steward, "forecast_accuracy", ("0001-01-01", "9999-12-31"))
    assert told["null_reason"] == "no_forecasts_in_period"
    steward.close()
