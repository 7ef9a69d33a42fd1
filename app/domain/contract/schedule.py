"""The schedule of a contract: what is paid when, as it is known now. Pure arithmetic over intervals.

A line is a sequence of steps; each step holds from its instant until the next one. The contract's terms cut the steps:
what lies outside every period is not in force, what lies in a suspension is in force and pays nothing.
Amounts are annual, in integers of 10^-6, because every interval of billing divides a year exactly; a month is a twelfth
of the sum, not a sum of twelfths.

Source: docs/kpis.md, base quantities: a line is active when start <= t < end; weekly x 52, daily x 365, two years / 2.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.intervals import Interval, fill, merged
from app.domain.contract.line_steps import (
    LARGEST_ANNUAL,
    PER_YEAR,
    SETS,
    Lines,
    LineStep,
    Steps,
    annual,
    billed,
    change_step,
    completed,
    discount_change,
    first_step,
    from_first_complete,
    step_in_force,
    with_amounts,
    with_step,
    without_source,
)
from app.domain.contract.terms import ContractTerms, Span, apply_to_terms
from app.domain.contract.trials import may_be_trials, with_trials
from app.domain.kernel.values import FOREVER, day_of, day_start
from app.domain.recorded import Recorded

__all__ = ["LARGEST_ANNUAL", "PER_YEAR", "Interval", "LineStep", "Schedule", "annual", "apply", "billed", "build"]


class Schedule(NamedTuple):
    """The terms of one contract, and its lines by name in the order in which they came. Immutable.

    follows: whether the contract takes the place of another one.
    """

    terms: ContractTerms = ContractTerms()
    lines: Lines = {}
    follows: bool = False

    @property
    def steps(self) -> list[LineStep]:
        """The steps of all lines."""
        return [step for steps in self.lines.values() for step in steps]

    def windows(self) -> tuple[Span, ...]:
        """When the contract is in force: its periods, joined where they touch and cut where it ends."""
        return self.terms.windows()

    def without(self, source: str) -> "Schedule":
        """The schedule as if an event had never set a step."""
        return self._replace(lines=without_source(self.lines, source))

    def step_at(self, line: str, at: int) -> LineStep | None:
        """What a line is at an instant, or None when it is not on the contract then."""
        step = step_in_force(self.lines, line, at)
        return step.undiscounted() if step is not None and step.until <= at and step.discounted else step

    def annual_at(self, at: int) -> int:
        """The annual recurring amount at an instant."""
        if not self.terms.pays_at(at):
            return 0
        return sum(step.annual for line in self.lines if (step := self.step_at(line, at)) is not None)

    def intervals(self) -> list[Interval]:
        """What is in force when, by line and start; nothing before signature. What nothing has been paid for yet pays nothing."""
        agreed = [interval for line in self.lines for interval in self.intervals_of(line)]
        return with_trials(agreed, self.lines, follows=self.follows) if self.may_have_trials() else agreed

    def may_have_trials(self) -> bool:
        """Whether a line may have a trial, so that what it pays depends on what was paid before, for other lines too."""
        return may_be_trials(self.lines)

    def intervals_of(self, line: str, since: int = -FOREVER) -> list[Interval]:
        """When a line is in force, and with which amounts, as agreed. Takes: `since`, a step's instant: what is before is left out."""
        if not self.terms.signed:
            return []
        steps, terms = from_first_complete(self.lines[line]), self.terms
        windows, suspensions = terms.windows(), terms.joined_suspensions()
        intervals: list[Interval] = []
        following = FOREVER
        for step in reversed(steps):
            if step.at < since:
                break
            if not step.removed:
                last = min(following, step.end)
                if step.until < last and step.discounted:
                    fill(intervals, step.undiscounted(), max(step.at, step.until), last, windows, suspensions)
                    last = step.until
                fill(intervals, step, step.at, last, windows, suspensions)
            following = step.at
        intervals.reverse()
        return merged(intervals) if len(intervals) > 1 else intervals

    def changed_since(self, before: "Schedule", line: str) -> int | None:
        """The instant from which a line may differ from what it was before; None where it does not. The terms are the same."""
        new, old = self.lines[line], before.lines.get(line, ())
        if new is old:
            return None
        same = 0
        for step, old_step in zip(new, old, strict=False):
            if step is not old_step:
                break
            same += 1
        if _may_merge(new) or (same < len(old) and _may_merge(old)):
            return -FOREVER
        return new[same - 1].at if same else -FOREVER

    # --- as JSON, in the rows of views ---

    @staticmethod
    def load(data: Any) -> "Schedule":
        """The schedule of its JSON, which is its tuples as arrays; a schedule itself is given back as it is."""
        if isinstance(data, Schedule):
            return data
        terms, lines, follows = data
        steps_of = {line: tuple([LineStep(*step) for step in steps]) for line, steps in lines.items()}
        return Schedule(ContractTerms.load(terms), steps_of, follows)


def build(history: Iterable[Recorded], where: ZoneInfo) -> Schedule:
    """The schedule of a contract's whole history."""
    schedule = Schedule()
    for recorded in history:
        schedule = apply(schedule, recorded, where)
    return schedule


# --- what each event of a contract does to its schedule ---


def apply(schedule: Schedule, recorded: Recorded, where: ZoneInfo) -> Schedule:
    """The schedule after one more event of the contract, days read in the tenant's zone; the same one where nothing changes."""
    terms, lines, follows = apply_to_terms(schedule.terms, recorded, where), schedule.lines, schedule.follows
    match recorded.type:
        case "contract.drafted":
            lines, follows = {}, recorded.data.get("replaces") is not None
            for line in recorded.data["lines"]:
                lines = _begun(lines, line, recorded, where, terms.periods[0][0], "new")
        case "contract.amended" | "contract.corrected":
            lines = _changed(lines, recorded, where)
        case "contract.renewed" if recorded.data.get("lines") is not None:
            lines = _renewed(lines, recorded, where, day_start(recorded.data["start"], where))
        case "contract.terms_corrected" if recorded.data.get("start") is not None:
            lines = _restarted(schedule, recorded, where)
    return schedule if terms is schedule.terms and lines is schedule.lines else Schedule(terms, lines, follows)


def _changed(lines: Lines, recorded: Recorded, where: ZoneInfo) -> Lines:
    data, at, seq, source = recorded.data, recorded.effective_at, _seq(recorded), recorded.event_id
    if "corrects" in data and _only_changes(lines, data["corrects"]):
        lines = without_source(lines, data["corrects"])
    for change in data["changes"]:
        if change["op"] == "add_line":
            lines = _begun(lines, change, recorded, where, at, "new")
        elif (current := step_in_force(lines, change["line"], at)) is None:
            continue
        elif change["op"] == "remove_line":
            lines = with_step(lines, change_step(current, at, seq, source, current.cause, "removed"))
        else:
            quantity, price = change.get("quantity"), change.get("unit_price")
            cause, sets = change.get("cause") or "negotiation", SETS[bool(quantity), bool(price)]
            discount = None
            if "discount_percent" in change or "discount_end" in change:
                sets, discount = discount_change(sets, change, at, where)
            lines = with_step(lines, change_step(current, at, seq, source, cause, sets, quantity, price, discount))
    return lines


def _only_changes(lines: Lines, source: str) -> bool:
    """Whether the corrected event was a change, whose steps can be taken back, and not what the lines began with."""
    return all(min(steps, key=lambda step: step.seq).source != source for steps in lines.values())


def _renewed(lines: Lines, recorded: Recorded, where: ZoneInfo, start: int) -> Lines:
    """The lines of the term so far end, and others begin; what was planned for the old ones is void."""
    seq, source = _seq(recorded), recorded.event_id
    earlier = {line: tuple(step for step in steps if step.at < start) for line, steps in lines.items()}
    renewed: Lines = {line: steps for line, steps in earlier.items() if steps}
    for line in renewed:
        if (current := step_in_force(renewed, line, start)) is not None:
            renewed = with_step(renewed, change_step(current, start, seq, source, current.cause, "removed"))
    for line in recorded.data["lines"]:
        renewed = _begun(renewed, line, recorded, where, start, "renewal", seq + 1)
    return renewed


def _restarted(before: Schedule, recorded: Recorded, where: ZoneInfo) -> Lines:
    """The lines of a term that began on another day than was recorded: what was measured from that day is measured from the right one.

    A draft's lines that are there too early stay where they are: the period cuts them, and what changed them keeps what it changed.
    """
    day, source = recorded.data["start"], recorded.data["corrects"]
    wrong = next((fact for fact in before.terms.facts if fact.source == source), None)
    if wrong is None:
        return before.lines
    old, new, wrong_day = wrong.start, day_start(day, where), day_of(wrong.start, where)

    def right(step: LineStep) -> LineStep:
        if step.source != source:
            return step
        if wrong.kind == "renewed":
            at = new if step.at == old else max(step.at, new)
        else:
            at = min(step.at, new) if step.sets is None and step.at <= old else step.at
        return with_amounts(step._replace(at=at, since=day if step.since == wrong_day else step.since))

    moved: dict[str, Steps] = {}
    for line, steps in before.lines.items():
        corrected = sorted(map(right, steps), key=lambda step: step[:2])
        moved[line] = completed(corrected)
    return moved


def _seq(recorded: Recorded) -> int:
    """An event's place among the contract's events, doubled: the odd numbers are for lines that a renewal begins, after it ends others."""
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
    """The lines with a new one and the later steps that were agreed with it. Takes: `at`, when it begins unless it names its start."""
    step = first_step(line, recorded, where, at, cause, _seq(recorded) if seq is None else seq)
    lines = with_step(lines, step)
    for later in line.get("ramp") or ():
        quantity, price = later.get("quantity"), later.get("unit_price")
        begins, sets = day_start(later["start"], where), SETS[bool(quantity), bool(price)]
        step = change_step(step, begins, step.seq, step.source, later["cause"], sets, quantity, price)
        lines = with_step(lines, step)
    return lines


def _may_merge(steps: Steps) -> bool:
    """Whether an event set two of a line's steps, so that their intervals may be one."""
    sources = [step.source for step in steps if not step.removed]
    return len(set(sources)) < len(sources)
