"""Questions: what is asked for, which period that is, and what was found."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.values import day_of, day_start, instant, plain_day
from app.kpi_queries.counting_policies import DEFAULT_VERSION, Counting
from app.read_side.reader import When
from projections.kpis import KPIS
from projections.kpis.base import Kpi, Measure, Method, Terms
from projections.kpis.conversion import Exchange
from projections.kpis.presentation import Given
from projections.view import View
from projections.views import (
    budgets,
    contract_lines,
    forecasts,
    incentive_statements,
    opportunities,
    policies,
    policy_rules,
    portfolios,
    proposals,
    renewals,
    run_rates,
    scope_changes,
)
from projections.views.contract_lines import ContractLine

_BY_NAME: Final = {kpi.name: kpi for kpi in KPIS}
_READS: Final[dict[str, tuple[View[Any], ...]]] = {
    "contract_lines": (run_rates.VIEW, contract_lines.VIEW),
    "renewals": (renewals.VIEW,),
    "lives": (run_rates.VIEW, contract_lines.VIEW),
    "cohorts": (run_rates.VIEW, contract_lines.VIEW),
    "weights": (run_rates.VIEW, contract_lines.VIEW),
    "scope_changes": (scope_changes.VIEW,),
    "outlooks": (renewals.VIEW,),
    "predictions": (renewals.VIEW, forecasts.VIEW),
    "pipeline": (opportunities.VIEW,),
    "decided_opportunities": (opportunities.VIEW,),
    "accepted_proposals": (proposals.VIEW,),
    "budgets": (budgets.VIEW,),
    "incentive_statements": (incentive_statements.VIEW,),
}


@dataclass(frozen=True)
class Scope:
    """Which accounts and contracts count. account: an id. attribution: whose an account is, at the period's start or end."""

    owner: str | None = None
    tier: str | None = None
    account: str | None = None
    currency: str | None = None
    attribution: Literal["start", "end"] = "start"

    def told(self) -> dict[str, str]:
        """What narrows the figure."""
        named = {name: value for name, value in asdict(self).items() if value is not None and name != "attribution"}
        return {**named, "attribution": self.attribution} if self.owner or self.tier else named


@dataclass(frozen=True)
class KpiQuery:
    """What is asked: a KPI by name, its period's days (`to` exclusive) where it has one, a method, a scope.

    options: what a KPI's question may say besides. policy: a metric policy's version to count by, `<policy>:<number>`, a draft
    too; None for the one that is in force. reporting_currency: what amounts are converted to; None for what the policy says.
    """

    name: str
    from_: str | None = None
    to: str | None = None
    method: str | None = None
    scope: Scope = Scope()
    options: tuple[tuple[str, str], ...] = ()
    policy: str | None = None
    reporting_currency: str | None = None


@dataclass(frozen=True)
class KpiResult:
    """A figure with everything that its answer and its explanation need. cut: whether `as_of` cut its period.

    given: what each account gives, where the database told; else the measure has the rows. policy_version, fx_version: what it
    was counted and converted by, the latter and `rates` only where amounts were converted.
    """

    kpi: Kpi
    method: str
    measure: Measure
    terms: Terms
    cut: bool
    position: int
    lines: Sequence[ContractLine] = ()
    given: Sequence[Given] | None = None
    policy_version: str = DEFAULT_VERSION
    fx_version: str | None = None
    rates: Sequence[Mapping[str, str]] | None = None

    @property
    def currency(self) -> str | None:
        """The currency of its amounts."""
        return self.terms.currency

    @property
    def start(self) -> int:
        """Its first microsecond."""
        return self.terms.start

    @property
    def end(self) -> int:
        """The first microsecond after it."""
        return self.terms.end


def kpi_of(name: str) -> Kpi:
    """A KPI of the catalogue. Raises: NotFound."""
    if name not in _BY_NAME:
        raise NotFound("kpi_not_found", "there is no such KPI; GET /v1/kpis lists them")
    return _BY_NAME[name]


def views(name: str) -> tuple[View[Any], ...]:
    """The views that a KPI is read from. Raises: NotFound for one that is not in the catalogue."""
    return (*_READS[kpi_of(name).reads], portfolios.VIEW, policies.VIEW, policy_rules.VIEW)


def period_of(kpi: Kpi, question: KpiQuery, when: When, where: ZoneInfo) -> tuple[int, int, bool]:
    """The period in microseconds, and whether `as_of` cuts it; that of a point has no length: it opens with what it closes with."""
    if kpi.kind == "point":
        if question.from_ is not None or question.to is not None:
            raise Invalid("period_not_allowed", f"{kpi.name} is a figure of a point in time; ask with as_of")
        return _answerable(when.as_of + 1), when.as_of + 1, False
    if question.from_ is None or question.to is None:
        raise Invalid("period_missing", f"{kpi.name} is a figure of a period; name from and to")
    try:
        start, end = day_start(plain_day(question.from_), where), day_start(plain_day(question.to), where)
    except ValueError as error:
        raise Invalid("invalid_period", "from and to are dates such as 2026-01-31") from error
    if start >= end:
        raise Invalid("invalid_period", "from must be before to")
    if when.now or when.as_of + 1 >= end:
        return start, end, False
    if when.as_of < start:
        raise Invalid("invalid_period", "as_of must not be before from")
    return start, when.as_of + 1, True


def _answerable(moment: int) -> int:
    try:
        instant(moment)
    except OverflowError as error:
        raise Invalid("invalid_as_of", "as_of is beyond the calendar") from error
    return moment


def options_of(kpi: Kpi, question: KpiQuery) -> dict[str, str]:
    """What the question says besides. Raises: Invalid for what this KPI does not ask."""
    for name, _ in question.options:
        if name not in kpi.options:
            raise Invalid("option_not_allowed", f"{kpi.name} does not know {name}")
    return dict(question.options)


def closing_day(end: int, where: ZoneInfo) -> str:
    """The day on which a period ends that an instant follows."""
    try:
        return day_of(end - 1, where)
    except OverflowError:  # the zone's day is beyond the calendar, the world's is not
        return instant(end - 1)[:10]


def exchange_of(kpi: Kpi, method: str, question: KpiQuery, rules: Counting, terms: Terms) -> Exchange | None:
    """What amounts are converted by; None where the figure is of one currency, or of no money."""
    wanted = question.reporting_currency or rules.metric.reporting_currency
    if wanted is None or question.scope.currency is not None or not kpi.methods[method].money:
        return None
    return Exchange(wanted, rules.table, terms.where)


def currency_of(method: Method, scope: Scope, currencies: Collection[str]) -> str | None:
    """The one currency of the amounts; None where there is none, or where several are only counted."""
    if scope.currency is not None:
        return scope.currency
    if len(currencies) > 1 and method.money:
        raise Invalid("mixed_currencies", f"name one currency: {', '.join(sorted(currencies))}")
    return next(iter(currencies)) if len(currencies) == 1 else None
