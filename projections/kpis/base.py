"""What a KPI is: a name, a unit, and for each method the share that every row gives to numerator and denominator.

A figure is nothing but the sum of such shares, so that its explanation sums to it by construction.
Everything is integers; a scale says how many of them make one. Only the answer rounds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import MICRO
from app.domain.policy.rules import MetricRules
from projections.kpis.rule_sets import ALL_RULES, DEFAULT_RULES
from projections.kpis.sharing import GROUPS
from projections.kpis.sql_expression import SqlExpression, SqlTally

Unit = Literal["ratio", "money", "number", "rows"]
Share = tuple[int, int]
"""What a row gives to the numerator and to the denominator."""


@dataclass(frozen=True)
class Scale:
    """What an integer counts. per: how many make one. money: whether it is in the currency of the contracts."""

    per: int
    money: bool = False

    def times(self, parts: int) -> "Scale":
        """The same where money is counted in so many parts of it, as a conversion needs."""
        return replace(self, per=self.per * parts) if self.money and parts != 1 else self


MONTHLY: Final = Scale(12 * MICRO, money=True)
"""Annual amounts in 10^-6, read as a twelfth."""
YEARLY: Final = Scale(MICRO, money=True)
COUNT: Final = Scale(1)
HOURS: Final = Scale(MICRO)


@dataclass(frozen=True)
class KpiContext:
    """What a figure is computed under: [start, end) in microseconds, the tenant's time zone, the currency of its amounts, the
    rules in force, and the query's options by name. as_of: the instant that the question is about, in microseconds.
    """

    start: int
    end: int
    zone: ZoneInfo
    currency: str | None = None
    rules: MetricRules = DEFAULT_RULES
    options: Mapping[str, str] = field(default_factory=dict)
    as_of: int | None = None

    @property
    def stands_at(self) -> int:
        """The instant at which outcomes are read; the period's last one where the question names none."""
        return self.end - 1 if self.as_of is None else self.as_of


class ComputedValue(NamedTuple):
    """A figure that is more than a quotient of sums. members: further members of its answer; null_reason: why it has no value."""

    value: Fraction | None
    members: Mapping[str, Any] = {}
    null_reason: str | None = None
    warnings: "Warnings" = {}


@dataclass(frozen=True)
class Method:
    """A way to compute a figure, with everything that is to be known about it.

    share: what a row gives. numerator, denominator: what each counts; a figure that is a plain sum has no denominator.
    null_reason: why there is no figure when the denominator is 0. compute: works the figure out of all its rows, where it is no
    quotient of sums; the shares then only say who counts. sql: the share once more in SQL, or that the row source tallies in
    SQL; None where rows are always read. depends_on: the policy rules that its rows and shares depend on; left out, all. While
    one of them is not the default, the figure is computed from rows by the functions here.
    """

    formula: str
    share: Callable[[Any], Share]
    numerator: Scale
    denominator: Scale | None = None
    null_reason: str | None = None
    compute: "Callable[[Measure, KpiContext], ComputedValue] | None" = None
    sql: SqlExpression | SqlTally | None = None
    depends_on: frozenset[str] = ALL_RULES

    @property
    def money(self) -> bool:
        """Whether amounts are summed, which only one currency allows."""
        return self.numerator.money or self.denominator_money

    @property
    def denominator_money(self) -> bool:
        """Whether the denominator is an amount."""
        return self.denominator is not None and self.denominator.money

    def in_parts(self, parts: int) -> "Method":
        """The same where money is counted in so many parts of it, as a conversion needs."""
        if parts == 1:
            return self
        denominator = self.denominator and self.denominator.times(parts)
        return replace(self, numerator=self.numerator.times(parts), denominator=denominator)


@dataclass(frozen=True)
class Measure:
    """A figure before it is rounded. shares: each row with what it gave.

    parts: what a waterfall is made of, by name; warnings: those about rows. Both are None where they follow from the shares.
    tally: what rows were counted to, where there are no shares.
    scale_factor: in how many parts of the usual ones money is counted; the method's scales include it already.
    """

    method: Method
    numerator: int
    denominator: int
    shares: tuple[tuple[Any, Share], ...] = ()
    parts: Mapping[str, int] | None = None
    warnings: "Warnings | None" = None
    scale_factor: int = 1
    tally: Any = None

    @property
    def value(self) -> Fraction | None:
        """The exact figure, or None when its denominator is 0."""
        numerator = Fraction(self.numerator, self.method.numerator.per)
        if self.method.denominator is None:
            return numerator
        return numerator * self.method.denominator.per * Fraction(1, self.denominator) if self.denominator else None


Warnings = dict[str, int | None]
"""What a reader should know besides, by code, each with how many rows it is about, or None where it is about the figure."""


def counted(code: str, rows: Iterable[Any]) -> Warnings:
    """A warning about rows, where there are any."""
    count = sum(1 for _ in rows)
    return {code: count} if count else {}


def _no_warnings(_rows: Sequence[Any], _measure: Measure) -> Warnings:
    return {}


class RowKind(Enum):
    """The rows that figures are made of. Each has one source in `app.kpi_queries.sources`."""

    ACCOUNT_MOVEMENTS = "account movements"
    ACCOUNT_WEIGHTS = "account weights"
    COMMITMENTS = "commitments of contracts"
    LIFETIMES = "customer lifetimes"
    COHORTS = "cohort members"
    RENEWALS = "renewals"
    FORECAST_OUTLOOKS = "forecast outlooks"
    FORECAST_PREDICTIONS = "forecast predictions"
    SCOPE_CHANGES = "scope change outcomes"
    OPEN_OPPORTUNITIES = "open opportunities"
    DECIDED_OPPORTUNITIES = "decided opportunities"
    ACCEPTED_PROPOSALS = "accepted proposals"
    OPEN_BUDGETS = "open budgets"
    INCENTIVE_PAYMENTS = "incentive payments"


STANDING: Final = frozenset({RowKind.RENEWALS, RowKind.FORECAST_OUTLOOKS, RowKind.FORECAST_PREDICTIONS})
"""Rows that are about a period and read as they stood at an instant, before it, within or after: `as_of` does not end the period."""
GROUPED: Final = frozenset({"group_by"})
"""The option of a figure that is a sum over accounts, contracts or lines: by what it is shared out."""


@dataclass(frozen=True)
class Kpi:
    """A figure of the catalogue.

    unit: a ratio, money, a number, or rows. kind: of a point in time or of a period. reads: the rows that it is made of.
    methods: by name, the default first. warn: what a reader should know besides. source: where the rule comes from.
    options: the further parameters that a query may give. groups: by what it is grouped, where it is. calculation: the version of
    how it is computed; it rises when the answer to the same query over the same events changes (`python -m tests.golden` writes
    the new answers).
    """

    name: str
    title: str
    unit: Unit
    kind: Literal["point", "period"]
    reads: RowKind
    methods: Mapping[str, Method]
    source: str
    warn: Callable[[Sequence[Any], Measure], Warnings] = _no_warnings
    options: frozenset[str] = frozenset()
    groups: tuple[str, ...] = GROUPS
    calculation: int = 1

    @property
    def stands(self) -> bool:
        """Whether the figure of a period is read as it stood at an instant, which need not lie in the period."""
        return self.reads in STANDING

    @property
    def default(self) -> str:
        """The method that is meant when none is named."""
        return next(iter(self.methods))


def measure(method: Method, rows: Sequence[Any], scale_factor: int = 1) -> Measure:
    """The figure of rows: the sum of what each gives. Takes: in how many parts of the usual ones their money is counted."""
    method = method.in_parts(scale_factor)
    shares = tuple((row, method.share(row)) for row in rows)
    numerator, denominator = (sum(share[at] for _, share in shares) for at in (0, 1))
    return Measure(method, numerator, denominator, shares, scale_factor=scale_factor)
