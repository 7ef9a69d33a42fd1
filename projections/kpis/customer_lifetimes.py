"""Customer lifetimes: what each account has paid since it first paid anything, and how long it has stayed.

A client span begins when an account begins to pay and ends when it pays nothing any more; while its lines are suspended it goes
on. An account that returns begins another span. A span that has not ended by the last instant is censored: its end is unknown.

Source: docs/kpis.md, customer_lifetime_value.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import add_months, day_of, day_start, instant
from projections.kpis.base import MONTHLY
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType, single
from projections.views.contract_lines import ContractLine

MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
"""How many months a period of a name has."""
LONGEST: Final = 600
"""How many periods of a span are counted: fifty years of months."""


class Level(NamedTuple):
    """What an account pays a year from an instant on, in 10^-6, and how many of its lines are suspended."""

    at: int
    annual: int
    held: int


class ClientSpan(NamedTuple):
    """A time without a lapse, microseconds. end: the first instant without payment; None where it goes on."""

    start: int
    end: int | None


@dataclass(frozen=True)
class CustomerLifetime:
    """An account from its first payment to the last instant before `until`. levels: each change of what it pays, in order."""

    account: str
    levels: tuple[Level, ...]
    until: int

    @property
    def since(self) -> int:
        """When it first paid anything."""
        return self.levels[0].at

    @property
    def closing(self) -> int:
        """What it pays at the end."""
        return self.levels[-1].annual

    def annual(self, at: int) -> int:
        """What it paid a year at the last instant before one."""
        return next((level.annual for level in reversed(self.levels) if level.at < at), 0)

    def paid(self, at: int) -> bool:
        """Whether it paid anything then."""
        return self.annual(at) > 0

    def spans(self) -> list[ClientSpan]:
        """Its times without a lapse, in order."""
        spans: list[ClientSpan] = []
        begun: int | None = None
        for level in self.levels:
            if begun is None and level.annual:
                begun = level.at
            elif begun is not None and not level.annual and not level.held:
                spans.append(ClientSpan(begun, level.at))
                begun = None
        return spans if begun is None else [*spans, ClientSpan(begun, None)]

    def content(self, currency: str | None, per: int = 1) -> dict[str, Any]:
        """As an explanation shows it. Takes: in how many parts of the usual ones amounts are counted."""
        return {
            "monthly": quantity(self.closing, MONTHLY.times(per), currency) if currency else None,
            "tenures": [
                {
                    "start": instant(span.start),
                    "end": None if span.end is None else instant(span.end),
                    "censored": span.end is None,
                }
                for span in self.spans()
            ],
        }


LIFETIME_ROW: Final = RowType(content=single, lifelong=True)


def customer_lifetimes(lines: Iterable[ContractLine], until: int) -> list[CustomerLifetime]:
    """The accounts that ever paid before an instant, by id.

    Takes: all lines that were in force before it. One-off lines and a contract's own row count for nothing.
    """
    changes: dict[str, dict[int, list[int]]] = {}
    for line in lines:
        if not line.line or line.kind == "one_off" or line.valid_from >= until:
            continue
        own = changes.setdefault(line.account, {})
        for at, sign in ((line.valid_from, 1), (line.valid_to, -1)):
            if at < until:
                change = own.setdefault(at, [0, 0])
                change[0] += sign * line.annual
                change[1] += sign * line.held
    return [life for account in sorted(changes) if (life := _life(account, changes[account], until)).levels]


def _life(account: str, changes: dict[int, list[int]], until: int) -> CustomerLifetime:
    levels: list[Level] = []
    annual = held = 0
    for at in sorted(changes):
        annual, held = annual + changes[at][0], held + changes[at][1]
        if annual or levels:
            levels.append(Level(at, annual, held))
    return CustomerLifetime(account, tuple(levels), until)


# --- by the calendar of each span's own start ---


class Tenure(NamedTuple):
    """How long a span lasted, in periods. lost: whether it ended before renewal point `periods`; else it was seen to pass it."""

    periods: int
    lost: bool


class Tally(NamedTuple):
    """Lifetimes, counted. accounts: how many ever paid; spans: how many there were of each.

    churn: how many accounts each of some months lost, of how many that paid when it began. until: the end of all.
    """

    accounts: int
    spans: Mapping[ClientSpan, int]
    until: int
    churn: Sequence[tuple[int, int]] = ()

    @property
    def running(self) -> int:
        """How many accounts have not left, or have come back."""
        return sum(count for span, count in self.spans.items() if span.end is None)


def tally(rows: Sequence[CustomerLifetime], until: int, months: Iterable[tuple[int, int]] = ()) -> Tally:
    """Counts lifetimes. Takes: the months whose losses are counted."""
    churn = []
    for start, end in months:
        paid = [row for row in rows if row.paid(start)]
        churn.append((sum(not row.paid(end) for row in paid), len(paid)))
    return Tally(len(rows), Counter(span for row in rows for span in row.spans()), until, churn)


def renewals_made(row: CustomerLifetime, months: int, zone: ZoneInfo) -> int | None:
    """How many renewal points an account has passed since it last began to pay; None where it has left."""
    *_, span = row.spans()
    return None if span.end is not None else min(_passed(span.start, row.until - 1, months, zone), LONGEST)


def tenures(rows: Sequence[CustomerLifetime], months: int, zone: ZoneInfo) -> list[Tenure]:
    """How long every account stayed, each time, as far as it was seen."""
    return tenures_of(tally(rows, rows[0].until if rows else 0), months, zone)


def tenures_of(tally: Tally, months: int, zone: ZoneInfo) -> list[Tenure]:
    """Every span as renewal points see it: point t lies t periods after its start, by its own calendar.

    A span that ended between two points is lost at the second, once that has passed by the last instant; until then it is
    censored like those that go on, of which it is not known either whether they will pass it.
    """
    tenures: list[Tenure] = []
    for span, count in tally.spans.items():
        observed = _passed(span.start, tally.until - 1, months, zone)
        stayed = observed if span.end is None else _passed(span.start, span.end - 1, months, zone)
        lost = stayed < observed
        tenures += [Tenure(min(stayed + lost, LONGEST), lost and stayed < LONGEST)] * count
    return tenures


@lru_cache(maxsize=65_536)
def _passed(start: int, moment: int, months: int, zone: ZoneInfo) -> int:
    """How many points of a span lie no later than a moment."""
    first, last = day_of(start, zone), day_of(moment, zone)
    into = start - day_start(first, zone)
    between = (int(last[:4]) - int(first[:4])) * 12 + int(last[5:7]) - int(first[5:7])
    points = between // months
    while points > 0 and day_start(add_months(first, points * months), zone) + into > moment:
        points -= 1
    return max(0, points)
