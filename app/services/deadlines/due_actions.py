"""Due actions: what the renewal deadlines of a term demand by an instant. Pure: a row and a day in, commands out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.commands import ExpireContract, RenewAutomatically
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days, day_of, day_start, instant
from app.domain.policy.rules import RenewalRules
from app.domain.renewal.commands import OpenRenewal, ReachMilestone
from projections.views.renewals import Passed, Renewal


class DeadlineAction(NamedTuple):
    """A command whose deadline has passed. counter: the member of `PassResult` that counts it; due: the term's due day."""

    counter: str
    contract: str
    due: str
    command: Command
    targets: dict[str, str]
    idempotency_key: str


@dataclass(frozen=True)
class Day:
    """The tenant's day at an instant, in its zone, with the rules in force and what time has decided by then."""

    now: int
    today: str
    zone: ZoneInfo
    rules: RenewalRules
    passed: Passed

    def start(self, day: str, days: int = 0) -> int:
        """The beginning of the day so many days after another. Raises: ValueError beyond the calendar."""
        return day_start(add_days(day, days), self.zone)


def due_actions(row: Renewal, day: Day) -> Iterator[DeadlineAction]:
    """What is due of a term, in order: only the one that is running gets a cycle. Raises: ValueError for days beyond the calendar."""
    term = f"{row.contract}@{row.due}"
    opened_at, due = row.opened_at, day_of(row.due_at, day.zone)
    if row.renewal is None:
        opened_at = max(day.start(due, -day.rules.lead_days[0]), row.runs_from or 0)
        if row.due_at <= day.now or opened_at > day.now:
            return
        yield DeadlineAction(
            counter="opened",
            contract=row.contract,
            due=row.due,
            command=OpenRenewal(effective_at=instant(opened_at)),
            targets={"contract": row.contract},
            idempotency_key=f"watch:open:{term}",
        )
    for days in day.rules.lead_days[1:]:
        at = day.start(due, -days)
        if (opened_at or 0) < at <= day.now and (row.milestone is None or days < row.milestone):
            yield DeadlineAction(
                counter="milestones",
                contract=row.contract,
                due=row.due,
                command=ReachMilestone(days=days, effective_at=instant(at)),
                targets={"renewal": row.renewal or f"ref:{term}"},
                idempotency_key=f"watch:milestone:{term}:{days}",
            )
    yield from _end_of_term(row, day)


def _end_of_term(row: Renewal, day: Day) -> Iterator[DeadlineAction]:
    """What time has made of a term that nobody decided: it renewed itself, or it expired."""
    decided = day.passed.read(row)
    if decided.outcome == "open" or decided.decided_at is None:
        return
    term, targets, at = f"{row.contract}@{row.due}", {"contract": row.contract}, instant(decided.decided_at)
    if decided.outcome == "renewed":
        renewal = RenewAutomatically(effective_at=at)
        yield DeadlineAction("renewed", row.contract, row.due, renewal, targets, f"watch:renew:{term}")
        return
    if (
        row.notice_end is not None
    ):  # figures count it from its end on; until the grace is over a renewal may close the gap
        over = day.start(row.notice_end, day.rules.grace_days)
        if over > day.now:
            return
        at = instant(over)
    expiry = ExpireContract(effective_at=at)
    yield DeadlineAction("expired", row.contract, row.due, expiry, targets, f"watch:expire:{term}")
