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
from projections.kpis.customer_lifetimes import (
    LONGEST,
    MONTHS,
    CustomerLifetime,
    Tally,
    Tenure,
    renewals_made,
    tally,
    tenures_of,
)
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
"""For how many renewals made, at the most, the rest of a lifetime is answered."""
_MODELS: Final = {"simple": "simple", "kaplan_meier": "kaplan_meier", "sbg": "shifted_beta_geometric"}
_NOBODY: Final = "no_paying_accounts"


class ValueTerms(NamedTuple):
    """On which terms a value is computed. months: the length of a period; yearly, rate: the discount rate of a year and of a period."""

    months: int
    margin: Fraction
    yearly: Fraction
    rate: Fraction
    horizon: int | None


def value_terms(context: KpiContext) -> ValueTerms:
    """The terms that the query's options name, or else the rules. Raises: Invalid for an option that makes no sense."""
    months = MONTHS[choice(context.options, "period", MONTHS, "year")]
    yearly = max(Fraction(0), share(context.options, "discount_rate", context.rules.discount_rate))
    margin = share(context.options, "margin", context.rules.gross_margin)
    return ValueTerms(months, margin, yearly, yearly * Fraction(months, 12), count(context.options, "horizon", LONGEST))


def _pays(row: CustomerLifetime) -> Share:
    return row.closing, int(row.closing > 0)


def months_of(context: KpiContext) -> list[tuple[int, int]]:
    """The full months that the simple churn rate is the mean of."""
    return full_months(context.end, context.zone, TRAILING)


def _client(measure: Measure) -> CustomerLifetime | None:
    """The account of which a figure is; None of one that is of all. Only of one account a measure has both a row and a tally."""
    return measure.shares[0][0] if measure.tally is not None and measure.shares else None


def _made(measure: Measure, context: KpiContext, terms: ValueTerms) -> int | None:
    """How many renewals the account has made of which a figure is; None of all accounts, or where it has left."""
    client = _client(measure)
    return None if client is None else renewals_made(client, terms.months, context.zone)


def _tally(measure: Measure, context: KpiContext, months: Sequence[tuple[int, int]] = ()) -> Tally:
    """The lifetimes behind a figure, counted."""
    if measure.tally is not None:
        prepared: Tally = measure.tally
        return prepared
    return tally([row for row, _ in measure.shares], context.end, months)


# --- what every model answers ---


def _members(model: str, measure: Measure, context: KpiContext, terms: ValueTerms, **more: Any) -> dict[str, Any]:
    """The members of an answer; what a model does not compute is null."""
    paid = None if measure.value is None else money(measure.value * terms.months, context.currency)
    return {
        "model": _MODELS[model],
        "period_length": context.options.get("period", "year"),
        "cohort": context.options.get("cohort"),
        "revenue_per_period": paid,
        "gross_margin": ratio(terms.margin),
        "gross_margin_from": "query" if "margin" in context.options else "policy",
        "discount_rate": ratio(terms.yearly),
        "horizon": terms.horizon,
        "churn_rate": None,
        "parameters": None,
        "log_likelihood": None,
        "log_likelihood_per_1000": None,
        "observations": None,
        "survival": None,
        "expected_lifetime": None,
        "residual_lifetime": None,
        "renewals_made": _made(measure, context, terms),
        **more,
    }


def _observations(counted: Tally, tenures: Sequence[Tenure], observed: Sequence[Point]) -> dict[str, Any]:
    lost = sum(tenure.lost for tenure in tenures)
    return {
        "accounts": counted.accounts,
        "tenures": len(tenures),
        "lost": lost,
        "censored": len(tenures) - lost,
        "periods": [
            {
                "period": point.period,
                "at_risk": point.at_risk,
                "lost": point.lost,
                "survivors": point.at_risk - point.lost,
            }
            for point in observed
        ],
    }


def _of_cohort(measure: Measure) -> Warnings:
    """Says of an account's value that how long it will last is what became of others, and of how many."""
    return {} if _client(measure) is None else {"survival_of_cohort": measure.tally.accounts}


def _warnings(measure: Measure, counted: Tally, tenures: Sequence[Tenure]) -> Warnings:
    """What a reader should know of the tenures."""
    warnings = _of_cohort(measure) | ({"still_running": counted.running} if counted.running else {})
    if len(tenures) < FEW:
        warnings["few_observations"] = len(tenures)
    if not any(tenure.lost for tenure in tenures):
        warnings["no_losses"] = None
    if cut := sum(tenure.periods == LONGEST and not tenure.lost for tenure in tenures):
        warnings["observation_cut"] = cut
    return warnings


def _value_of(measure: Measure, terms: ValueTerms, periods: Fraction | None) -> Fraction | None:
    """The value of so many periods, None where either is not known."""
    return None if measure.value is None or periods is None else measure.value * terms.months * terms.margin * periods


# --- simple ---


def churn_rates(rows: Sequence[CustomerLifetime], context: KpiContext) -> list[Fraction]:
    """The customer churn rate, point to point, of each of the last full months; a month in which nobody began to pay has none."""
    return _rates(tally(rows, context.end, months_of(context)))


def _rates(counted: Tally) -> list[Fraction]:
    return [Fraction(lost, paid) for lost, paid in counted.churn if paid]


def _simple(measure: Measure, context: KpiContext) -> ComputedValue:
    terms, rates = value_terms(context), _rates(_tally(measure, context, months_of(context)))
    mean = sum(rates, Fraction(0)) * Fraction(1, len(rates)) if rates else None
    months = Fraction(mean.denominator, mean.numerator) if mean else None
    members = _members(
        "simple",
        measure,
        context,
        terms,
        churn_rate=None if mean is None else ratio(mean),
        expected_lifetime=None if months is None else ratio(months * Fraction(1, terms.months)),
        discount_rate=None,
        horizon=None,
    )
    warnings = _of_cohort(measure) | ({} if len(rates) in (0, TRAILING) else {"few_months": len(rates)})
    if {"discount_rate", "horizon"} & context.options.keys():
        warnings["option_not_used"] = None
    if months is None or measure.value is None:
        return ComputedValue(
            None, members, _NOBODY if measure.value is None else "no_churn" if rates else "no_full_month", warnings
        )
    return ComputedValue(measure.value * terms.margin * months, members, warnings=warnings)


# --- Kaplan-Meier ---


def _kaplan_meier(measure: Measure, context: KpiContext) -> ComputedValue:
    terms, rows = value_terms(context), _tally(measure, context)
    tenures = tenures_of(rows, terms.months, context.zone)
    observed = points(tenures)
    estimate = product_limit(observed)
    warnings, shares = _warnings(measure, rows, tenures), [point.share for point in estimate]
    made = _made(measure, context, terms) or 0
    known = made < len(shares) and shares[made] > 0
    shares = [share * Fraction(1, shares[made]) for share in shares[made:]] if known else []
    seen = max(1, len(observed) - made) if observed else 0
    horizon = terms.horizon or seen
    if known and horizon > seen and shares[-1]:
        horizon, warnings["horizon_beyond_observation"] = seen, None
    members = _members(
        "kaplan_meier",
        measure,
        context,
        terms,
        horizon=horizon or None,
        observations=_observations(rows, tenures, observed),
        survival=[
            {"period": point.period, "share": ratio(point.share), "standard_error": root(point.variance)}
            for point in estimate
        ],
        expected_lifetime=ratio(area(shares, horizon, Fraction(0))) if observed and known else None,
    )
    if measure.value is None or not observed or not known:
        reason = "age_beyond_observation" if observed else "too_few_periods"
        return ComputedValue(None, members, _NOBODY if measure.value is None else reason, warnings)
    return ComputedValue(_value_of(measure, terms, area(shares, horizon, terms.rate)), members, warnings=warnings)


# --- shifted beta-geometric ---


def _sbg(measure: Measure, context: KpiContext) -> ComputedValue:
    terms, rows = value_terms(context), _tally(measure, context)
    tenures = tenures_of(rows, terms.months, context.zone)
    observed, warnings = points(tenures), _warnings(measure, rows, tenures)
    made = _made(measure, context, terms)
    members = _members("sbg", measure, context, terms, observations=_observations(rows, tenures, observed))
    if len(observed) < 2 or "no_losses" in warnings:
        reason = "too_few_periods" if len(observed) < 2 else "no_losses"
        return ComputedValue(None, members, _NOBODY if measure.value is None else reason, warnings)
    fitted = fit(observed)
    if fitted.bound:
        warnings[f"{fitted.bound}_cohort"] = None
    expected = _left(fitted, Fraction(0), made, terms.horizon)
    if expected is None:
        warnings["expected_lifetime_unbounded"] = None
    periods = _left(fitted, terms.rate, made, terms.horizon)
    members |= {
        "parameters": {"alpha": ratio(fitted.alpha), "beta": ratio(fitted.beta)},
        "log_likelihood": ratio(fitted.total),
        "log_likelihood_per_1000": ratio(fitted.total * Fraction(1000, len(tenures))),
        "survival": [
            {"period": period, "share": ratio(surviving)}
            for period, surviving in enumerate(curve(fitted, max(len(observed), terms.horizon or 0)))
        ],
        "expected_lifetime": None if expected is None else ratio(expected),
        "residual_lifetime": _residuals(measure, context, terms, fitted, min(len(observed), RESIDUALS)),
    }
    if measure.value is None or periods is None:
        return ComputedValue(None, members, _NOBODY if measure.value is None else "lifetime_unbounded", warnings)
    return ComputedValue(_value_of(measure, terms, periods), members, warnings=warnings)


def _left(fitted: Fit, rate: Fraction, made: int | None, horizon: int | None) -> Fraction | None:
    """How many discounted payments are expected from now on, the running period's the first: of a new account, or after renewals made."""
    if made is None:
        return discounted(fitted, rate, horizon=horizon)
    later = discounted(fitted, rate, renewals=made, horizon=None if horizon is None else horizon - 1)
    return None if later is None else 1 + later * Fraction(rate.denominator, rate.denominator + rate.numerator)


def _residuals(
    measure: Measure, context: KpiContext, terms: ValueTerms, fitted: Fit, most: int
) -> list[dict[str, Any]]:
    """For each number of renewals made, how many payments are still expected when the next decision is pending."""
    residuals: list[dict[str, Any]] = []
    for renewals in range(most + 1):
        periods = discounted(fitted, terms.rate, renewals=renewals, horizon=terms.horizon)
        amount = _value_of(measure, terms, periods)
        residuals.append(
            {
                "renewals_made": renewals,
                "value": None if periods is None else ratio(periods),
                "residual_value": None if amount is None else money(amount, context.currency),
            }
        )
    return residuals


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
    calculation=3,
)
