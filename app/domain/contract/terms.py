"""The terms of a contract: when it is in force at all, whatever its lines are. Pure arithmetic over intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, day_start
from app.domain.recorded import Recorded

Span = tuple[int, int]
"""[start, end), in microseconds."""


class TermFact(NamedTuple):
    """What one event says of a contract's terms.

    decided: when it was decided, by which facts are read: what is recorded afterwards when it was true, what is agreed ahead when it was
    recorded; a draft comes first. number: the event's in its stream. kind: of `_KINDS`. start, end: what it is about. source: the event.
    """

    decided: int
    number: int
    kind: str
    start: int
    end: int
    source: str


class ContractTerms(NamedTuple):
    """The periods that one contract was agreed for and its suspensions, as [start, end) in microseconds.

    until: where a notice or a termination ends it. noticed_at: when a notice that is still in effect was given.
    facts: what all of it follows from, in the order in which it was decided: the order in which it was recorded changes nothing.
    """

    periods: tuple[Span, ...] = ()
    suspensions: tuple[Span, ...] = ()
    until: int = FOREVER
    auto_renew: bool = False
    signed: bool = False
    noticed_at: int | None = None
    facts: tuple[TermFact, ...] = ()

    def with_fact(self, fact: TermFact) -> "ContractTerms":
        """The terms with one more fact; only one that was decided before others makes them be read again."""
        if not self.facts or self.facts[-1][:2] <= fact[:2]:
            return _STEPS[fact.kind](self._replace(facts=(*self.facts, fact)), fact)
        return self.read_again((*self.facts, fact))

    def read_again(self, facts: Iterable[TermFact], *, auto_renew: bool | None = None) -> "ContractTerms":
        """The terms of other facts."""
        renews = self.auto_renew if auto_renew is None else auto_renew
        terms = ContractTerms(auto_renew=renews, signed=self.signed)
        for fact in sorted(facts):
            terms = terms.with_fact(fact)
        return terms

    def before(self, decided: int) -> "ContractTerms":
        """The terms as they were when something was decided: by what had been decided until then."""
        earlier = [fact for fact in self.facts if fact.decided <= decided]
        return self if len(earlier) == len(self.facts) else self.read_again(earlier)

    def ends(self) -> int:
        """Where the contract ends if nothing more happens."""
        return min(self.until, FOREVER if self.auto_renew or not self.periods else self.periods[-1][1])

    def windows(self) -> tuple[Span, ...]:
        """When the contract is in force: its periods, joined where they touch and cut where the contract ends."""
        return _windows(self.periods, self.until, self.auto_renew)

    def joined_suspensions(self) -> tuple[Span, ...]:
        """The suspensions, joined where they touch."""
        return joined(self.suspensions) if self.suspensions else ()

    def pays_at(self, at: int) -> bool:
        """Whether the contract is signed, in force and not suspended at an instant."""
        return self.signed and _within(at, self.windows()) and not _within(at, self.suspensions)

    # --- as JSON, in the row of a view; its members keep the names that stored rows have ---

    def dump(self) -> dict[str, Any]:
        """The terms as JSON."""
        return {
            "terms": [list(span) for span in self.periods],
            "holds": [list(span) for span in self.suspensions],
            "until": self.until,
            "auto_renew": self.auto_renew,
            "signed": self.signed,
            "noticed": self.noticed_at,
            "facts": [list(fact) for fact in self.facts],
        }

    @staticmethod
    def load(data: Mapping[str, Any] | Sequence[Any]) -> "ContractTerms":
        """The terms of their JSON: by name, or the tuple as an array."""
        if isinstance(data, Mapping):
            names = ("terms", "holds", "until", "auto_renew", "signed", "noticed", "facts")
            data = [data[name] for name in names]
        periods, suspensions, until, auto_renew, signed, noticed_at, facts = data
        return ContractTerms(
            periods=tuple((start, end) for start, end in periods),
            suspensions=tuple((start, end) for start, end in suspensions),
            until=until,
            auto_renew=auto_renew,
            signed=signed,
            noticed_at=noticed_at,
            facts=tuple(TermFact(*fact) for fact in facts),
        )


def bounds(start: str, end: str | None, where: ZoneInfo) -> Span:
    """Two days as a span; without an end it lasts for ever."""
    return day_start(start, where), day_start(end, where) if end else FOREVER


@lru_cache(maxsize=4096)  # needed at every change of a line, while the periods change once a year
def _windows(periods: tuple[Span, ...], until: int, auto_renew: bool) -> tuple[Span, ...]:
    if periods and auto_renew:
        periods = (*periods[:-1], (periods[-1][0], FOREVER))
    return joined((start, min(end, until)) for start, end in periods)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans by start, those that touch made one, empty ones left out."""
    result: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return tuple(result)


def cut(start: int, end: int, windows: Iterable[Span]) -> list[Span]:
    """The parts of a span that lie in windows."""
    return [
        (start if opens < start else opens, end if end < closes else closes)
        for opens, closes in windows
        if opens < end and start < closes and start < end
    ]


def split(start: int, end: int, suspensions: Iterable[Span]) -> list[tuple[int, int, bool]]:
    """A span in pieces, each with whether it is suspended."""
    pieces: list[tuple[int, int, bool]] = []
    at = start
    for first, last in suspensions:
        if last <= at or first >= end:
            continue
        if first > at:
            pieces.append((at, first, False))
        pieces.append((max(at, first), min(end, last), True))
        at = min(end, last)
    if at < end:
        pieces.append((at, end, False))
    return pieces


def _within(at: int, spans: Iterable[Span]) -> bool:
    return any(start <= at < end for start, end in spans)


# --- what each fact does to the terms ---


def _renewed(terms: ContractTerms, fact: TermFact) -> ContractTerms:
    """One more period: what ran until then ends there, or ended before by itself, and a notice before it is void."""
    closes = min(terms.ends(), fact.start)
    *earlier, last = [(begins, min(ends, closes)) for begins, ends in terms.periods]
    closed = tuple((begins, ends) for begins, ends in (*earlier, (last[0], closes)) if begins < ends)
    return _until(terms._replace(periods=(*closed, (fact.start, fact.end))), FOREVER, None)


def _until(terms: ContractTerms, until: int, noticed_at: int | None) -> ContractTerms:
    """The terms with another end by notice, or none; a termination is final."""
    if any(fact.kind == "terminated" for fact in terms.facts):
        return terms
    return terms._replace(until=until, noticed_at=noticed_at)


def _rested(terms: ContractTerms, _fact: TermFact) -> ContractTerms:
    """The suspensions: each lasts until its end or the first resumption behind its start."""
    resumed = sorted(fact.start for fact in terms.facts if fact.kind == "resumed")
    rests: list[Span] = []
    for start, end in sorted((fact.start, fact.end) for fact in terms.facts if fact.kind == "suspended"):
        end = min(end, next((at for at in resumed if at >= start), FOREVER))
        if start < end:
            rests.append((start, end))
    return terms._replace(suspensions=tuple(rests))


_STEPS: Final[dict[str, Callable[[ContractTerms, TermFact], ContractTerms]]] = {
    "drafted": lambda terms, fact: terms._replace(periods=((fact.start, fact.end),)),
    "renewed": _renewed,
    "notice_given": lambda terms, fact: _until(terms, fact.end, fact.start),
    "notice_withdrawn": lambda terms, _fact: _until(terms, FOREVER, None),
    "terminated": lambda terms, fact: terms._replace(until=fact.end),
    "suspended": _rested,
    "resumed": _rested,
}


# --- what each event of a contract does to its terms ---


def apply_to_terms(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    """The terms after one more event of the contract, days read in the tenant's zone; the same object where nothing changes."""
    kind = recorded.type.partition(".")[2]
    if kind == "signed":
        return terms if terms.signed else terms._replace(signed=True)
    if kind == "terms_corrected":
        after = _corrected(terms, recorded, where)
        return terms if terms == after else after
    if kind not in _STEPS or (kind == "renewed" and recorded.data.get("automatic")):
        return terms  # what renews itself needs nobody who records it
    if kind == "drafted":
        terms = ContractTerms(auto_renew=recorded.data.get("auto_renew", False))
    return terms.with_fact(_fact(kind, recorded, where))


def _fact(kind: str, recorded: Recorded, where: ZoneInfo) -> TermFact:
    data, at = recorded.data, recorded.effective_at
    decided = -FOREVER if kind == "drafted" else min(at, recorded.recorded_at)
    start, end = at, FOREVER
    if kind in ("drafted", "renewed"):
        start, end = bounds(data["start"], data.get("end"), where)
    elif data.get("effective_end") and kind != "resumed":
        end = day_start(data["effective_end"], where)
    return TermFact(decided, recorded.version, kind, start, end, recorded.event_id)


def _corrected(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    """The terms with the members that an event should have had."""
    data = recorded.data

    def right(fact: TermFact) -> TermFact:
        if fact.source != data["corrects"]:
            return fact
        end = data.get("end") or data.get("effective_end")
        return fact._replace(
            start=day_start(data["start"], where) if data.get("start") else fact.start,
            end=day_start(end, where) if end else fact.end,
        )

    return terms.read_again(map(right, terms.facts), auto_renew=data.get("auto_renew"))
