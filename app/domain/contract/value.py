"""What an event of a contract is worth: what it changed of what the contract pays a year, as it was known with it."""

from typing import Final, NamedTuple

from app.domain.contract import schedule as schedules
from app.domain.contract.schedule import Schedule
from app.domain.contract.state import ContractState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import day_start
from app.domain.recorded import Recorded

SELLING: Final = frozenset({"contract.drafted", "contract.signed", "contract.amended", "contract.renewed"})


class Worth(NamedTuple):
    """An event's worth, in 10^-6. before, after: annual, of the lines that it touched; whole: of all lines with it; one_off: what
    it sells once.

    event: the draft for a signature, because both make one contract.
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


def worth(contract: ContractState, event_id: str, context: Context) -> Worth:
    """What an event of a contract is worth, as it stood when it was told: what was told later is not counted.

    Raises: Refused for an event that is none of the contract's, or sells nothing.
    """
    event = sold(contract, event_id)
    before = schedules.build((one for one in contract.history if one.version < event.version), context.zone)
    after = schedules.apply(before, event, context.zone)
    if event.type == "contract.drafted":
        after = after._replace(frame=after.frame._replace(signed=True))
        paid = after.annual_at(day_start(event.data["start"], context.zone))
        return Worth(event.event_id, 0, paid, paid, _once(before, after, event))
    if event.type == "contract.renewed":
        start = day_start(event.data["start"], context.zone)
        paid = after.annual_at(start)
        return Worth(event.event_id, _expiring(before, event, start, context), paid, paid, _once(before, after, event))
    touched = [
        (change["line"], day_start(change["start"], context.zone) if change.get("start") else event.effective_at)
        for change in event.data["changes"]
    ]
    was, becomes = (sum(_paid(one, line, at) for line, at in touched) for one in (before, after))
    whole = after.annual_at(max(at for _, at in touched))
    return Worth(event.event_id, was, becomes, whole, _once(before, after, event))


def sold(contract: ContractState, event_id: str) -> Recorded:
    """The event that sold something; the draft for its signature. Raises: Refused."""
    named = next((one for one in contract.history if one.event_id == event_id), None)
    if named is None:
        raise Refused("unknown_event", "the event is none of this contract's")
    if named.type not in SELLING:
        raise Refused("event_sells_nothing", "name the event that drafted, signed, amended or renewed the contract")
    return contract.history[0] if named.type == "contract.signed" else named


def _expiring(before: Schedule, event: Recorded, start: int, context: Context) -> int:
    """What was paid until the new term; where a gap lies between, until the old one ended."""
    previous = event.data.get("previous_end")
    if before.frame.pays_at(start - 1) or not previous:
        return before.annual_at(start - 1)
    return before.annual_at(day_start(previous, context.zone) - 1)


def _once(before: Schedule, after: Schedule, event: Recorded) -> int:
    """What an event sells once: the one-off lines that it brought or made larger, less what it took off them."""
    told = {step.line for step in after.steps if step.source == event.event_id}
    return sum(_sold_once(after, line, event) - _sold_once(before, line, event) for line in told)


def _sold_once(schedule: Schedule, line: str, event: Recorded) -> int:
    """What a line is sold for once, as its last step says; nothing of a term that a renewal ended."""
    steps = [step for step in schedule.lines.get(line, ()) if step.kind == "one_off"]
    if not steps or steps[-1].removed or (event.type == "contract.renewed" and steps[-1].source != event.event_id):
        return 0
    return schedules.annual(steps[-1].quantity, steps[-1].unit_price, "year", steps[-1].discount)


def _paid(schedule: Schedule, line: str, at: int) -> int:
    return sum(one.annual for one in schedule.intervals() if one.line == line and one.start <= at < one.end)
