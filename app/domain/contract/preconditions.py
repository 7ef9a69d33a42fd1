"""What the terms of a contract must fit: its days, its lines and their changes. Shared by decisions on contracts."""

from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain.contract import events
from app.domain.contract import schedule as schedules
from app.domain.contract.commands import AddLine, Change, Line, RemoveLine, SetLine
from app.domain.contract.schedule import LARGEST_ANNUAL, LineStep, Schedule
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.values import FIRST, FOREVER, day_of, day_start, scaled

_KINDS: Final[dict[str, Any]] = {
    "set_line": events.LineSet,
    "add_line": events.LineAdded,
    "remove_line": events.LineRemoved,
}


def recorded_lines(lines: Iterable[Line]) -> tuple[events.Line, ...]:
    """Lines as events hold them."""
    return tuple(events.Line(**line.model_dump(exclude={"op"})) for line in lines)


def recorded_changes(changes: Iterable[Change]) -> tuple[events.Change, ...]:
    """Changes as events hold them."""
    return tuple(_KINDS[change.op](**change.model_dump()) for change in changes)


def check_term(start: str, end: str | None) -> None:
    """Raises: Invalid for a term that does not end after it begins."""
    if end is not None and end <= start:
        raise Invalid("end_before_start", "a term must end after it begins")


def require_on_calendar(start: str, where: ZoneInfo) -> None:
    """Raises: Invalid for a first day that begins before the calendar does, as the world counts it."""
    if day_start(start, where) < FIRST:
        raise Invalid("out_of_range", "the term begins before the calendar does")


def check_lines(lines: Iterable[Line], start: str, end: str | None) -> None:
    """Raises: Invalid for two lines of a name, and for what lies outside the term."""
    lines = tuple(lines)
    names = [line.line for line in lines]
    if len(set(names)) != len(names):
        raise Invalid("overlapping_lines", "two lines have the same name")
    for line in lines:
        if (line.start and line.start < start) or (end and line.end and line.end > end):
            raise Invalid("line_outside_term", "a line must lie within the contract's term")
        if (end and line.start and line.start >= end) or (line.end and line.end <= start):
            raise Invalid("line_outside_term", "a line must lie within the contract's term")
        _check_plan(line, line.start or start, line.end or end)


def check_changes(schedule: Schedule, changes: Iterable[Change], context: Context) -> None:
    """Raises: Refused or Invalid for a change of what is not there, of one line twice, or outside the term."""
    require_in_force(schedule, context)
    changes = tuple(changes)
    names = [change.line for change in changes]
    if len(set(names)) != len(names):
        raise Invalid("overlapping_lines", "two changes name the same line")
    for change in changes:
        if isinstance(change, AddLine):
            _check_addition(schedule, change, context)
            continue
        current = schedule.step_at(change.line, context.effective_at)
        if current is None:
            raise Refused("unknown_line", "the contract has no line of this name at that time")
        if isinstance(change, SetLine):
            _check_setting(current, change, context)


def require_in_force(schedule: Schedule, context: Context) -> None:
    """Raises: Refused unless the contract is in force at the command's instant."""
    if not any(start <= context.effective_at < end for start, end in schedule.windows()):
        raise Refused("outside_term", "the contract is not in force at that time")


def require_in_range(schedule: Schedule, changes: Iterable[Change]) -> None:
    """Raises: Invalid when what was agreed for later becomes too large with changes that were just made."""
    named = {change.line for change in changes if not isinstance(change, RemoveLine)}
    if any(abs(step.gross) > LARGEST_ANNUAL for line in named for step in schedule.lines.get(line, ())):
        raise _too_large()


def _check_addition(schedule: Schedule, line: AddLine, context: Context) -> None:
    at, where = context.effective_at, context.zone
    begins = day_start(line.start, where) if line.start else at
    ends = day_start(line.end, where) if line.end else None
    closes = next((closes for opens, closes in schedule.windows() if opens <= begins < closes), None)
    if begins < at or closes is None or (ends is not None and not begins < ends <= closes):
        raise Refused("line_outside_term", "the line must begin with the amendment or later, within the term")
    if line.line in schedule.lines:
        raise Refused("line_exists", "the contract has or had a line of this name")
    _check_plan(line, day_of(begins, where), line.end or (day_of(closes, where) if closes < FOREVER else None))


def _check_setting(current: LineStep, change: SetLine, context: Context) -> None:
    quantity, price = change.quantity or current.quantity, change.unit_price or current.unit_price
    _check_amount(quantity, price, current.interval)
    if change.discount_end is None:
        return
    if day_start(change.discount_end, context.zone) <= context.effective_at:
        raise Invalid("end_before_start", "the discount must end after the change")
    if change.discount_percent is None and (scaled(current.discount) == 0 or current.until <= context.effective_at):
        raise Refused("no_discount", "the line has no discount in force that could end")


def _check_plan(line: Line, start: str, end: str | None) -> None:
    """What was agreed for later of a line that is in force over [start, end)."""
    if line.discount_end and line.discount_end <= start:
        raise Invalid("end_before_start", "the discount must end after the line begins")
    last, quantity, price = start, line.quantity, line.unit_price
    for step in line.ramp or ():
        if end and step.start >= end:
            raise Invalid("ramp_outside_term", "a step of a ramp must lie within the line's term")
        if step.start <= last:
            raise Invalid("ramp_unordered", "the steps of a ramp follow one another, all after the line has begun")
        last, quantity, price = step.start, step.quantity or quantity, step.unit_price or price
        _check_amount(quantity, price, line.billed)


def _check_amount(quantity: str, price: str, interval: str) -> None:
    if abs(schedules.annual(quantity, price, interval)) > LARGEST_ANNUAL:
        raise _too_large()


def _too_large() -> Invalid:
    return Invalid("amount_out_of_range", "the annual amount is larger than 10^12")
