"""The model itself, held to examples that were worked out by hand."""

from datetime import UTC, date, datetime
from itertools import count, islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.oracle.contracts import Fact, known, months_after
from tests.oracle.renewals import Book, due_days

NUMBERS = count(1)
ZONE = ZoneInfo("UTC")
D = date.fromisoformat


def at(day: str) -> datetime:
    """An instant at noon."""
    return datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)


def fact(kind: str, day: str, told: str | None = None, contract: str = "c", **members: Any) -> Fact:
    """A fact that is effective on a day and was told then, or on another one."""
    number = next(NUMBERS)
    return {"kind": kind, "contract": contract, "id": f"f{number}", "position": number,
            "effective": datetime.fromisoformat(day).replace(tzinfo=UTC), "recorded": at(told or day), **members}  # fmt: skip


def line(price: str = "100", quantity: str = "1", kind: str = "recurring") -> Fact:
    """A line a month."""
    return {"line": "main", "kind": kind, "quantity": quantity, "price": price, "interval": "month"}


def signed(start: str, end: str | None, *, auto: bool = False, months: int | None = None, price: str = "100",
           contract: str = "c", kind: str = "recurring", told: str | None = None, replaces: str | None = None) -> Fact:  # fmt: skip
    """A contract of one line."""
    return fact("signed", start, told, contract, account="a", start=D(start), end=D(end) if end else None, auto_renew=auto,
                months=months, notice_days=90, lines=[line(price, kind=kind)], replaces=replaces)  # fmt: skip


def renewed(start: str, end: str | None, day: str, told: str | None = None, price: str | None = None) -> Fact:
    """A further term."""
    return fact(
        "renewed", day, told, start=D(start), end=D(end) if end else None, lines=[line(price)] if price else None
    )


def outcomes(facts: list[Fact], day: str) -> list[tuple[str, str, int, int]]:
    """Due day, outcome, expiring and renewed a month, as of a day."""
    rows = Book(known(facts), ZONE).rows(at(day))
    return [(str(row["due"]), row["outcome"], int(row["expiring"] / 12), int(row["renewed"] / 12)) for row in rows]


@pytest.mark.parametrize(
    ("start", "end", "months", "days"),
    [
        ("2026-01-31", "2026-02-28", 1, ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("2026-08-31", "2026-09-30", 1, ["2026-09-30", "2026-10-31"]),
        ("2025-11-30", "2026-02-28", 3, ["2026-02-28", "2026-05-30"]),
        ("2024-02-29", "2025-02-28", 12, ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("2026-01-10", "2026-02-28", 1, ["2026-02-28", "2026-03-28"]),
    ],
)
def test_due_days_are_counted_from_the_day_on_which_the_term_began(
    start: str, end: str, months: int, days: list[str]
) -> None:
    dues = due_days({"start": D(start), "end": D(end)}, {"auto_renew": True, "months": months})
    assert [str(due) for due in islice(dues, len(days))] == days


def test_a_contract_that_renews_itself_has_a_row_for_each_term_that_has_begun() -> None:
    facts = [signed("2023-03-01", "2025-03-01", auto=True, months=12)]

    assert outcomes(facts, "2024-01-01") == [("2025-03-01", "open", 100, 100)]
    assert outcomes(facts, "2026-09-15") == [
        ("2025-03-01", "renewed", 100, 100), ("2026-03-01", "renewed", 100, 100), ("2027-03-01", "open", 100, 100),
    ]  # fmt: skip
    following = Book(facts, ZONE).next_renewal(at("2026-09-15"), "a")
    assert following
    assert (str(following["due"]), str(following["notice_deadline"])) == ("2027-03-01", "2026-12-01")


def test_an_end_of_later_years_undoes_no_renewal_and_is_not_seen_before_it_was_decided() -> None:
    facts = [signed("2021-07-01", "2022-07-01", auto=True), fact("terminated", "2022-12-10", end=D("2023-02-10"))]

    assert outcomes(facts, "2026-01-01") == [("2022-07-01", "renewed", 100, 100), ("2023-07-01", "lost", 100, 0)]
    assert outcomes(facts, "2022-12-09") == [("2022-07-01", "renewed", 100, 100), ("2023-07-01", "open", 100, 100)]


def test_a_raise_belongs_to_the_due_day_on_which_it_begins() -> None:
    facts = [
        signed("2024-07-01", "2025-07-01", auto=True),
        renewed("2026-07-01", "2027-07-01", "2026-06-10", price="150"),
    ]

    assert outcomes(facts, "2026-06-11") == [
        ("2025-07-01", "renewed", 100, 100), ("2026-07-01", "renewed", 100, 150), ("2027-07-01", "open", 150, 150),
    ]  # fmt: skip


def test_a_term_is_lost_after_its_grace_and_won_back_by_a_late_renewal() -> None:
    facts = [signed("2024-07-01", "2025-07-01"), renewed("2025-08-10", "2026-08-10", "2025-08-10")]

    assert outcomes(facts, "2025-07-15") == [("2025-07-01", "open", 100, 0)]
    assert outcomes(facts, "2025-08-05") == [("2025-07-01", "lost", 100, 0)]
    assert outcomes(facts, "2025-08-11") == [("2025-07-01", "renewed", 100, 100), ("2026-08-10", "open", 100, 0)]


def test_a_notice_is_open_until_it_ends_the_contract_and_void_once_it_is_withdrawn_or_renewed() -> None:
    facts = [signed("2024-07-01", "2025-07-01", auto=True), fact("noticed", "2025-03-01", end=D("2025-07-01"))]
    assert outcomes(facts, "2025-02-01") == [("2025-07-01", "open", 100, 100)]
    assert outcomes(facts, "2025-04-01") == [("2025-07-01", "open", 100, 0)]
    assert outcomes(facts, "2025-07-02") == [("2025-07-01", "lost", 100, 0)]

    assert outcomes([*facts, fact("withdrawn", "2025-05-01")], "2025-05-02") == [("2025-07-01", "open", 100, 100)]
    late = renewed("2025-09-01", "2026-09-01", "2025-08-20")
    assert outcomes([*facts, late], "2025-09-02") == [
        ("2025-07-01", "renewed", 100, 100),
        ("2026-09-01", "open", 100, 100),
    ]


def test_a_project_is_not_up_for_renewal_and_a_contract_that_rests_is_at_its_contracted_amount() -> None:
    assert outcomes([signed("2024-07-01", "2025-07-01", kind="one_off")], "2025-01-01") == []
    facts = [signed("2024-07-01", "2025-07-01"), fact("suspended", "2025-05-01", until=None)]
    assert outcomes(facts, "2025-06-01") == [("2025-07-01", "open", 100, 0)]
    assert Book(facts, ZONE).mrr(D("2025-04-30")) == 100
    assert Book(facts, ZONE).mrr(D("2025-05-01")) == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0)])
def test_a_resumption_ends_only_what_rests_then_in_whatever_order_it_is_told(order: tuple[int, ...]) -> None:
    rests = [
        lambda: fact("suspended", "2027-01-01", "2026-09-01", until=D("2027-02-01")),
        lambda: fact("suspended", "2026-06-01", until=None),
        lambda: fact("resumed", "2026-08-01"),
    ]
    book = Book([signed("2026-01-01", None), *(rests[number]() for number in order)], ZONE)

    days = (
        "2026-05-31",
        "2026-06-01",
        "2026-07-31",
        "2026-08-01",
        "2026-12-31",
        "2027-01-01",
        "2027-01-31",
        "2027-02-01",
    )
    assert [book.mrr(D(day)) for day in days] == [100, 0, 0, 100, 100, 0, 0, 100]


def test_what_falls_due_is_what_is_in_force_and_frozen_is_what_was_some_days_before() -> None:
    facts = [
        signed("2026-03-01", "2027-03-01", price="5000"),
        fact("amended", "2026-11-20", changes=[("set", {"line": "main", "price": "6250"})]),
        renewed("2027-03-01", "2028-03-01", "2026-11-25"),
    ]
    book, now = Book(facts, ZONE), at("2026-11-28")
    rows = book.falling(now, D("2027-03-01"), D("2027-04-01"))

    assert book.available_to_renew(rows) == 75_000
    assert book.frozen(rows, now) == 60_000
    assert book.renewal_rate(rows) == {"count": 1, "value": 1, "net_value": 1}


def test_a_contract_is_renewed_by_the_one_that_replaces_it() -> None:
    facts = [
        signed("2024-07-01", "2025-07-01"),
        fact("terminated", "2025-05-01", end=D("2025-06-01")),
        signed("2025-06-01", "2026-06-01", price="80", contract="d", replaces="c", told="2025-05-20"),
    ]

    assert outcomes(facts, "2025-05-10") == [("2025-07-01", "lost", 100, 0)]
    assert outcomes(facts, "2025-06-10") == [("2025-07-01", "renewed", 100, 80), ("2026-06-01", "open", 80, 0)]


def test_a_deferral_moves_the_decision_and_no_revenue() -> None:
    facts = [
        signed("2024-07-01", "2025-07-01", auto=True),
        fact("deferred", "2025-06-01", due=D("2025-07-01"), new_due=D("2025-09-01")),
    ]
    book = Book(facts, ZONE)

    assert outcomes(facts, "2025-08-01")[0] == ("2025-07-01", "open", 100, 100)
    assert outcomes(facts, "2025-09-02")[0] == ("2025-07-01", "renewed", 100, 100)
    assert [
        len(book.falling(at("2025-06-02"), D(f"2025-{month}-01"), D(f"2025-{month}-28"))) for month in ("07", "09")
    ] == [0, 1]
    assert book.mrr(D("2025-08-01")) == 100


def test_a_correction_rewrites_what_it_names_whatever_the_day() -> None:
    first = signed("2024-07-01", "2025-07-01")
    right = fact("corrected", "2026-01-01", corrects=first["id"], right={"end": D("2025-10-01")})

    assert [row[0] for row in outcomes([first, right], "2024-08-01")] == ["2025-10-01"]
    rows = Book(known([first, right], first["position"]), ZONE).rows(at("2024-08-01"))
    assert [str(row["due"]) for row in rows] == ["2025-07-01"]


def test_months_end_on_the_last_day_of_a_shorter_month() -> None:
    assert [months_after(D("2026-01-31"), months) for months in (1, 2, 13)] == [
        D("2026-02-28"), D("2026-03-31"), D("2027-02-28"),
    ]  # fmt: skip
