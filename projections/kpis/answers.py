"""Answers: a measure as JSON, rounded, and the account rows that sum to it."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from app.domain.values import instant
from projections.kpis.base import COUNT, HOURS, MONTHLY, YEARLY, Kpi, Measure
from projections.kpis.decimals import money, quantities, quantity, ratio, steps
from projections.kpis.renewals import goes_on, renewed
from projections.kpis.revenue import waterfall
from projections.kpis.scope import Wish
from projections.kpis.standings import GAINS, LOSSES, Standing
from projections.renewals import Renewal


def catalogue(kpis: Sequence[Kpi]) -> list[dict[str, Any]]:
    """KPIs with their methods and formulas."""
    return [
        {
            "name": kpi.name,
            "title": kpi.title,
            "unit": kpi.unit,
            "kind": kpi.kind,
            "methods": [{"name": name, "formula": method.formula} for name, method in kpi.methods.items()],
            "default_method": kpi.default,
            "formula": kpi.methods[kpi.default].formula,
            "source": kpi.source,
        }
        for kpi in kpis
    ]


def figure(kpi: Kpi, measure: Measure, currency: str | None) -> dict[str, Any]:
    """A figure with what it is made of."""
    method, value = measure.method, measure.value
    rows = [row for row, _ in measure.shares]
    body: dict[str, Any] = {
        "value": None if value is None else _written(kpi, value, currency),
        "numerator": quantity(measure.numerator, method.of, currency),
        "denominator": quantity(measure.denominator, method.over, currency) if method.over else None,
        "warnings": [{"code": code, "count": count} for code, count in kpi.warn(rows, measure).items()],
    }
    if value is None:
        body["null_reason"] = method.nothing
    if kpi.unit == "rows":
        body["rows"] = _steps(rows, currency)
    return body


def _written(kpi: Kpi, value: Fraction, currency: str | None) -> str:
    return ratio(value) if kpi.unit == "ratio" else money(value, currency)


def _steps(rows: Sequence[Standing], currency: str | None) -> list[dict[str, Any]]:
    opening, *between, closing = waterfall(rows)
    signed = steps(opening.amount, [step.sign * step.amount for step in between], closing.amount, MONTHLY, currency)
    body: list[dict[str, Any]] = [{"name": "opening", "amount": quantity(opening.amount, MONTHLY, currency)}]
    for step, amount in zip(between, signed, strict=True):
        row = {"name": step.name, "amount": amount.removeprefix("-")}
        if step.name in ("expansion", "contraction"):
            row["of_which_hold"] = quantity(step.hold, MONTHLY, currency)
        if step.name == "expansion":
            row["of_which_contracted_escalator"] = quantity(step.escalator, MONTHLY, currency)
        body.append(row)
    return [*body, {"name": "closing", "amount": quantity(closing.amount, MONTHLY, currency)}]


def breakdown(
    measure: Measure, currency: str | None, *, limit: int | None = None, after: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of the accounts that have something to do with a figure, by id, and the last of the page when there are more.

    The contributions of all pages sum to the figure as it is written. Amounts are null where rows of several currencies
    are only counted.
    """
    method = measure.method
    grouped: dict[str, tuple[int, int, list[Any]]] = {}
    for row, (numerator, denominator) in measure.shares:
        one, other, rows = grouped.get(row.account, (0, 0, []))
        grouped[row.account] = (one + numerator, other + denominator, [*rows, row])
    told = [(name, sums) for name, sums in sorted(grouped.items()) if sums[0] or sums[1] or any(map(_matters, sums[2]))]
    numerators = quantities([sums[0] for _, sums in told], method.of, currency)
    denominators = quantities([sums[1] for _, sums in told], method.over or COUNT, currency)
    first = 0 if after is None else sum(1 for account, _ in told if account <= after)
    page = told[first:] if limit is None else told[first : first + limit]
    listed = [
        {
            "account": account,
            **_content(rows, currency),
            "in_numerator": bool(numerator),
            "in_denominator": bool(denominator),
            "contribution": {"numerator": numerators[at], "denominator": denominators[at] if method.over else None},
        }
        for at, (account, (numerator, denominator, rows)) in enumerate(page, first)
    ]
    return listed, listed[-1]["account"] if listed and first + len(page) < len(told) else None


def _matters(row: Any) -> bool:
    return not isinstance(row, Standing) or bool(row.opening or row.closing or row.movements)


def _content(rows: Sequence[Any], currency: str | None) -> dict[str, Any]:
    if isinstance(rows[0], Standing):
        return _standing(rows[0], currency)
    return {"items": [_renewal(row) if isinstance(row, Renewal) else _wish(row) for row in rows]}


def _standing(row: Standing, currency: str | None) -> dict[str, Any]:
    def monthly(amount: int) -> str | None:
        return quantity(amount, MONTHLY, currency) if currency else None

    return {
        "opening": monthly(row.opening),
        "closing": monthly(row.closing),
        **{kind: monthly(row.total(kind)) for kind in (*GAINS, *LOSSES)},
        "movements": [
            {
                "at": instant(one.at),
                "kind": one.kind,
                "amount": monthly(one.amount),
                "of_which_hold": monthly(one.hold),
                "of_which_contracted_escalator": monthly(one.escalator),
            }
            for one in row.movements
        ],
    }


def _renewal(row: Renewal) -> dict[str, Any]:
    return {
        "contract": row.contract,
        "due": row.due,
        "outcome": row.outcome,
        "goes_on": goes_on(row),
        "currency": row.currency,
        "expiring": quantity(row.atr, YEARLY, row.currency),
        "renewed": quantity(renewed(row), YEARLY, row.currency),
    }


def _wish(row: Wish) -> dict[str, Any]:
    return {
        "scope_change": row.scope_change,
        "absorbed_hours": quantity(row.absorbed, HOURS, None),
        "contracted_hours": quantity(row.contracted, HOURS, None),
        "alternative_offered": row.offered,
        "alternative_accepted": row.accepted,
    }
