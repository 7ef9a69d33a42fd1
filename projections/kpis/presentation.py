"""Answers: a measure as JSON, rounded, and the account rows that sum to it."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from projections.kpis.base import COUNT, MONTHLY, ComputedValue, Kpi, KpiContext, Measure, Method, Scale
from projections.kpis.decimals import money, quantities, quantity, ratio, steps
from projections.kpis.revenue import WaterfallRow, waterfall, waterfall_of
from projections.kpis.row_types import row_type


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


def figure(kpi: Kpi, measure: Measure, context: KpiContext) -> dict[str, Any]:
    """A figure with what it is made of."""
    method, currency = measure.method, context.currency
    computed = (
        ComputedValue(measure.value, null_reason=method.null_reason)
        if method.compute is None
        else method.compute(measure, context)
    )
    value, rows = computed.value, [row for row, _ in measure.shares]
    warnings = kpi.warn(rows, measure) if measure.warnings is None else {**measure.warnings, **kpi.warn((), measure)}
    warnings |= computed.warnings
    body: dict[str, Any] = {
        "value": None if value is None else written(kpi, value, currency),
        "numerator": quantity(measure.numerator, method.numerator, currency),
        "denominator": quantity(measure.denominator, method.denominator, currency) if method.denominator else None,
        "warnings": [{"code": code, "count": count} for code, count in warnings.items()],
    }
    if value is None:
        body["null_reason"] = computed.null_reason
    if method.compute is not None:
        body |= computed.members
    elif kpi.unit == "rows":
        waterfall_rows = waterfall(rows) if measure.parts is None else waterfall_of(measure.parts)
        body["rows"] = waterfall_body(waterfall_rows, MONTHLY.times(measure.scale_factor), currency)
    return body


def written(kpi: Kpi, value: Fraction, currency: str | None) -> str:
    """A value as it is answered: a ratio, or money."""
    return ratio(value) if is_share(kpi) else money(value, currency)


def is_share(kpi: Kpi) -> bool:
    """Whether the value of a figure is a ratio or a number, and no money."""
    share = kpi.unit == "rows" and kpi.methods[kpi.default].denominator is not None
    return share or kpi.unit in ("ratio", "number")


def waterfall_body(waterfall_rows: Sequence[WaterfallRow], scale: Scale, currency: str | None) -> list[dict[str, Any]]:
    """A waterfall's rows as they are answered."""
    opening, *between, closing = waterfall_rows
    signed = steps(opening.amount, [step.sign * step.amount for step in between], closing.amount, scale, currency)
    body: list[dict[str, Any]] = [{"name": "opening", "amount": quantity(opening.amount, scale, currency)}]
    for step, amount in zip(between, signed, strict=True):
        row = {"name": step.name, "amount": amount if step.sign > 0 else amount.removeprefix("-")}
        if step.name in ("expansion", "contraction"):
            row["of_which_hold"] = quantity(step.hold, scale, currency)
        if step.name == "expansion":
            row["of_which_contracted_escalator"] = quantity(step.escalator, scale, currency)
        body.append(row)
    return [*body, {"name": "closing", "amount": quantity(closing.amount, scale, currency)}]


class Contribution(NamedTuple):
    """What an account gives to a figure."""

    account: str
    numerator: int
    denominator: int


def breakdown(
    measure: Measure, currency: str | None, *, limit: int | None = None, after: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of the accounts that have something to do with a figure, by id, and the last of the page when there are more."""
    grouped: dict[str, list[Any]] = {}
    sums: dict[str, Contribution] = {}
    for row, (numerator, denominator) in measure.shares:
        account: str = row.account
        grouped.setdefault(account, []).append(row)
        so_far = sums.get(account, Contribution(account, 0, 0))
        sums[account] = Contribution(account, so_far.numerator + numerator, so_far.denominator + denominator)
    relevant = [sums[name] for name in sorted(sums) if any(sums[name][1:]) or any(map(_matters, grouped[name]))]
    page, last = contributions(measure.method, relevant, currency, limit=limit, after=after)
    return [detailed(item, grouped[item["account"]], currency, measure.scale_factor) for item in page], last


def contributions(
    method: Method,
    every: Sequence[Contribution],
    currency: str | None,
    *,
    limit: int | None = None,
    after: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of what accounts give, and its last account when there are more.

    The contributions of all pages sum to the figure as it is written.
    """
    numerators = quantities([item.numerator for item in every], method.numerator, currency)
    denominators = quantities([item.denominator for item in every], method.denominator or COUNT, currency)
    first = 0 if after is None else sum(1 for item in every if item.account <= after)
    page = every[first:] if limit is None else every[first : first + limit]
    listed = [
        {
            "account": account,
            "in_numerator": bool(numerator),
            "in_denominator": bool(denominator),
            "contribution": {
                "numerator": numerators[at],
                "denominator": denominators[at] if method.denominator else None,
            },
        }
        for at, (account, numerator, denominator) in enumerate(page, first)
    ]
    return listed, page[-1].account if page and first + len(page) < len(every) else None


def _matters(row: Any) -> bool:
    return row_type(row).matters(row)


def detailed(contribution: dict[str, Any], rows: Sequence[Any], currency: str | None, per: int = 1) -> dict[str, Any]:
    """A contribution with the rows that it is made of. Amounts are null where rows of several currencies are only counted."""
    return {"account": contribution["account"], **row_type(rows[0]).content(rows, currency, per), **contribution}
