"""Steps of a contract's lines: what a line is from an instant on, and how a change leaves the rest as it was.

A line is a row of steps by (instant, order of telling). Some stand by themselves; a change says only what it changes and has
the rest from the step before it. Amounts are annual, in integers of 10^-6.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, MICRO, add_months, day_start, half_up, nearest_day, scaled
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
    """A line's terms from an instant on. Instants in microseconds; `end` is the line's own, `seq` breaks ties.

    says: which members a change sets (`quantity`, `unit_price`, `discount_percent`, `discount_end`, `removed`, or none but the
    cause); None for terms that stand by themselves. What a change does not say it has from the step before it, also when
    that one is told later.
    since, ends: the first day of the discount and the first without it, `until`: that day's first instant.
    annual: less a lasting discount; gross: before any; temporary: what a discount that does not last takes off.
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
"""A line's steps by (at, seq); of equals the one told later comes last."""
Lines = Mapping[str, Steps]


SAYS: Final = {
    (True, True): "quantity unit_price", (True, False): "quantity", (False, True): "unit_price", (False, False): "",
}  # fmt: skip
"""What a change says, by whether it names a quantity and a price."""


def said_discount(says: str, change: Mapping[str, Any], at: int, where: ZoneInfo) -> tuple[str, Discount]:
    """What a change says, with its discount."""
    percent, ends = change.get("discount_percent"), change.get("discount_end")
    named = [says] * bool(says) + ["discount_percent"] * bool(percent) + ["discount_end"] * bool(ends)
    until = day_start(ends, where) if ends else FOREVER
    return " ".join(named), (percent or "0", nearest_day(at, where) if percent else "", ends or "", until)


def stands(line: Mapping[str, Any], recorded: Recorded, where: ZoneInfo, at: int, cause: str, seq: int) -> LineStep:
    """The step with which a line begins: its terms stand by themselves. Takes: when, unless the line says so itself."""
    interval, discount = line.get("interval") or "month", line.get("discount_percent") or "0"
    kind, quantity, price, ends = line["kind"], line["quantity"], line["unit_price"], line.get("discount_end") or ""
    at = day_start(line["start"], where) if line.get("start") else at
    since = nearest_day(at, where) if discount != "0" else ""
    annual, gross, temporary = _paid(kind, quantity, price, interval, discount, since, ends)
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


def added(lines: Lines, step: LineStep) -> Lines:
    """One more step of a line; changes behind it take from it what they do not say themselves."""
    steps = lines.get(step.line, ())
    if not steps or steps[-1][:2] <= step[:2]:
        return {**lines, step.line: (*steps, step)}
    index = bisect_right(steps, step[:2], key=lambda other: other[:2])
    return {**lines, step.line: settled([*steps[:index], step, *steps[index:]])}


def without(lines: Lines, source: str) -> Lines:
    """The lines without the steps of an event; a line that has none left goes."""
    found = {line for line, steps in lines.items() if any(step.source == source for step in steps)}
    if not found:
        return lines
    kept: dict[str, Steps] = {}
    for line, steps in lines.items():
        left = settled([step for step in steps if step.source != source]) if line in found else steps
        if left:
            kept[line] = left
    return kept


def settled(steps: Sequence[LineStep]) -> Steps:
    """Steps, each change with what it leaves to the one before."""
    settled: list[LineStep] = []
    for step in steps:
        settled.append(_upon(settled[-1], step) if settled else step)
    return tuple(settled)


def _upon(before: LineStep, step: LineStep) -> LineStep:
    """A step behind another: a change has from it what it does not say."""
    says = step.says
    if says is None:
        return step
    quantity = step.quantity if "quantity" in says else None
    price = step.unit_price if "unit_price" in says else None
    discount = (step.discount, step.since, step.ends, step.until) if "discount" in says else None
    return changed(before, step.at, step.seq, step.source, step.cause, says, quantity, price, discount)


def changed(
    before: LineStep,
    at: int,
    seq: int,
    source: str,
    cause: str,
    says: str,
    quantity: str | None = None,
    price: str | None = None,
    discounted: Discount | None = None,
) -> LineStep:
    """A change of the step before it. Takes: what it says, and a quantity, price or discount where it says one."""
    (
        _, _, line, product, kind, was_quantity, was_price, interval, discount, end, _, _, _, removed, _,
        since, ends, until, _, _,
    ) = before  # fmt: skip
    quantity, price = quantity or was_quantity, price or was_price
    if until <= at:
        discount, since, ends, until = NO_DISCOUNT
    if discounted is not None:
        percent, begins, ends, until = discounted
        if "discount_percent" in says:
            discount, since = percent, begins
    annual, gross, temporary = _paid(kind, quantity, price, interval, discount, since, ends)
    removed = removed or says == "removed"
    members = (
        at, seq, line, product, kind, quantity, price, interval, discount, end, cause, source,
        annual, removed, says, since, ends, until, gross, temporary,
    )  # fmt: skip
    return tuple.__new__(LineStep, members)  # what NamedTuple does, without asking for the members' names first


def valued(step: LineStep) -> LineStep:
    """A step with its amounts worked out again."""
    annual, gross, temporary = _paid(
        step.kind, step.quantity, step.unit_price, step.interval, step.discount, step.since, step.ends
    )
    return step._replace(annual=annual, gross=gross, temporary=temporary)


def standing(steps: Steps) -> Steps:
    """The steps from the first that stands by itself; a change before it has nothing that it could change."""
    if not steps or steps[0].says is None:
        return steps
    first = next((index for index, step in enumerate(steps) if step.says is None), len(steps))
    return steps[first:]


def in_force(lines: Lines, line: str, at: int) -> LineStep | None:
    for step in reversed(standing(lines.get(line, ()))):
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
def _paid(
    kind: str, quantity: str, unit_price: str, interval: str, discount: str, since: str, ends: str
) -> tuple[int, int, int]:
    """What a line recurs at in a year, that before any discount, and what a temporary one takes off it.

    The same few amounts come again and again. Source: docs/kpis.md, a discount of twelve months or more counts.
    """
    if kind not in RECURRING:
        return 0, 0, 0
    gross = annual(quantity, unit_price, interval)
    if discount == "0":
        return gross, gross, 0
    less = annual(quantity, unit_price, interval, discount)
    return (less, gross, 0) if lasts(since, ends) else (gross, gross, gross - less)


def lasts(since: str, ends: str) -> bool:
    """Whether a discount over [since, ends), days, counts in recurring revenue."""
    # Twelve months after a day of the calendar's last year there is no day.
    return not ends or (since[:4] < "9999" and ends >= add_months(since, LASTING_MONTHS))
