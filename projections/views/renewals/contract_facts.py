"""The facts of a contract that decide what falls due on it, in the order in which they were decided.

A fact is decided when it is effective or when it is recorded, whichever is earlier: history that is recorded later was decided then,
and what is agreed ahead is decided when it is agreed. A signature was given on the day that it bears, whenever it is recorded. What a
watcher appended is no fact, for it follows from the others.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.facts import as_corrected
from app.domain.contract.schedule import Schedule, apply
from app.domain.kernel.values import FOREVER, day_start, moment_start
from app.domain.recorded import Recorded
from projections.views.renewals.fact import AMOUNTS, CORRECTIONS, KEY, OF_TERMS, TERMS, Fact, schedule_of
from projections.views.renewals.term_sequence import TermSequence, sequence_of


class ContractFacts:
    """All facts of one contract in order, with its lines by all of them. Immutable.

    followers: the contracts that replace it. recorded_at: when the newest was recorded, in microseconds. plain: whether those of the
    contract were recorded in order, and none corrects another.
    """

    __slots__ = ("_schedule", "_sequence", "facts", "followers", "plain", "recorded_at")

    def __init__(
        self, facts: Sequence[Fact] = (), followers: tuple[str, ...] = (), recorded_at: int = 0, *, plain: bool = True
    ) -> None:
        self.facts = tuple(facts)
        self.followers = followers
        self.recorded_at = recorded_at
        self.plain = plain
        self._schedule: Schedule | None = None
        self._sequence: TermSequence | None = None

    def __iter__(self) -> Iterator[Any]:
        """Its members, as JSON keeps them."""
        return iter((self.facts, self.followers, self.recorded_at))

    def __eq__(self, other: object) -> bool:
        """Whether the facts are the same."""
        return isinstance(other, ContractFacts) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """By when the newest was added."""
        return hash(self.recorded_at)

    @staticmethod
    def load(data: Any) -> "ContractFacts":
        """The facts of their JSON; facts themselves are given back as they are."""
        if isinstance(data, ContractFacts):
            return data
        stored, followers, recorded_at = data
        facts = tuple(Fact(*fact) for fact in stored)
        of_contract = [fact for fact in facts if not fact.is_of_cycle]
        plain = all(one.position < other.position for one, other in pairwise(of_contract))
        plain = plain and not any(fact.type in CORRECTIONS for fact in of_contract)
        return ContractFacts(facts, tuple(followers), recorded_at, plain=plain)

    def followed_by(self, contract: str) -> "ContractFacts":
        """The same with one more contract that replaces it."""
        more = ContractFacts(self.facts, (*self.followers, contract), self.recorded_at, plain=self.plain)
        more._schedule, more._sequence = self._schedule, self._sequence
        return more

    def known_at(self, position: int) -> "ContractFacts":
        """What was known at a position."""
        known = [fact for fact in self.facts if fact.position <= position]
        if len(known) == len(self.facts):
            return self
        return ContractFacts(known, self.followers, self.recorded_at, plain=self.plain)

    def add(self, recorded: Recorded, where: ZoneInfo) -> "Added":
        """The facts with one more event."""
        fact = self._fact(recorded, where)
        in_order = fact.type not in CORRECTIONS and (not self.facts or fact[:KEY] >= self.facts[-1][:KEY])
        facts = [*self.facts, fact]
        if not in_order:
            facts.sort(key=lambda each: each[:KEY])
        recorded_at = max(self.recorded_at, recorded.recorded_at)
        more = ContractFacts(facts, self.followers, recorded_at, plain=self.plain and (in_order or fact.is_of_cycle))
        if fact.is_of_cycle or fact.is_inert or (in_order and fact.type not in AMOUNTS):
            more._schedule = self._schedule
        elif in_order and self.plain and recorded.schedule is not None:
            more._schedule = recorded.schedule  # a view of contracts has computed it for all
        elif in_order and (self._schedule is not None or not self.facts):
            more._schedule = apply(self._schedule or Schedule(), recorded, where)
        same = fact.is_of_cycle or fact.is_inert or (in_order and fact.type not in TERMS)
        if same and self._sequence is not None and recorded_at < self._sequence.good_until:
            more._sequence = self._sequence
        return Added(more, fact, None if fact.type in CORRECTIONS else fact.counts_from, in_order)

    def _fact(self, recorded: Recorded, where: ZoneInfo) -> Fact:
        data, effective_at = recorded.data, recorded.effective_at
        decided = min(effective_at, recorded.recorded_at)
        if recorded.type == "contract.signed":
            decided = min(decided, moment_start(data["signed_at"], where))
        order = effective_at
        if recorded.type == "contract.renewed":
            order = day_start(data["start"], where)
        elif recorded.type.startswith("renewal."):
            order = FOREVER  # behind what the contract itself had at the same instant
        if recorded.type == "contract.drafted":
            decided = -FOREVER  # before its signature nothing falls due
        counts_from = decided
        if recorded.type in CORRECTIONS:
            named = next((fact for fact in self.facts if fact.event == data["corrects"]), None)
            if named is not None:
                counts_from, decided, order, *_ = named
        return Fact(
            counts_from=counts_from,
            decided=decided,
            order=order,
            position=recorded.position,
            type=recorded.type,
            stream=recorded.stream_id,
            version=recorded.version,
            event=recorded.event_id,
            effective_at=effective_at,
            data=data,
        )

    # --- as they should have been added ---

    def corrected(self) -> Sequence[Fact]:
        """The facts in order, without corrections of terms but as these say, and without what watchers appended."""
        facts = [fact for fact in self.facts if not fact.is_inert]
        if all(fact.type != OF_TERMS for fact in facts):
            return facts
        added = sorted(facts, key=lambda fact: fact.position)
        by_event = {fact.event: fact for fact in facts}
        right = [
            by_event[event.event_id]._replace(data=event.data)
            for event in as_corrected(fact.recorded() for fact in added)
        ]
        return sorted(right, key=lambda fact: fact[:KEY])

    def schedule(self, where: ZoneInfo) -> Schedule:
        """The lines by all facts."""
        if self._schedule is None:
            self._schedule = schedule_of(self.corrected(), where)
        return self._schedule

    def sequence(self, where: ZoneInfo) -> TermSequence | None:
        """What falls due by all facts; None before the signature."""
        if self._sequence is None:
            self._sequence = sequence_of(self.corrected(), self.recorded_at, where)
        return self._sequence


class Added(NamedTuple):
    """The facts with the one that was added. since: from when on it changes what was; None where it may change everything.

    in_order: whether no fact was decided after it.
    """

    facts: ContractFacts
    fact: Fact
    since: int | None
    in_order: bool
