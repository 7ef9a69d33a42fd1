"""Trials: lines for which nothing has been paid yet, because their price is 0 at first or a discount takes off all of it.

Each line has a trial of its own, which is the same whatever else the account has. It begins with the line and lasts until
the first instant at which anything is paid for it. A line that takes the place of a paid one goes on from that: a full discount at its
beginning is a temporary discount like any later one.

Source: docs/kpis.md, trials.
"""

from collections.abc import Sequence

from app.domain.contract.intervals import Interval
from app.domain.contract.line_steps import RECURRING, Lines, step_in_force
from app.domain.kernel.values import FOREVER


def may_be_trials(lines: Lines) -> bool:
    """Whether any line is free at some time: its price is 0, or a discount takes off all of it."""
    for steps in lines.values():
        for step in steps:
            if step.annual == step.temporary and step.kind in RECURRING:
                return True
    return False


def with_trials(agreed: Sequence[Interval], lines: Lines, *, follows: bool) -> list[Interval]:
    """The intervals of a contract in their order, those of a trial with `trial`. Takes: whether the contract replaces another."""
    recurring = sorted((each for each in agreed if each.kind in RECURRING), key=lambda each: each.start)
    goes_on = {(each.line, each.start) for each in recurring}
    first = min((each.start for each in recurring), default=0)
    replaced = {first} if follows else set[int]()
    last: dict[str, tuple[int, bool]] = {}
    trials: dict[tuple[str, int], int] = {}
    for each in recurring:
        ended, paid = last.get(each.line, (None, False))
        if ended != each.start:
            paid = each.start in replaced
        free = each.gross == each.lasting + each.temporary
        if free and not paid:
            trials[each.line, each.start] = _contracted(each, lines)
        paid = paid or not (free or each.suspended)
        last[each.line] = each.end, paid
        if paid and (each.line, each.end) not in goes_on:
            replaced.add(each.end)
    return [
        each._replace(annual=0, trial=trials[name]) if (name := (each.line, each.start)) in trials else each
        for each in agreed
    ]


def _contracted(free: Interval, lines: Lines) -> int:
    """What a free line is contracted at a year: its amount before a discount that ends, or the first amount that its ramp leads to.

    0 where it was not agreed that it will ever be paid for.
    """
    step = step_in_force(lines, free.line, free.start)
    if free.gross:
        return free.gross if step is not None and step.until < FOREVER else 0
    begun = [each for each in lines[free.line] if each.sets is None and each.at <= free.start]
    ramp = (each for each in lines[free.line] if begun and each.source == begun[-1].source and each.at > free.start)
    return next((each.annual for each in ramp if each.annual), 0)
