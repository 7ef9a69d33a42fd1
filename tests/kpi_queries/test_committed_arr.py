"""Committed ARR: against a naive model that reads nothing but what was done, and case by case."""

from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from app.domain.contract.commands import (
    AmendContract,
    GiveNotice,
    RenewContract,
    SetLine,
    SuspendContract,
    TerminateContract,
    WithdrawNotice,
)
from tests.kpi_queries.history_factory import RISING, account, ask, contract, explained, in_force
from tests.support.application import Steward

NOW: Final = "2026-01-15"
DAYS: Final = [
    f"{year}-{month:02}-{day}" for year in (2024, 2025, 2026) for month in range(1, 13) for day in ("01", "20")
]


def committed(steward: Steward, day: str, **more: Any) -> Decimal:
    """The figure at the end of a day."""
    return Decimal(ask(steward, "committed_arr", None, as_of=day, **more)["value"])


# --- the naive model ---


class Told(NamedTuple):
    """A contract as it was told: what it pays a year from which day, when it was signed; when it ends, and who knew that when."""

    price: int
    signed: str
    start: str
    end: str | None
    over: str | None
    known: str | None
    withdrawn: str | None


def naive(told: list[Told], day: str) -> int:
    """What is agreed and runs or will run, of contracts of which nobody knows on this day that they end."""
    whole = 0
    for one in told:
        knows = one.known is not None and one.known <= day and (one.withdrawn is None or day < one.withdrawn)
        over = one.over if one.withdrawn is None else None
        gone = any(end is not None and end <= day for end in (one.end, over))
        if one.signed <= day and not gone and not knows:
            whole += one.price
    return whole


def told(steward: Steward, random: Random) -> list[Told]:
    """Contracts that begin after they were signed, with and without an end, a notice, one that is withdrawn, or a termination."""
    every: list[Told] = []
    for number in range(14):
        begins = random.randrange(4, 40)
        start, end = DAYS[begins], random.choice([None, None, DAYS[begins + 28]])
        signed, price = DAYS[begins - random.randrange(4)], random.randrange(100, 999)
        owner = account(steward, f"Client {number}")
        made = contract(steward, owner, str(price), start, end, signed_at=signed, interval="year")
        way, over, known, withdrawn = random.choice(["none", "notice", "withdrawn", "ended"]), None, None, None
        if way in ("notice", "withdrawn"):
            known, over = DAYS[begins + 1], DAYS[begins + 6]
            steward.do(GiveNotice(effective_at=known, effective_end=over), contract=made)
        if way == "withdrawn":
            withdrawn = DAYS[begins + 3]
            steward.do(WithdrawNotice(effective_at=withdrawn), contract=made)
        if way == "ended":
            over = DAYS[begins + 6]
            known = min(over, NOW)
            steward.do(TerminateContract(effective_end=over, reason="price", voluntary=True), contract=made)
        every.append(Told(price, signed, start, end, over, known, withdrawn))
    return every


@pytest.mark.parametrize("seed", [2, 5])
def test_committed_arr_is_what_a_naive_model_says_on_any_day(steward: Steward, seed: int) -> None:
    history = told(steward, Random(seed))
    steward.catch_up()

    for day in DAYS[::3]:
        assert committed(steward, day) == naive(history, day), day


# --- case by case ---


def test_what_begins_adds_and_what_is_known_to_end_counts_nothing(steward: Steward) -> None:
    contract(steward, account(steward, "Runs", owner="ann"), "66000", interval="year", end="2026-06-01")
    left = contract(steward, account(steward, "Leaves", owner="ben"), "6000", interval="year")
    contract(steward, account(steward, "Comes"), "1000", "2026-02-01", signed_at="2025-12-10")
    steward.do(GiveNotice(effective_at="2025-12-05", effective_end="2026-03-01"), contract=left)
    steward.catch_up()

    assert committed(steward, "2025-12-01") == 72_000
    assert committed(steward, "2025-12-09") == 66_000
    assert committed(steward, "2025-12-31") == 78_000
    assert committed(steward, "2025-12-31", owner="ben") == 0
    figure, rows, _ = explained(steward, "committed_arr", None, as_of="2025-12-31", options={"group_by": "owner"})
    assert [(group["name"], group["value"]) for group in figure["groups"]] == [
        ("ann", "66000.00"),
        ("ben", "0.00"),
        (None, "12000.00"),
    ]
    assert sum(Decimal(row["contribution"]["numerator"]) for row in rows) == Decimal(figure["value"])
    shown = {item["in_force"]: (item["not_started"], item["ending"]) for row in rows for item in row["items"]}
    assert shown["6000.00"] == ("0.00", "6000.00")


def test_what_follows_a_contract_takes_its_place_and_a_gap_before_a_renewal_has_not_begun(steward: Steward) -> None:
    client = account(steward, "Client")
    first = contract(steward, client, "100.00", end="2025-07-01")
    contract(steward, client, "150.00", "2025-07-01", signed_at="2025-05-01", replaces=first)
    gap = contract(steward, account(steward, "Gap"), "10.00", end="2025-04-01")
    steward.do(RenewContract(start="2025-08-01", end="2026-08-01"), contract=gap)
    steward.catch_up()

    assert committed(steward, "2025-04-30", account=client) == 1200
    assert committed(steward, "2025-05-01", account=client) == committed(steward, "2025-07-01", account=client) == 1800
    assert [committed(steward, day) for day in ("2025-03-31", "2025-07-31", "2025-08-01")] == [1320, 1800, 1920]


def test_a_rest_counts_nothing_a_step_on_its_day_and_what_was_known_stays(steward: Steward) -> None:
    rests = contract(steward, account(steward, "Rests"), "10.00")
    grows = contract(steward, account(steward, "Grows"), "20.00")
    euros = contract(steward, account(steward, "Euros"), "30.00", "2026-05-01", currency="EUR", signed_at="2025-11-01")
    before = steward.catch_up()
    steward.do(SuspendContract(effective_at="2025-10-01"), contract=rests)
    raised = (SetLine(op="set_line", line="main", unit_price="50.00"),)
    steward.do(AmendContract(effective_at="2026-06-01", changes=raised), contract=grows)
    in_force(steward, RISING)
    known = steward.catch_up()
    steward.do(TerminateContract(effective_end="2026-09-01", reason="price", voluntary=False), contract=euros)
    steward.catch_up()

    assert committed(steward, "2025-12-31", currency="USD") == 240
    assert committed(steward, "2025-12-31", currency="USD", known_at=before) == 360
    assert committed(steward, "2026-06-01", currency="USD") == 600
    assert committed(steward, "2025-12-31", reporting="USD") == 240 + 360 * Decimal("1.25")  # not yet ended then
    assert committed(steward, "2026-01-31", reporting="USD", known_at=known) == 690
    assert committed(steward, "2026-01-31", reporting="USD") == 240
