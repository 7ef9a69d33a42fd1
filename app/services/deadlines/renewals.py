"""The renewal watcher: opens cycles ahead of the due day, notes milestones, and draws the line when nobody decided.

It looks at the renewals view and appends through the handler. What it appends is effective when the deadline was, however
late it is noticed, and only a contract whose cycle is open is ever renewed or expired by it: history that was imported
long after sprouts nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.aggregates import AGGREGATES
from app.domain.contract.commands import ExpireContract, RenewAutomatically
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Conflict, DomainError, Unavailable
from app.domain.kernel.values import add_days, day_of, day_start, instant
from app.domain.policy.rules import RenewalRules
from app.domain.policy.state import PolicyState
from app.domain.renewal.commands import OpenRenewal, ReachMilestone
from app.observe.logs import logger
from app.read_side.reader import Reader, When
from app.store.receipts import Receipt, Request, fingerprint
from app.write_side.handler import CommandEnvelope, Handler
from projections.views import renewals
from projections.views.renewals import Renewal

ACTOR: Final = "system:renewals"
POLICY: Final = "renewal@default"
PAGE: Final = 200
ROUNDS: Final = 200
"""How often a pass goes over what its own appends made due: a term that began by itself may have ended by now, too."""
LEFT_ALONE: Final = 60_000_000
"""How long, in microseconds, what was refused is left alone."""
RACED: Final = frozenset({"external_ref_taken", "renewal_closed", "milestone_reached"})
"""Refusals that only say that somebody else was faster."""


class DeadlineAction(NamedTuple):
    """Something that is due: what it is, of which contract and due day, and the command for it."""

    what: str
    contract: str
    due: str
    command: Command
    targets: dict[str, str]
    key: str


@dataclass
class PassResult:
    """What a pass did: how many of each, and what was refused, by contract, due day and code. until: the end of the day."""

    until: int = 0
    opened: int = 0
    milestones: int = 0
    renewed: int = 0
    expired: int = 0
    refusals: list[tuple[str, str, str]] = field(default_factory=list)
    more: bool = False

    @property
    def refused(self) -> int:
        """How many were refused."""
        return len(self.refusals)

    @property
    def appended(self) -> int:
        """How many were appended."""
        return self.opened + self.milestones + self.renewed + self.expired

    def body(self) -> dict[str, Any]:
        """The same as JSON."""
        told = [{"contract": contract, "due": due, "code": code} for contract, due, code in self.refusals]
        counts = {name: getattr(self, name) for name in ("opened", "milestones", "renewed", "expired")}
        return {**counts, "refused": told}


@dataclass(frozen=True)
class Day:
    """The day on which it is looked: what it is called, its instant, the tenant's zone, and the rules in force."""

    now: int
    today: str
    where: ZoneInfo
    rules: RenewalRules

    def start(self, day: str, days: int = 0) -> int:
        """The beginning of the day so many days later. Raises: ValueError beyond the calendar."""
        return day_start(add_days(day, days), self.where)


class RenewalDeadlines:
    """Watches renewals. Takes: the handler that appends, the reader of the view, a clock of microseconds."""

    def __init__(self, handler: Handler, reader: Reader, clock: Callable[[], int]) -> None:
        self.handler = handler
        self.reader = reader
        self.clock = clock
        self._alone: dict[tuple[str, str, str], int] = {}

    def look(self, tenant_id: str, most: int | None = None) -> PassResult:
        """One pass over what may be due, once the views have read the log.

        Takes: `most`, of how many appends at the most, about; what is left then is for the next pass.
        Raises: Unavailable when the database is away.
        """
        looked = PassResult()
        for _ in range(ROUNDS):
            before = looked.appended
            day = self._day(tenant_id)
            looked.until = day.start(day.today, 1)
            for rows in self._pages(tenant_id, day):
                self._take(tenant_id, [step for row in rows for step in self._steps(tenant_id, row, day)], looked)
                if most is not None and looked.appended >= most:
                    looked.more = True
                    return looked
            if looked.appended == before:
                return looked
            self.reader.projector.catch_up(tenant_id)
        looked.more = True
        return looked

    # --- what may be due ---

    def _day(self, tenant_id: str) -> Day:
        now, where = self.clock(), self.handler.zone(tenant_id)
        today = day_of(now, where)
        return Day(now, today, where, self._rules(tenant_id, today))

    def _rules(self, tenant_id: str, today: str) -> RenewalRules:
        """The rules in force, read from the log: what is remembered of a policy may be older than what another worker did."""
        log = self.handler.log
        found = log.resolve(tenant_id, "policy", POLICY)
        state: PolicyState = AGGREGATES["policy"].fold(log.stream(tenant_id, found) if found else ())
        rules = state.in_force(today)
        return rules if isinstance(rules, RenewalRules) else RenewalRules()

    def _pages(self, tenant_id: str, day: Day) -> Iterator[Sequence[Renewal]]:
        """Rows of which something may be due, in pages, each read behind the last of the one before."""
        first, *milestones = day.rules.lead_days
        grace_from = day.start(day.today, -day.rules.grace_days)
        coming = renewals.to_be_opened(day.now, day.start(day.today, first))
        passed = renewals.with_deadline_passed(
            day.now,
            day.today,
            milestones={days: day.start(day.today, days) for days in milestones},
            grace_from=grace_from,
            grace_day=day_of(grace_from, day.where),
        )
        for conditions in (coming, passed):
            page = conditions
            while True:
                rows, _ = self.reader.select(
                    tenant_id,
                    renewals.VIEW,
                    page,
                    When(day.now, None, now=True),
                    order=renewals.BY_DUE_DAY,
                    limit=PAGE,
                )
                yield rows
                if len(rows) < PAGE:
                    break
                page = [*conditions, renewals.behind(rows[-1])]

    def _steps(self, tenant_id: str, row: Renewal, day: Day) -> list[DeadlineAction]:
        if self._alone.get((tenant_id, row.contract, row.due), 0) > day.now:
            return []
        try:
            return list(steps(row, day))
        except ValueError:  # a day beyond the calendar is never reached
            return []

    # --- appending ---

    def _take(self, tenant_id: str, due: Sequence[DeadlineAction], looked: PassResult) -> None:
        """Appends what is due; a contract that cannot be handled keeps no other waiting."""
        if not due:
            return
        try:
            outcomes = self._handled(tenant_id, due)
        except DomainError:
            raise
        except Exception:  # noqa: BLE001 - one of them is poison: each contract by itself shows which
            outcomes = []
            for _, group in groupby(due, key=lambda step: step.contract):
                outcomes += self._by_itself(tenant_id, list(group))
        failed: set[str] = set()
        for step, outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, Receipt):
                if not outcome.replayed:
                    setattr(looked, step.what, getattr(looked, step.what) + 1)
            elif step.contract not in failed:  # what rests on a step that failed fails, too
                failed.add(step.contract)
                self._refused(tenant_id, step, outcome, looked)

    def _handled(self, tenant_id: str, due: Sequence[DeadlineAction]) -> list[Receipt | DomainError]:
        mark = self.handler.log.vault.mark
        intents = [
            CommandEnvelope(
                tenant_id,
                ACTOR,
                step.command,
                Request(step.key, mark(tenant_id, fingerprint(step.key.encode()))),
                step.targets,
            )
            for step in due
        ]
        return self.handler.handle_batch(tenant_id, intents)

    def _by_itself(self, tenant_id: str, due: Sequence[DeadlineAction]) -> Sequence[Receipt | DomainError]:
        try:
            return self._handled(tenant_id, due)
        except DomainError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with it, it is left alone for a while
            return [DomainError(f"poison_{type(fault).__name__}")] * len(due)

    def _refused(self, tenant_id: str, step: DeadlineAction, refusal: DomainError, looked: PassResult) -> None:
        if isinstance(refusal, Conflict | Unavailable) or refusal.code in RACED:
            return  # somebody else was faster, or the next pass tries again
        key = (tenant_id, step.contract, step.due)
        if key not in self._alone:
            logger().warning("watcher_refused", tenant_id=tenant_id, contract=step.contract, code=refusal.code)
        if len(self._alone) > 100_000:
            self._alone.clear()
        self._alone[key] = self.clock() + LEFT_ALONE
        looked.refusals.append((step.contract, step.due, refusal.code))


# --- what is due: pure ---


def steps(row: Renewal, day: Day) -> Iterator[DeadlineAction]:
    """What is due of a term, in order. Raises: ValueError for days beyond the calendar."""
    named = f"{row.contract}@{row.due}"
    opened_at = row.opened_at
    due = day_of(row.due_at, day.where)
    if row.renewal is None:
        if row.due_at <= day.now and not row.automatic:
            return
        opened_at = max(day.start(due, -day.rules.lead_days[0]), row.agreed_at or 0)
        if opened_at > day.now:
            return
        open_ = OpenRenewal(effective_at=instant(opened_at))
        yield DeadlineAction("opened", row.contract, row.due, open_, {"contract": row.contract}, f"watch:open:{named}")
    cycle = {"renewal": row.renewal or f"ref:{named}"}
    for days in day.rules.lead_days[1:]:
        at = day.start(due, -days)
        if (opened_at or 0) < at <= day.now and (row.milestone is None or days < row.milestone):
            reached = ReachMilestone(days=days, effective_at=instant(at))
            yield DeadlineAction("milestones", row.contract, row.due, reached, cycle, f"watch:milestone:{named}:{days}")
    yield from _outcome(row, due, day)


def _outcome(row: Renewal, due: str, day: Day) -> Iterator[DeadlineAction]:
    """What becomes of a term that nobody decided: it goes on by itself, or it is over once its grace is."""
    named, contract = f"{row.contract}@{row.due}", {"contract": row.contract}
    if row.auto_renew and not row.noticed:
        if (at := day.start(row.deferred_to or due)) <= day.now:
            again = RenewAutomatically(effective_at=instant(at))
            yield DeadlineAction("renewed", row.contract, row.due, again, contract, f"watch:renew:{named}")
    elif (at := day.start(row.notice_end or row.deferred_to or due, day.rules.grace_days)) <= day.now:
        over = ExpireContract(effective_at=instant(at))
        yield DeadlineAction("expired", row.contract, row.due, over, contract, f"watch:expire:{named}")
