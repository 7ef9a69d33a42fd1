"""What holds whatever the rules: waterfalls close, retention is sound, periods chain, and every rule counts.

Source: docs/kpis.md, rules and laws.
"""

from fractions import Fraction

from hypothesis import given

from app.domain.policy.rules import MetricRules
from projections.kpis.account_movements import account_movements
from projections.kpis.counting_rules import counted, counts_by_default
from projections.kpis.retention import GROSS_REVENUE_RETENTION, NET_REVENUE_RETENTION
from projections.kpis.revenue import waterfall
from projections.kpis.rule_sets import DEFAULT_RULES
from projections.views.contract_lines import ContractLine
from tests.projections.kpis.contract_lines_factory import at, line, value
from tests.projections.kpis.rules_factory import ANY_RULES, books

YEAR = ("2025-01-01", "2026-01-01")


@given(books(), ANY_RULES)
def test_whatever_the_rules_the_waterfall_closes_and_retention_is_sound(
    book: list[ContractLine], rules: MetricRules
) -> None:
    rows = account_movements([one for one in book if one.currency == "USD"], at(YEAR[0]), at(YEAR[1]), rules)
    steps = waterfall(rows)
    assert sum(step.sign * step.amount for step in steps[:-1]) == steps[-1].amount
    assert all(step.amount >= step.hold + step.escalator >= 0 for step in steps if step.name != "contracted_escalator")
    assert all(row.closing == row.opening + sum(one.signed for one in row.movements) for row in rows)

    net, gross = (
        measure_of(kpi.name, book, rules, "point_to_point") for kpi in (NET_REVENUE_RETENTION, GROSS_REVENUE_RETENTION)
    )
    assert net == measure_of("net_revenue_retention", book, rules, "movement")
    if net is not None and gross is not None:
        assert 0 <= gross <= min(1, net)


def measure_of(name: str, book: list[ContractLine], rules: MetricRules, method: str) -> Fraction | None:
    """A figure in dollars."""
    return value(name, [one for one in book if one.currency == "USD"], *YEAR, method, rules=rules)


@given(books(), ANY_RULES)
def test_periods_chain_under_rules_that_do_not_look_at_periods(book: list[ContractLine], rules: MetricRules) -> None:
    rules = rules.model_copy(update={"escalators": "counted", "new_and_churned": "waterfall"})
    book = [one for one in book if one.currency == "USD"]
    first, second, whole = (
        waterfall(account_movements(book, at(start), at(end), rules))
        for start, end in (("2025-01-01", "2025-07-01"), ("2025-07-01", "2026-01-01"), YEAR)
    )

    assert first[-1].amount == second[0].amount
    assert whole[0].amount == first[0].amount
    assert whole[-1].amount == second[-1].amount
    if rules.netting != "period":
        assert [one.amount + two.amount for one, two in zip(first[1:-1], second[1:-1], strict=True)] == [
            step.amount for step in whole[1:-1]
        ]


def test_the_default_rules_leave_lines_as_they_are_and_every_other_member_counts() -> None:
    book = [line("a", "100", "2024-01-01"), line("a", "0", "2024-01-01", held=True, line="rests")]

    assert counted(book, DEFAULT_RULES) == book
    assert counts_by_default(DEFAULT_RULES)
    assert counts_by_default(MetricRules(reporting_currency="EUR", fx="spot", gross_margin="0.8", discount_rate="0.08"))
    other = {
        "customer_from": "start", "churn_at": "notice", "contract_end": "churn", "new_and_churned": "counted", "reactivation_days": 90,
        "shortest_gap_days": 1, "discounts": "all", "hold": "unchanged", "usage_commit": "excluded", "netting": "month",
        "churn_denominator": "start_and_new", "reactivation": "expansion", "escalators": "stripped",
    }  # fmt: skip
    assert all(not counts_by_default(MetricRules(**{name: value})) for name, value in other.items())  # type: ignore[arg-type]
    assert set(other) == {name for name in MetricRules.model_fields if not plain_by_name(name)}


def plain_by_name(name: str) -> bool:
    """Whether a member is one that counting does not look at."""
    return name in ("kind", "reporting_currency", "fx", "gross_margin", "discount_rate")
