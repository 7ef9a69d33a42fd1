"""Contract schedules: what the views of contracts share. Each keeps a contract's schedule in a row of its own.

The other rows are made from this schedule row. In memory it holds a Schedule, in the table the same as JSON.
"""

from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Schedule, apply
from app.domain.recorded import Recorded
from projections.view import Key

TOPICS: Final = tuple(
    f"contract.{name}"
    for name in (
        "drafted",
        "signed",
        "amended",
        "corrected",
        "notice_given",
        "notice_withdrawn",
        "suspended",
        "resumed",
        "renewed",
        "terminated",
        "terms_corrected",
        "expired",
    )
)
"""What happens to a contract."""


def is_schedule_row(key: Key) -> bool:
    """Whether a row is a contract's schedule: it names the contract and nothing else."""
    return not key[1]


def advance(stored: Any, recorded: Recorded, where: ZoneInfo) -> tuple[Schedule, Schedule]:
    """A contract's schedule before and after an event; the same one where nothing changes.

    Takes: what the schedule row holds. A view of contracts folds every event of the stream in order, so that all views come
    to the same schedule: the first leaves it at the event for the others.
    """
    before = Schedule.load(stored)
    after = recorded.schedule
    if after is None:
        after = recorded.schedule = apply(before, recorded, where)
    return before, before if after == before else after
