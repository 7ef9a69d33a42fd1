"""A contract as an accountant would work it out by hand: facts are dicts, and every question is answered by walking over days.

It imports nothing of the product, and is slow and obvious on purpose. A fact has: `kind`, `contract`, `id`, `position`,
`effective` and `recorded` (instants), and the members of its kind; days are `date`s, ends are the first day after.

Source: docs/kpis.md, renewals.
"""

from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Fact = dict[str, Any]
PER_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "half_year": 2, "year": 1, "two_years": Fraction(1, 2)}
NEXT = timedelta(days=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins in a zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day of an instant in a zone."""
    return at.astimezone(zone).date()


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def earliest(*days: date | None) -> date | None:
    """The earliest of the days that there are."""
    return min((day for day in days if day is not None), default=None)


# --- which facts there are ---


def known(facts: Iterable[Fact], position: int | None = None) -> list[Fact]:
    """The facts up to a position, each as the corrections up to there say that it should have been."""
    told = [dict(fact) for fact in facts if position is None or fact["position"] <= position]
    for correction in (fact for fact in told if fact["kind"] == "corrected"):
        wrong = next(fact for fact in told if fact["id"] == correction["corrects"])
        wrong.update(correction["right"])
    return [fact for fact in told if fact["kind"] != "corrected"]


def decided(fact: Fact) -> datetime:
    """When it was settled: history when it was effective, what is agreed ahead when it was recorded, a signature on its date."""
    return min(fact["effective"], fact["recorded"], fact.get("dated", fact["recorded"]))


def in_order(facts: Iterable[Fact], until: datetime | None = None) -> list[Fact]:
    """The facts that were decided by an instant, in the order in which they are read. The signature comes first."""
    there = [fact for fact in facts if until is None or decided(fact) <= until]
    return sorted(
        there,
        key=lambda fact: (fact["kind"] != "signed", decided(fact), fact.get("start") or date.min, fact["effective"], fact["position"]),
    )  # fmt: skip


# --- a contract, read fact by fact ---


def read(facts: Iterable[Fact], zone: ZoneInfo) -> Fact | None:
    """A contract of its facts in order; None where it is not signed.

    periods: what was agreed, by start; `stop` is the first day without it where another one follows.
    """
    contract: Fact | None = None
    for number, fact in enumerate(facts):
        day = day_of(fact["effective"], zone)
        match fact["kind"]:
            case "signed":
                contract = {
                    **{name: fact[name] for name in ("contract", "start", "auto_renew", "months", "notice_days", "replaces")},
                    "decided": decided(fact), "notice": None, "terminated": None, "rests": [],
                    "periods": [period(fact)], "changes": [(fact["start"], number, "begin", fact["lines"])],
                }  # fmt: skip
            case _ if contract is None:
                return None
            case "renewed":
                _renew(contract, fact, number)
            case "amended":
                contract["changes"] += [(day, number, op, given) for op, given in fact["changes"]]
            case "noticed":
                contract["notice"] = fact
            case "withdrawn":
                contract["notice"] = None
            case "terminated":
                contract["terminated"] = fact
            case "suspended":
                contract["rests"].append((day, number, fact["until"]))
            case "resumed":
                contract["rests"].append((day, number, "over"))
    return contract


def period(fact: Fact) -> Fact:
    """What was agreed by a signature or a renewal."""
    return {"start": fact["start"], "end": fact["end"], "stop": None, "decided": decided(fact), "fact": fact}


def _renew(contract: Fact, fact: Fact, number: int) -> None:
    start, periods = fact["start"], contract["periods"]
    before = [one for one in periods if one["start"] < start]
    after = [one for one in periods if one["start"] > start]
    agreed = period(fact)
    if after:
        agreed["stop"] = earliest(after[0]["start"], None if contract["auto_renew"] else agreed["end"])
    if before:
        own_end = None if contract["auto_renew"] else before[-1]["end"]
        noticed = contract["notice"]["end"] if contract["notice"] else None
        before[-1]["stop"] = earliest(start, own_end, noticed, before[-1]["stop"])
    contract["notice"] = None
    contract["periods"] = [*before, agreed, *after]
    if fact["lines"]:
        planned = [change for change in contract["changes"] if change[0] < start]
        contract["changes"] = [*planned, (start, number, "begin", fact["lines"])]


def ended_by(contract: Fact) -> Fact | None:
    """The notice or termination by which a contract ends, the earlier one."""
    ends = [fact for fact in (contract["terminated"], contract["notice"]) if fact]
    return min(ends, key=lambda fact: fact["end"], default=None)


def in_force(contract: Fact, day: date) -> bool:
    """Whether the contract is in force on a day."""
    ended = ended_by(contract)
    if ended and day >= ended["end"]:
        return False
    for one in contract["periods"]:
        stop = one["stop"] or (None if contract["auto_renew"] else one["end"])
        if one["start"] <= day and (stop is None or day < stop):
            return True
    return False


def lines_on(contract: Fact, day: date) -> list[Fact]:
    """The lines of a contract on a day, changed day by day until then."""
    lines: dict[str, Fact] = {}
    for at, _number, op, given in sorted(contract["changes"], key=lambda change: change[:2]):
        if at > day:
            break
        match op:
            case "begin":
                lines = {line["line"]: {"start": at, "end": None, **line} for line in given}
            case "add":
                lines[given["line"]] = {"start": at, "end": None, **given}
            case "remove":
                lines.pop(given["line"], None)
            case "set" if given["line"] in lines:
                lines[given["line"]] = {**lines[given["line"]], **given}
    return [line for line in lines.values() if line["start"] <= day and (line["end"] is None or day < line["end"])]


def recurs(contract: Fact, day: date) -> bool:
    """Whether a recurring line is in force on a day, whatever it costs."""
    return in_force(contract, day) and any(line["kind"] != "one_off" for line in lines_on(contract, day))


def contracted(contract: Fact, day: date) -> Fraction:
    """What was agreed for a year on a day, whether the contract rests then or not."""
    if not in_force(contract, day):
        return Fraction(0)
    return sum((yearly(line) for line in lines_on(contract, day) if line["kind"] != "one_off"), Fraction(0))


def yearly(line: Fact) -> Fraction:
    """What a line costs a year, less its discount."""
    less = 1 - Fraction(line.get("discount") or 0) / 100
    return Fraction(line["quantity"]) * Fraction(line["price"]) * PER_YEAR[line["interval"]] * less


def rests(contract: Fact, day: date) -> bool:
    """Whether it is suspended on a day; a resumption ends the suspensions that run then, and no later ones."""
    running: list[date | None] = []
    for at, _number, until in sorted(contract["rests"], key=lambda rest: rest[:2]):
        if at > day:
            break
        running = [] if until == "over" else [*running, until]
    return any(until is None or day < until for until in running)


def paid(contract: Fact, day: date) -> Fraction:
    """What is paid a year on a day."""
    return Fraction(0) if rests(contract, day) else contracted(contract, day)
