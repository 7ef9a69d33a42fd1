"""Schedules: what the views of contracts share, a contract's schedule in a row of its own, the anchor of the others.

In memory an anchor holds a Schedule, in the table the same as JSON.
"""

from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Schedule, apply
from app.domain.recorded import Recorded
from projections.view import Key

TOPICS: Final = tuple(
    f"contract.{what}"
    for what in (
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


def is_anchor(key: Key) -> bool:
    """Whether a row is a contract's schedule: it names the contract and nothing else."""
    return not key[1]


def moved(kept: Any, recorded: Recorded, where: ZoneInfo) -> tuple[Schedule, Schedule]:
    """A contract's schedule before and after an event; the same one where nothing changes.

    Takes: what the anchor holds. A view of contracts folds every event of the stream in order, so that all views come to
    the same schedule: the first leaves it at the event for the others.
    """
    before = Schedule.load(kept)
    after = recorded.schedule
    if after is None:
        after = recorded.schedule = apply(before, recorded, where)
    return before, before if after == before else after
