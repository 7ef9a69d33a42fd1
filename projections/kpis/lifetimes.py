"""Customer lifetime value, by three models that are named: simple, Kaplan-Meier, shifted beta-geometric.

Each multiplies what an account pays in a period by the margin and by how many periods it is expected to pay. The first takes that
from a churn rate, the second from the tenures that were seen, the third from a model of why the tenures differ.

Source: docs/kpis.md, customer_lifetime_value.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from projections.kpis.base import (
    COUNT,
    MONTHLY,
    ComputedValue,
    Kpi,
    KpiContext,
    Measure,
    Method,
    RowKind,
    Share,
    Warnings,
)
from projections.kpis.calendar import full_months
from projections.kpis.customer_lifetimes import LONGEST, MONTHS, CustomerLifetime, Tally, Tenure, tally, tenures_of
from projections.kpis.decimals import money, ratio
from projections.kpis.options import choice, count, share
from projections.kpis.product_limit import area, points, product_limit, root
from projections.kpis.rule_sets import LINE_RULES
from projections.kpis.sql_expression import SqlTally
from projections.survival import Fit, Point, curve, discounted, fit

FEW: Final = 30
"""Below so many tenures an answer says so."""
TRAILING: Final = 6
"""Over how many full months the simple churn rate is the mean."""
RESIDUALS: Final = 20
"""For how many renewals made, at the most, the rest of a lifetime is told."""
_MODELS: Final = {"simple": "simple", "kaplan_meier": "kaplan_meier", "sbg": "shifted_beta_geometric"}
_NOBODY: Final = "no_paying_accounts"


class Asked(NamedTuple):
    """On which terms a value is asked for. rate: of a period of so many months."""

    months: int
    margin: Fraction
    yearly: Fraction
    rate: Fraction
    horizon: int | None


def asked(context: KpiContext) -> Asked:
    """What a question says, or else the rules. Raises: Invalid for an option that makes no sense."""
    months = MONTHS[choice(context.options, "period", MONTHS, "year")]
    yearly = max(Fraction(0), share(context.options, "discount_rate", context.rules.discount_rate))
    margin = share(context.options, "margin", context.rules.gross_margin)
    return Asked(months, margin, yearly, yearly * Fraction(months, 12), count(context.options, "horizon", LONGEST))


def _pays(row: CustomerLifetime) -> Share:
    return row.closing, int(row.closing > 0)


def months_of(context: KpiContext) -> list[tuple[int, int]]:
    """The full months that the simple churn rate is the mean of."""
    return full_months(context.end, context.zone, TRAILING)


def _tally(measure: Measure, context: KpiContext, months: Sequence[tuple[int, int]] = ()) -> Tally:
    """The lives behind a figure, counted."""
    if measure.tally is not None:
        told: Tally = measure.tally
        return told
    return tally([row for row, _ in measure.shares], context.end, months)


# --- what every model tells ---


def _members(model: str, measure: Measure, context: KpiContext, told: Asked, **more: Any) -> dict[str, Any]:
    """The members of an answer; what a model knows nothing of is null."""
    paid = None if measure.value is None else money(measure.value * told.months, context.currency)
    return {
        "model": _MODELS[model],
        "period_length": context.options.get("period", "year"),
        "cohort": context.options.get("cohort"),
        "revenue_per_period": paid,
        "gross_margin": ratio(told.margin),
        "discount_rate": ratio(told.yearly),
        "horizon": told.horizon,
        "churn_rate": None,
        "parameters": None,
        "log_likelihood": None,
        "log_likelihood_per_1000": None,
        "observations": None,
        "survival": None,
        "expected_lifetime": None,
        "residual_lifetime": None,
        **more,
    }


def _observations(counted: Tally, found: Sequence[Tenure], told: Sequence[Point]) -> dict[str, Any]:
    lost = sum(tenure.lost for tenure in found)
    return {
        "accounts": counted.accounts,
        "tenures": len(found),
        "lost": lost,
        "censored": len(found) - lost,
        "periods": [
            {
                "period": point.period,
                "at_risk": point.at_risk,
                "lost": point.lost,
                "survivors": point.at_risk - point.lost,
            }
            for point in told
        ],
    }


def _warnings(counted: Tally, found: Sequence[Tenure]) -> Warnings:
    """What a reader should know of the tenures."""
    warnings: Warnings = {"still_running": counted.running} if counted.running else {}
    if len(found) < FEW:
        warnings["few_observations"] = len(found)
    if not any(tenure.lost for tenure in found):
        warnings["no_losses"] = None
    if cut := sum(tenure.periods == LONGEST and not tenure.lost for tenure in found):
        warnings["observation_cut"] = cut
    return warnings


def _value_of(measure: Measure, told: Asked, periods: Fraction | None) -> Fraction | None:
    """What so many periods are worth, None where either is not known."""
    return None if measure.value is None or periods is None else measure.value * told.months * told.margin * periods


# --- simple ---


def churn_rates(rows: Sequence[CustomerLifetime], context: KpiContext) -> list[Fraction]:
    """The customer churn rate, point to point, of each of the last full months; a month in which nobody began to pay has none."""
    return _rates(tally(rows, context.end, months_of(context)))


def _rates(told: Tally) -> list[Fraction]:
    return [Fraction(lost, paid) for lost, paid in told.churn if paid]


def _simple(measure: Measure, context: KpiContext) -> ComputedValue:
    told, rates = asked(context), _rates(_tally(measure, context, months_of(context)))
    mean = sum(rates, Fraction(0)) * Fraction(1, len(rates)) if rates else None
    months = Fraction(mean.denominator, mean.numerator) if mean else None
    members = _members(
        "simple",
        measure,
        context,
        told,
        churn_rate=None if mean is None else ratio(mean),
        expected_lifetime=None if months is None else ratio(months * Fraction(1, told.months)),
        discount_rate=None,
        horizon=None,
    )
    warnings: Warnings = {} if len(rates) in (0, TRAILING) else {"few_months": len(rates)}
    if {"discount_rate", "horizon"} & context.options.keys():
        warnings["option_not_used"] = None
    if months is None or measure.value is None:
        return ComputedValue(
            None, members, _NOBODY if measure.value is None else "no_churn" if rates else "no_full_month", warnings
        )
    return ComputedValue(measure.value * told.margin * months, members, warnings=warnings)


# --- Kaplan-Meier ---


def _kaplan_meier(measure: Measure, context: KpiContext) -> ComputedValue:
    told, rows = asked(context), _tally(measure, context)
    found = tenures_of(rows, told.months, context.zone)
    seen = points(found)
    estimate = product_limit(seen)
    warnings, shares = _warnings(rows, found), [one.share for one in estimate]
    horizon = told.horizon or len(seen)
    if horizon > len(seen) and shares[-1]:
        horizon, warnings["horizon_beyond_observation"] = len(seen), None
    members = _members(
        "kaplan_meier",
        measure,
        context,
        told,
        horizon=horizon or None,
        observations=_observations(rows, found, seen),
        survival=[
            {"period": one.period, "share": ratio(one.share), "standard_error": root(one.variance)} for one in estimate
        ],
        expected_lifetime=ratio(area(shares, horizon, Fraction(0))) if seen else None,
    )
    if measure.value is None or not seen:
        return ComputedValue(None, members, _NOBODY if measure.value is None else "too_few_periods", warnings)
    return ComputedValue(_value_of(measure, told, area(shares, horizon, told.rate)), members, warnings=warnings)


# --- shifted beta-geometric ---


def _sbg(measure: Measure, context: KpiContext) -> ComputedValue:
    told, rows = asked(context), _tally(measure, context)
    found = tenures_of(rows, told.months, context.zone)
    seen, warnings = points(found), _warnings(rows, found)
    members = _members("sbg", measure, context, told, observations=_observations(rows, found, seen))
    if len(seen) < 2 or "no_losses" in warnings:
        reason = "too_few_periods" if len(seen) < 2 else "no_losses"
        return ComputedValue(None, members, _NOBODY if measure.value is None else reason, warnings)
    fitted = fit(seen)
    if fitted.bound:
        warnings[f"{fitted.bound}_cohort"] = None
    expected = discounted(fitted, Fraction(0), horizon=told.horizon)
    if expected is None:
        warnings["expected_lifetime_unbounded"] = None
    periods = discounted(fitted, told.rate, horizon=told.horizon)
    members |= {
        "parameters": {"alpha": ratio(fitted.alpha), "beta": ratio(fitted.beta)},
        "log_likelihood": ratio(fitted.total),
        "log_likelihood_per_1000": ratio(fitted.total * Fraction(1000, len(found))),
        "survival": [
            {"period": period, "share": ratio(kept)}
            for period, kept in enumerate(curve(fitted, max(len(seen), told.horizon or 0)))
        ],
        "expected_lifetime": None if expected is None else ratio(expected),
        "residual_lifetime": _residuals(measure, context, told, fitted, min(len(seen), RESIDUALS)),
    }
    if measure.value is None or periods is None:
        return ComputedValue(None, members, _NOBODY if measure.value is None else "lifetime_unbounded", warnings)
    return ComputedValue(_value_of(measure, told, periods), members, warnings=warnings)


def _residuals(measure: Measure, context: KpiContext, told: Asked, fitted: Fit, most: int) -> list[dict[str, Any]]:
    """For each number of renewals made, how many payments are still expected when the next decision is pending."""
    found: list[dict[str, Any]] = []
    for renewals in range(most + 1):
        periods = discounted(fitted, told.rate, renewals=renewals, horizon=told.horizon)
        worth = _value_of(measure, told, periods)
        found.append(
            {
                "renewals_made": renewals,
                "value": None if periods is None else ratio(periods),
                "residual_value": None if worth is None else money(worth, context.currency),
            }
        )
    return found


CUSTOMER_LIFETIME_VALUE: Final = Kpi(
    name="customer_lifetime_value",
    title="Customer lifetime value",
    unit="money",
    kind="point",
    reads=RowKind.LIFETIMES,
    methods={
        "simple": Method(
            formula="MRR per paying account x margin / mean monthly customer churn of the six full months before",
            share=_pays,
            numerator=MONTHLY,
            denominator=COUNT,
            null_reason="no_churn",
            compute=_simple,
            sql=SqlTally(churn=True),
            depends_on=LINE_RULES,
        ),
        "kaplan_meier": Method(
            formula="revenue per account and period x margin x discounted area under the product-limit curve up to the horizon",
            share=_pays,
            numerator=MONTHLY,
            denominator=COUNT,
            null_reason="too_few_periods",
            compute=_kaplan_meier,
            sql=SqlTally(),
            depends_on=LINE_RULES,
        ),
        "sbg": Method(
            formula="revenue per account and period x margin x discounted expected lifetime of the shifted beta-geometric model",
            share=_pays,
            numerator=MONTHLY,
            denominator=COUNT,
            null_reason="too_few_periods",
            compute=_sbg,
            sql=SqlTally(),
            depends_on=LINE_RULES,
        ),
    },
    source="docs/kpis.md#customer_lifetime_value",
    options=frozenset({"discount_rate", "horizon", "cohort", "margin", "period"}),
)
