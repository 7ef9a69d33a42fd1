"""SQL expressions: what a row gives to a figure, written in SQL that both databases understand. Plain strings, no database.

Each translates the `share` of a method and stands beside it. An account's share has two parts, what its run rate at the
closing gives and what that at the opening gives, so that nothing need be grouped by account: the difference of two
totals is the sum of the movements in between. `tests/kpi_queries/test_sums.py` holds expressions and shares against each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Part(NamedTuple):
    """What a sum is made of. closing: what a row gives, that of the closing where there are two; opening: what the other gives."""

    closing: str = "0"
    opening: str = "0"


NOTHING: Final = Part()


@dataclass(frozen=True)
class SqlExpression:
    """The share of a row in SQL. notes: warning to the condition of the rows that it counts, by their closing.

    parts: what else is summed. lesser: whether the numerator is the lesser of opening and closing, for which both rows are read at once.
    """

    numerator: Part
    denominator: Part = NOTHING
    notes: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    lesser: bool = False


@dataclass(frozen=True)
class SqlTally:
    """Says that a method's `compute` takes the tally that its row source makes in SQL, and needs no shares.

    churn: whether it also takes how many accounts each of the last months lost.
    """

    churn: bool = False


def if_(condition: str, value: str) -> str:
    """A value where a condition holds, else 0."""
    return f"CASE WHEN {condition} THEN {value} ELSE 0 END"


def between(total: str) -> Part:
    """What moved within the period, of a running total."""
    return Part(total, f"- ({total})")


def of_payers(*, amount: bool, moved: str) -> Part:
    """What those that paid at the start paid then, where it counts, and what moved of theirs."""
    opening = f"annual - ({moved})" if amount else f"- ({moved})"
    return Part(if_(PAID_AT_START, moved), if_(PAYS, opening))


PAID_AT_START: Final = "paid_at_start"
"""Stands for the condition that the account of a closing paid at the opening."""
PAYS: Final = "annual > 0"
PAYERS: Final = Part(opening=if_(PAYS, "1"))
"""The accounts that paid at the start."""
OPENING: Final = Part(opening="annual")
CLOSING: Final = Part("annual")
TOTAL_GAINS: Final = "total_new + total_expansion + total_reactivation"
TOTAL_LOSSES: Final = "total_contraction + total_churn"
ON_HOLD: Final = {"accounts_on_hold_at_end": f"annual = 0 AND held > 0 AND {PAID_AT_START}"}
PAID: Final = SqlExpression(Part(f"annual + {TOTAL_GAINS}", f"annual - ({TOTAL_GAINS})"))
"""More than nothing where somebody paid at any instant of a period."""
