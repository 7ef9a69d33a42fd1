"""The terms of a contract: when it is in force at all, whatever its lines are. Pure arithmetic over intervals."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, day_start
from app.domain.recorded import Recorded

Span = tuple[int, int]
"""[start, end), in microseconds."""


class ContractTerms(NamedTuple):
    """The periods that one contract was agreed for and its suspensions, as [start, end) in microseconds.

    until: where a notice or a termination ends it. noticed_at: when a notice that is still in effect was given.
    """

    periods: tuple[Span, ...] = ()
    suspensions: tuple[Span, ...] = ()
    until: int = FOREVER
    auto_renew: bool = False
    signed: bool = False
    noticed_at: int | None = None

    def suspend(self, start: int, end: int) -> "ContractTerms":
        """Suspended over [start, end)."""
        return self._replace(suspensions=(*self.suspensions, (start, end)))

    def resume(self, at: int) -> "ContractTerms":
        """Every suspension that reaches beyond an instant ends there."""
        shortened = ((start, min(end, at)) for start, end in self.suspensions)
        return self._replace(suspensions=tuple((start, end) for start, end in shortened if start < end))

    def renew(self, start: int, end: int, closes: int | None = None) -> "ContractTerms":
        """One more period; what was agreed beyond its start ends there, and a notice before it is void.

        Takes: `closes`, where the period before ends; that may be past its own end when the contract renewed itself.
        """
        over = start if closes is None else closes
        closed = [(begins, min(ends, over)) for begins, ends in self.periods]
        if closes is not None:
            closed[-1] = (closed[-1][0], closes)
        earlier = tuple((begins, ends) for begins, ends in closed if begins < ends)
        return self._replace(periods=(*earlier, (start, end)), until=FOREVER, noticed_at=None)

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
        }

    @staticmethod
    def load(data: Mapping[str, Any]) -> "ContractTerms":
        """The terms of their JSON."""
        return ContractTerms(
            periods=tuple((start, end) for start, end in data["terms"]),
            suspensions=tuple((start, end) for start, end in data["holds"]),
            until=data["until"],
            auto_renew=data["auto_renew"],
            signed=data["signed"],
            noticed_at=data["noticed"],
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


# --- what each event of a contract does to its terms ---


def apply_to_terms(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    """The terms after one more event of the contract, days read in the tenant's zone; the same object where nothing changes."""
    step = _STEPS.get(recorded.type)
    if step is None:
        return terms
    after = step(terms, recorded, where)
    return terms if after == terms else after


def _drafted(_terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    data = recorded.data
    period = bounds(data["start"], data.get("end"), where)
    return ContractTerms(periods=(period,), auto_renew=data.get("auto_renew", False))


def _terminated(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    return terms._replace(until=day_start(recorded.data["effective_end"], where))


def _notice_given(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    return terms._replace(until=day_start(recorded.data["effective_end"], where), noticed_at=recorded.effective_at)


def _suspended(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    end = recorded.data.get("effective_end")
    return terms.suspend(recorded.effective_at, day_start(end, where) if end else FOREVER)


def _renewed(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    data = recorded.data
    closes = data.get("closes")
    start, end = bounds(data["start"], data.get("end"), where)
    return terms.renew(start, end, day_start(closes, where) if closes else None)


def _corrected(terms: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    data = recorded.data
    return terms._replace(
        periods=tuple(bounds(term["start"], term.get("end"), where) for term in data["terms"]),
        until=day_start(data["ends_on"], where) if data.get("ends_on") else FOREVER,
        auto_renew=data.get("auto_renew", terms.auto_renew),
    )


_STEPS: Final[dict[str, Callable[[ContractTerms, Recorded, ZoneInfo], ContractTerms]]] = {
    "contract.drafted": _drafted,
    "contract.signed": lambda terms, _recorded, _where: terms._replace(signed=True),
    "contract.notice_given": _notice_given,
    "contract.notice_withdrawn": lambda terms, _recorded, _where: terms._replace(until=FOREVER, noticed_at=None),
    "contract.suspended": _suspended,
    "contract.resumed": lambda terms, recorded, _where: terms.resume(recorded.effective_at),
    "contract.renewed": _renewed,
    "contract.terminated": _terminated,
    "contract.terms_corrected": _corrected,
}
