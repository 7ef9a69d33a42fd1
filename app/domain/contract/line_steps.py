"""Steps of a contract's lines: what a line is from an instant on.

A line is a sequence of steps, ordered by instant and, where these are equal, by the order in which they were recorded. Some
steps are complete; a change sets a few members and takes the others from the step before it.
Amounts are annual, in integers of 10^-6.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import (
    FOREVER,
    MICRO,
    PICO,
    add_months,
    day_start,
    half_up,
    nearest_day,
    scaled,
    scaled_price,
)
from app.domain.recorded import Recorded

PER_YEAR: Final[dict[str, tuple[int, int]]] = {
    "day": (365, 1), "week": (52, 1), "month": (12, 1), "quarter": (4, 1), "half_year": (2, 1), "year": (1, 1),
    "two_years": (1, 2),
}  # fmt: skip
"""How often an interval fits into a year, as a fraction."""
RECURRING: Final = frozenset({"recurring", "usage_commit"})
LARGEST_ANNUAL: Final = 10**12 * MICRO
LASTING_MONTHS: Final = 12
"""How long a discount lasts at the least to count in recurring revenue."""
Discount = tuple[str, str, str, int]
"""Percent, first day, first day without it, and that day's first instant."""
NO_DISCOUNT: Final[Discount] = ("0", "", "", FOREVER)


class LineStep(NamedTuple):
    """What a line is from an instant on. Instants in microseconds; `end` is the line's own, `seq` breaks ties.

    interval: how often it is paid, as `billed` says it: `month`, `2 week`.

    sets: the members that a change sets, separated by blanks (`quantity`, `unit_price`, `discount_percent`, `discount_end`,
    `removed`, or none of them where only the cause is new); None for a complete step. A change takes what it does not set from
    the step before it, also when that one is recorded later.
    since, ends: the first day of the discount and the first day without it, `until`: that day's first instant.
    annual: less a lasting discount; gross: before any discount; temporary: what a discount that does not last takes off.
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
    sets: str | None = None
    since: str = ""
    ends: str = ""
    until: int = FOREVER
    gross: int = 0
    temporary: int = 0

    @property
    def discounted(self) -> bool:
        """Whether a discount takes anything off."""
        return self.temporary != 0 or self.gross != self.annual

    def undiscounted(self) -> "LineStep":
        """The step once its discount has ended."""
        return self._replace(annual=self.gross, temporary=0, cause="discount_end")


Steps = tuple[LineStep, ...]
"""A line's steps by (at, seq); among equals the one recorded later comes last."""
Lines = Mapping[str, Steps]


SETS: Final = {
    (True, True): "quantity unit_price", (True, False): "quantity", (False, True): "unit_price", (False, False): "",
}  # fmt: skip
"""The value of `sets`, by whether a change names a quantity and a price."""


def discount_change(sets: str, change: Mapping[str, Any], at: int, where: ZoneInfo) -> tuple[str, Discount]:
    """The value of `sets` and the discount of a change that names one. Takes: what the change sets besides."""
    percent, ends = change.get("discount_percent"), change.get("discount_end")
    members = [sets] * bool(sets) + ["discount_percent"] * bool(percent) + ["discount_end"] * bool(ends)
    until = day_start(ends, where) if ends else FOREVER
    return " ".join(members), (percent or "0", nearest_day(at, where) if percent else "", ends or "", until)


def first_step(line: Mapping[str, Any], recorded: Recorded, where: ZoneInfo, at: int, cause: str, seq: int) -> LineStep:
    """The complete step with which a line begins. Takes: `at`, when it begins unless the line names its start."""
    interval, discount = (
        billed(line.get("interval") or "month", line.get("interval_count")),
        line.get("discount_percent") or "0",
    )
    kind, quantity, price, ends = line["kind"], line["quantity"], line["unit_price"], line.get("discount_end") or ""
    at = day_start(line["start"], where) if line.get("start") else at
    since = nearest_day(at, where) if discount != "0" else ""
    annual, gross, temporary = _annual_amounts(kind, quantity, price, interval, discount, since, ends)
    return LineStep(
        at=at,
        seq=seq,
        line=line["line"],
        product=line["product"],
        kind=kind,
        quantity=quantity,
        unit_price=price,
        interval=interval,
        discount=discount,
        end=day_start(line["end"], where) if line.get("end") else FOREVER,
        cause=cause,
        source=recorded.event_id,
        annual=annual,
        since=since,
        ends=ends,
        until=day_start(ends, where) if ends else FOREVER,
        gross=gross,
        temporary=temporary,
    )


# --- lines and their steps ---


def with_step(lines: Lines, step: LineStep) -> Lines:
    """The lines with one more step; later changes of its line take from it what they do not set."""
    steps = lines.get(step.line, ())
    if not steps or steps[-1][:2] <= step[:2]:
        return {**lines, step.line: (*steps, step)}
    index = bisect_right(steps, step[:2], key=lambda other: other[:2])
    return {**lines, step.line: completed([*steps[:index], step, *steps[index:]])}


def without_source(lines: Lines, source: str) -> Lines:
    """The lines without the steps that an event set; a line that has none left goes."""
    changed = {line for line, steps in lines.items() if any(step.source == source for step in steps)}
    if not changed:
        return lines
    result: dict[str, Steps] = {}
    for line, steps in lines.items():
        remaining = completed([step for step in steps if step.source != source]) if line in changed else steps
        if remaining:
            result[line] = remaining
    return result


def completed(steps: Sequence[LineStep]) -> Steps:
    """Steps in order, each change completed from the step before it."""
    result: list[LineStep] = []
    for step in steps:
        result.append(_completed_from(result[-1], step) if result else step)
    return tuple(result)


def _completed_from(before: LineStep, step: LineStep) -> LineStep:
    sets = step.sets
    if sets is None:
        return step
    quantity = step.quantity if "quantity" in sets else None
    price = step.unit_price if "unit_price" in sets else None
    discount = (step.discount, step.since, step.ends, step.until) if "discount" in sets else None
    return change_step(before, step.at, step.seq, step.source, step.cause, sets, quantity, price, discount)


def change_step(
    before: LineStep,
    at: int,
    seq: int,
    source: str,
    cause: str,
    sets: str,
    quantity: str | None = None,
    price: str | None = None,
    new_discount: Discount | None = None,
) -> LineStep:
    """The step that a change makes of the one before it. Takes: what it sets, and a quantity, price or discount where it sets one."""
    (
        _, _, line, product, kind, old_quantity, old_price, interval, discount, end, _, _, _, removed, _,
        since, ends, until, _, _,
    ) = before  # fmt: skip
    quantity, price = quantity or old_quantity, price or old_price
    if until <= at:
        discount, since, ends, until = NO_DISCOUNT
    if new_discount is not None:
        percent, begins, ends, until = new_discount
        if "discount_percent" in sets:
            discount, since = percent, begins
    annual, gross, temporary = _annual_amounts(kind, quantity, price, interval, discount, since, ends)
    removed = removed or sets == "removed"
    members = (
        at, seq, line, product, kind, quantity, price, interval, discount, end, cause, source,
        annual, removed, sets, since, ends, until, gross, temporary,
    )  # fmt: skip
    # A hot type: this skips the keywords. tests/domain/contract/test_line_steps.py notices a swapped or added member.
    return tuple.__new__(LineStep, members)


def with_amounts(step: LineStep) -> LineStep:
    """A step with its amounts computed again."""
    annual, gross, temporary = _annual_amounts(
        step.kind, step.quantity, step.unit_price, step.interval, step.discount, step.since, step.ends
    )
    return step._replace(annual=annual, gross=gross, temporary=temporary)


def from_first_complete(steps: Steps) -> Steps:
    """The steps from the first complete one on; a change before it has nothing that it could change."""
    if not steps or steps[0].sets is None:
        return steps
    first = next((index for index, step in enumerate(steps) if step.sets is None), len(steps))
    return steps[first:]


def step_in_force(lines: Lines, line: str, at: int) -> LineStep | None:
    """The step that a line is at an instant; None where it has not begun or has ended."""
    for step in reversed(from_first_complete(lines.get(line, ()))):
        if step.at <= at:
            return None if step.removed or step.end <= at else step
    return None


# --- amounts ---


def billed(interval: str, count: int | None) -> str:
    """How often a line is paid, as one text: the interval, and before it how many of them where it is more than one."""
    return interval if count is None or count == 1 else f"{count} {interval}"


@cache
def _per_year(billed_: str) -> tuple[int, int]:
    """How often it is paid in a year, as a fraction."""
    count, _, interval = billed_.rpartition(" ")
    times, over = PER_YEAR[interval]
    return times, over * int(count or 1)


def annual(quantity: str, unit_price: str, interval: str, discount: str = "0") -> int:
    """The annual amount of so many units at a price for an interval, less a lasting discount in percent; in 10^-6.

    Takes: `interval`, as `billed` says it. It is computed exactly and rounded once.
    """
    times, over = _per_year(interval)
    gross = scaled(quantity) * scaled_price(unit_price) * times * (100 * MICRO - scaled(discount))
    return half_up(gross, over * PICO * 100 * MICRO)


@lru_cache(maxsize=4096)
def _annual_amounts(
    kind: str, quantity: str, unit_price: str, interval: str, discount: str, since: str, ends: str
) -> tuple[int, int, int]:
    """A line's recurring annual amount, the same before any discount, and what a temporary discount takes off it.

    Cached, because the same few amounts come again and again. Source: docs/kpis.md, a discount of twelve months or more counts.
    """
    if kind not in RECURRING:
        return 0, 0, 0
    gross = annual(quantity, unit_price, interval)
    if discount == "0":
        return gross, gross, 0
    net = annual(quantity, unit_price, interval, discount)
    return (net, gross, 0) if lasts(since, ends) else (gross, gross, gross - net)


def lasts(since: str, ends: str) -> bool:
    """Whether a discount over [since, ends), days, counts in recurring revenue."""
    # Twelve months after a day of the calendar's last year there is no day.
    return not ends or (since[:4] < "9999" and ends >= add_months(since, LASTING_MONTHS))
