"""Account movements: what each account paid when a period opened and closed, and every movement in between.

A period is [start, end) in microseconds. It opens with the state of the last instant before `start` and closes with
that of the last instant before `end`, so that periods chain; what changes at `start` itself belongs to the period.
Amounts are annual, integers of 10^-6, or of as many parts of it as a conversion needs; a month is a twelfth.

Source: docs/kpis.md, base quantities, movements and rules.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import day_of
from app.domain.policy.rules import MetricRules
from projections.kpis.conversion import AS_IS, LineAmounts
from projections.kpis.counting_rules import counted, days_apart, grouped, stripped
from projections.kpis.rule_sets import DEFAULT_RULES
from projections.views.contract_lines import ContractLine

GAINS: Final = ("new", "expansion", "reactivation")
LOSSES: Final = ("contraction", "churn")
UTC: Final = ZoneInfo("UTC")


class EndedLine(NamedTuple):
    """A line that ended, what it paid, and the instant, microseconds, from which its contract pays nothing."""

    contract: str
    amount: int
    at: int


class Movement(NamedTuple):
    """A change of what an account pays, net of all that changed at that instant; `amount` is positive, a loss too.

    hold: how much of it is a suspension that began or ended. escalator: how much was agreed up front. ended: of a churn, what
    ended in it.
    """

    at: int
    kind: str
    amount: int
    hold: int
    escalator: int
    ended: tuple[EndedLine, ...] = ()

    @property
    def signed(self) -> int:
        """What it adds to what the account pays."""
        return -self.amount if self.kind in LOSSES else self.amount


@dataclass(frozen=True)
class AccountMovements:
    """An account over a period. paid_before: whether it ever paid before the period.

    closing: what it pays in the end, like for like: at the opening's rates, and without escalators where rules strip them.
    escalated, fx: what those and what rates add to it. interrupted: whether it paid and then paid nothing at some instant of
    the period. suspended: whether it pays nothing at the end only because its lines are suspended. joined: whether it is a new account
    that the rules count among those at the start; left: whether it is one that joined and left, and that they count as churned.
    """

    account: str
    opening: int
    closing: int
    paid_before: bool
    interrupted: bool = False
    suspended: bool = False
    movements: tuple[Movement, ...] = ()
    escalated: int = 0
    fx: int = 0
    joined: bool = False
    left: bool = False

    @property
    def closing_total(self) -> int:
        """What it pays in the end, with escalators, at the closing day's rates."""
        return self.closing + self.escalated + self.fx

    def total(self, *kinds: str) -> int:
        """What all movements of some kinds sum to."""
        return sum(movement.amount for movement in self.movements if movement.kind in kinds)


def account_movements(
    lines: Iterable[ContractLine], start: int, end: int, rules: MetricRules = DEFAULT_RULES, zone: ZoneInfo = UTC
) -> list[AccountMovements]:
    """Every account that has lines, by id; one that counts as new when it returns, once more from then on.

    Takes: the lines in force at some instant from the last before `start` to the last before `end`; earlier ones too
    where it matters whether an account had paid before, and all of an account where rules are not the default ones.
    One-off lines and a contract's own row count for nothing. zone: that of calendar months.
    """
    return movements_of(counted(lines, rules), start, end, rules, zone)


def movements_of(
    lines: Iterable[ContractLine],
    start: int,
    end: int,
    rules: MetricRules = DEFAULT_RULES,
    zone: ZoneInfo = UTC,
    amounts: LineAmounts = AS_IS,
) -> list[AccountMovements]:
    """The same of lines that are counted already, with the amounts by which they are counted."""
    owned = grouped(lines)
    read = _Reading(start, end, rules, zone, amounts)
    return [row for account in sorted(owned) for row in read.account(account, owned[account])]


class _Step(NamedTuple):
    """All that changes at an instant, or net over several; `at` is the last of them.

    paid, was_suspended: what the account paid before, and whether lines were suspended; pays, is_suspended: the same after.
    """

    at: int
    gone: Sequence[ContractLine]
    come: Sequence[ContractLine]
    paid: int
    was_suspended: bool
    pays: int
    is_suspended: bool


@dataclass(frozen=True)
class _Reading:
    """How the lines of an account are read over [start, end)."""

    start: int
    end: int
    rules: MetricRules
    zone: ZoneInfo
    amounts: LineAmounts

    def account(self, account: str, lines: Sequence[ContractLine]) -> list[AccountMovements]:
        """What an account paid and what moved it: one row, or one for each time that it is a new client."""
        like = stripped(lines, self.start, self.end) if self.rules.escalators == "stripped" else lines
        steps = _steps(like, self.start, self.end)
        paid = any(line.annual > 0 and line.valid_from < self.start for line in like)
        opening = [line for line in like if line.valid_from < self.start <= line.valid_to]
        clients = self._clients(like, steps, paid=paid)
        rows = []
        for client in clients:
            row = self._row(account, like, opening, client, paid=paid)
            if client is clients[-1]:
                rows.append(self._closed(row, lines, like))
            elif row.opening or row.movements:  # its rates moved, if at all, while it was there
                rows.append(replace(row, fx=-row.closing))
            opening, paid = [], False
        return rows

    def _row(
        self,
        account: str,
        lines: Sequence[ContractLine],
        opening: Sequence[ContractLine],
        client: Sequence[_Step],
        *,
        paid: bool,
    ) -> AccountMovements:
        """What became of a client, by its own steps and what it paid at first."""
        first = sum(line.annual for line in opening)
        pays, is_suspended = (
            (client[-1].pays, client[-1].is_suspended) if client else (first, any(line.held for line in opening))
        )
        joined = not paid and not first and any(step.pays for step in client)
        left = joined and not pays and not is_suspended
        ever, interrupted = paid or first > 0, False
        for step in client:
            ever = ever or step.pays > 0
            interrupted = interrupted or (ever and not step.pays)
        movements = (
            [] if left and self.rules.new_and_churned == "ignored" else self._movements(lines, client, paid=paid)
        )
        amount = sum(self.amounts.opening(line) for line in opening)
        return AccountMovements(
            account=account,
            opening=amount,
            closing=amount + sum(movement.signed for movement in movements),
            paid_before=paid,
            interrupted=interrupted,
            suspended=not pays and is_suspended,
            movements=tuple(movements),
            joined=joined and self.rules.churn_denominator == "start_and_new",
            left=left and self.rules.new_and_churned == "counted",
        )

    def _closed(
        self, row: AccountMovements, lines: Sequence[ContractLine], like: Sequence[ContractLine]
    ) -> AccountMovements:
        """With what escalators and rates add to it in the end."""
        escalated = 0
        if like is not lines:
            escalated = sum(self.amounts.opening(line) for line in self._last(lines))
            escalated -= sum(self.amounts.opening(line) for line in self._last(like))
        fx = sum(self.amounts.closing(line) for line in self._last(lines)) - row.closing - escalated
        return replace(row, escalated=escalated, fx=fx) if escalated or fx else row

    def _last(self, lines: Sequence[ContractLine]) -> list[ContractLine]:
        return [line for line in lines if line.valid_from < self.end <= line.valid_to]

    def _clients(self, lines: Sequence[ContractLine], steps: Sequence[_Step], *, paid: bool) -> list[list[_Step]]:
        """The steps of each client that the account is in turn: an account that returns after too long a time is a new client."""
        longest = self.rules.reactivation_days
        if longest is None:
            return [list(steps)]
        left = max((line.valid_to for line in lines if line.annual and line.valid_to < self.start), default=0)
        clients: list[list[_Step]] = [[]]
        for step in steps:
            if step.paid and not step.pays:
                left = step.at
            elif step.pays and not step.paid:
                if paid and not step.was_suspended and days_apart(left, step.at) > longest:
                    clients.append([])
                paid = True
            clients[-1].append(step)
        return clients

    # --- movements ---

    def _movements(self, lines: Sequence[ContractLine], client: Sequence[_Step], *, paid: bool) -> list[Movement]:
        movements: list[Movement] = []
        for _, group in groupby(client, key=self._within):
            steps = list(group)
            movements += self._moved(lines, steps[0] if len(steps) == 1 else _net(steps), paid=paid)
            paid = paid or any(step.pays for step in steps)
        return movements

    def _within(self, step: _Step) -> str | int:
        """What a step is netted with: nothing, its month, or the period."""
        if self.rules.netting == "instant":
            return step.at
        return month_of(step.at, self.zone) if self.rules.netting == "month" else 0

    def _moved(self, lines: Sequence[ContractLine], step: _Step, *, paid: bool) -> list[Movement]:
        moving = self.amounts.moving
        change = sum(moving(line, step.at) for line in step.come) - sum(moving(line, step.at) for line in step.gone)
        if not change:
            return []
        kind = _kind(change, step, paid=paid)
        hold, escalator = self._reasons(step, change)
        if kind == "reactivation" and self.rules.reactivation == "expansion":
            kind = "expansion"
        if kind != "contraction" or self.rules.contract_end == "contraction":
            ended = self._ended(lines, step.gone, step.at) if kind == "churn" else ()
            return [Movement(step.at, kind, abs(change), hold, escalator, ended)]
        gone, begun = self._gone_and_begun(lines, step)
        lost = min(-change, max(0, sum(line.amount for line in gone) - begun))
        left = -change - lost
        moved = (Movement(step.at, "churn", lost, 0, 0, gone), Movement(step.at, kind, left, min(left, hold), 0))
        return [movement for movement in moved if movement.amount]

    def _ended(self, lines: Sequence[ContractLine], gone: Sequence[ContractLine], at: int) -> tuple[EndedLine, ...]:
        """Lines that ended, over several steps too: what began and ended in between has its contract end later than they do."""
        contracts = {line.contract for line in gone}
        last: dict[str, int] = {}
        for line in lines:
            if line.contract in contracts and line.valid_to <= at:
                last[line.contract] = max(line.valid_to, last.get(line.contract, line.valid_to))
        return tuple(EndedLine(line.contract, self.amounts.moving(line, at), last[line.contract]) for line in gone)

    def _gone_and_begun(self, lines: Sequence[ContractLine], step: _Step) -> tuple[tuple[EndedLine, ...], int]:
        """What contracts paid that are no more, and what others pay that have begun."""
        before = {line.contract for line in lines if line.valid_from < step.at <= line.valid_to} | {
            line.contract for line in step.gone
        }
        after = {line.contract for line in lines if line.valid_from <= step.at < line.valid_to}
        gone = self._ended(lines, [line for line in step.gone if line.contract not in after], step.at)
        return gone, sum(self.amounts.moving(line, step.at) for line in step.come if line.contract not in before)

    def _reasons(self, step: _Step, change: int) -> tuple[int, int]:
        """How much of a change is a suspension that began or ended, and how much an escalator; neither more than the change."""
        was = {(line.contract, line.line): line for line in step.gone}
        pairs = [(was[line.contract, line.line], line) for line in step.come if (line.contract, line.line) in was]

        def amount(line: ContractLine) -> int:
            return self.amounts.moving(line, step.at)

        if change < 0:
            return min(-change, sum(amount(old) for old, new in pairs if new.held)), 0
        released = sum(amount(new) for old, new in pairs if old.held)
        raised = sum(
            max(0, amount(new) - amount(old))
            for old, new in pairs
            if new.cause == "escalator" and old.annual  # the end of a trial is no escalator
        )
        return min(change, released), min(change - min(change, released), raised)


def month_of(at: int, zone: ZoneInfo) -> str:
    """The calendar month of an instant."""
    try:
        return day_of(at, zone)[:7]
    except OverflowError:  # a zone's day beyond the calendar
        return ""


def _steps(lines: Sequence[ContractLine], start: int, end: int) -> list[_Step]:
    """What changed at each instant of a period."""
    begun: dict[int, list[ContractLine]] = {}
    ended: dict[int, list[ContractLine]] = {}
    pays = held = 0
    for line in lines:
        if line.valid_from < start <= line.valid_to:
            pays += line.annual
            held += line.held
        elif start <= line.valid_from < end:
            begun.setdefault(line.valid_from, []).append(line)
        if start <= line.valid_to < end:
            ended.setdefault(line.valid_to, []).append(line)
    steps = []
    for at in sorted(begun.keys() | ended.keys()):
        gone, come, paid, was_suspended = ended.get(at, []), begun.get(at, []), pays, held > 0
        pays += sum(line.annual for line in come) - sum(line.annual for line in gone)
        held += sum(line.held for line in come) - sum(line.held for line in gone)
        steps.append(
            _Step(at=at, gone=gone, come=come, paid=paid, was_suspended=was_suspended, pays=pays, is_suspended=held > 0)
        )
    return steps


def _net(steps: Sequence[_Step]) -> _Step:
    """Several steps as one: what began and ended in between is left out."""
    first, last = steps[0], steps[-1]
    gone = [line for step in steps for line in step.gone if line.valid_from < first.at]
    come = [line for step in steps for line in step.come if line.valid_to > last.at]
    return _Step(
        at=last.at,
        gone=gone,
        come=come,
        paid=first.paid,
        was_suspended=first.was_suspended,
        pays=last.pays,
        is_suspended=last.is_suspended,
    )


def _kind(change: int, step: _Step, *, paid: bool) -> str:
    """The kind of a change. An account that pays nothing because it is suspended has not left, so it does not return either."""
    if change < 0:
        return "contraction" if step.pays or step.is_suspended else "churn"
    if not paid:
        return "new"
    return "expansion" if step.paid or step.was_suspended else "reactivation"
