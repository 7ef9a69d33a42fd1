"""Answers: a measure as JSON, rounded, and the account rows that sum to it."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from app.domain.kernel.values import instant
from projections.kpis.account_movements import GAINS, LOSSES, AccountMovements
from projections.kpis.base import COUNT, HOURS, MONTHLY, YEARLY, ComputedValue, Kpi, KpiContext, Measure, Method, Scale
from projections.kpis.cohorts import Joined
from projections.kpis.concentration import Weight
from projections.kpis.customer_lifetimes import CustomerLifetime
from projections.kpis.decimals import money, quantities, quantity, ratio, steps
from projections.kpis.incentives import Payment
from projections.kpis.renewals import goes_on, renewed
from projections.kpis.revenue import WaterfallRow, waterfall, waterfall_of
from projections.kpis.scope import ScopeChangeOutcome
from projections.views.budgets import Budget
from projections.views.renewals import Renewal


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
        "value": None if value is None else _written(kpi, value, currency),
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
        body["rows"] = _steps(waterfall_rows, MONTHLY.times(measure.scale_factor), currency)
    return body


def _written(kpi: Kpi, value: Fraction, currency: str | None) -> str:
    return ratio(value) if is_share(kpi) else money(value, currency)


def is_share(kpi: Kpi) -> bool:
    """Whether the value of a figure is a ratio or a number, and no money."""
    share = kpi.unit == "rows" and kpi.methods[kpi.default].denominator is not None
    return share or kpi.unit in ("ratio", "number")


def _steps(told: Sequence[WaterfallRow], scale: Scale, currency: str | None) -> list[dict[str, Any]]:
    opening, *between, closing = told
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
        _, one, other = sums.get(account, (account, 0, 0))
        sums[account] = Contribution(account, one + numerator, other + denominator)
    told = [sums[name] for name in sorted(sums) if sums[name][1] or sums[name][2] or any(map(_matters, grouped[name]))]
    page, last = contributions(measure.method, told, currency, limit=limit, after=after)
    return [detailed(one, grouped[one["account"]], currency, measure.scale_factor) for one in page], last


def contributions(
    method: Method,
    told: Sequence[Contribution],
    currency: str | None,
    *,
    limit: int | None = None,
    after: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of what accounts give, and its last account when there are more.

    The contributions of all pages sum to the figure as it is written.
    """
    numerators = quantities([one.numerator for one in told], method.numerator, currency)
    denominators = quantities([one.denominator for one in told], method.denominator or COUNT, currency)
    first = 0 if after is None else sum(1 for one in told if one.account <= after)
    page = told[first:] if limit is None else told[first : first + limit]
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
    return listed, page[-1].account if page and first + len(page) < len(told) else None


def detailed(contribution: dict[str, Any], rows: Sequence[Any], currency: str | None, per: int = 1) -> dict[str, Any]:
    """A contribution with the rows that it is made of. Amounts are null where rows of several currencies are only counted."""
    return {"account": contribution["account"], **_content(rows, currency, per), **contribution}


def _matters(row: Any) -> bool:
    return not isinstance(row, AccountMovements) or bool(row.opening or row.closing or row.movements)


def _content(rows: Sequence[Any], currency: str | None, per: int) -> dict[str, Any]:
    if isinstance(rows[0], AccountMovements):
        return _standing(rows, MONTHLY.times(per), currency)
    if isinstance(rows[0], CustomerLifetime | Joined | Weight):
        return rows[0].told(currency, per)
    return {"items": [_item(row, per) for row in rows]}


def _item(row: Any, per: int) -> dict[str, Any]:
    match row:
        case Renewal():
            return _renewal(row, per)
        case ScopeChangeOutcome():
            return _wish(row)
        case Budget():
            return _budget(row, YEARLY.times(per))
        case Payment():
            return _payment(row, YEARLY.times(per))
        case _:
            item: dict[str, Any] = row.item(per)
            return item


def _standing(rows: Sequence[AccountMovements], scale: Scale, currency: str | None) -> dict[str, Any]:
    """An account's story; it has several standings where its return counts as a new client's."""

    def monthly(amount: int) -> str | None:
        return quantity(amount, scale, currency) if currency else None

    escalated = sum(row.escalated for row in rows)
    return {
        "opening": monthly(sum(row.opening for row in rows)),
        "closing": monthly(sum(row.closing_total for row in rows)),
        **{kind: monthly(sum(row.total(kind) for row in rows)) for kind in (*GAINS, *LOSSES)},
        **({"contracted_escalator": monthly(escalated)} if escalated else {}),
        "fx": monthly(sum(row.fx for row in rows)),
        "movements": [
            {
                "at": instant(one.at),
                "kind": one.kind,
                "amount": monthly(one.amount),
                "of_which_hold": monthly(one.hold),
                "of_which_contracted_escalator": monthly(one.escalator),
            }
            for row in rows
            for one in row.movements
        ],
    }


def _renewal(row: Renewal, per: int) -> dict[str, Any]:
    return {
        "contract": row.contract,
        "due": row.due,
        "outcome": row.outcome,
        "goes_on": goes_on(row),
        "currency": row.currency,
        "expiring": quantity(row.atr, YEARLY.times(per), row.currency),
        "renewed": quantity(renewed(row), YEARLY.times(per), row.currency),
    }


def _wish(row: ScopeChangeOutcome) -> dict[str, Any]:
    return {
        "scope_change": row.scope_change,
        "absorbed_hours": quantity(row.absorbed, HOURS, None),
        "contracted_hours": quantity(row.contracted, HOURS, None),
        "alternative_offered": row.offered,
        "alternative_accepted": row.accepted,
    }


def _budget(row: Budget, scale: Scale) -> dict[str, Any]:
    return {
        "budget": row.budget,
        "currency": row.currency,
        "amount": quantity(row.amount, scale, row.currency),
        "forecast": None if row.forecast is None else quantity(row.forecast, scale, row.currency),
    }


def _payment(row: Payment, scale: Scale) -> dict[str, Any]:
    return {
        "statement": row.statement,
        "payee": row.payee,
        "rule": row.rule,
        "event": row.event,
        "currency": row.currency,
        "amount": quantity(row.amount, scale, row.currency),
        "at": instant(row.at),
        "cause": row.cause,
    }
