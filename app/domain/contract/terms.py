"""The frame of a contract: when it is in force at all, whatever its lines are. Pure arithmetic over intervals."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, day_start
from app.domain.recorded import Recorded

Span = tuple[int, int]
"""[start, end), in microseconds."""


class ContractTerms(NamedTuple):
    """Terms and rests [start, end) of one contract; `until` is where notice or termination cut it.

    noticed: when a notice that still stands was given.
    """

    terms: tuple[Span, ...] = ()
    holds: tuple[Span, ...] = ()
    until: int = FOREVER
    auto_renew: bool = False
    signed: bool = False
    noticed: int | None = None

    def hold(self, start: int, end: int) -> "ContractTerms":
        """A rest over [start, end)."""
        return self._replace(holds=(*self.holds, (start, end)))

    def resume(self, at: int) -> "ContractTerms":
        """Every rest that reaches beyond an instant ends there."""
        cut = ((start, min(end, at)) for start, end in self.holds)
        return self._replace(holds=tuple((start, end) for start, end in cut if start < end))

    def renew(self, start: int, end: int, closes: int | None = None) -> "ContractTerms":
        """One more term; what was agreed beyond its start ends at it, and a notice before it is void.

        Takes: `closes`, where the term before ends, which may be past its own end when it renewed itself.
        """
        over = start if closes is None else closes
        closed = [(begun, min(ended, over)) for begun, ended in self.terms]
        if closes is not None:
            closed[-1] = (closed[-1][0], closes)
        kept = tuple((begun, ended) for begun, ended in closed if begun < ended)
        return self._replace(terms=(*kept, (start, end)), until=FOREVER, noticed=None)

    def ends(self) -> int:
        """Where the contract ends if nothing more happens."""
        return min(self.until, FOREVER if self.auto_renew or not self.terms else self.terms[-1][1])

    def windows(self) -> tuple[Span, ...]:
        """The terms in force, joined where they touch and cut where the contract ends."""
        return _windows(self.terms, self.until, self.auto_renew)

    def rests(self) -> tuple[Span, ...]:
        """The rests, joined where they touch."""
        return joined(self.holds) if self.holds else ()

    def pays_at(self, at: int) -> bool:
        """Whether the contract is signed, in force and not resting at an instant."""
        return self.signed and _within(at, self.windows()) and not _within(at, self.holds)

    # --- as JSON, for the views that keep it ---

    def dump(self) -> dict[str, Any]:
        """The frame as JSON."""
        return {**self._asdict(), "terms": [list(span) for span in self.terms], "holds": [list(s) for s in self.holds]}

    @staticmethod
    def load(data: Mapping[str, Any]) -> "ContractTerms":
        """The frame of its JSON."""
        terms, holds = (tuple((start, end) for start, end in data[name]) for name in ("terms", "holds"))
        return ContractTerms(terms, holds, data["until"], data["auto_renew"], data["signed"], data["noticed"])


def bounds(start: str, end: str | None, where: ZoneInfo) -> Span:
    """Two days as a span; no end is for ever."""
    return day_start(start, where), day_start(end, where) if end else FOREVER


@lru_cache(maxsize=4096)
def _windows(terms: tuple[Span, ...], until: int, auto_renew: bool) -> tuple[Span, ...]:
    """Asked for at every change of a line, while the terms change once a year."""
    if terms and auto_renew:
        terms = (*terms[:-1], (terms[-1][0], FOREVER))
    return joined((start, min(end, until)) for start, end in terms)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans by start, those that touch made one, empty ones left out."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def cut(start: int, end: int, windows: Iterable[Span]) -> list[Span]:
    """The parts of a span that lie in windows."""
    return [
        (start if opens < start else opens, end if end < closes else closes)
        for opens, closes in windows
        if opens < end and start < closes and start < end
    ]


def split(start: int, end: int, rests: Iterable[Span]) -> list[tuple[int, int, bool]]:
    """A span in pieces, each with whether it rests."""
    pieces: list[tuple[int, int, bool]] = []
    at = start
    for first, last in rests:
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


# --- what each event of a contract does to its frame ---


def framed(frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    """The frame after one more event of the contract, days read in the tenant's zone; the same one where it says nothing."""
    step = _FRAMED.get(recorded.type)
    if step is None:
        return frame
    after = step(frame, recorded, where)
    return frame if after == frame else after


def _drafted(_frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    data = recorded.data
    return ContractTerms((bounds(data["start"], data.get("end"), where),), auto_renew=data.get("auto_renew", False))


def _ended(frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    return frame._replace(until=day_start(recorded.data["effective_end"], where))


def _noticed(frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    return frame._replace(until=day_start(recorded.data["effective_end"], where), noticed=recorded.effective_at)


def _suspended(frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    end = recorded.data.get("effective_end")
    return frame.hold(recorded.effective_at, day_start(end, where) if end else FOREVER)


def _renewed(frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    data = recorded.data
    closes = data.get("closes")
    return frame.renew(*bounds(data["start"], data.get("end"), where), day_start(closes, where) if closes else None)


def _corrected(frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> ContractTerms:
    data = recorded.data
    return frame._replace(
        terms=tuple(bounds(term["start"], term.get("end"), where) for term in data["terms"]),
        until=day_start(data["ends_on"], where) if data.get("ends_on") else FOREVER,
        auto_renew=data.get("auto_renew", frame.auto_renew),
    )


_FRAMED: Final[dict[str, Callable[[ContractTerms, Recorded, ZoneInfo], ContractTerms]]] = {
    "contract.drafted": _drafted,
    "contract.signed": lambda frame, _recorded, _where: frame._replace(signed=True),
    "contract.notice_given": _noticed,
    "contract.notice_withdrawn": lambda frame, _recorded, _where: frame._replace(until=FOREVER, noticed=None),
    "contract.suspended": _suspended,
    "contract.resumed": lambda frame, recorded, _where: frame.resume(recorded.effective_at),
    "contract.renewed": _renewed,
    "contract.terminated": _ended,
    "contract.terms_corrected": _corrected,
}
