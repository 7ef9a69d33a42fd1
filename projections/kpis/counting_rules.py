"""Counted lines: what a tenant's rules make of contract lines before anything is summed.

Each rule is a pure function from lines to lines, so that every figure is counted by the same ones. Only rules on how a
movement is called and netted are not here: those are in `account_movements`.

Source: docs/kpis.md, rules.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from app.domain.kernel.values import MICRO
from app.domain.policy.rules import MetricRules
from projections.kpis.rule_sets import DEFAULT_RULES, ROW_RULES, differing
from projections.views.contract_lines import ContractLine

K = TypeVar("K", bound=Hashable)

DAY: Final = 86_400 * MICRO


def counts_by_default(rules: MetricRules) -> bool:
    """Whether rows are counted as by the default rules; currencies and margins aside."""
    return ROW_RULES.isdisjoint(differing(rules))


def days_apart(earlier: int, later: int) -> int:
    """How many days lie between two instants; a day of 23 or 25 hours is one."""
    return (later - earlier + DAY // 2) // DAY


def counted(lines: Iterable[ContractLine], rules: MetricRules = DEFAULT_RULES) -> list[ContractLine]:
    """The lines that count, as they count. One-off lines and a contract's own row count for nothing."""
    excluded = {"one_off"} if rules.usage_commit == "counted" else {"one_off", "usage_commit"}
    counting = [line for line in lines if line.line and line.kind not in excluded]
    if rules.hold == "unchanged":
        counting = [
            line._replace(annual=line.gross - line.lasting, held=False) if line.held else line for line in counting
        ]
    if rules.discounts != "lasting":
        counting = [line if line.held else line._replace(annual=_discounted(line, rules)) for line in counting]
    counting = [line if line.trial is None or line.held else _in_trial(line, rules) for line in counting]
    if rules.churn_at == "notice":
        counting = _noticed(counting)
    if rules.shortest_gap_days:
        counting += [line for own in grouped(counting).values() for line in _bridges(own, rules.shortest_gap_days)]
    return counting


def grouped(lines: Iterable[ContractLine]) -> Mapping[str, list[ContractLine]]:
    """Lines by account."""
    return _by(lines, lambda line: line.account)


def stripped(lines: Sequence[ContractLine], start: int, end: int) -> list[ContractLine]:
    """The lines of an account without what escalators added within [start, end); a later cut takes that back first."""
    result: list[ContractLine] = []
    for own in _by(lines, _name).values():
        added = 0
        before: ContractLine | None = None
        for line in sorted(own, key=_begins):
            if before is None or before.valid_to != line.valid_from:
                added = 0
            elif start <= line.valid_from < end and not (before.held or line.held):
                change = line.annual - before.annual
                if change < 0:
                    added = max(0, added + change)
                elif line.cause == "escalator" and before.annual:
                    added += change
            result.append(line if line.held else line._replace(annual=line.annual - min(added, line.annual)))
            before = line
    return result


# --- one rule each ---


def _discounted(line: ContractLine, rules: MetricRules) -> int:
    """What a line recurs at less all of its discounts, or none."""
    return line.gross if rules.discounts == "none" else line.gross - line.lasting - line.temporary


def _in_trial(line: ContractLine, rules: MetricRules) -> ContractLine:
    """A line for which nothing has been paid yet: nothing, or what it is contracted at, whatever discounts count."""
    annual = line.trial if rules.customer_from == "start" and line.trial is not None else 0
    return line if annual == line.annual else line._replace(annual=annual)


def _noticed(lines: Sequence[ContractLine]) -> list[ContractLine]:
    """A line ends when the notice was given that ends it."""
    return [
        line if line.noticed_at is None else line._replace(valid_to=min(line.valid_to, line.noticed_at))
        for line in lines
        if line.noticed_at is None or line.valid_from < line.noticed_at
    ]


def _bridges(lines: Sequence[ContractLine], shortest: int) -> list[ContractLine]:
    """What an account paid before a gap that is too short to count, once more over the gap."""
    changes: dict[int, list[int]] = {}
    for line in lines:
        for at, sign in ((line.valid_from, 1), (line.valid_to, -1)):
            change = changes.setdefault(at, [0, 0])
            change[0] += sign * line.annual
            change[1] += sign * line.held
    bridges: list[ContractLine] = []
    annual = held = 0
    left: int | None = None
    for at in sorted(changes):
        before, (paid, rested) = annual, changes[at]
        annual, held = annual + paid, held + rested
        if before and not annual:
            left = None if held else at
        elif annual and not before and left is not None and days_apart(left, at) < shortest:
            bridges += [
                line._replace(valid_from=left, valid_to=at) for line in lines if line.annual and line.valid_to == left
            ]
    return bridges


def _by(lines: Iterable[ContractLine], key: Callable[[ContractLine], K]) -> dict[K, list[ContractLine]]:
    groups: dict[K, list[ContractLine]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    return groups


def _name(line: ContractLine) -> tuple[str, str]:
    return line.contract, line.line


def _begins(line: ContractLine) -> int:
    return line.valid_from
