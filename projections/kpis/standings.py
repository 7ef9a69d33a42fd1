"""Standings: what each account paid when a period opened and closed, and every movement in between.

A period is [start, end) in microseconds. It opens with the state of the last instant before `start` and closes with
that of the last instant before `end`, so that periods chain; what changes at `start` itself belongs to the period.
Amounts are annual, integers of 10^-6; a month is a twelfth.

Source: docs/kpis.md, base quantities and movements.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from projections.contract_lines import ContractLine

GAINS: Final = ("new", "expansion", "reactivation")
LOSSES: Final = ("contraction", "churn")


class Movement(NamedTuple):
    """A change of what an account pays, net of all that changed at that instant; `amount` is positive, a loss too.

    hold: how much of it is a rest that began or ended. escalator: how much was agreed up front.
    """

    at: int
    kind: str
    amount: int
    hold: int
    escalator: int


@dataclass(frozen=True)
class Standing:
    """An account over a period. paid_before: whether it ever paid before the period.

    interrupted: whether it paid and then paid nothing at some instant of the period. resting: whether it pays nothing at
    the end only because its lines rest.
    """

    account: str
    opening: int
    closing: int
    paid_before: bool
    interrupted: bool = False
    resting: bool = False
    movements: tuple[Movement, ...] = ()

    def total(self, *kinds: str) -> int:
        """What all movements of some kinds sum to."""
        return sum(movement.amount for movement in self.movements if movement.kind in kinds)


def standings(lines: Iterable[ContractLine], start: int, end: int) -> list[Standing]:
    """Every account that has lines, by id.

    Takes: the lines in force at some instant from the last before `start` to the last before `end`; earlier ones too
    where it matters whether an account had paid before. One-off lines and a contract's own row count for nothing.
    """
    owned: dict[str, list[ContractLine]] = {}
    for line in lines:
        if line.line and line.kind != "one_off":
            owned.setdefault(line.account, []).append(line)
    return [_standing(account, owned[account], start, end) for account in sorted(owned)]


def _standing(account: str, lines: Sequence[ContractLine], start: int, end: int) -> Standing:
    opening, held, paid = 0, 0, False
    begun: dict[int, list[ContractLine]] = {}
    ended: dict[int, list[ContractLine]] = {}
    for line in lines:
        if line.valid_from < start:
            paid = paid or line.annual > 0
            if line.valid_to >= start:
                opening += line.annual
                held += line.held
        elif line.valid_from < end:
            begun.setdefault(line.valid_from, []).append(line)
        if start <= line.valid_to < end:
            ended.setdefault(line.valid_to, []).append(line)
    paid_before, amount, interrupted, movements = paid, opening, False, []
    for at in sorted(begun.keys() | ended.keys()):
        gone, come = ended.get(at, []), begun.get(at, [])
        rested, held = held > 0, held + sum(line.held for line in come) - sum(line.held for line in gone)
        before, amount = amount, amount + sum(line.annual for line in come) - sum(line.annual for line in gone)
        if amount != before:
            kind = _kind(before, amount, paid=paid, rested=rested, rests=held > 0)
            movements.append(Movement(at, kind, abs(amount - before), *_reasons(gone, come, amount - before)))
        paid = paid or amount > 0
        interrupted = interrupted or (paid and amount == 0)
    return Standing(account, opening, amount, paid_before, interrupted, amount == 0 and held > 0, tuple(movements))


def _kind(before: int, after: int, *, paid: bool, rested: bool, rests: bool) -> str:
    """What a change is called. An account that pays nothing because it rests is not gone, so neither is it back."""
    if after < before:
        return "contraction" if after or rests else "churn"
    if not paid:
        return "new"
    return "expansion" if before or rested else "reactivation"


def _reasons(gone: Sequence[ContractLine], come: Sequence[ContractLine], change: int) -> tuple[int, int]:
    """How much of a change is a rest that began or ended, and how much an escalator; neither more than the change."""
    was = {(line.contract, line.line): line for line in gone}
    pairs = [(was[line.contract, line.line], line) for line in come if (line.contract, line.line) in was]
    if change < 0:
        return min(-change, sum(old.annual for old, new in pairs if new.held)), 0
    released = sum(new.annual for old, new in pairs if old.held)
    raised = sum(max(0, new.annual - old.annual) for old, new in pairs if new.cause == "escalator" and not old.held)
    return min(change, released), min(change - min(change, released), raised)
