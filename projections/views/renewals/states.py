"""What falls due on a contract over business time: one row for each state of each due day, from the facts alone. Pure.

A state begins when a fact is decided that changes it, or when its term begins by itself, and holds until the next one. So a question
about an instant reads the states of that instant, and nothing that was decided later shows in them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Schedule
from app.domain.kernel.values import FOREVER, day_start, days_earlier, moment_start
from projections.views.renewals.amounts import by_product, running, yearly
from projections.views.renewals.contract_facts import ContractFacts
from projections.views.renewals.cycles import cycles_of, moved_cycles
from projections.views.renewals.fact import Fact, schedule_of, until
from projections.views.renewals.row import Renewal
from projections.views.renewals.term_sequence import (
    OPEN,
    RENEWED,
    Due,
    TermSequence,
    agreement_of,
    due_days,
    sequence_of,
)


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
            facts, end = until(self._facts, instant), FOREVER if last else instants[at + 1]
            if last:
                schedule, sequence = self.own.schedule(self.where), self._sequence()
            else:
                schedule, sequence = schedule_of(facts[read:], self.where, schedule), self._before(facts, end)
                read = len(facts)
            if sequence is None:
                continue
            horizon, dues = sequence.horizon, sequence.dues
            followers = list(self._followers(instant))
            cycles = cycles_of(facts, moved)
            for due in dues:
                row = self._row(due, sequence.agreement.notice_days, schedule, followers, dues)
                if row is not None:
                    begins = max(instant, due.begins or instant)
                    row = row._replace(valid_from=begins, valid_to=end, **cycles.get(due.day, {}))
                    _join(of_due.setdefault(due.day, []), deferred(row, self.where))
        return [row for rows in of_due.values() for row in rows], horizon

    def amount_at(self, row: Renewal, at: int, asked_at: int) -> int:
        """What a row had as expiring by the facts of an instant, or of when its term was agreed, where that was later.

        Takes: the instant of the question, by whose facts it is the row.
        """
        day, facts = day_start(row.due, self.where), until(self._facts, asked_at)
        now = self._before(facts, day)
        agreed = next((due.agreed.counts_from for due in now.dues if due.day == row.due), at) if now else at
        facts = until(facts, max(at, agreed))
        then = self._before(facts, day)
        closes = next((due.closes for due in then.dues if due.day == row.due), day) if then else day
        return yearly(running(schedule_of(facts, self.where), closes - 1))

    def _sequence(self) -> TermSequence | None:
        """What falls due by all facts."""
        if self.reached <= self.own.recorded_at:
            return self.own.sequence(self.where)
        return sequence_of(self._facts, self.reached, self.where)

    def _before(self, facts: Sequence[Fact], end: int) -> TermSequence | None:
        """What fell due by earlier facts, until the next one was decided."""
        agreement = agreement_of(facts)
        return None if agreement is None else TermSequence(agreement, tuple(due_days(agreement, end, self.where)))

    def _followers(self, instant: int) -> Iterator[Follower]:
        """The contracts that replace this one and are signed by an instant."""
        for facts, follower in self._of_followers:
            known = until(facts, instant)
            agreement = agreement_of(known)
            if agreement is not None:
                all_known = len(known) == len(facts)
                schedule = follower.schedule(self.where) if all_known else schedule_of(known, self.where)
                term = agreement.terms[0]
                value = yearly(running(schedule, day_start(term.start, self.where)))
                yield Follower(term.start, term.fact.decided, value, known[0].data["currency"])

    def _row(
        self, due: Due, notice_days: int, schedule: Schedule, followers: Sequence[Follower], dues: Sequence[Due]
    ) -> Renewal | None:
        """A due day as the facts at an instant have it; None where nothing that recurs runs until it."""
        expiring = running(schedule, due.closes - 1)
        if not expiring:
            return None
        day_at = day_start(due.day, self.where)
        members: dict[str, Any] = {}
        data = {} if due.by is None else due.by.data
        follower = _follows(due, followers, dues)
        if follower is not None:
            same = follower.currency == self.head.currency
            value = follower.value if same else yearly(expiring)
            timing = "early" if follower.start < due.day else "late" if follower.start > due.day else "on_time"
            members = {"outcome": RENEWED, "renewed": value, "timing": timing, "decided_at": follower.decided}
        elif due.outcome == RENEWED and due.by is not None:
            value = yearly(running(schedule, due.follows))
            members = {"renewed": value, "timing": data["timing"], "decided_at": due.by.decided}
        elif due.by is not None and due.outcome == OPEN:
            members = {"noticed": True, "notice_end": data["effective_end"], "voluntary": data["by"] == "client"}
            members["passes_at"] = due.closes
        elif due.by is not None:
            members = {"decided_at": due.by.decided, "reason": data["reason"], "voluntary": data["voluntary"]}
        elif due.auto_renew:
            members = {"continues": yearly(running(schedule, due.follows)), "passes_at": day_at}
        if due.agreed.type == "contract.signed":
            runs_from = moment_start(due.agreed.data["signed_at"], self.where)
        else:
            runs_from = day_start(due.term_start, self.where)
        if due.begins is not None:
            runs_from = due.begins
        return self.head._replace(
            due=due.day,
            due_at=day_at,
            auto_renew=due.auto_renew,
            notice_deadline=days_earlier(due.day, notice_days),
            atr=yearly(expiring),
            products=by_product(expiring),
            automatic=due.begins is not None,
            runs_from=runs_from,
            facts=None,
            **{"outcome": due.outcome, **members},
        )


def deferred(row: Renewal, where: ZoneInfo) -> Renewal:
    """A row whose decision was deferred falls due later; what renews itself is decided then."""
    if row.deferred_to is None or row.deferred_to <= row.due:
        return row if row.deferred_to is None else row._replace(deferred_to=None)
    due_at = day_start(row.deferred_to, where)
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
