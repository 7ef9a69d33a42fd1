"""The schedule of a contract: what is paid when, as it is known now. Pure arithmetic over intervals.

A line is a row of steps; each step holds from its instant until the next one. Terms and holds cut the steps:
what lies outside every term is not in force, what lies in a hold is in force at nothing.
Amounts are annual, in integers of 10^-6, because every interval of billing divides a year exactly; a month is a twelfth
of the sum, not a sum of twelfths.

Source: docs/kpis.md, base quantities: a line is active when start <= t < end; weekly x 52, daily x 365, two years / 2.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

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

    A change says only what changes: what it leaves empty is as the step before it has it, also when that one is told later.
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
    removed: bool = False
    change: bool = False


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


@dataclass(frozen=True)
class Schedule:
    """Terms [start, end), holds [start, end) and steps of one contract; `until` is where notice or termination cut it."""

    terms: tuple[tuple[int, int], ...] = ()
    steps: tuple[Step, ...] = ()
    holds: tuple[tuple[int, int], ...] = ()
    until: int = FOREVER
    auto_renew: bool = False
    signed: bool = False

    # --- growing ---

    def add(self, step: Step) -> "Schedule":
        """One more step."""
        return replace(self, steps=(*self.steps, step))

    def without(self, source: str) -> "Schedule":
        """The schedule as if an event had never set a step."""
        return replace(self, steps=tuple(step for step in self.steps if step.source != source))

    def set_line(
        self, line: str, at: int, seq: int, source: str, *, quantity: str | None, unit_price: str | None, cause: str
    ) -> "Schedule":
        """A line with another quantity or price from an instant on; unchanged where it is not in force then."""
        current = self.step_at(line, at)
        if current is None:
            return self
        change = _silent(current, at, seq, source)
        return self.add(change._replace(quantity=quantity or "", unit_price=unit_price or "", cause=cause))

    def remove_line(self, line: str, at: int, seq: int, source: str) -> "Schedule":
        """A line that ends at an instant."""
        current = self.step_at(line, at)
        if current is None:
            return self
        return self.add(_silent(current, at, seq, source)._replace(removed=True))

    def hold(self, start: int, end: int) -> "Schedule":
        """A rest over [start, end)."""
        return replace(self, holds=(*self.holds, (start, end)))

    def resume(self, at: int) -> "Schedule":
        """Every rest that reaches beyond an instant ends there."""
        cut = ((start, min(end, at)) for start, end in self.holds)
        return replace(self, holds=tuple((start, end) for start, end in cut if start < end))

    def renew(self, start: int, end: int) -> "Schedule":
        """One more term; what was agreed beyond its start ends at it."""
        closed = ((begun, min(ended, start)) for begun, ended in self.terms)
        kept = tuple((begun, ended) for begun, ended in closed if begun < ended)
        return replace(self, terms=(*kept, (start, end)))

    # --- asking ---

    def lines(self) -> list[str]:
        """The names of all lines, in the order in which they came."""
        return list(dict.fromkeys(step.line for step in self.steps))

    def step_at(self, line: str, at: int) -> Step | None:
        """What a line's terms are at an instant, or None when it is not on the contract then."""
        steps = [step for step in self._steps_of(line) if step.at <= at]
        return None if not steps or steps[-1].removed or steps[-1].end <= at else steps[-1]

    def _steps_of(self, line: str) -> list[Step]:
        """A line's steps by instant, each with what it leaves to the one before; of equals the one told later comes last."""
        steps: list[Step] = []
        for step in sorted((step for step in self.steps if step.line == line), key=lambda step: (step.at, step.seq)):
            if not step.change:
                steps.append(step)
            elif steps:
                steps.append(_upon(steps[-1], step))
        return steps

    def windows(self) -> list[tuple[int, int]]:
        """The terms in force, joined where they touch and cut where the contract ends."""
        terms = list(self.terms)
        if terms and self.auto_renew:
            terms[-1] = (terms[-1][0], FOREVER)
        return _joined((start, min(end, self.until)) for start, end in terms)

    def intervals(self) -> list[Interval]:
        """What is in force when, by line and start; nothing before signature."""
        if not self.signed:
            return []
        windows, holds = self.windows(), _joined(self.holds)
        return [interval for line in self.lines() for interval in self._of_line(line, windows, holds)]

    def _of_line(self, line: str, windows: list[tuple[int, int]], holds: list[tuple[int, int]]) -> list[Interval]:
        steps = self._steps_of(line)
        found: list[Interval] = []
        for index, step in enumerate(steps):
            following = steps[index + 1].at if index + 1 < len(steps) else FOREVER
            if step.removed:
                continue
            for start, end in _cut(step.at, min(following, step.end), windows):
                for piece_start, piece_end, held in _split(start, end, holds):
                    found.append(_interval(step, piece_start, piece_end, held=held))
        return _merged(found)

    def annual_at(self, at: int) -> int:
        """The annual recurring amount at an instant."""
        return sum(interval.annual for interval in self.intervals() if interval.start <= at < interval.end)

    # --- as JSON, for the view that keeps it ---

    def dump(self) -> dict[str, Any]:
        """The schedule as JSON."""
        return {
            "terms": [list(term) for term in self.terms],
            "steps": [list(step) for step in self.steps],
            "holds": [list(hold) for hold in self.holds],
            "until": self.until,
            "auto_renew": self.auto_renew,
            "signed": self.signed,
        }

    @staticmethod
    def load(data: Mapping[str, Any]) -> "Schedule":
        """The schedule of its JSON."""
        return Schedule(
            tuple((start, end) for start, end in data["terms"]),
            tuple(Step(*step) for step in data["steps"]),
            tuple((start, end) for start, end in data["holds"]),
            data["until"],
            data["auto_renew"],
            data["signed"],
        )


# --- what each event of a contract does to its schedule ---


def apply(schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    """The schedule after one more event of the contract, days read in the tenant's zone."""
    step = _APPLY.get(recorded.type)
    return schedule if step is None else step(schedule, recorded, where)


def build(history: Iterable[Recorded], where: ZoneInfo) -> Schedule:
    """The schedule of a contract's whole history."""
    schedule = Schedule()
    for recorded in history:
        schedule = apply(schedule, recorded, where)
    return schedule


def _drafted(_schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    data = recorded.data
    start, end = _bounds(data["start"], data.get("end"), where)
    drafted = Schedule(terms=((start, end),), auto_renew=data.get("auto_renew", False))
    for line in data["lines"]:
        drafted = drafted.add(_step(line, recorded, where, at=start, cause="new"))
    return drafted


def _signed(schedule: Schedule, _recorded: Recorded, _where: ZoneInfo) -> Schedule:
    return replace(schedule, signed=True)


def _changed(schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    at, seq, source = recorded.effective_at, recorded.version, recorded.event_id
    if "corrects" in recorded.data:
        schedule = schedule.without(recorded.data["corrects"]) if _only_changes(schedule, recorded.data) else schedule
    for change in recorded.data["changes"]:
        if change["op"] == "set_line":
            schedule = schedule.set_line(
                change["line"],
                at,
                seq,
                source,
                quantity=change.get("quantity"),
                unit_price=change.get("unit_price"),
                cause=change.get("cause") or "negotiation",
            )
        elif change["op"] == "add_line":
            schedule = schedule.add(_step(change, recorded, where, at=at, cause="new"))
        else:
            schedule = schedule.remove_line(change["line"], at, seq, source)
    return schedule


def _only_changes(schedule: Schedule, data: Mapping[str, Any]) -> bool:
    """Whether the corrected event was a change, whose steps can be taken back, and not what the lines began with."""
    first: dict[str, str] = {}
    for step in schedule.steps:
        first.setdefault(step.line, step.source)
    return data["corrects"] not in first.values()


def _noticed(schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    return replace(schedule, until=day_start(recorded.data["effective_end"], where))


def _suspended(schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    end = recorded.data.get("effective_end")
    return schedule.hold(recorded.effective_at, day_start(end, where) if end else FOREVER)


def _renewed(schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    start, end = _bounds(recorded.data["start"], recorded.data.get("end"), where)
    lines = recorded.data.get("lines")
    renewed = replace(schedule.renew(start, end), until=FOREVER)
    if lines is None:
        return renewed
    kept = tuple(step for step in renewed.steps if step.at < start)  # plans for the old lines are off
    renewed = replace(renewed, steps=kept)
    for line in renewed.lines():
        renewed = renewed.remove_line(line, start, recorded.version, recorded.event_id)
    for line in lines:
        renewed = renewed.add(_step(line, recorded, where, at=start, cause="renewal", seq=recorded.version + 1))
    return renewed


_APPLY: Final[dict[str, Callable[[Schedule, Recorded, ZoneInfo], Schedule]]] = {
    "contract.drafted": _drafted,
    "contract.signed": _signed,
    "contract.amended": _changed,
    "contract.corrected": _changed,
    "contract.notice_given": _noticed,
    "contract.notice_withdrawn": lambda schedule, _recorded, _where: replace(schedule, until=FOREVER),
    "contract.suspended": _suspended,
    "contract.resumed": lambda schedule, recorded, _where: schedule.resume(recorded.effective_at),
    "contract.renewed": _renewed,
    "contract.terminated": _noticed,
}


def _bounds(start: str, end: str | None, where: ZoneInfo) -> tuple[int, int]:
    return day_start(start, where), day_start(end, where) if end else FOREVER


def _step(
    line: Mapping[str, Any], recorded: Recorded, where: ZoneInfo, *, at: int, cause: str, seq: int | None = None
) -> Step:
    return Step(
        at=day_start(line["start"], where) if line.get("start") else at,
        seq=recorded.version if seq is None else seq,
        line=line["line"],
        product=line["product"],
        kind=line["kind"],
        quantity=line["quantity"],
        unit_price=line["unit_price"],
        interval=line.get("interval") or "month",
        discount=line.get("discount_percent") or "0",
        end=day_start(line["end"], where) if line.get("end") else FOREVER,
        cause=cause,
        source=recorded.event_id,
    )


def annual(quantity: str, unit_price: str, interval: str, discount: str = "0") -> int:
    """The annual amount of so many units at a price for an interval, less a lasting discount in percent; in 10^-6."""
    times, over = PER_YEAR[interval]
    gross = scaled(quantity) * scaled(unit_price) * times * (100 * MICRO - scaled(discount))
    return half_up(gross, over * MICRO * 100 * MICRO)


def _silent(current: Step, at: int, seq: int, source: str) -> Step:
    """A change that says nothing yet."""
    return current._replace(at=at, seq=seq, source=source, quantity="", unit_price="", removed=False, change=True)


def _upon(before: Step, change: Step) -> Step:
    """A change with what it does not say taken from the step before."""
    quantity, price = change.quantity or before.quantity, change.unit_price or before.unit_price
    upon = before._replace(at=change.at, seq=change.seq, source=change.source, cause=change.cause)
    return upon._replace(quantity=quantity, unit_price=price, removed=before.removed or change.removed)


def _interval(step: Step, start: int, end: int, *, held: bool) -> Interval:
    paid = (
        0
        if held or step.kind not in RECURRING
        else annual(step.quantity, step.unit_price, step.interval, step.discount)
    )
    return Interval(
        step.line,
        start,
        end,
        paid,
        held,
        step.product,
        step.kind,
        step.quantity,
        step.unit_price,
        step.cause,
        step.source,
    )


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _cut(start: int, end: int, windows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    cut = ((max(start, opens), min(end, closes)) for opens, closes in windows)
    return [(first, last) for first, last in cut if first < last]


def _split(start: int, end: int, holds: list[tuple[int, int]]) -> list[tuple[int, int, bool]]:
    pieces: list[tuple[int, int, bool]] = []
    at = start
    for first, last in holds:
        if last <= at or first >= end:
            continue
        if first > at:
            pieces.append((at, first, False))
        pieces.append((max(at, first), min(end, last), True))
        at = min(end, last)
    if at < end:
        pieces.append((at, end, False))
    return pieces


def _merged(intervals: list[Interval]) -> list[Interval]:
    """Neighbours that say the same become one."""
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda piece: piece.start):
        last = merged[-1] if merged else None
        if last and last.end == interval.start and last._replace(end=interval.end, start=interval.start) == interval:
            merged[-1] = last._replace(end=interval.end)
        else:
            merged.append(interval)
    return merged
