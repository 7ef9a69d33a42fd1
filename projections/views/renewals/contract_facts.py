"""The facts of a contract that decide what falls due on it, in the order in which they were decided.

A fact is decided when it is effective or when it is recorded, whichever is earlier: history that is told later was decided then,
and what is agreed ahead is decided when it is agreed. What a watcher appended is no fact, for it follows from the others.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.catalogue import CATALOGUE
from app.domain.contract.facts import as_corrected
from app.domain.contract.schedule import Schedule, apply
from app.domain.kernel.values import FOREVER, day_start
from app.domain.recorded import Recorded

AMOUNTS: Final = frozenset({"contract.drafted", "contract.amended", "contract.corrected", "contract.renewed"})
"""What changes the lines of a contract."""
TERMS: Final = frozenset(
    {
        "contract.drafted",
        "contract.signed",
        "contract.renewed",
        "contract.notice_given",
        "contract.notice_withdrawn",
        "contract.terminated",
    }
)
"""What changes when a contract ends."""
OF_TERMS: Final = "contract.terms_corrected"
KEY: Final = 4
"""How many members of a fact say where it stands among the others."""


class Fact(NamedTuple):
    """An event of a contract or of a renewal cycle. data: its members, as they were told. Times are in microseconds.

    counts_from: when it was decided, but not before its contract was drafted. decided, order, position: what comes before what
    among facts that count from the same instant; nothing comes before the draft.
    """

    counts_from: int
    decided: int
    order: int
    position: int
    type: str
    stream: str
    version: int
    event: str
    effective_at: int
    data: dict[str, Any]

    @property
    def is_inert(self) -> bool:
        """Whether a watcher appended it, so that it follows from the other facts."""
        return self.type == "contract.expired" or bool(self.type == "contract.renewed" and self.data.get("automatic"))

    def recorded(self) -> Recorded:
        """The event as a schedule takes it."""
        return Recorded(
            tenant_id="",
            position=self.position,
            event_id=self.event,
            stream_id=self.stream,
            version=self.version,
            account_id=None,
            type=self.type,
            schema_version=CATALOGUE[self.type].VERSION,
            effective_at=self.effective_at,
            recorded_at=self.effective_at,
            actor="",
            body=b"",
            known={"data": self.data, "meta": {}},
        )


class ContractFacts:
    """All facts of one contract in order, with its lines by all of them. Immutable.

    followers: the contracts that replace it. told_at: when the newest was recorded, in microseconds.
    """

    __slots__ = ("_schedule", "facts", "followers", "told_at")

    def __init__(
        self,
        facts: Sequence[Fact] = (),
        followers: tuple[str, ...] = (),
        told_at: int = 0,
        schedule: Schedule | None = None,
    ) -> None:
        self.facts = tuple(facts)
        self.followers = followers
        self.told_at = told_at
        self._schedule = schedule

    def __iter__(self) -> Iterator[Any]:
        """Its members, as JSON keeps them."""
        return iter((self.facts, self.followers, self.told_at))

    def __eq__(self, other: object) -> bool:
        """Whether the facts are the same."""
        return isinstance(other, ContractFacts) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """By when the newest was told."""
        return hash(self.told_at)

    @staticmethod
    def load(data: Any) -> "ContractFacts":
        """The facts of their JSON; facts themselves are given back as they are."""
        if isinstance(data, ContractFacts):
            return data
        facts, followers, told_at = data
        return ContractFacts(tuple(Fact(*fact) for fact in facts), tuple(followers), told_at)

    def followed_by(self, contract: str) -> "ContractFacts":
        """The same with one more contract that replaces it."""
        return ContractFacts(self.facts, (*self.followers, contract), self.told_at, self._schedule)

    def known_at(self, position: int) -> "ContractFacts":
        """What was known at a position."""
        known = [fact for fact in self.facts if fact.position <= position]
        return self if len(known) == len(self.facts) else ContractFacts(known, self.followers, self.told_at)

    def add(self, recorded: Recorded, where: ZoneInfo) -> tuple["ContractFacts", int | None]:
        """The facts with one more event. Gives: those, and from when on it changes what was; None where it may change everything."""
        fact = self._fact(recorded, where)
        told_at = max(self.told_at, recorded.recorded_at)
        if fact.type in (OF_TERMS, "contract.corrected") or (self.facts and fact[:KEY] < self.facts[-1][:KEY]):
            facts = list(self.facts)
            insort(facts, fact, key=lambda each: each[:KEY])
            return ContractFacts(facts, self.followers, told_at), None
        schedule = self._schedule
        if fact.type in AMOUNTS and not fact.is_inert:
            schedule = apply(schedule or Schedule(), recorded, where) if schedule or not self.facts else None
        return ContractFacts((*self.facts, fact), self.followers, told_at, schedule), fact.counts_from

    def _fact(self, recorded: Recorded, where: ZoneInfo) -> Fact:
        data, effective_at = recorded.data, recorded.effective_at
        decided = min(effective_at, recorded.recorded_at)
        order = day_start(data["start"], where) if recorded.type == "contract.renewed" else effective_at
        counts_from = max(decided, self.facts[0].counts_from) if self.facts else decided
        if recorded.type == "contract.drafted":
            decided = -FOREVER
        if recorded.type in (OF_TERMS, "contract.corrected"):
            named = next((fact for fact in self.facts if fact.event == data["corrects"]), None)
            if named is not None:
                counts_from, decided, order, *_ = named
        return Fact(
            counts_from,
            decided,
            order,
            recorded.position,
            recorded.type,
            recorded.stream_id,
            recorded.version,
            recorded.event_id,
            effective_at,
            data,
        )

    # --- as they should have been told ---

    def corrected(self) -> Sequence[Fact]:
        """The facts in order, without corrections of terms but as these say, and without what watchers appended."""
        facts = [fact for fact in self.facts if not fact.is_inert]
        if all(fact.type != OF_TERMS for fact in facts):
            return facts
        told = sorted(facts, key=lambda fact: fact.position)
        by_event = {fact.event: fact for fact in facts}
        right = [
            by_event[event.event_id]._replace(data=event.data)
            for event in as_corrected(fact.recorded() for fact in told)
        ]
        return sorted(right, key=lambda fact: fact[:KEY])

    def schedule(self, where: ZoneInfo) -> Schedule:
        """The lines by all facts."""
        if self._schedule is None:
            self._schedule = schedule_of(self.corrected(), where)
        return self._schedule


def schedule_of(facts: Sequence[Fact], where: ZoneInfo, schedule: Schedule | None = None) -> Schedule:
    """A contract's lines by facts in order. Takes: the lines by the facts before these."""
    schedule = schedule or Schedule()
    for fact in facts:
        if fact.type in AMOUNTS:
            schedule = apply(schedule, fact.recorded(), where)
    return schedule


def until(facts: Sequence[Fact], at: int) -> Sequence[Fact]:
    """The facts that were decided at an instant."""
    return facts[: bisect_right(facts, at, key=lambda fact: fact.counts_from)]
