"""Event values: the annual value that an event of a contract brought, in 10^-6, as it is known with all corrections."""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Schedule
from app.domain.contract.value import line_annual
from app.domain.kernel.values import day_start
from app.domain.recorded import Recorded


def annual_value(event: Recorded, history: Sequence[Recorded], schedule: Schedule, zone: ZoneInfo) -> int:
    """The annual value that an event brought; its corrections count as if the event itself had contained them.

    Takes: the contract's events, and the schedule that they make.
    """
    match event.type:
        case "contract.signed":
            first = _without(schedule, history, lambda other: other.type == "contract.amended")
            return first.annual_at(schedule.terms.periods[0][0])
        case "contract.renewed":
            agreed = _without(
                schedule, history, lambda other: other.type == "contract.amended" and other.version > event.version
            )
            return agreed.annual_at(day_start(_renewal_start(event, history), zone))
        case _:
            return _growth(event, history, schedule)


def _without(schedule: Schedule, history: Sequence[Recorded], excluded: Callable[[Recorded], bool]) -> Schedule:
    """A schedule without some events and without the corrections of them."""
    for event in history:
        if excluded(event):
            for source in _with_corrections(event, history):
                schedule = schedule.without(source)
    return schedule


def _with_corrections(event: Recorded, history: Sequence[Recorded]) -> set[str]:
    """The ids of an event, of its corrections, and of the corrections of those."""
    ids = {event.event_id}
    for other in history:
        if other.type == "contract.corrected" and other.data["corrects"] in ids:
            ids.add(other.event_id)
    return ids


def _renewal_start(renewal: Recorded, history: Sequence[Recorded]) -> str:
    """The first day of the term that a renewal agreed on, as its newest correction has it."""
    corrected = [
        other.data["start"]
        for other in history
        if other.data.get("corrects") == renewal.event_id and other.data.get("start")
    ]
    return str(corrected[-1] if corrected else renewal.data["start"])


def _growth(event: Recorded, history: Sequence[Recorded], schedule: Schedule) -> int:
    """By how much an amendment raised the annual value of its lines, each at its first day; changes that only correct do not count."""
    sources = _with_corrections(event, history)
    before = _without(schedule, history, lambda other: other is event)
    growth = 0
    for change in event.data["changes"]:
        line = change["line"]
        starts = [step.at for step in schedule.lines.get(line, ()) if step.source in sources]
        if starts and change.get("cause") != "correction":
            at = min(starts)
            growth += line_annual(schedule, line, at) - line_annual(before, line, at)
    return growth
