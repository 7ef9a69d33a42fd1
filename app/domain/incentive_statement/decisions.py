"""The incentive statement: what somebody is paid for events of a period by a plan, what is taken back, and what is disputed.

Its lines are computed from the ledger (`app.services.incentive_statements`) and checked here once more, with their sum.
"""

from collections.abc import Sequence
from typing import Final

from app.domain.incentive_statement import events
from app.domain.incentive_statement.commands import DisputeLine, Key, RecordClawback, RecordStatement, ResolveDispute
from app.domain.incentive_statement.state import PaidLine, StatementState
from app.domain.kernel.context import Context
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import (
    MICRO,
    add_days,
    add_months,
    day_of,
    day_start,
    half_up,
    micros,
    minor_unit,
    scaled,
    unscaled,
)
from app.domain.policy.rules import IncentiveRules
from app.domain.policy.state import PolicyState

NOUN: Final = "incentive_statement"
LINE: Final = "incentive_line"
"""Under this name a statement claims `<rule>/<event>` for ever, so that no event is paid twice under one rule."""
MOST_LINES: Final = 400
"""How many lines a statement may have, so that it stays one event."""
LARGEST: Final = 10**12 * MICRO


def plan_of(policy: PolicyState, start: str, end: str) -> tuple[int, IncentiveRules]:
    """The one version of a plan that is in force all over [start, end), by number.

    Raises: Refused where the policy is no plan, is not in force, or changes in between.
    """
    if policy.kind != "incentive":
        raise Refused("not_an_incentive_plan", "the policy is no incentive plan")
    first, last = policy.version_on(start), policy.version_on(add_days(end, -1))
    rules = policy.in_force(start)
    if first is None or last is None or not isinstance(rules, IncentiveRules):
        raise Refused("plan_not_in_force", "the plan is not in force on every day of the period")
    if first.number != last.number:
        raise Refused(
            "plan_changes_within_period",
            f"{policy.version_name(last.number)} takes over; make a statement for each part of the period",
        )
    return first.number, rules


def factor_of(rules: IncentiveRules, retention: str | None) -> str:
    """The factor on what renewals pay: that of the highest tier that a retention reaches, 1 below the first or without any."""
    factors = [] if retention is None else [
        tier.factor for tier in rules.retention_tiers if scaled(tier.at_least) <= scaled(retention)
    ]  # fmt: skip
    return factors[-1] if factors else "1"


def pay(value: int, percent: str, factor: str, currency: str) -> int:
    """What a value pays, rounded half up to the currency's minor unit; all in 10^-6."""
    unit = minor_unit(currency)
    return half_up(value * scaled(percent) * scaled(factor), unit * 100 * MICRO * MICRO) * unit


def claims(command: RecordStatement, _context: Context) -> Sequence[tuple[str, str]]:
    """What a statement claims for ever: each event under its rule."""
    return [(LINE, f"{line.rule}/{line.event}") for line in command.lines]


def issue(_state: StatementState, command: RecordStatement, context: Context) -> tuple[Event, ...]:
    """A statement. Raises: Refused where there is nothing to pay, too much for one, or a line differs from the plan."""
    policy: PolicyState = context.states["policy"]
    number, rules = plan_of(policy, command.start, command.end)
    if not command.lines:
        raise Refused("nothing_to_pay", "nothing of the period is to be paid, or all of it was paid already")
    if len(command.lines) > MOST_LINES:
        raise Refused("too_many_lines", f"more than {MOST_LINES} lines; make statements for shorter periods")
    rates = {rate.rule: rate.percent for rate in rules.rates}
    factor = factor_of(rules, command.retention.value if command.retention else None)
    start, end = (day_start(day, context.zone) for day in (command.start, command.end))
    sound = (
        number == command.number
        and len({line.key for line in command.lines}) == len(command.lines)
        and (command.retention is not None or not rules.retention_tiers)
        and all(
            start <= micros(line.at) < end
            and line.percent == rates.get(line.rule)
            and line.factor == (factor if line.rule == "renewal" else "1")
            and scaled(line.amount) == pay(scaled(line.value), line.percent, line.factor, command.currency)
            for line in command.lines
        )
    )
    if not sound:
        raise Refused("statement_unsound", "a line differs from the plan; the plan may have changed just now")
    total = sum(scaled(line.amount) for line in command.lines)
    if total > LARGEST:
        raise Invalid("amount_out_of_range", "a statement pays no more than 10^12")
    return (
        events.IncentiveStatementIssued(
            plan=context.ids["policy"],
            plan_version=policy.version_name(number),
            clawback_months=rules.clawback_months,
            lines=tuple(events.Line(**line.model_dump()) for line in command.lines),
            total=unscaled(total),
            retention=command.retention,
            **command.model_dump(include={"payee", "start", "end", "currency", "position", "external_ref"}),
        ),
    )


def claw_back(state: StatementState, command: RecordClawback, context: Context) -> tuple[Event, ...]:
    """What was paid for what is lost within the plan's months of its winning; never more than was paid.

    Raises: Refused for a loss that was applied, or that takes nothing back.
    """
    returned = tuple(
        events.Returned(event=event, rule=rule, amount=unscaled(line.amount - line.returned))
        for (rule, event), line in state.lines.items()
        if _lost(line, command)
        and line.amount > line.returned
        and _within(day_of(micros(line.at), context.zone), command.lost_on, state.clawback_months)
    )
    if not returned and command.loss in state.losses:
        raise Refused("already_clawed_back", "all that this loss takes back of the statement was taken back already")
    if not returned:
        raise Refused(
            "nothing_to_claw_back", "nothing was paid for what is lost, not so long ago and not taken back yet"
        )
    total = unscaled(sum(scaled(line.amount) for line in returned))
    event = events.IncentiveClawbackApplied(loss=command.loss, lost_on=command.lost_on, lines=returned, total=total)
    return (event,)


def dispute(state: StatementState, command: DisputeLine, _context: Context) -> tuple[Event, ...]:
    """A line disputed. Raises: Refused for one that is not there, or is disputed already."""
    (rule, event), line = _line(state, command.event, command.rule)
    if line.disputed:
        raise Refused("line_disputed", "the line is disputed already")
    return (events.IncentiveLineDisputed(event=event, rule=rule, reason=command.reason),)


def resolve(state: StatementState, command: ResolveDispute, _context: Context) -> tuple[Event, ...]:
    """A dispute's end. Raises: Refused without a dispute, or for less than was taken back; Invalid for parts of a cent."""
    (rule, event), line = _line(state, command.event, command.rule)
    if not line.disputed:
        raise Refused("line_not_disputed", "nobody disputes the line")
    require_in(state.currency, command)
    amount = line.amount if command.amount is None else scaled(command.amount)
    if amount % minor_unit(state.currency):
        raise Invalid("amount_too_fine", "an amount has no parts of the currency's minor unit")
    if amount < line.returned:
        raise Refused("below_clawed_back", "more of the line was taken back already")
    if command.outcome == "changed" and amount == line.amount:
        raise Refused("nothing_changes", "the line pays this already; keep it")
    total = sum(each.amount for each in state.lines.values()) - line.amount + amount
    if total > LARGEST:
        raise Invalid("amount_out_of_range", "a statement pays no more than 10^12")
    return (
        events.IncentiveDisputeResolved(
            event=event,
            rule=rule,
            outcome=command.outcome,
            amount=unscaled(amount),
            previous=unscaled(line.amount),
            reason=command.reason,
        ),
    )


def _line(state: StatementState, event: str, rule: str | None) -> tuple[Key, PaidLine]:
    matches = [(key, line) for key, line in state.lines.items() if key[1] == event and rule in (None, key[0])]
    if not matches:
        raise Refused("line_unknown", "the statement has no such line")
    if len(matches) > 1:
        raise Refused("line_ambiguous", "the event is paid under several rules; name one")
    return matches[0]


def _lost(line: PaidLine, command: RecordClawback) -> bool:
    return line.account == command.account and command.contract in (None, line.contract)


def _within(won_on: str, lost_on: str, months: int) -> bool:
    """Whether something was lost so soon after it was won."""
    return months > 0 and won_on <= lost_on < add_months(won_on, months)
