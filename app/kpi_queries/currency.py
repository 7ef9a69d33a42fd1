"""Currency: which one a figure's amounts are in, and by which rates they are converted.

Source: docs/kpis.md, money of several currencies.
"""

from collections.abc import Collection

from app.domain.kernel.errors import Invalid
from app.kpi_queries.counting_policies import PoliciesInForce
from app.kpi_queries.query import KpiQuery, Scope
from projections.kpis.base import Kpi, KpiContext, Method
from projections.kpis.conversion import Exchange


def check_currencies(query: KpiQuery, *, has_currency: bool) -> None:
    """Refuses currencies that do not fit. Takes: whether the figure's rows have a currency. Raises: Invalid."""
    named, reporting = query.scope.currency, query.reporting_currency
    if (named or reporting) and not has_currency:
        raise Invalid("currency_not_allowed", "this figure counts no money")
    if named is not None and reporting is not None:
        raise Invalid(
            "currency_twice", "name currency to narrow a figure or reporting_currency to convert it, not both"
        )


def exchange_of(method: Method, query: KpiQuery, policies: PoliciesInForce, context: KpiContext) -> Exchange | None:
    """What amounts are converted by; None where the figure is of one currency, or of no money."""
    reporting = query.reporting_currency or policies.metric.reporting_currency
    if reporting is None or query.scope.currency is not None or not method.money:
        return None
    return Exchange(reporting, policies.table, context.zone)


def currency_of(method: Method, scope: Scope, currencies: Collection[str]) -> str | None:
    """The one currency of the amounts; None where there is none, or where several are only counted. Raises: Invalid."""
    if scope.currency is not None:
        return scope.currency
    if len(currencies) > 1 and method.money:
        raise Invalid("mixed_currencies", f"name one currency: {', '.join(sorted(currencies))}")
    return next(iter(currencies)) if len(currencies) == 1 else None


def at_spot_rates(kpi: Kpi, context: KpiContext) -> bool:
    """Whether each movement is at its own day's rate: in a waterfall, by that rule. Ratios compare at constant rates always."""
    return kpi.unit == "rows" and context.rules.fx == "spot"
