"""What a KPI is: a name, a unit, and for each method the share that every row gives to numerator and denominator.

A figure is nothing but the sum of such shares, so that its explanation sums to it by construction.
Everything is integers; a scale says how many of them make one. Only the answer rounds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import MICRO
from app.domain.policy.rules import MetricRules

DEFAULTS: Final = MetricRules()
"""How figures are counted where a tenant has set nothing else."""
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
class Terms:
    """On which terms a figure is asked for: [start, end) in microseconds, the tenant's zone, the currency of its amounts, the
    rules that count, and what else the question says, by name.
    """

    start: int
    end: int
    where: ZoneInfo
    currency: str | None = None
    rules: MetricRules = DEFAULTS
    options: Mapping[str, str] = field(default_factory=dict)


class ComputedValue(NamedTuple):
    """A figure that is more than a quotient of sums. members: what its answer says besides; nothing: why there is no value."""

    value: Fraction | None
    members: Mapping[str, Any] = {}
    nothing: str | None = None
    notes: "Warnings" = {}


@dataclass(frozen=True)
class Method:
    """A way to compute a figure. share: what a row gives. of, over: what numerator and denominator count; a figure that
    is a plain sum has no `over`. nothing: why there is no figure when the denominator is 0.
    tell: works the figure out of all its rows, where it is no quotient of sums; the shares then only say who counts.
    """

    formula: str
    share: Callable[[Any], Share]
    of: Scale
    over: Scale | None = None
    nothing: str | None = None
    tell: "Callable[[Measure, Terms], ComputedValue] | None" = None

    @property
    def money(self) -> bool:
        """Whether amounts are summed, which only one currency allows."""
        return self.of.money or (self.over is not None and self.over.money)


@dataclass(frozen=True)
class Measure:
    """A figure before it is rounded. shares: each row with what it gave.

    parts: what a waterfall is made of, by name; notes: the warnings about rows. Both are None where the shares tell.
    tally: what rows were counted to, where there are no shares.
    per: in how many parts of the usual ones money is counted; the method's scales tell of it already.
    """

    method: Method
    numerator: int
    denominator: int
    shares: tuple[tuple[Any, Share], ...] = ()
    parts: Mapping[str, int] | None = None
    notes: "Warnings | None" = None
    per: int = 1
    tally: Any = None

    @property
    def value(self) -> Fraction | None:
        """The exact figure, or None when its denominator is 0."""
        numerator = Fraction(self.numerator, self.method.of.per)
        if self.method.over is None:
            return numerator
        return numerator * self.method.over.per * Fraction(1, self.denominator) if self.denominator else None


Warnings = dict[str, int | None]
"""What a reader should know besides, by code, each with how many rows it is about, or None where it is about the figure."""


def counted(code: str, rows: Iterable[Any]) -> Warnings:
    """A warning about rows, where there are any."""
    count = sum(1 for _ in rows)
    return {code: count} if count else {}


def _silent(_rows: Sequence[Any], _measure: Measure) -> Warnings:
    return {}


@dataclass(frozen=True)
class Kpi:
    """A figure of the catalogue.

    unit: a ratio, money, a number, or rows. kind: of a point in time or of a period. reads: which rows it is made of
    (`app.kpi_queries.row_source` loads them). methods: by name, the default first. warn: what a reader should know besides. source: where
    the rule comes from. options: what its question may say besides. calculation: the version of how it is computed; it rises
    when the answer to the same question over the same events changes (`python -m tests.golden` writes the new answers).
    """

    name: str
    title: str
    unit: Literal["ratio", "money", "number", "rows"]
    kind: Literal["point", "period"]
    reads: str
    methods: Mapping[str, Method]
    source: str
    warn: Callable[[Sequence[Any], Measure], Warnings] = _silent
    options: frozenset[str] = frozenset()
    calculation: int = 1

    @property
    def default(self) -> str:
        """The method that is meant when none is named."""
        return next(iter(self.methods))


def measure(method: Method, rows: Sequence[Any], per: int = 1) -> Measure:
    """The figure of rows: the sum of what each gives. Takes: in how many parts of the usual ones their money is counted."""
    if per != 1:
        method = replace(method, of=method.of.times(per), over=method.over and method.over.times(per))
    shares = tuple((row, method.share(row)) for row in rows)
    numerator, denominator = (sum(share[at] for _, share in shares) for at in (0, 1))
    return Measure(method, numerator, denominator, shares, per=per)
