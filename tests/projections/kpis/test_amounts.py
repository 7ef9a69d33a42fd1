"""Forecasts, deals, budgets and payments of several currencies in one: exactly, all at the rates of one instant.

Source: docs/kpis.md, money of several currencies.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.errors import Invalid
from app.domain.policy.fx import Rates
from projections.kpis import KPIS
from projections.kpis.amounts import in_one
from projections.kpis.base import KpiContext, measure
from projections.kpis.conversion import Exchange
from projections.kpis.forecast import Outlook, Predicted
from projections.kpis.growth import Agreement, Deal
from projections.kpis.incentives import Payment
from projections.kpis.presentation import breakdown, figure
from projections.kpis.row_types import ROW_TYPES
from projections.views.budgets import Budget
from tests.projections.kpis.contract_lines_factory import UTC, at
from tests.projections.kpis.test_conversion import table
from tests.projections.kpis.test_forecasts import MILLION, submitted, term

OWN = (
    ("2024-01-01", "EUR", "1.1"),
    ("2024-01-01", "GBP", "1.3"),
    ("2025-01-01", "EUR", "9"),
    ("2025-01-01", "GBP", "9"),
)
RATES = table(*OWN)
"""Before the year a euro is 1.10 dollars and a pound 1.30; rates of its first day come too late."""
TERMS = KpiContext(at("2025-01-01"), at("2026-01-01"), UTC)


def converted_figure(
    name: str, rows: Sequence[Any], method: str | None = None, *, to: str = "USD", rates: Rates | None = RATES, **options: str
) -> dict[str, Any]:  # fmt: skip
    """A figure of the year 2025 in one currency, and what accounts give to its numerator."""
    kpi = next(kpi for kpi in KPIS if kpi.name == name)
    converted, per = in_one(rows, TERMS.start - 1, Exchange(to, rates, UTC))
    counted = measure(kpi.methods[method or kpi.default], converted, per)
    page, _ = breakdown(counted, to)
    answer = figure(kpi, counted, KpiContext(TERMS.start, TERMS.end, UTC, to, options=options))
    contributed = sum(Fraction(row["contribution"]["numerator"]) for row in page)
    assert contributed == Fraction(answer["numerator"])
    return {**answer, "given": page}


def outlook(account: str, atr: int, currency: str, owner: str | None = None, **more: Any) -> Outlook:
    """A renewal that falls due."""
    return Outlook(account, term(atr, account=account, currency=currency, contract=f"ctr_{account}", **more), owner)


def deal(account: str, value: int, currency: str | None, outcome: str = "open", probability: int = MILLION) -> Deal:
    """An opportunity."""
    return Deal(account, f"opp_{account}", "offered", outcome, value * MILLION, probability, currency)


def agreement(account: str, currency: str, value: int, conceded: int, price: int) -> Agreement:
    """An accepted proposal."""
    return Agreement(account, f"prp_{account}", currency, value * MILLION, conceded * MILLION, price * MILLION)


def payment(account: str, currency: str, amount: int) -> Payment:
    """What a line of a statement paid."""
    return Payment(account, "ist_1", "maria", "renewal", "evt", currency, TERMS.start, amount * MILLION, "evt")


def budget(account: str, currency: str, amount: int, forecast: int | None) -> Budget:
    """An open budget."""
    nothing: dict[str, Any] = dict.fromkeys(Budget._fields)
    known = {"budget": f"bud_{account}", "account": account, "currency": currency, "amount": amount * MILLION}
    return Budget(**nothing | known | {"forecast": None if forecast is None else forecast * MILLION})


FORECAST = [
    outlook("a", 1000, "EUR", "mia", category="commit", chance="0.9", expected=1100 * MILLION),
    outlook("b", 500, "GBP", "tom", category="best_case", expected=500 * MILLION),
    outlook("c", 200, "USD", "tom", risk="at_risk"),
]


def test_a_forecast_of_three_currencies_is_weighted_at_the_openings_rates() -> None:
    answer = converted_figure("renewal_forecast", FORECAST, group_by="owner")

    # 1,100 x 0.9 x 1.1 + 500 x 0.75 x 1.3 + 200 x 0.45
    assert (answer["low"], answer["base"], answer["high"]) == ("1089.00", "1666.50", "2060.00")
    assert (answer["value"], answer["available_to_renew"], answer["uplift"]) == ("1666.50", "1950.00", "99.00")
    assert answer["groups"] == [
        {
            "name": "mia",
            "value": "1089.00",
            "numerator": "1089.00",
            "denominator": None,
            "low": "1089.00",
            "base": "1089.00",
            "high": "1210.00",
            "renewals": 1,
        },
        {
            "name": "tom",
            "value": "577.50",
            "numerator": "577.50",
            "denominator": None,
            "low": "0.00",
            "base": "577.50",
            "high": "850.00",
            "renewals": 2,
        },
    ]
    (item,) = answer["given"][0]["items"]
    assert (item["currency"], item["expiring"], item["expected_value"]) == ("USD", "1100.00", "1210.00")
    assert item["forecast"] == answer["given"][0]["contribution"]["numerator"] == "1089.00"


def test_between_two_currencies_amounts_go_by_way_of_the_base_and_nothing_is_rounded_on_the_way() -> None:
    answer = converted_figure("renewal_forecast", FORECAST, to="EUR")

    assert answer["value"] == "1515.00"  # 1,666.50 / 1.1, though 1.3 / 1.1 has no end
    assert [row["contribution"]["numerator"] for row in answer["given"]] == ["990.00", "443.18", "81.82"]


def test_what_is_available_and_at_risk_is_converted() -> None:
    rows = [term(1000, currency="EUR", risk="watch"), term(300, contract="ctr_2")]

    assert converted_figure("available_to_renew", rows)["value"] == "1400.00"
    assert converted_figure("revenue_at_risk", rows)["value"] == "1100.00"


def test_forecasts_come_true_by_their_converted_amounts() -> None:
    euros = term(1000, currency="EUR", outcome="renewed", renewed=1000 * MILLION, account="a")
    rows = [
        Predicted("a", euros, submitted("commit", "0.9", 1000)._replace(currency="EUR")),
        Predicted("b", term(660, outcome="lost", account="b"), submitted("best_case", "0.5", 660, by="key_2")),
    ]

    answer = converted_figure("forecast_accuracy", rows)

    # forecast 900 x 1.1 + 330 = 1,320; renewed 1,100: 220 too hopeful
    assert (answer["value"], answer["bias"], answer["brier_score"]) == ("0.8", "0.2", "0.13")
    assert (answer["numerator"], answer["denominator"]) == ("1320.00", "1100.00")
    assert [(one["by"], one["value"], one["bias"]) for one in answer["by_person"]] == [
        ("key_1", "0.9", "-0.1"),
        ("key_2", None, None),
    ]


def test_deals_are_converted_and_what_nobody_estimated_needs_no_rate() -> None:
    rows = [
        deal("a", 6000, "EUR", probability=500_000),
        deal("b", 1000, "GBP", probability=333_333),
        deal("c", 0, None),
    ]
    answer = converted_figure("pipeline_value", rows)
    assert answer["value"] == "3733.33"  # 6,000 x 0.5 x 1.1 + 1,000 x 0.333333 x 1.3 = 3,733.3329
    assert answer["warnings"] == [{"code": "opportunities_without_estimate", "count": 1}]
    assert [row["items"][0]["value"] for row in answer["given"]] == ["6600.00", "1300.00", None]
    assert converted_figure("pipeline_value", rows, "total")["value"] == "7900.00"

    decided = [deal("a", 3000, "EUR", "won"), deal("b", 2200, "USD", "lost")]
    assert converted_figure("win_rate", decided, "value")["value"] == "0.6"  # 3,300 of 5,500


def test_concessions_budgets_and_incentives_are_converted() -> None:
    rows = [agreement("a", "EUR", 10_000, 1_000, 600), agreement("b", "USD", 11_000, 0, 0)]
    assert [converted_figure("concession_rate", rows, name)["value"] for name in ("all", "price")] == ["0.05", "0.03"]
    assert converted_figure("concession_rate", rows)["given"][0]["items"][0]["of_which_price"] == "660.00"

    budgets = [budget("a", "EUR", 2000, 1700), budget("b", "USD", 800, 800), budget("c", "GBP", 9, None)]
    answer = converted_figure("budget_variance", budgets)
    assert (answer["value"], answer["numerator"], answer["denominator"]) == ("-0.11", "-330.00", "3000.00")
    assert answer["given"][0]["items"][0] == {
        "budget": "bud_a", "currency": "USD", "amount": "2200.00", "forecast": "1870.00"}  # fmt: skip

    paid = converted_figure("incentive_total", [payment("a", "EUR", 600), payment("b", "GBP", -100)])
    assert paid["value"] == "530.00"
    assert [row["items"][0]["amount"] for row in paid["given"]] == ["660.00", "-130.00"]


def test_without_a_table_or_a_rate_nothing_is_converted() -> None:
    rows = [deal("a", 1, "EUR")]
    with pytest.raises(Invalid) as none:
        converted_figure("pipeline_value", rows, rates=None)
    with pytest.raises(Invalid) as missing:
        converted_figure("pipeline_value", [deal("a", 1, "CHF")])

    assert (none.value.code, missing.value.code) == ("fx_table_missing", "fx_rate_missing")
    assert converted_figure("pipeline_value", rows, to="EUR", rates=None)["value"] == "1.00"


MONEY = st.integers(0, 10**9)
CURRENCY = st.sampled_from(["EUR", "GBP"])
RATE = st.integers(1, 10**5)
CATEGORY = st.sampled_from(["commit", "best_case", "at_risk", "lost"])


def _decimal(rate: int) -> str:
    """A rate in 10^-4."""
    return f"{rate // 10**4}.{rate % 10**4:04d}"


def _of(name: str, drawn: list[tuple[int, int, str, str]]) -> list[Any]:
    """Rows that a figure is made of. Takes: amounts, a currency and a category each."""
    numbered = [(f"acct_{number}", *one) for number, one in enumerate(drawn)]
    if name == "forecast_accuracy":
        return [
            Predicted(one, term(atr, account=one, currency=currency, outcome="renewed", renewed=atr * MILLION),
                      submitted(category, None, other)._replace(currency=currency))
            for one, atr, other, currency, category in numbered
        ]  # fmt: skip
    if name == "win_rate":
        return [
            deal(one, value, currency, "won" if category == "commit" else "lost")
            for one, value, _, currency, category in numbered
        ]
    if name == "concession_rate":
        return [agreement(one, currency, value + more, more, more // 2) for one, value, more, currency, _ in numbered]
    return [budget(one, currency, amount, forecast) for one, amount, forecast, currency, _ in numbered]


@pytest.mark.parametrize("name", ["forecast_accuracy", "win_rate", "concession_rate", "budget_variance"])
@given(st.lists(st.tuples(MONEY, MONEY, CURRENCY, CATEGORY), max_size=6), RATE, RATE, st.integers(2, 9_999))
def test_one_factor_on_all_rates_changes_no_ratio(
    name: str, drawn: list[tuple[int, int, str, str]], euro: int, pound: int, factor: int
) -> None:
    def by(times: int) -> dict[str, Any]:
        own = table(*(("2024-01-01", money, _decimal(rate * times)) for money, rate in (("EUR", euro), ("GBP", pound))))
        method = "value" if name == "win_rate" else None
        answer = converted_figure(name, _of(name, drawn), method, rates=own)
        return {member: answer.get(member) for member in ("value", "bias", "brier_score", "by_person", "null_reason")}

    assert by(1) == by(factor)


@given(st.lists(st.tuples(MONEY, CURRENCY, CATEGORY, st.sampled_from("ab")), max_size=6), RATE, RATE)
def test_the_forecast_of_several_currencies_is_the_sum_of_each_of_them(
    drawn: list[tuple[int, str, str, str]], euro: int, pound: int
) -> None:
    own = table(("2024-01-01", "EUR", f"0.{euro:06d}1"), ("2024-01-01", "GBP", f"0.{pound:06d}1"))
    rows = [
        outlook(f"acct_{number}", atr, currency, owner, category=category)
        for number, (atr, currency, category, owner) in enumerate(drawn)
    ]
    answer = converted_figure("renewal_forecast", rows, rates=own, group_by="owner")

    converted, per = in_one(rows, TERMS.start - 1, Exchange("USD", own, UTC))
    for before, after in zip(rows, converted, strict=True):
        rate = Fraction(f"0.{euro if before.term.currency == 'EUR' else pound:06d}1")
        assert Fraction(after.term.atr, per) == before.term.atr * rate
        assert after.term.currency == "USD"
    for name in ("low", "base", "high"):
        assert sum(Fraction(one[name]) for one in answer["groups"]) == Fraction(answer[name])


def test_every_amount_of_a_row_that_a_figure_reads_is_converted() -> None:
    """A row's other amounts are of no figure; a new one that is must be named."""
    for row, names in ((row, kind.amounts) for row, kind in ROW_TYPES.items() if kind.amounts):
        fields = set(getattr(row, "_fields", None) or row.__dataclass_fields__)
        assert set(names) < fields
        assert "currency" in fields
