"""Conversion of amounts of several currencies into one, exactly.

What an account pays is compared at the rates of the last instant before a period, so that no rate moves a ratio; what it
pays in the end is converted at the closing day's rates, and the difference stands in a row of its own, `fx`. A contract that
takes the place of one in another currency starts from the converted amount of that one, at the rates of that day.
A rate is a fraction; `scale_factor` makes integers of all of them, and nothing is rounded before it is written.

Source: docs/kpis.md, money of several currencies.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import day_of, instant
from app.domain.policy.fx import Rates
from app.domain.policy.rules import RATE
from projections.kpis.counting_rules import grouped
from projections.views.contract_lines import ContractLine

Key = tuple[str, int]
"""A currency and an instant."""


class Exchange:
    """The rates of currencies in the reporting currency. rates: the table; None where none is in force."""

    def __init__(self, currency: str, rates: Rates | None, zone: ZoneInfo) -> None:
        self.currency: Final = currency
        self._rates, self._zone = rates, zone
        self._rate_at: dict[Key, Fraction] = {}
        self._used: set[tuple[str, str]] = set()

    def rate(self, currency: str, at: int) -> Fraction:
        """The rate of one unit of a currency at an instant. Raises: Invalid where no table is in force or it has no such rate."""
        if currency == self.currency:
            return Fraction(1)
        if (currency, at) not in self._rate_at:
            if self._rates is None:
                raise Invalid("fx_table_missing", f"amounts in {currency} need a table of exchange rates in force")
            day = _day(at, self._zone)
            self._rate_at[currency, at] = Fraction(self._rates.at(currency, day), self._rates.at(self.currency, day))
            self._used |= {(currency, day), (self.currency, day)}
        return self._rate_at[currency, at]

    def used(self) -> list[dict[str, str]]:
        """The rates of the table that were used, by currency and date."""
        if self._rates is None:
            return []
        steps = {}
        for currency, day in self._used:
            for since, rate in self._rates.steps(currency):
                if since <= day:
                    steps[currency, day] = (since, rate)
        return [
            {"currency": currency, "base": self._rates.base, "date": since, "rate": _rate(rate)}
            for (currency, since, rate) in sorted({(currency, *step) for (currency, _), step in steps.items()})
        ]


def _day(at: int, zone: ZoneInfo) -> str:
    try:
        return day_of(at, zone)
    except OverflowError:  # a zone's day beyond the calendar's first or last
        return instant(at)[:10] if at > 0 else "0001-01-01"


def _rate(rate: int) -> str:
    whole, fraction = divmod(rate, RATE)
    return f"{whole}.{fraction:010d}".rstrip("0").rstrip(".")


# --- amounts of lines ---


class LineAmounts:
    """Amounts of lines at the opening, when they move and at the closing: as they stand, in one currency.

    scale_factor: how many integers make a millionth.
    """

    scale_factor: int = 1

    def opening(self, line: ContractLine) -> int:
        """At the last instant before the period."""
        return line.annual

    def moving(self, line: ContractLine, _at: int) -> int:
        """Where it begins or ends."""
        return line.annual

    def closing(self, line: ContractLine) -> int:
        """At the last instant of the period, on its own day."""
        return line.annual


AS_IS: Final = LineAmounts()


class ConvertedAmounts(LineAmounts):
    """The same in one currency of several.

    Takes: counted lines, [start, end) in microseconds; `spot`, whether movements are converted at the rates of their own day
    instead of the opening's.
    """

    def __init__(
        self, lines: Iterable[ContractLine], start: int, end: int, exchange: Exchange, *, spot: bool = False
    ) -> None:
        fixed: dict[str, Fraction] = {}
        at: dict[Key, Fraction] = {}
        for account in grouped(lines).values():
            own = [line for line in account if line.annual and line.valid_from < end and line.valid_to >= start]
            fixed |= _fixed(own, start, end, exchange)
            # A change may be netted with one of a free line, so that each instant needs a rate.
            moments = {
                moment for line in account for moment in (line.valid_from, line.valid_to) if start <= moment < end
            }
            for line in own:
                if line.valid_to >= end:
                    at[line.currency, end - 1] = exchange.rate(line.currency, end - 1)
                at |= {(line.currency, moment): exchange.rate(line.currency, moment) for moment in moments if spot}
        self.scale_factor = common_denominator((*fixed.values(), *at.values()))
        self._spot, self._end = spot, end
        self._fixed = {contract: parts_of(rate, self.scale_factor) for contract, rate in fixed.items()}
        self._at = {key: parts_of(rate, self.scale_factor) for key, rate in at.items()}

    def opening(self, line: ContractLine) -> int:
        """At the rates of the last instant before the period."""
        return line.annual * self._fixed[line.contract] if line.annual else 0

    def moving(self, line: ContractLine, at: int) -> int:
        """At the opening's rates, or at those of the day."""
        if not self._spot or not line.annual:
            return self.opening(line)
        return line.annual * self._at[line.currency, at]

    def closing(self, line: ContractLine) -> int:
        """At the closing day's rates."""
        return line.annual * self._at[line.currency, self._end - 1] if line.annual else 0


def converted(amounts: Sequence[tuple[str, int]], at: int, exchange: Exchange) -> tuple[list[int], int]:
    """Amounts of currencies at an instant's rates, and how many of these integers make one of those."""
    rates = {currency: exchange.rate(currency, at) for currency, _ in amounts}
    scale_factor = common_denominator(rates.values())
    return [amount * parts_of(rates[currency], scale_factor) for currency, amount in amounts], scale_factor


def common_denominator(rates: Iterable[Fraction]) -> int:
    """The least number of parts that makes integers of all rates."""
    parts = 1
    for rate in rates:
        parts = rate.denominator * Fraction(parts, rate.denominator).numerator
    return parts


def parts_of(rate: Fraction, scale_factor: int) -> int:
    """A rate in so many parts."""
    return rate.numerator * (scale_factor // rate.denominator)


def _fixed(own: Sequence[ContractLine], start: int, end: int, exchange: Exchange) -> Mapping[str, Fraction]:
    """The rate of each contract of an account throughout a period.

    That is the rate of its currency at the opening. A contract that begins at the instant at which one in another currency
    ends goes on from the converted amount of that one, at the rates of that day: no rate makes it larger or smaller. Where several of one
    currency end at once it goes on from all of them, each by what it paid, however that was split into lines.
    """
    spans: dict[str, tuple[int, int, str]] = {}
    for line in own:
        begins, ends, _ = spans.get(line.contract, (line.valid_from, line.valid_to, ""))
        spans[line.contract] = (min(begins, line.valid_from), max(ends, line.valid_to), line.currency)
    last: dict[str, int] = {}
    for line in own:
        if line.valid_to == spans[line.contract][1]:
            last[line.contract] = last.get(line.contract, 0) + line.annual
    fixed: dict[str, Fraction] = {}
    for contract, (begins, _, currency) in sorted(spans.items(), key=lambda item: item[1][0]):
        fixed[contract] = exchange.rate(currency, start - 1)
        if not start <= begins < end:
            continue
        gone = [name for name, span in spans.items() if span[1] == begins and name in fixed]
        left = {spans[name][2] for name in gone}
        come = {span[2] for span in spans.values() if span[0] == begins}
        if len(left) == len(come) == 1 and left != come:
            amount = sum((fixed[name] * last[name] for name in gone), Fraction(0))
            rate = Fraction(exchange.rate(currency, begins), exchange.rate(left.pop(), begins))
            fixed[contract] = amount * rate * Fraction(1, sum(last[name] for name in gone))
    return fixed
