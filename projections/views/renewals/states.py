"""What falls due on a contract over business time: one row for each state of each due day, from the facts alone. Pure.

A state begins when a fact is decided that changes it, or when its term begins by itself, and holds until the next one. So a question
about an instant reads the states of that instant, and nothing that was decided later shows in them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.line_steps import RECURRING, LineStep
from app.domain.contract.schedule import Schedule
from app.domain.kernel.values import FOREVER, day_start, days_earlier, moment_start
from projections.views.renewals.contract_facts import ContractFacts, Fact, schedule_of, until
from projections.views.renewals.cycles import cycles_of, moved_cycles
from projections.views.renewals.row import Renewal
from projections.views.renewals.term_sequence import OPEN, RENEWED, Agreement, Due, agreement_of, due_days

AHEAD: Final = 2
"""How many due days behind the newest fact are worked out, where terms follow by themselves."""


class Follower(NamedTuple):
    """A contract that replaces another, by the facts at an instant: from which day on, and what it pays then; amounts in 10^-6."""

    start: str
    decided: int
    value: int
    currency: str


@dataclass
class Timeline:
    """The facts of a contract and of those that replace it, read instant by instant.

    head: the row that says whose they are. since: from when on states are worked out; the facts before are read together. reached: until
    when terms that begin by themselves are worked out at the least.
    """

    head: Renewal
    own: ContractFacts
    followers: Sequence[ContractFacts]
    where: ZoneInfo
    since: int
    reached: int = -FOREVER
    _facts: Sequence[Fact] = field(init=False)

    def __post_init__(self) -> None:
        """Reads the facts as corrections say they were."""
        self._facts = self.own.corrected()
        self._of_followers = [(follower.corrected(), follower) for follower in self.followers]

    def states(self) -> tuple[list[Renewal], int]:
        """The states from `since` on, by due day and time. Gives: also from when on later terms are not worked out; never: `FOREVER`."""
        streams = [self._facts, *(facts for facts, _ in self._of_followers)]
        instants = sorted({max(fact.counts_from, self.since) for facts in streams for fact in facts})
        moved = moved_cycles(self.own.facts)
        of_due: dict[str, list[Renewal]] = {}
        horizon, schedule, read = FOREVER, None, 0
        for at, instant in enumerate(instants):
            last = at + 1 == len(instants)
            facts = until(self._facts, instant)
            if last:
                schedule = self.own.schedule(self.where)
            else:
                schedule = schedule_of(facts[read:], self.where, schedule)
                read = len(facts)
            end = FOREVER if last else instants[at + 1]
            agreement = agreement_of(facts)
            if agreement is None:
                continue
            dues = list(self._dues(agreement, end, last=last))
            if last and dues and not dues[-1].last and agreement.auto_renew and agreement.terms[-1].end is not None:
                horizon = day_start(dues[-1].day, self.where)
            followers = list(self._followers(instant))
            cycles = cycles_of(facts, moved)
            for due in dues:
                row = self._row(due, agreement.notice_days, schedule, followers, dues)
                if row is not None:
                    begins = max(instant, due.begins or instant)
                    row = row._replace(valid_from=begins, valid_to=end, **cycles.get(due.day, {}))
                    _join(of_due.setdefault(due.day, []), self._deferred(row))
        return [row for rows in of_due.values() for row in rows], horizon

    def amount_at(self, due: str, at: int) -> int:
        """What expires on a due day by the facts of an instant, or by those with which the contract was signed, where that was later."""
        signed = next((fact.counts_from for fact in self._facts if fact.type == "contract.signed"), at)
        facts = until(self._facts, max(at, signed))
        agreement = agreement_of(facts)
        closes = day_start(due, self.where)
        if agreement is not None:
            days = due_days(agreement, closes, self.where)
            closes = next((each.closes for each in days if each.day == due), closes)
        return sum(step.annual for step in _running(schedule_of(facts, self.where), closes - 1))

    def _dues(self, agreement: Agreement, end: int, *, last: bool) -> Iterator[Due]:
        """The due days of terms that are agreed, or begin by themselves until an instant or a few terms ahead."""
        reached = max(self.own.told_at, self.reached)
        ahead = 0
        for due in due_days(agreement, end, self.where):
            yield due
            if last and due.agreed is agreement.terms[-1].fact and due.by is None and due.closes > reached:
                ahead += 1
                if ahead == AHEAD:
                    return

    def _followers(self, instant: int) -> Iterator[Follower]:
        """The contracts that replace this one and are signed by an instant."""
        for facts, follower in self._of_followers:
            known = until(facts, instant)
            agreement = agreement_of(known)
            if agreement is not None:
                all_known = len(known) == len(facts)
                schedule = follower.schedule(self.where) if all_known else schedule_of(known, self.where)
                term = agreement.terms[0]
                value = sum(step.annual for step in _running(schedule, day_start(term.start, self.where)))
                yield Follower(term.start, term.fact.decided, value, known[0].data["currency"])

    def _row(
        self, due: Due, notice_days: int, schedule: Schedule, followers: Sequence[Follower], dues: Sequence[Due]
    ) -> Renewal | None:
        """A due day as the facts at an instant have it; None where nothing that recurs runs until it."""
        expiring = _running(schedule, due.closes - 1)
        if not expiring:
            return None
        day_at = day_start(due.day, self.where)
        members: dict[str, Any] = {}
        data = {} if due.by is None else due.by.data
        follower = _follows(due, followers, dues)
        if follower is not None:
            same = follower.currency == self.head.currency
            value = follower.value if same else sum(step.annual for step in expiring)
            timing = "early" if follower.start < due.day else "late" if follower.start > due.day else "on_time"
            members = {"outcome": RENEWED, "renewed": value, "timing": timing, "decided_at": follower.decided}
        elif due.outcome == RENEWED and due.by is not None:
            value = sum(step.annual for step in _running(schedule, day_start(data["start"], self.where)))
            members = {"renewed": value, "timing": data["timing"], "decided_at": due.by.decided}
        elif due.by is not None and due.outcome == OPEN:
            members = {"noticed": True, "notice_end": data["effective_end"], "voluntary": data["by"] == "client"}
            members["passes_at"] = due.closes
        elif due.by is not None:
            members = {"decided_at": due.by.decided, "reason": data["reason"], "voluntary": data["voluntary"]}
        elif due.auto_renew:
            members = {"continues": sum(step.annual for step in _running(schedule, day_at)), "passes_at": day_at}
        if due.agreed.type == "contract.signed":
            runs_from = moment_start(due.agreed.data["signed_at"], self.where)
        else:
            runs_from = day_start(due.term_start, self.where)
        if due.begins is not None:
            runs_from = due.begins
        products: dict[str, int] = {}
        for step in expiring:
            products[step.product] = products.get(step.product, 0) + step.annual
        return self.head._replace(
            due=due.day,
            due_at=day_at,
            auto_renew=due.auto_renew,
            notice_deadline=days_earlier(due.day, notice_days),
            atr=sum(step.annual for step in expiring),
            products=products,
            automatic=due.begins is not None,
            runs_from=runs_from,
            facts=None,
            **{"outcome": due.outcome, **members},
        )

    def _deferred(self, row: Renewal) -> Renewal:
        """A row whose decision was deferred falls due later; what renews itself is decided then."""
        if row.deferred_to is None or row.deferred_to <= row.due:
            return row if row.deferred_to is None else row._replace(deferred_to=None)
        due_at = day_start(row.deferred_to, self.where)
        passes_at = row.passes_at if row.noticed or row.passes_at is None else due_at
        return row._replace(due_at=due_at, passes_at=passes_at)


def _follows(due: Due, followers: Sequence[Follower], dues: Sequence[Due]) -> Follower | None:
    """What replaces a contract at a due day: the last one, or that of the term which ran when the replacing contract began."""
    if not followers or (due.by is not None and due.outcome == RENEWED):
        return None
    first = min(followers, key=lambda follower: follower.start)
    if not (due.last if dues[-1].last else due.term_start < first.start <= due.day):
        return None
    return first._replace(
        decided=min(follower.decided for follower in followers),
        value=sum(follower.value for follower in followers),
        currency=first.currency if len({follower.currency for follower in followers}) == 1 else "",
    )


def _running(schedule: Schedule, at: int) -> list[LineStep]:
    """What recurs at an instant, resting or not, as it is agreed."""
    steps = (schedule.step_at(line, at) for line in schedule.lines)
    return [step for step in steps if step is not None and step.kind in RECURRING]


def _join(states: list[Renewal], row: Renewal) -> None:
    """Adds a state, which may be the one before it that goes on."""
    if row.valid_from >= row.valid_to:
        return
    before = states[-1] if states else None
    if before is not None and before.valid_to == row.valid_from and same(before, row):
        states[-1] = before._replace(valid_to=row.valid_to)
    else:
        states.append(row)


def same(one: Renewal, other: Renewal) -> bool:
    """Whether two states differ in nothing but when they hold."""
    return one[:3] == other[:3] and one[5:] == other[5:]


def merged(kept: Iterable[Renewal], fresh: Iterable[Renewal]) -> Mapping[tuple[str, int], Renewal]:
    """States that end where others begin, those that go on joined. Gives: by due day and beginning."""
    of_due: dict[str, list[Renewal]] = {}
    for row in kept:
        of_due.setdefault(row.due, []).append(row)
    for states in of_due.values():
        states.sort(key=lambda row: row.valid_from)
    for row in fresh:
        _join(of_due.setdefault(row.due, []), row)
    return {(row.due, row.valid_from): row for states in of_due.values() for row in states}
