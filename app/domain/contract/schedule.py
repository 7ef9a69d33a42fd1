"""The schedule of a contract: what is paid when, as it is known now. Pure arithmetic over intervals.

A line is a row of steps; each step holds from its instant until the next one. The frame's terms and rests cut the steps:
what lies outside every term is not in force, what lies in a rest is in force at nothing.
Amounts are annual, in integers of 10^-6, because every interval of billing divides a year exactly; a month is a twelfth
of the sum, not a sum of twelfths.

Source: docs/kpis.md, base quantities: a line is active when start <= t < end; weekly x 52, daily x 365, two years / 2.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.line_steps import (
    LARGEST_ANNUAL,
    PER_YEAR,
    SAYS,
    Lines,
    LineStep,
    Steps,
    added,
    annual,
    changed,
    in_force,
    said_discount,
    settled,
    standing,
    stands,
    valued,
    without,
)
from app.domain.contract.terms import ContractTerms, Span, cut, framed, split
from app.domain.kernel.values import FOREVER, day_of, day_start
from app.domain.recorded import Recorded

__all__ = ["LARGEST_ANNUAL", "PER_YEAR", "Interval", "LineStep", "Schedule", "annual", "apply", "build"]


class Interval(NamedTuple):
    """A line in force over [start, end): its annual amount, and whether it rests. `source`: the event that set it.

    gross: the annual amount before any discount; lasting, temporary: what discounts take off it, of which only a lasting
    one lowers `annual`. All three are told of a line that rests, too.
    """

    line: str
    start: int
    end: int
    annual: int
    held: bool
    product: str
    kind: str
    quantity: str
    unit_price: str
    cause: str
    source: str
    gross: int
    lasting: int
    temporary: int


class Schedule(NamedTuple):
    """The frame and the lines of one contract, by name in the order in which they came. Never changed, always made anew."""

    frame: ContractTerms = ContractTerms()
    lines: Lines = {}

    @property
    def terms(self) -> tuple[Span, ...]:
        """The terms [start, end)."""
        return self.frame.terms

    @property
    def holds(self) -> tuple[Span, ...]:
        """The rests [start, end)."""
        return self.frame.holds

    @property
    def steps(self) -> list[LineStep]:
        """The steps of all lines."""
        return [step for steps in self.lines.values() for step in steps]

    def windows(self) -> tuple[Span, ...]:
        """The terms in force, joined where they touch and cut where the contract ends."""
        return self.frame.windows()

    def without(self, source: str) -> "Schedule":
        """The schedule as if an event had never set a step."""
        return self._replace(lines=without(self.lines, source))

    def step_at(self, line: str, at: int) -> LineStep | None:
        """What a line's terms are at an instant, or None when it is not on the contract then."""
        step = in_force(self.lines, line, at)
        return step.undiscounted() if step is not None and step.until <= at and step.discounted else step

    def annual_at(self, at: int) -> int:
        """The annual recurring amount at an instant."""
        if not self.frame.pays_at(at):
            return 0
        return sum(step.annual for line in self.lines if (step := self.step_at(line, at)) is not None)

    def intervals(self) -> list[Interval]:
        """What is in force when, by line and start; nothing before signature."""
        return [interval for line in self.lines for interval in self.intervals_of(line)]

    def intervals_of(self, line: str, since: int = -FOREVER) -> list[Interval]:
        """When a line is in force on what terms. Takes: `since`, the instant of one of its steps: what is before it is left out."""
        if not self.frame.signed:
            return []
        steps, windows, rests = standing(self.lines[line]), self.frame.windows(), self.frame.rests()
        found: list[Interval] = []
        following = FOREVER
        for step in reversed(steps):
            if step.at < since:
                break
            if not step.removed:
                last = min(following, step.end)
                if step.until < last and step.discounted:
                    _fill(found, step.undiscounted(), max(step.at, step.until), last, windows, rests)
                    last = step.until
                _fill(found, step, step.at, last, windows, rests)
            following = step.at
        found.reverse()
        return _merged(found) if len(found) > 1 else found

    def changed_since(self, before: "Schedule", line: str) -> int | None:
        """The instant from which a line may differ from what it was before; None where it does not. The frame is the same."""
        new, old = self.lines[line], before.lines.get(line, ())
        if new is old:
            return None
        same = 0
        for one, other in zip(new, old, strict=False):
            if one is not other:
                break
            same += 1
        if _may_merge(new) or (same < len(old) and _may_merge(old)):
            return -FOREVER
        return new[same - 1].at if same else -FOREVER

    # --- as JSON, for the views that keep it ---

    @staticmethod
    def load(data: Any) -> "Schedule":
        """The schedule of its JSON, which is its tuples as arrays; one that was never put away is itself."""
        if isinstance(data, Schedule):
            return data
        (terms, holds, *rest), lines = data
        frame = ContractTerms(
            tuple((start, end) for start, end in terms), tuple((start, end) for start, end in holds), *rest
        )
        return Schedule(frame, {line: tuple([LineStep(*step) for step in steps]) for line, steps in lines.items()})


def build(history: Iterable[Recorded], where: ZoneInfo) -> Schedule:
    """The schedule of a contract's whole history."""
    schedule = Schedule()
    for recorded in history:
        schedule = apply(schedule, recorded, where)
    return schedule


# --- what each event of a contract does to its schedule ---


def apply(schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    """The schedule after one more event of the contract, days read in the tenant's zone; the same one where nothing changes."""
    frame, lines = framed(schedule.frame, recorded, where), schedule.lines
    match recorded.type:
        case "contract.drafted":
            lines = {}
            for line in recorded.data["lines"]:
                lines = _begun(lines, line, recorded, where, frame.terms[0][0], "new")
        case "contract.amended" | "contract.corrected":
            lines = _changed(lines, recorded, where)
        case "contract.renewed" if recorded.data.get("lines") is not None:
            lines = _renewed(lines, recorded, where, frame.terms[-1][0])
        case "contract.terms_corrected" if recorded.data.get("start") is not None:
            lines = _begun_earlier(schedule, frame, recorded, where)
    return schedule if frame is schedule.frame and lines is schedule.lines else Schedule(frame, lines)


def _changed(lines: Lines, recorded: Recorded, where: ZoneInfo) -> Lines:
    data, at, seq, source = recorded.data, recorded.effective_at, _seq(recorded), recorded.event_id
    if "corrects" in data and _only_changes(lines, data["corrects"]):
        lines = without(lines, data["corrects"])
    for change in data["changes"]:
        if change["op"] == "add_line":
            lines = _begun(lines, change, recorded, where, at, "new")
        elif (current := in_force(lines, change["line"], at)) is None:
            continue
        elif change["op"] == "remove_line":
            lines = added(lines, changed(current, at, seq, source, current.cause, "removed"))
        else:
            quantity, price = change.get("quantity"), change.get("unit_price")
            cause, says = change.get("cause") or "negotiation", SAYS[bool(quantity), bool(price)]
            discount = None
            if "discount_percent" in change or "discount_end" in change:
                says, discount = said_discount(says, change, at, where)
            lines = added(lines, changed(current, at, seq, source, cause, says, quantity, price, discount))
    return lines


def _only_changes(lines: Lines, source: str) -> bool:
    """Whether the corrected event was a change, whose steps can be taken back, and not what the lines began with."""
    return all(min(steps, key=lambda step: step.seq).source != source for steps in lines.values())


def _renewed(lines: Lines, recorded: Recorded, where: ZoneInfo, start: int) -> Lines:
    """The lines of the term so far end, and others begin; plans for the old ones are off."""
    seq, source = _seq(recorded), recorded.event_id
    kept = {line: tuple(step for step in steps if step.at < start) for line, steps in lines.items()}
    renewed: Lines = {line: steps for line, steps in kept.items() if steps}
    for line in renewed:
        if (current := in_force(renewed, line, start)) is not None:
            renewed = added(renewed, changed(current, start, seq, source, current.cause, "removed"))
    for line in recorded.data["lines"]:
        renewed = _begun(renewed, line, recorded, where, start, "renewal", seq + 1)
    return renewed


def _begun_earlier(before: Schedule, frame: ContractTerms, recorded: Recorded, where: ZoneInfo) -> Lines:
    """The lines of a term that had begun earlier than was recorded; where it began later, the term cuts them."""
    new, source = day_start(recorded.data["start"], where), recorded.data["corrects"]
    begun = {start for start, _ in before.terms} - {start for start, _ in frame.terms}
    old = {start for start in begun if start > new}
    if not old:
        return before.lines
    days = {day_of(start, where) for start in old}
    moved: dict[str, Steps] = {}
    for line, steps in before.lines.items():
        found = [
            step._replace(at=new, since=recorded.data["start"] if step.since in days else step.since)
            if step.says is None and step.source == source and step.at in old
            else step
            for step in steps
        ]
        moved[line] = settled([valued(step) for step in sorted(found, key=lambda step: step[:2])])
    return moved


def _seq(recorded: Recorded) -> int:
    """An event's place among the contract's; the odd ones are for what a renewal begins, behind what it ends."""
    return 2 * recorded.version


def _begun(
    lines: Lines,
    line: Mapping[str, Any],
    recorded: Recorded,
    where: ZoneInfo,
    at: int,
    cause: str,
    seq: int | None = None,
) -> Lines:
    """The lines with one more, and the steps that were agreed with it. Takes: when it begins unless it says so itself."""
    step = stands(line, recorded, where, at, cause, _seq(recorded) if seq is None else seq)
    lines = added(lines, step)
    for later in line.get("ramp") or ():
        quantity, price = later.get("quantity"), later.get("unit_price")
        begins, says = day_start(later["start"], where), SAYS[bool(quantity), bool(price)]
        step = changed(step, begins, step.seq, step.source, later["cause"], says, quantity, price)
        lines = added(lines, step)
    return lines


# --- intervals ---


def _fill(
    found: list[Interval], step: LineStep, start: int, end: int, windows: Sequence[Span], rests: Sequence[Span]
) -> None:
    """Adds a step's intervals within [start, end), the last one first."""
    for opens, closes in reversed(cut(start, end, windows)):
        if rests:
            found += [_interval(step, *piece) for piece in reversed(split(opens, closes, rests))]
        else:
            found.append(_interval(step, opens, closes, False))


def _interval(step: LineStep, start: int, end: int, held: bool) -> Interval:
    _, _, line, product, kind, quantity, price, _, _, _, cause, source, paid, _, _, _, _, _, gross, temporary = step
    members = (
        line, start, end, 0 if held else paid, held, product, kind, quantity, price, cause, source,
        gross, gross - paid, temporary,
    )  # fmt: skip
    return tuple.__new__(Interval, members)  # what NamedTuple does, without asking for the members' names first


def _merged(intervals: list[Interval]) -> list[Interval]:
    """A line's neighbours that say the same become one."""
    merged: list[Interval] = []
    for interval in intervals:
        last = merged[-1] if merged else None
        if last and last.end == interval.start and last[3:] == interval[3:]:
            merged[-1] = last._replace(end=interval.end)
        else:
            merged.append(interval)
    return merged


def _may_merge(steps: Steps) -> bool:
    """Whether an event set two of a line's steps, so that their intervals may be one."""
    sources = [step.source for step in steps if not step.removed]
    return len(set(sources)) < len(sources)
