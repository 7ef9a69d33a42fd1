"""The schedule of a contract: what is paid when, as it is known now. Pure arithmetic over intervals.

A line is a row of steps; each step holds from its instant until the next one. The frame's terms and rests cut the steps:
what lies outside every term is not in force, what lies in a rest is in force at nothing.
Amounts are annual, in integers of 10^-6, because every interval of billing divides a year exactly; a month is a twelfth
of the sum, not a sum of twelfths.

Source: docs/kpis.md, base quantities: a line is active when start <= t < end; weekly x 52, daily x 365, two years / 2.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.frame import Frame, Span, cut, framed, split
from app.domain.recorded import Recorded
from app.domain.values import FOREVER, MICRO, day_start, half_up, scaled

PER_YEAR: Final[dict[str, tuple[int, int]]] = {
    "day": (365, 1), "week": (52, 1), "month": (12, 1), "quarter": (4, 1), "half_year": (2, 1), "year": (1, 1),
    "two_years": (1, 2),
}  # fmt: skip
"""How often an interval fits into a year, as a fraction."""
RECURRING: Final = frozenset({"recurring", "usage_commit"})
LARGEST_ANNUAL: Final = 10**12 * MICRO


class Step(NamedTuple):
    """A line's terms from an instant on. Instants in microseconds; `end` is the line's own, `seq` breaks ties.

    says: which members a change sets (`quantity`, `unit_price`, `removed`, or none but the cause); None for terms that
    stand by themselves. What a change does not say it has from the step before it, also when that one is told later.
    """

    at: int
    seq: int
    line: str
    product: str
    kind: str
    quantity: str
    unit_price: str
    interval: str
    discount: str
    end: int
    cause: str
    source: str
    annual: int
    removed: bool = False
    says: str | None = None


class Interval(NamedTuple):
    """A line in force over [start, end): its annual amount, and whether it rests. `source`: the event that set it."""

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


Steps = tuple[Step, ...]
"""A line's steps by (at, seq); of equals the one told later comes last."""
Lines = Mapping[str, Steps]


class Schedule(NamedTuple):
    """The frame and the lines of one contract, by name in the order in which they came. Never changed, always made anew."""

    frame: Frame = Frame()
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
    def steps(self) -> list[Step]:
        """The steps of all lines."""
        return [step for steps in self.lines.values() for step in steps]

    def windows(self) -> tuple[Span, ...]:
        """The terms in force, joined where they touch and cut where the contract ends."""
        return self.frame.windows()

    def without(self, source: str) -> "Schedule":
        """The schedule as if an event had never set a step."""
        return self._replace(lines=_without(self.lines, source))

    def step_at(self, line: str, at: int) -> Step | None:
        """What a line's terms are at an instant, or None when it is not on the contract then."""
        return _step_at(self.lines, line, at)

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
        steps, windows, rests = _standing(self.lines[line]), self.frame.windows(), self.frame.rests()
        found: list[Interval] = []
        following = FOREVER
        for step in reversed(steps):
            if step.at < since:
                break
            if not step.removed:
                for start, end in reversed(cut(step.at, min(following, step.end), windows)):
                    pieces = split(start, end, rests) if rests else [(start, end, False)]
                    found += [_interval(step, *piece) for piece in reversed(pieces)]
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
        frame = Frame(tuple((start, end) for start, end in terms), tuple((start, end) for start, end in holds), *rest)
        return Schedule(frame, {line: tuple([Step(*step) for step in steps]) for line, steps in lines.items()})


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
                lines = _add(lines, _step(line, recorded, where, at=frame.terms[0][0], cause="new"))
        case "contract.amended" | "contract.corrected":
            lines = _changed(lines, recorded, where)
        case "contract.renewed" if recorded.data.get("lines") is not None:
            lines = _renewed(lines, recorded, where, frame.terms[-1][0])
    return schedule if frame is schedule.frame and lines is schedule.lines else Schedule(frame, lines)


def _changed(lines: Lines, recorded: Recorded, where: ZoneInfo) -> Lines:
    data, at, seq, source = recorded.data, recorded.effective_at, _seq(recorded), recorded.event_id
    if "corrects" in data and _only_changes(lines, data["corrects"]):
        lines = _without(lines, data["corrects"])
    for change in data["changes"]:
        if change["op"] == "add_line":
            lines = _add(lines, _step(change, recorded, where, at=at, cause="new"))
        elif (current := _step_at(lines, change["line"], at)) is None:
            continue
        elif change["op"] == "remove_line":
            lines = _add(lines, _change(current, at, seq, source, current.cause, "removed"))
        else:
            quantity, price = change.get("quantity"), change.get("unit_price")
            cause, says = change.get("cause") or "negotiation", _SAYS[bool(quantity), bool(price)]
            lines = _add(lines, _change(current, at, seq, source, cause, says, quantity, price))
    return lines


_SAYS: Final = {
    (True, True): "quantity unit_price", (True, False): "quantity", (False, True): "unit_price", (False, False): "",
}  # fmt: skip
"""What a change says, by whether it names a quantity and a price."""


def _only_changes(lines: Lines, source: str) -> bool:
    """Whether the corrected event was a change, whose steps can be taken back, and not what the lines began with."""
    return all(min(steps, key=lambda step: step.seq).source != source for steps in lines.values())


def _renewed(lines: Lines, recorded: Recorded, where: ZoneInfo, start: int) -> Lines:
    """The lines of the term so far end, and others begin; plans for the old ones are off."""
    seq, source = _seq(recorded), recorded.event_id
    kept = {line: tuple(step for step in steps if step.at < start) for line, steps in lines.items()}
    renewed: Lines = {line: steps for line, steps in kept.items() if steps}
    for line in renewed:
        if (current := _step_at(renewed, line, start)) is not None:
            renewed = _add(renewed, _change(current, start, seq, source, current.cause, "removed"))
    for line in recorded.data["lines"]:
        renewed = _add(renewed, _step(line, recorded, where, at=start, cause="renewal", seq=seq + 1))
    return renewed


def _seq(recorded: Recorded) -> int:
    """An event's place among the contract's; the odd ones are for what a renewal begins, behind what it ends."""
    return 2 * recorded.version


def _step(
    line: Mapping[str, Any], recorded: Recorded, where: ZoneInfo, *, at: int, cause: str, seq: int | None = None
) -> Step:
    interval, discount = line.get("interval") or "month", line.get("discount_percent") or "0"
    return Step(
        at=day_start(line["start"], where) if line.get("start") else at,
        seq=_seq(recorded) if seq is None else seq,
        line=line["line"],
        product=line["product"],
        kind=line["kind"],
        quantity=line["quantity"],
        unit_price=line["unit_price"],
        interval=interval,
        discount=discount,
        end=day_start(line["end"], where) if line.get("end") else FOREVER,
        cause=cause,
        source=recorded.event_id,
        annual=_paid(line["kind"], line["quantity"], line["unit_price"], interval, discount),
    )


# --- lines and their steps ---


def _add(lines: Lines, step: Step) -> Lines:
    """One more step of a line; changes behind it take from it what they do not say themselves."""
    steps = lines.get(step.line, ())
    if not steps or steps[-1][:2] <= step[:2]:
        return {**lines, step.line: (*steps, step)}
    index = bisect_right(steps, step[:2], key=lambda other: other[:2])
    return {**lines, step.line: _settled([*steps[:index], step, *steps[index:]])}


def _without(lines: Lines, source: str) -> Lines:
    """The lines without the steps of an event; a line that has none left goes."""
    found = {line for line, steps in lines.items() if any(step.source == source for step in steps)}
    if not found:
        return lines
    kept: dict[str, Steps] = {}
    for line, steps in lines.items():
        left = _settled([step for step in steps if step.source != source]) if line in found else steps
        if left:
            kept[line] = left
    return kept


def _settled(steps: Sequence[Step]) -> Steps:
    """Steps, each change with what it leaves to the one before."""
    settled: list[Step] = []
    for step in steps:
        settled.append(_upon(settled[-1], step) if settled else step)
    return tuple(settled)


def _upon(before: Step, step: Step) -> Step:
    """A step behind another: a change has from it what it does not say."""
    says = step.says
    if says is None:
        return step
    quantity = step.quantity if "quantity" in says else None
    price = step.unit_price if "unit_price" in says else None
    return _change(before, step.at, step.seq, step.source, step.cause, says, quantity, price)


def _change(
    before: Step,
    at: int,
    seq: int,
    source: str,
    cause: str,
    says: str,
    quantity: str | None = None,
    price: str | None = None,
) -> Step:
    """A change of the step before it. Takes: what it says, and a quantity or price where it says one."""
    _, _, line, product, kind, was_quantity, was_price, interval, discount, end, _, _, _, removed, _ = before
    quantity, price = quantity or was_quantity, price or was_price
    paid = _paid(kind, quantity, price, interval, discount)
    removed = removed or says == "removed"
    return Step(
        at, seq, line, product, kind, quantity, price, interval, discount, end, cause, source, paid, removed, says
    )


def _standing(steps: Steps) -> Steps:
    """The steps from the first that stands by itself; a change before it has nothing that it could change."""
    if not steps or steps[0].says is None:
        return steps
    first = next((index for index, step in enumerate(steps) if step.says is None), len(steps))
    return steps[first:]


def _step_at(lines: Lines, line: str, at: int) -> Step | None:
    for step in reversed(_standing(lines.get(line, ()))):
        if step.at <= at:
            return None if step.removed or step.end <= at else step
    return None


# --- amounts ---


def annual(quantity: str, unit_price: str, interval: str, discount: str = "0") -> int:
    """The annual amount of so many units at a price for an interval, less a lasting discount in percent; in 10^-6."""
    times, over = PER_YEAR[interval]
    gross = scaled(quantity) * scaled(unit_price) * times * (100 * MICRO - scaled(discount))
    return half_up(gross, over * MICRO * 100 * MICRO)


@lru_cache(maxsize=4096)
def _paid(kind: str, quantity: str, unit_price: str, interval: str, discount: str) -> int:
    """What a line recurs at in a year; the same few amounts come again and again."""
    return annual(quantity, unit_price, interval, discount) if kind in RECURRING else 0


# --- intervals ---


def _interval(step: Step, start: int, end: int, held: bool) -> Interval:
    _, _, line, product, kind, quantity, price, _, _, _, cause, source, paid, _, _ = step
    return Interval(line, start, end, 0 if held else paid, held, product, kind, quantity, price, cause, source)


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
