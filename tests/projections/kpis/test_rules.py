"""Rules on which vendors disagree: each switch with the case of a vendor that counts so.

Source: docs/kpis.md, rules; docs/policies.md.
"""

from fractions import Fraction

from app.domain.policy.rules import MetricRules
from tests.projections.kpis.contract_lines_factory import at, changed, line, moved, over, steady, value

MARCH = ("2025-03-01", "2025-04-01")
QUARTER = ("2025-01-01", "2025-04-01")
YEAR = ("2025-01-01", "2026-01-01")


# --- when a client is lost ---


def test_churn_is_dated_at_the_effective_end_or_when_notice_was_given() -> None:
    """Source: ChartMogul, CMRR, and Chargify: churn when notice is given; ProfitWell: at the end of the paid term."""
    book = [line("a", "100", "2024-01-01", "2025-06-01", noticed="2025-03-10"), line("b", "50", "2024-01-01")]

    assert moved(book, *MARCH) == {"opening": 150, "closing": 150}
    assert moved(book, *MARCH, rules=MetricRules(churn_at="notice")) == {"opening": 150, "churn": 100, "closing": 50}
    assert moved(book, "2025-06-01", "2025-07-01") == {"opening": 150, "churn": 100, "closing": 50}
    assert moved(book, "2025-06-01", "2025-07-01", rules=MetricRules(churn_at="notice")) == {
        "opening": 50,
        "closing": 50,
    }


def test_what_begins_after_the_notice_never_counts_where_the_notice_ends_a_line() -> None:
    book = changed("a", ("2024-01-01", "100"), ("2025-04-01", "120"))
    noticed = [one._replace(noticed_at=at("2025-03-10"), valid_to=min(one.valid_to, at("2025-06-01"))) for one in book]

    assert moved(noticed, *YEAR, rules=MetricRules(churn_at="notice")) == {"opening": 100, "churn": 100}


def test_the_end_of_one_of_several_contracts_is_contraction_or_churn() -> None:
    """Source: ChartMogul: contraction; Planhat: one licence may churn."""
    book = [line("a", "100", "2024-01-01"), line("a", "60", "2024-01-01", "2025-03-10", contract="a-2")]
    lost = MetricRules(contract_end="churn")

    assert moved(book, *MARCH) == {"opening": 160, "contraction": 60, "closing": 100}
    assert moved(book, *MARCH, rules=lost) == {"opening": 160, "churn": 60, "closing": 100}
    assert value("customer_churn_rate", book, *MARCH, rules=lost) == 0
    assert value("gross_mrr_churn_rate", book, *MARCH, rules=lost) == Fraction(60, 160)


def test_only_what_ended_contracts_paid_is_churn_and_one_that_follows_is_set_against_it() -> None:
    lost = MetricRules(contract_end="churn")
    both = [
        line("a", "60", "2024-01-01", "2025-03-10"),
        *changed("a", ("2024-01-01", "100"), ("2025-03-10", "70")),
    ]
    both = [one._replace(contract="a-2") if one.annual == 720_000_000 else one for one in both]
    followed = [line("a", "60", "2024-01-01", "2025-03-10"), line("a", "50", "2025-03-10", contract="a-2")]
    one_line = [line("a", "60", "2024-01-01", "2025-03-10", line="extra"), line("a", "50", "2024-01-01")]

    assert moved(both, *MARCH, rules=lost) == {"opening": 160, "churn": 60, "contraction": 30, "closing": 70}
    assert moved(followed, *MARCH, rules=lost) == {"opening": 60, "churn": 10, "closing": 50}
    assert moved(one_line, *MARCH, rules=lost) == {"opening": 110, "contraction": 60, "closing": 50}


# --- joining and leaving ---

SHOP = [
    *steady(950, "10"),
    *steady(50, "10", end="2025-03-20", name="gone"),
    *steady(488, "10", start="2025-03-05", name="joined"),
    *steady(12, "10", start="2025-03-05", end="2025-03-25", name="brief"),
]


def test_who_joins_and_leaves_is_no_churned_customer_or_one_like_others() -> None:
    """Source: D22, Shopify's base churn as quoted: 1,000 at the start, 50 leave, 500 join of whom 12 leave: 5.0% or 6.2%."""
    assert value("customer_churn_rate", SHOP, *MARCH) == Fraction(50, 1000)
    assert value("customer_churn_rate", SHOP, *MARCH, rules=MetricRules(new_and_churned="counted")) == Fraction(
        62, 1000
    )
    assert value("gross_mrr_churn_rate", SHOP, *MARCH, rules=MetricRules(new_and_churned="counted")) == Fraction(
        62, 1000
    )
    assert value("net_mrr_churn_rate", SHOP, *MARCH, rules=MetricRules(new_and_churned="counted")) == Fraction(62, 1000)


def test_the_denominator_of_customer_churn_is_who_was_there_or_who_joined_as_well() -> None:
    """Source: ChartMogul: customers at the start; Stripe: those and the new ones of the window."""
    window = MetricRules(churn_denominator="start_and_new")
    stripe = MetricRules(churn_denominator="start_and_new", new_and_churned="counted")

    assert value("customer_churn_rate", SHOP, *MARCH, rules=window) == Fraction(50, 1500)
    assert value("customer_churn_rate", SHOP, *MARCH, rules=stripe) == Fraction(62, 1500)


def test_eleven_cancel_of_whom_one_joined_in_the_month() -> None:
    """Source: D3, ChartMogul, customer churn rate: 10%; Chargify counts both ways, so that it is 11%."""
    book = [
        *steady(90, "10"),
        *steady(10, "10", end="2025-03-20", name="gone"),
        line("brief", "10", "2025-03-05", "2025-03-20"),
    ]

    assert value("customer_churn_rate", book, *MARCH) == Fraction(10, 100)
    assert value("customer_churn_rate", book, *MARCH, rules=MetricRules(new_and_churned="counted")) == Fraction(11, 100)


def test_who_joins_and_leaves_is_left_out_of_the_waterfall_where_it_is_ignored() -> None:
    """Source: ProfitWell: new and churned in the same month is ignored."""
    book = [line("a", "100", "2024-01-01"), line("brief", "10", "2025-03-05", "2025-03-20")]

    assert moved(book, *MARCH) == {"opening": 100, "new": 10, "churn": 10, "closing": 100}
    assert moved(book, *MARCH, rules=MetricRules(new_and_churned="ignored")) == {"opening": 100, "closing": 100}
    [_, brief] = over(book, *MARCH, rules=MetricRules(new_and_churned="ignored"))
    assert (brief.opening, brief.closing, brief.movements) == (0, 0, ())


# --- coming back ---


def test_a_return_after_too_long_is_a_new_client() -> None:
    """Source: Chargify: a reactivation within 90 days, later it is new; ProfitWell: always a reactivation."""
    ninety = MetricRules(reactivation_days=90)
    for days, kind in ((90, "reactivation"), (91, "new")):
        back = {90: "2025-05-30", 91: "2025-05-31"}[days]
        book = [line("a", "100", "2024-01-01", "2025-03-01"), line("a", "80", back, contract="a-2")]

        assert moved(book, "2025-05-01", "2025-06-01", rules=ninety) == {kind: 80, "closing": 80}
        assert moved(book, "2025-05-01", "2025-06-01") == {"reactivation": 80, "closing": 80}


def test_who_returns_as_a_new_client_is_lost_to_the_cohort_of_the_start() -> None:
    ninety = MetricRules(reactivation_days=90)
    book = [
        line("a", "100", "2024-01-01", "2025-03-01"),
        *changed("a", ("2025-09-01", "80"), ("2025-10-01", "90")),
        line("b", "100", "2024-01-01"),
    ]

    assert moved(book, *YEAR, rules=ninety) == {
        "opening": 200,
        "churn": 100,
        "new": 80,
        "expansion": 10,
        "closing": 190,
    }
    for method in ("point_to_point", "movement"):
        assert value("net_revenue_retention", book, *YEAR, method, rules=ninety) == Fraction(100, 200)
    assert value("client_retention_rate", book, *YEAR, "classic", rules=ninety) == Fraction(1, 2)
    assert value("client_retention_rate", book, *YEAR, rules=ninety) == Fraction(1, 2)
    assert value("client_retention_rate", book, *YEAR) == 1


def test_a_gap_that_is_too_short_is_no_churn() -> None:
    """Source: Recurly: who returns was gone for a month at least; PostHog: one empty month."""
    month = MetricRules(shortest_gap_days=30)
    book = [line("a", "100", "2024-01-01", "2025-03-05"), line("a", "120", "2025-03-25", contract="a-2")]
    longer = [line("a", "100", "2024-01-01", "2025-03-05"), line("a", "120", "2025-04-04", contract="a-2")]

    assert moved(book, *MARCH) == {"opening": 100, "churn": 100, "reactivation": 120, "closing": 120}
    assert moved(book, *MARCH, rules=month) == {"opening": 100, "expansion": 20, "closing": 120}
    assert value("client_retention_rate", book, *MARCH, "strict", rules=month) == 1
    assert moved(longer, *MARCH, rules=month) == {"opening": 100, "churn": 100}


def test_a_gap_that_the_periods_end_cuts_is_bridged_on_both_sides() -> None:
    month = MetricRules(shortest_gap_days=30)
    book = [line("a", "100", "2024-01-01", "2025-03-20"), line("a", "120", "2025-04-10", contract="a-2")]

    assert moved(book, *MARCH, rules=month) == {"opening": 100, "closing": 100}
    assert moved(book, "2025-04-01", "2025-05-01", rules=month) == {"opening": 100, "expansion": 20, "closing": 120}


def test_a_reactivation_is_a_row_of_its_own_or_is_expansion() -> None:
    """Source: ChartMogul and Rebilly tell it apart; Chargebee counts it as expansion."""
    book = [line("a", "100", "2024-01-01", "2024-06-01"), line("a", "80", "2025-03-10", contract="a-2")]

    assert moved(book, *MARCH) == {"reactivation": 80, "closing": 80}
    assert moved(book, *MARCH, rules=MetricRules(reactivation="expansion")) == {"expansion": 80, "closing": 80}


# --- what counts ---


def test_a_discount_counts_where_it_lasts_or_always_or_never() -> None:
    """Source: Stripe: 1,200 a year is 100, 50 under a coupon for ever, 100 under one that ends; ProfitWell subtracts any."""
    forever = [line("a", "1200", "2024-01-01", interval="year", discount="50")]
    once = [line("a", "1200", "2024-01-01", interval="year", temporary="50")]

    assert [value("mrr", book, *MARCH) for book in (forever, once)] == [50, 100]
    assert [value("mrr", book, *MARCH, rules=MetricRules(discounts="all")) for book in (forever, once)] == [50, 50]
    assert [value("mrr", book, *MARCH, rules=MetricRules(discounts="none")) for book in (forever, once)] == [100, 100]


def test_a_rest_pays_nothing_or_what_it_would() -> None:
    """Source: ProfitWell and Recurly: 0 while paused; Chargify: unchanged."""
    book = [
        line("a", "100", "2024-01-01", "2025-03-10"),
        line("a", "100", "2025-03-10", "2025-03-20", held=True),
        line("a", "130", "2025-03-20", "2025-05-01", held=True),
        line("a", "130", "2025-05-01"),
    ]

    assert moved(book, *MARCH) == {"opening": 100, "contraction": 100}
    assert moved(book, *MARCH, rules=MetricRules(hold="unchanged")) == {"opening": 100, "expansion": 30, "closing": 130}
    assert value("client_retention_rate", book, *MARCH, rules=MetricRules(hold="unchanged")) == 1


def test_a_committed_minimum_of_usage_counts_or_is_left_out() -> None:
    """Source: ProfitWell rolls usage into MRR; Stripe leaves it out."""
    book = [line("a", "100", "2024-01-01"), line("a", "40", "2024-01-01", line="usage", kind="usage_commit")]

    assert value("mrr", book, *MARCH) == 140
    assert value("mrr", book, *MARCH, rules=MetricRules(usage_commit="excluded")) == 100


def test_an_escalator_is_expansion_or_stands_apart() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-02-01"),
        line("a", "105", "2025-02-01", "2025-06-01", cause="escalator"),
        line("a", "125", "2025-06-01"),
        line("b", "100", "2024-01-01", "2025-02-01"),
        line("b", "105", "2025-02-01", "2025-06-01", cause="escalator"),
    ]
    apart = MetricRules(escalators="stripped")

    assert moved(book, *YEAR) == {"opening": 200, "expansion": 30, "churn": 105, "closing": 125}
    assert moved(book, *YEAR, rules=apart) == {
        "opening": 200, "expansion": 20, "churn": 100, "contracted_escalator": 5, "closing": 125,
    }  # fmt: skip
    for method in ("point_to_point", "movement"):
        assert value("net_revenue_retention", book, *YEAR, method, rules=apart) == Fraction(120, 200)
    assert value("arr_growth", book, *YEAR, rules=apart) == Fraction(-75, 200)
    assert value("mrr", book, "2025-12-31", "2025-12-31", rules=apart) == 125


def test_a_cut_takes_back_first_what_an_escalator_added() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-02-01"),
        line("a", "110", "2025-02-01", "2025-06-01", cause="escalator"),
        line("a", "40", "2025-06-01"),
    ]

    assert moved(book, *YEAR, rules=MetricRules(escalators="stripped")) == {
        "opening": 100,
        "contraction": 60,
        "closing": 40,
    }


# --- netting ---

UPS_AND_DOWNS = [
    *changed("a", ("2024-01-01", "100"), ("2025-01-10", "150"), ("2025-01-20", "120"), ("2025-02-10", "110")),
    *changed("b", ("2025-01-05", "50"), ("2025-01-25", "0"), ("2025-03-05", "70")),
]


def test_what_moves_is_netted_by_instant_by_month_or_by_period() -> None:
    """Source: ChartMogul nets what is close together; CustomerOS nets within a month."""
    assert moved(UPS_AND_DOWNS, *QUARTER) == {
        "opening": 100, "new": 50, "expansion": 50, "reactivation": 70, "contraction": 40, "churn": 50, "closing": 180,
    }  # fmt: skip
    assert moved(UPS_AND_DOWNS, *QUARTER, rules=MetricRules(netting="month")) == {
        "opening": 100, "expansion": 20, "reactivation": 70, "contraction": 10, "closing": 180,
    }  # fmt: skip
    assert moved(UPS_AND_DOWNS, *QUARTER, rules=MetricRules(netting="period")) == {
        "opening": 100, "new": 70, "expansion": 10, "closing": 180,
    }  # fmt: skip


def test_of_netted_movements_the_reasons_are_netted_too() -> None:
    rest = [
        line("a", "100", "2024-01-01", "2025-03-05"),
        line("a", "100", "2025-03-05", "2025-03-15", held=True),
        line("a", "100", "2025-03-15", "2025-03-25"),
        line("a", "110", "2025-03-25", cause="escalator"),
    ]
    [standing] = over(rest, *MARCH, rules=MetricRules(netting="month"))

    [movement] = standing.movements
    assert (movement.kind, movement.amount, movement.hold, movement.escalator) == (
        "expansion",
        120_000_000,
        0,
        120_000_000,
    )
