"""Queries: which figure is computed, over which days, for which accounts, and what a computed figure consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.reach import Reach
from app.domain.kernel.values import NONE, as_compared, day_end, day_start, instant, plain_day
from app.read_side.clocks import When
from projections.kpis import KPIS
from projections.kpis.base import Kpi, KpiContext, Measure, Warnings
from projections.kpis.groups import Group
from projections.kpis.presentation import Contribution
from projections.kpis.sharing import HELD
from projections.views.contract_lines import ContractLine
from projections.views.portfolios import Holding

KPIS_BY_NAME: Final = {kpi.name: kpi for kpi in KPIS}


@dataclass(frozen=True)
class Scope:
    """Which accounts and contracts count. account: an id.

    attribution: when it counts whose and what an account is: at the period's `start` or its `end`, or at the end of a day, whatever the
    period, so that what an account ever did is that of whom it belongs to today.
    """

    owner: str | None = None
    tier: str | None = None
    industry: str | None = None
    country: str | None = None
    account: str | None = None
    currency: str | None = None
    attribution: str = "start"

    def __post_init__(self) -> None:
        """What accounts have is compared as they name it."""
        for name in HELD:
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, as_compared(value))

    @property
    def held(self) -> dict[str, str]:
        """What narrows the figure to accounts that have it, or have none, by member of a holding."""
        return {name: value for name in HELD if (value := getattr(self, name)) is not None}

    def holds(self, holding: Holding | None) -> bool:
        """Whether an account is in the scope. Takes: its holding, if it has one by then."""
        return all(
            getattr(holding, name, None) == (None if wanted == NONE else wanted) for name, wanted in self.held.items()
        )

    def attributed_at(self, start: int, end: int, zone: ZoneInfo) -> int:
        """The instant before which an account's holder counts. Takes: the period, and the zone of days."""
        if self.attribution in ("start", "end"):
            return start if self.attribution == "start" else end
        return day_end(self.attribution, zone)

    def members(self) -> dict[str, str]:
        """What narrows the figure, as an answer names it."""
        named = {name: value for name, value in asdict(self).items() if value is not None and name != "attribution"}
        counts = self.held or self.attribution not in ("start", "end")
        return {**named, "attribution": self.attribution} if counts else named


@dataclass(frozen=True)
class KpiQuery:
    """A KPI by name, its period's days (`to` exclusive) where it has one, a method, a scope.

    options: further parameters of the KPI. policy: a metric policy's version to count by, `<policy>:<number>`, a draft
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


class Period(NamedTuple):
    """[start, end) in microseconds. cut: whether `as_of` ends it early; over: whether all of it has passed by then, or by now.

    That of a point has no length, and is over.
    """

    start: int
    end: int
    cut: bool
    over: bool


@dataclass(frozen=True, kw_only=True)
class KpiResult:
    """A figure with everything that its answer and its explanation need. cut: whether `as_of` cut its period.

    reach: over whose accounts it sums. ahead: what is to be known of a period that is not over, as a warning; nothing where it is.

    contributions: what each account gives, where the database summed it; else the measure has the rows. policy_version,
    fx_version: what it was counted and converted by, the latter and `rates` only where amounts were converted.
    """

    kpi: Kpi
    method: str
    measure: Measure
    context: KpiContext
    cut: bool
    ahead: Warnings
    position: int
    reach: Reach
    lines: Sequence[ContractLine] = ()
    contributions: Sequence[Contribution] | None = None
    policy_version: str
    fx_version: str | None = None
    rates: Sequence[Mapping[str, str]] | None = None
    groups: Sequence[Group] | None = None


def kpi_of(name: str) -> Kpi:
    """A KPI of the catalogue. Raises: NotFound."""
    if name not in KPIS_BY_NAME:
        raise NotFound("kpi_not_found", "there is no such KPI; GET /v1/kpis lists them")
    return KPIS_BY_NAME[name]


def method_of(kpi: Kpi, query: KpiQuery) -> str:
    """The method that is meant. Raises: Invalid."""
    method = query.method or kpi.default
    if method not in kpi.methods:
        raise Invalid("unknown_method", f"{kpi.name} knows {', '.join(kpi.methods)}")
    return method


def options_of(kpi: Kpi, query: KpiQuery) -> dict[str, str]:
    """The query's options by name. Raises: Invalid for one that this KPI does not have."""
    for name, _ in query.options:
        if name not in kpi.options:
            raise Invalid("option_not_allowed", f"{kpi.name} does not know {name}")
    return dict(query.options)


def period_of(kpi: Kpi, query: KpiQuery, when: When, zone: ZoneInfo) -> Period:
    """The period of a query; that of a point opens with what it closes with. Raises: Invalid."""
    if kpi.kind == "point":
        if query.from_ is not None or query.to is not None:
            raise Invalid("period_not_allowed", f"{kpi.name} is a figure of a point in time; ask with as_of")
        return Period(_in_calendar(when.as_of + 1), when.as_of + 1, cut=False, over=True)
    if query.from_ is None or query.to is None:
        raise Invalid("period_missing", f"{kpi.name} is a figure of a period; name from and to")
    try:
        start, end = day_start(plain_day(query.from_), zone), day_start(plain_day(query.to), zone)
    except ValueError as error:
        raise Invalid("invalid_period", "from and to are dates such as 2026-01-31") from error
    if start >= end:
        raise Invalid("invalid_period", "from must be before to")
    if kpi.stands or when.now or when.as_of + 1 >= end:
        return Period(start, end, cut=False, over=when.as_of + 1 >= end)
    if when.as_of < start:
        raise Invalid("invalid_period", "as_of must not be before from")
    return Period(start, when.as_of + 1, cut=True, over=False)


def _in_calendar(moment: int) -> int:
    try:
        instant(moment)
    except OverflowError as error:
        raise Invalid("invalid_as_of", "as_of is beyond the calendar") from error
    return moment
