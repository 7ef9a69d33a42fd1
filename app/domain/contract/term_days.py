"""The days of a contract's terms: a term that somebody agreed on, and those that follow it by themselves. Pure arithmetic over days.

Ends are counted from an anchor, never from the end before, so that a 31st stays the last day of its month after a February:
31 January to 28 February, monthly, goes on to 31 March and 30 April.
"""

from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple

from app.domain.kernel.values import add_months, days_earlier, months_between

TERM_MONTHS: Final = 12
"""How long a term is that follows by itself, where the contract does not say."""


class AgreedTerm(NamedTuple):
    """A term that somebody agreed on, [start, end) in days, and what the ends of the terms behind it are counted from.

    anchor: the first day of the chain of terms whose ends fall on the anchor's day of the month; its own end where it begins
    a chain and lasts no whole number of months. months: from the anchor to its end.
    """

    start: str
    end: str | None
    anchor: str
    months: int

    def end_after(self, terms: int, length: int) -> str:
        """Where the contract's term ends once so many terms of a length in months followed. Raises: ValueError beyond the calendar."""
        return add_months(self.anchor, self.months + terms * length)

    def terms_behind(self, length: int) -> Iterator[tuple[str, str]]:
        """The terms that follow by themselves, until the calendar ends. Takes: their length in months."""
        start = self.end
        if start is None:
            return
        for number in count(1):
            try:
                end = self.end_after(number, length)
            except ValueError:
                return
            yield start, end
            start = end

    def term_at(self, day: str, length: int) -> tuple[str, str]:
        """The term of the chain that a day falls into: this one for every day before its end.

        Takes: the length in months of the terms behind. Raises: ValueError for a term without an end, and beyond the calendar.
        """
        if self.end is None:
            raise ValueError("has no end from which terms could follow")
        if day < self.end:
            return self.start, self.end
        behind = max(0, months_between(self.end, day) // length - 1)
        start = self.end_after(behind, length)
        while (end := self.end_after(behind + 1, length)) <= day:
            start, behind = end, behind + 1
        return start, end

    def open_end(self, day: str, length: int, notice_days: int) -> str:
        """The first end of a term of the chain that somebody who gives notice on a day is in time for.

        Takes: the length in months of the terms behind. Raises: ValueError as `term_at`.
        """
        end = self.term_at(day, length)[1]
        while day > days_earlier(end, notice_days):
            end = self.term_at(end, length)[1]
        return end


def agreed_term(start: str, end: str | None, before: AgreedTerm | None = None, length: int = TERM_MONTHS) -> AgreedTerm:
    """A term that somebody agreed on. Takes: the agreed term before it, and the length in months of those that follow by themselves.

    Where it begins on a day on which the chain before it gives way, and ends on the chain's day of the month, it goes on with that
    chain; else its first day is the anchor when it lasts whole months (clamped or not), and else its end.
    """
    if end is None:
        return AgreedTerm(start, None, start, 0)
    if before is not None and before.end is not None and start >= before.end:
        joins = before.term_at(start, length)[0] == start
        months = months_between(before.anchor, end)
        if joins and add_months(before.anchor, months) == end:
            return AgreedTerm(start, end, before.anchor, months)
    months = months_between(start, end)
    if months and add_months(start, months) == end:
        return AgreedTerm(start, end, start, months)
    return AgreedTerm(start, end, end, 0)
