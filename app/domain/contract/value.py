"""The value of a contract's event: what it changed of what the contract pays a year, as it was known when it was recorded."""

from typing import Final, NamedTuple

from app.domain.contract import schedule as schedules
from app.domain.contract.schedule import Schedule
from app.domain.contract.state import ContractState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import day_start
from app.domain.recorded import Recorded

SELLING: Final = frozenset({"contract.drafted", "contract.signed", "contract.amended", "contract.renewed"})


class EventValue(NamedTuple):
    """Amounts in 10^-6. before, after: annual, of the lines that the event changed; whole: annual, of all lines with it.

    one_off: what it sells once. event: its id; for a signature that of the draft, because both make one contract.
    """

    event: str
    before: int
    after: int
    whole: int
    one_off: int

    @property
    def change(self) -> int:
        """What it added a year."""
        return self.after - self.before


def value_of_event(contract: ContractState, event_id: str, context: Context) -> EventValue:
    """The value of an event of a contract as it was when it was recorded: later events do not count.

    Raises: Refused for an event that is none of the contract's, or sells nothing.
    """
    event = selling_event(contract, event_id)
    earlier = (recorded for recorded in contract.history if recorded.version < event.version)
    before = schedules.build(earlier, context.zone)
    after = schedules.apply(before, event, context.zone)
    if event.type == "contract.drafted":
        after = after._replace(terms=after.terms._replace(signed=True))
        paid = after.annual_at(day_start(event.data["start"], context.zone))
        return EventValue(
            event=event.event_id, before=0, after=paid, whole=paid, one_off=_one_off(before, after, event)
        )
    if event.type == "contract.renewed":
        start = day_start(event.data["start"], context.zone)
        paid = after.annual_at(start)
        return EventValue(
            event=event.event_id,
            before=_expiring(before, event, start, context),
            after=paid,
            whole=paid,
            one_off=_one_off(before, after, event),
        )
    changes = [
        (change["line"], day_start(change["start"], context.zone) if change.get("start") else event.effective_at)
        for change in event.data["changes"]
    ]
    return EventValue(
        event=event.event_id,
        before=sum(line_annual(before, line, at) for line, at in changes),
        after=sum(line_annual(after, line, at) for line, at in changes),
        whole=after.annual_at(max(at for _, at in changes)),
        one_off=_one_off(before, after, event),
    )


def selling_event(contract: ContractState, event_id: str) -> Recorded:
    """The event of this id, or the draft for its signature. Raises: Refused for one that is unknown or sells nothing."""
    named = next((recorded for recorded in contract.history if recorded.event_id == event_id), None)
    if named is None:
        raise Refused("unknown_event", "the event is none of this contract's")
    if named.type not in SELLING:
        raise Refused("event_sells_nothing", "name the event that drafted, signed, amended or renewed the contract")
    return contract.history[0] if named.type == "contract.signed" else named


def _expiring(before: Schedule, event: Recorded, start: int, context: Context) -> int:
    """What was paid until the new term began; where a gap lies between, until the old one ended."""
    previous = event.data.get("previous_end")
    if before.terms.pays_at(start - 1) or not previous:
        return before.annual_at(start - 1)
    return before.annual_at(day_start(previous, context.zone) - 1)


def _one_off(before: Schedule, after: Schedule, event: Recorded) -> int:
    """What an event sells once: the one-off lines that it added or made larger, less what it took off them."""
    changed = {step.line for step in after.steps if step.source == event.event_id}
    return sum(_one_off_of(after, line, event) - _one_off_of(before, line, event) for line in changed)


def _one_off_of(schedule: Schedule, line: str, event: Recorded) -> int:
    """What a line is sold for once, by its last step; nothing of a term that a renewal ended."""
    steps = [step for step in schedule.lines.get(line, ()) if step.kind == "one_off"]
    if not steps or steps[-1].removed or (event.type == "contract.renewed" and steps[-1].source != event.event_id):
        return 0
    return schedules.annual(steps[-1].quantity, steps[-1].unit_price, "year", steps[-1].discount)


def line_annual(schedule: Schedule, line: str, at: int) -> int:
    """What one line recurs at a year at an instant, by its price; in a trial too."""
    return schedule._replace(lines={line: schedule.lines[line]} if line in schedule.lines else {}).annual_at(at)
