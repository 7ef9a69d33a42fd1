"""What falls due of contracts, and what became of it, as it stood at an instant: worked out due day after due day.

It imports nothing of the product. Source: docs/kpis.md, renewals.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.contracts import (
    NEXT,
    Fact,
    contracted,
    earliest,
    ended_by,
    in_order,
    midnight,
    months_after,
    paid,
    read,
    recurs,
)

Row = dict[str, Any]
RULES = {"grace_days": 30, "frozen_days": 180}


class Book:
    """The facts that are known, and the questions about them. zone: of the tenant's days; rules: of renewals."""

    def __init__(self, facts: Iterable[Fact], zone: ZoneInfo, rules: dict[str, int] | None = None) -> None:
        self.facts, self.zone, self.rules = list(facts), zone, {**RULES, **(rules or {})}

    def start(self, day: date) -> datetime:
        """When a day begins."""
        return midnight(day, self.zone)

    def contract(self, name: str, at: datetime | None = None) -> Fact | None:
        """A contract of the facts that were decided by an instant."""
        return read(in_order((fact for fact in self.facts if fact["contract"] == name), at), self.zone)

    def contracts(self, account: str | None = None) -> list[str]:
        """The names of all contracts, or of an account's."""
        signed = [fact for fact in self.facts if fact["kind"] == "signed"]
        return [fact["contract"] for fact in signed if account in (None, fact["account"])]

    # --- revenue ---

    def mrr(self, day: date, account: str | None = None) -> Fraction:
        """What is paid a month on a day, as it is known now."""
        return (
            sum((paid(one, day) for name in self.contracts(account) if (one := self.contract(name))), Fraction(0)) / 12
        )

    # --- what falls due ---

    def rows(self, at: datetime, account: str | None = None) -> list[Row]:
        """Every term that falls due, of what was decided by an instant."""
        return [row for name in self.contracts(account) for row in self._rows_of(name, at)]

    def _rows_of(self, name: str, at: datetime) -> list[Row]:
        contract = self.contract(name, at)
        if contract is None:
            return []
        rows = list(self._terms(name, contract, at))
        if followers := self._followers(name, at):
            row = _replaced(rows, contract, min(one["start"] for one in followers))
            if row and row["how"] != "agreed":
                value = sum((contracted(one, one["start"]) for one in followers), Fraction(0))
                row |= {"outcome": "renewed", "how": "replaced", "renewed": value, "noticed": False}
        for row in rows:
            row["goes_on"] = row["outcome"] == "renewed" or (
                row["outcome"] == "open" and contract["auto_renew"] and not row["noticed"]
            )
            if not row["goes_on"]:
                row["renewed"] = Fraction(0)
        return [row for row in rows if recurs(contract, row["close"] - NEXT)]

    def _followers(self, name: str, at: datetime) -> list[Fact]:
        """The contracts that replace this one."""
        others = [self.contract(other, at) for other in self.contracts()]
        return [other for other in others if other and other["replaces"] == name]

    def _terms(self, name: str, contract: Fact, at: datetime) -> Iterator[Row]:
        ended = ended_by(contract)
        end = ended["end"] if ended else None
        for one, following in zip(contract["periods"], [*contract["periods"][1:], None], strict=True):
            if end and end <= one["start"]:
                return
            if end and following and end <= following["start"]:
                following = None  # it never began
            before = one["start"]
            for number, due in enumerate(due_days(one, contract)):
                if number and self.start(before) > at:
                    break
                follows = following is not None and (not contract["auto_renew"] or one["stop"] <= due)
                if follows and following["end"] and following["end"] <= due:
                    break  # decided where the new term ends
                ends = ended if ended and not follows and end <= due else None
                close = min(day for day in (due, one["stop"] if follows else None, end if ends else None) if day)
                row: Row = {
                    "contract": name,
                    "begins": before,
                    "due": due,
                    "close": close,
                    "agreed": one["decided"],
                    "noticed": False,
                }
                row["falls"] = self._deferred(name, due, at) or due
                row |= self._outcome(contract, row, following if follows else None, ends, at)
                row["expiring"] = contracted(contract, close - NEXT)
                row["notice_deadline"] = due - timedelta(days=contract["notice_days"])
                yield row
                if follows or ends:
                    break
                before = due

    def _outcome(self, contract: Fact, row: Row, following: Fact | None, ends: Fact | None, at: datetime) -> Row:
        due, falls = row["due"], self.start(row["falls"])
        if following:
            return {"outcome": "renewed", "how": "agreed", "renewed": contracted(contract, following["start"])}
        if ends and ends["kind"] == "terminated":
            return {"outcome": "lost", "how": "terminated", "renewed": Fraction(0)}
        if ends:
            lost = at >= self.start(ends["end"])
            return {"outcome": "lost" if lost else "open", "how": "noticed", "renewed": Fraction(0), "noticed": True}
        if contract["auto_renew"]:
            renewed = at >= falls
            return {
                "outcome": "renewed" if renewed else "open",
                "how": "by itself",
                "renewed": contracted(contract, due),
            }
        lost = at >= self.start(row["falls"] + timedelta(days=self.rules["grace_days"]))
        return {"outcome": "lost" if lost else "open", "how": "expired", "renewed": Fraction(0)}

    def _deferred(self, name: str, due: date, at: datetime) -> date | None:
        deferrals = [
            fact
            for fact in in_order(self.facts, at)
            if fact["kind"] == "deferred" and (fact["contract"], fact["due"]) == (name, due)
        ]
        return deferrals[-1]["new_due"] if deferrals else None

    # --- figures ---

    def falling(self, at: datetime, start: date, end: date, account: str | None = None) -> list[Row]:
        """The rows of which the decision falls due in [start, end)."""
        return [row for row in self.rows(at, account) if start <= row["falls"] < end]

    def available_to_renew(self, rows: Iterable[Row]) -> Fraction:
        """What falls due, as it is in force."""
        return sum((row["expiring"] for row in rows), Fraction(0))

    def frozen(self, rows: Iterable[Row], at: datetime) -> Fraction:
        """What falls due, as it stood some days before, or when it was agreed where that was later."""
        return sum((self._frozen(row, at) for row in rows), Fraction(0))

    def _frozen(self, row: Row, at: datetime) -> Fraction:
        then = max(self.start(row["due"] - timedelta(days=self.rules["frozen_days"])), row["agreed"])
        contract = self.contract(row["contract"], min(then, at))
        if contract is None:
            return Fraction(0)
        ended = ended_by(contract)
        own = [one for one in contract["periods"] if one["start"] <= row["begins"]]
        last = earliest(row["due"], ended["end"] if ended else None, own[-1]["stop"] if own else None)
        assert last is not None
        return contracted(contract, last - NEXT)

    def renewal_rate(self, rows: list[Row]) -> dict[str, Fraction | None]:
        """The share that goes on: of terms, of their value, and of their value with what was added."""
        expiring = sum((row["expiring"] for row in rows), Fraction(0))
        kept = sum((min(row["renewed"], row["expiring"]) for row in rows), Fraction(0))
        renewed = sum((row["renewed"] for row in rows), Fraction(0))
        return {
            "count": Fraction(sum(row["goes_on"] for row in rows), len(rows)) if rows else None,
            "value": kept / expiring if expiring else None,
            "net_value": renewed / expiring if expiring else None,
        }

    def open_terms(self, at: datetime, account: str | None = None) -> list[Row]:
        """What is not decided yet, by the day on which it is."""
        rows = [row for row in self.rows(at, account) if row["outcome"] == "open"]
        return sorted(rows, key=lambda row: (row["falls"], row["contract"]))

    def next_renewal(self, at: datetime, account: str) -> Row | None:
        """The open term of an account that is decided next."""
        return next(iter(self.open_terms(at, account)), None)


def _replaced(rows: list[Row], contract: Fact, start: date) -> Row | None:
    """The term that ran last; of a contract that goes on by itself the one that ran when the other contract began."""
    ended = ended_by(contract)
    if rows and (ended or not contract["auto_renew"]):
        last = contract["periods"][-1]
        final = rows[-1]["due"] >= ended["end"] if ended else rows[-1]["begins"] == last["start"]
        return rows[-1] if final else None
    return next((row for row in rows if row["begins"] < start <= row["due"]), None)


def due_days(agreed: Fact, contract: Fact) -> Iterator[date]:
    """The days on which an agreed term and those that follow it by themselves end, for a while."""
    start, end = agreed["start"], agreed["end"]
    if end is None:
        return
    yield end
    if not contract["auto_renew"]:
        return
    passed = (end.year - start.year) * 12 + end.month - start.month
    anchor, passed = (start, passed) if months_after(start, passed) == end else (end, 0)
    for number in range(1, 500):
        yield months_after(anchor, passed + number * (contract["months"] or 12))
