"""Worked examples that others published, recomputed from contract lines. Each names its source."""

from fractions import Fraction

import pytest

from app.domain.contract.schedule import annual
from app.domain.kernel.values import half_up
from tests.projections.kpis.contract_lines_factory import changed, line, measured, moved, steady, value

MONTH = ("2025-03-01", "2025-04-01")
YEAR = ("2025-01-01", "2026-01-01")


def test_net_churn_is_ten_percent_where_gross_is_twenty() -> None:
    """Source: D1, ChartMogul, net MRR churn rate: start 100, churn 10, contraction 10, expansion 10."""
    book = [
        *steady(6, "10"),
        line("gone", "10", "2024-01-01", "2025-03-10"),
        *changed("less", ("2024-01-01", "20"), ("2025-03-10", "10")),
        *changed("more", ("2024-01-01", "10"), ("2025-03-10", "20")),
    ]

    assert value("gross_mrr_churn_rate", book, *MONTH) == Fraction(20, 100)
    assert value("net_mrr_churn_rate", book, *MONTH) == Fraction(10, 100)


def test_net_churn_of_a_day_may_be_negative() -> None:
    """Source: D2, ChartMogul, net MRR churn rate by day: 100 at its start, 120 at its end, of which 10 are new."""
    book = [*changed("more", ("2024-01-01", "100"), ("2025-03-10", "110")), line("new", "10", "2025-03-10")]

    assert value("net_mrr_churn_rate", book, "2025-03-10", "2025-03-11") == Fraction(-10, 100)
    assert moved(book, "2025-03-10", "2025-03-11")["closing"] == 120


def test_who_joined_in_the_month_is_no_churned_customer_of_it() -> None:
    """Source: D3, ChartMogul, customer churn rate (B2B): 100 at the start, 11 cancel, one of them joined in the month."""
    book = [
        *steady(90, "10"),
        *steady(10, "10", end="2025-03-20", name="gone"),
        line("brief", "10", "2025-03-05", "2025-03-20"),
    ]

    assert value("customer_churn_rate", book, *MONTH) == Fraction(10, 100)
    assert value("client_retention_rate", book, *MONTH) == Fraction(90, 100)


def test_the_life_of_a_subscriber_is_called_by_its_names() -> None:
    """Source: D4, ChartMogul, movement types: 4 Gold a year for 2,000; 2 Silver at 30 a month and gone; lapsed; 3 Gold at 50."""
    book = [
        line("a", "2000", "2024-01-01", "2025-01-01", interval="year", line="gold"),
        line("a", "60", "2024-03-01", "2024-06-01", line="silver"),
        line("a", "150", "2025-05-01", contract="a-2", line="gold"),
    ]

    assert moved(book, "2024-01-01", "2026-01-01") == {
        "new": Fraction(2000, 12), "expansion": 60, "contraction": 60, "churn": Fraction(2000, 12), "reactivation": 150, "closing": 150,
    }  # fmt: skip


def test_a_year_is_paid_a_twelfth_a_month() -> None:
    """Source: D6, Stripe, MRR: 100 subscriptions at 100 a month and 50 at 600 a year are 12,500 (the page's 800 is a misprint)."""
    yearly = [line(f"yearly-{at}", "600", "2024-01-01", interval="year") for at in range(50)]

    assert value("mrr", [*steady(100, "100"), *yearly], *MONTH) == 12_500
    assert value("arr", [*steady(100, "100"), *yearly], *MONTH) == 150_000


def test_a_lasting_discount_halves_recurring_revenue() -> None:
    """Source: D7, Stripe, MRR: 1,200 a year is 100 a month, 50 with a coupon of 50 percent for ever."""
    assert value("mrr", [line("a", "1200", "2024-01-01", interval="year")], *MONTH) == 100
    assert value("mrr", [line("a", "1200", "2024-01-01", interval="year", discount="50")], *MONTH) == 50


def test_the_breakdown_of_a_month_leads_from_the_previous_total_to_this_one() -> None:
    """Source: D8, Rebilly, MRR breakdown: new 40, reactivation 25, expansion 60, contraction 20, churn 80: 220 becomes 245."""
    book = [
        line("new", "40", "2025-03-03"),
        line("back", "5", "2020-01-01", "2021-01-01"),
        line("back", "25", "2025-03-03", contract="back-2"),
        *changed("more", ("2024-01-01", "100"), ("2025-03-04", "160")),
        *changed("less", ("2024-01-01", "40"), ("2025-03-05", "20")),
        line("gone", "80", "2024-01-01", "2025-03-06"),
    ]

    assert moved(book, *MONTH) == {
        "opening": 220, "new": 40, "expansion": 60, "reactivation": 25, "contraction": 20, "churn": 80, "closing": 245,
    }  # fmt: skip


def test_upsell_over_losses_retains_more_than_everything() -> None:
    """Source: D9, ChurnZero, net revenue retention: 27,000 at the start, 35,000 with upsell, of which 5,000 are lost: 111 percent."""
    book = [
        *changed("more", ("2024-01-01", "22000"), ("2025-06-01", "30000")),
        line("gone", "5000", "2024-01-01", "2025-06-01"),
    ]

    assert value("net_revenue_retention", book, *YEAR) == Fraction(30_000, 27_000)


def test_net_revenue_retention_by_movements() -> None:
    """Source: D10, a published glossary: 200,000 at the start, churn 6,000, contraction 4,000, expansion 20,000: 105 percent."""
    book = [
        line("gone", "6000", "2024-01-01", "2025-06-01"),
        *changed("less", ("2024-01-01", "94000"), ("2025-06-01", "90000")),
        *changed("more", ("2024-01-01", "100000"), ("2025-06-01", "120000")),
    ]

    assert value("net_revenue_retention", book, *YEAR, "movement") == Fraction(105, 100)
    assert value("net_revenue_retention", book, *YEAR) == Fraction(105, 100)


def test_a_downgrade_is_contraction_and_no_churn() -> None:
    """Source: D11, Chargebee, churn: 100 a month become 70."""
    book = changed("less", ("2024-01-01", "100"), ("2025-03-10", "70"))

    assert moved(book, *MONTH) == {"opening": 100, "contraction": 30, "closing": 70}
    assert value("customer_churn_rate", book, *MONTH) == 0


def test_churn_of_two_groups_of_accounts_is_separate() -> None:
    """Source: D12, Chargebee, churn reasons: 15 leave at 10 of their own will, 10 at 10 do not: 150 and 100."""
    wished = steady(15, "10", end="2025-03-10", name="wished")
    unwished = steady(10, "10", end="2025-03-10", name="unwished")

    assert moved(wished, *MONTH)["churn"] == 150
    assert moved(unwished, *MONTH)["churn"] == 100
    assert moved([*wished, *unwished], *MONTH)["churn"] == 250


@pytest.mark.parametrize(
    ("price", "interval", "kind", "monthly"),
    [
        ("19.95", "year", "recurring", "1.6625"),
        ("49.00", "year", "recurring", "4.0833"),
        ("159.95", "year", "recurring", "13.3292"),
        ("5499.00", "year", "recurring", "458.2500"),
        ("29.95", "month", "recurring", "29.9500"),
        ("999.95", "year", "one_off", "0.0000"),
    ],
)
def test_monthly_amounts_of_a_price_list(price: str, interval: str, kind: str, monthly: str) -> None:
    """Source: D13, Kill Bill, analytics plugin, table of MRR tests; four decimals, half up."""
    exact = measured("mrr", [line("a", price, "2024-01-01", interval=interval, kind=kind)], *MONTH)

    rounded = half_up(exact.numerator * 10_000, exact.method.numerator.per)
    assert f"{rounded // 10_000}.{rounded % 10_000:04d}" == monthly


def test_the_classic_form_takes_only_new_accounts_that_are_still_there() -> None:
    """Source: D20, the textbook's (E - N) / S: counting every sign-up as N is the usual mistake."""
    book = [*steady(8, "10"), *steady(2, "10", end="2025-03-10", name="gone"), line("new", "10", "2025-03-02"),
            line("brief", "10", "2025-03-02", "2025-03-20")]  # fmt: skip

    assert value("client_retention_rate", book, *MONTH, "classic") == Fraction(9 - 1, 10)


def test_a_change_of_plan_is_judged_by_the_month() -> None:
    """Source: D21, a Lago thread: 134 a year becomes 17 a month: an expansion of 5.83."""
    book = [
        line("a", "134", "2024-03-10", "2025-03-10", interval="year"),
        line("a", "17", "2025-03-10"),
    ]

    assert moved(book, *MONTH)["expansion"] == Fraction(17) - Fraction(134, 12)


def test_churn_is_measured_against_the_start_alone() -> None:
    """Source: D22, Shopify's base: 1,000 at the start, 50 leave; 500 join, of whom 12 leave: 5.0 percent."""
    book = [
        *steady(950, "1"), *steady(50, "1", end="2025-03-15", name="gone"), *steady(488, "1", "2025-03-02", name="new"),
        *steady(12, "1", "2025-03-02", "2025-03-20", name="brief"),
    ]  # fmt: skip

    assert value("customer_churn_rate", book, *MONTH) == Fraction(50, 1000)


def test_every_interval_of_billing_divides_a_year() -> None:
    """Source: docs/kpis.md: weekly x 52, daily x 365, quarterly x 4, half-yearly x 2, every two years / 2."""
    prices = {"day": 365, "week": 52, "month": 12, "quarter": 4, "half_year": 2, "year": 1}

    assert {interval: annual("1", "1", interval) for interval in prices} == {
        name: times * 10**6 for name, times in prices.items()
    }
    assert annual("1", "1", "two_years") == 500_000
