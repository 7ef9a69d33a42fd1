"""Churn by how contracts ended: against a naive model that reads nothing but what was done, and case by case."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from app.domain.contract.commands import (
    AmendContract,
    CorrectContract,
    GiveNotice,
    RemoveLine,
    RenewContract,
    SetLine,
    TerminateContract,
    Terms,
    WithdrawNotice,
)
from app.domain.kernel.errors import Invalid
from app.domain.policy.commands import DraftPolicyVersion
from app.domain.policy.rules import MetricRules
from tests.kpi_queries.history_factory import RISING, YEAR, account, ask, contract, in_force
from tests.support.application import Steward

ENDS: Final = ("reason", "voluntary", "competitor")
UNKNOWN: Final = (None, None, None)
MONTHS: Final = [f"2025-{month:02}-01" for month in range(1, 13)]


def groups(steward: Steward, by: str, period: tuple[str, str] = YEAR, **more: Any) -> dict[str | None, str]:
    """The churn by one of its groups, which are the whole and the waterfall's row."""
    answer = ask(steward, "churned_mrr", period, options={"group_by": by}, **more)
    assert sum(Decimal(group["value"]) for group in answer["groups"]) == Decimal(answer["value"])
    waterfall = ask(steward, "mrr_waterfall", period, **more)
    assert answer["value"] == next(row["amount"] for row in waterfall["rows"] if row["name"] == "churn")
    return {group["name"]: group["value"] for group in answer["groups"]}


# --- the naive model ---


class Told(NamedTuple):
    """A contract as it was told: its first day, what it pays a month, the day from which it is over, and how it ended."""

    account: str
    start: str
    price: int
    over: str | None
    how: tuple[str | None, str | None, str | None]


def naive(told: Sequence[Told], by: str) -> dict[str | None, Decimal]:
    """Day by day: an account that paid on the day before and pays nothing now has lost what of it ended today, by how it ended."""
    at, lost = ENDS.index(by), defaultdict[str | None, Decimal](Decimal)
    for day in MONTHS:
        for owner in {one.account for one in told}:
            own = [one for one in told if one.account == owner]
            pays = any(one.start <= day and (one.over is None or day < one.over) for one in own)
            for one in own:
                if not pays and one.over == day:
                    lost[one.how[at]] += one.price
    return dict(lost)


def told(steward: Steward, random: Random) -> list[Told]:
    """Accounts with one contract or two, each ended in one of the ways that there are, or not at all, on the first of some month."""
    every: list[Told] = []
    for number in range(12):
        owner = account(steward, f"Client {number}")
        for _ in range(random.choice([1, 1, 2])):
            way, over = random.choice(["run", "term", "us", "client", "ended", "both"]), random.choice(MONTHS)
            price = random.randrange(10, 99)
            tacit = {"end": "2024-07-01", "auto_renew": True, "renewal_term_months": 1}
            term: dict[str, Any] = {"end": over} if way == "term" else tacit
            made = contract(steward, owner, str(price), "2024-01-01", **term)
            how: tuple[str | None, str | None, str | None] = UNKNOWN
            if way == "term":
                how = ("expired", "false", None)
            if way in ("us", "client", "both"):
                by = "us" if way == "us" else "client"
                steward.do(GiveNotice(effective_at="2024-11-01", effective_end=over, by=by), contract=made)
                how = ("notice", str(by == "client").lower(), None)
            if way in ("ended", "both"):
                reason, voluntary = random.choice(["price", "unpaid"]), random.random() < 0.5
                competitor = random.choice([None, "Rival", "Other"])
                steward.do(
                    TerminateContract(effective_end=over, reason=reason, voluntary=voluntary, competitor=competitor),
                    contract=made,
                )
                how = (reason, str(voluntary).lower(), competitor)
            every.append(Told(owner, "2024-01-01", price, None if way == "run" else over, how))
    return every


@pytest.mark.parametrize("seed", [3, 8])
def test_churn_by_reason_will_and_competitor_is_what_a_naive_model_says(steward: Steward, seed: int) -> None:
    history = told(steward, Random(seed))
    steward.catch_up()

    for by in ENDS:
        expected = naive(history, by)
        assert {name: Decimal(value) for name, value in groups(steward, by).items()} == expected, by


# --- case by case ---


def test_what_was_known_earlier_stays_and_a_corrected_end_moves(steward: Steward) -> None:
    client = account(steward, "Client")
    made = contract(steward, client, "70.00", end="2025-05-01")
    before = steward.catch_up()
    ended = steward.do(
        TerminateContract(effective_end="2025-04-01", reason="price", voluntary=True, competitor="Rival"), contract=made
    )
    known = steward.catch_up()
    steward.do(CorrectContract(corrects=ended.events[0][0], terms=Terms(effective_end="2025-03-01")), contract=made)
    steward.catch_up()

    assert groups(steward, "reason", known_at=before) == {"expired": "70.00"}
    assert groups(steward, "competitor", known_at=known) == {"Rival": "70.00"}
    assert groups(steward, "reason", ("2025-04-01", "2025-05-01"), known_at=known) == {"price": "70.00"}
    assert groups(steward, "reason", ("2025-03-01", "2025-04-01")) == {"price": "70.00"}
    assert groups(steward, "voluntary", as_of="2025-02-28") == {}


def test_a_loss_without_an_end_has_no_reason_and_a_renewal_after_a_gap_keeps_the_notice(steward: Steward) -> None:
    removed = contract(steward, account(steward, "Removed"), "10.00")
    free = contract(steward, account(steward, "Free"), "20.00")
    back = contract(steward, account(steward, "Back"), "30.00", end="2025-04-01")
    taken_back = contract(steward, account(steward, "Taken back"), "40.00", end="2025-04-01")
    changes: list[tuple[str, Any]] = [
        (removed, RemoveLine(op="remove_line", line="main")),
        (free, SetLine(op="set_line", line="main", discount_percent="100")),
    ]
    for made, change in changes:
        steward.do(AmendContract(effective_at="2025-06-01", changes=(change,)), contract=made)
    for made in (back, taken_back):
        steward.do(GiveNotice(effective_at="2025-01-10", effective_end="2025-04-01", by="client"), contract=made)
    steward.do(WithdrawNotice(effective_at="2025-02-01"), contract=taken_back)
    steward.do(RenewContract(start="2025-09-01", end="2026-09-01"), contract=back)
    steward.catch_up()

    assert groups(steward, "reason") == {"expired": "40.00", "notice": "30.00", None: "30.00"}
    assert groups(steward, "voluntary") == {"false": "40.00", "true": "30.00", None: "30.00"}


def test_rules_of_ones_own_and_currencies_are_shared_out_too(steward: Steward) -> None:
    client = account(steward, "Client")
    for price, currency, reason in (("60.00", "USD", "price"), ("50.00", "EUR", "service")):
        made = contract(steward, client, price, currency=currency)
        steward.do(GiveNotice(effective_at="2025-02-01", effective_end="2025-06-01", by="us"), contract=made)
        steward.do(TerminateContract(effective_end="2025-06-01", reason=reason, voluntary=True), contract=made)
    stays = account(steward, "Stays")
    contract(steward, stays, "5.00")
    half = contract(steward, stays, "8.00")
    steward.do(
        AmendContract(effective_at="2025-07-05", changes=(SetLine(op="set_line", line="main", unit_price="9.00"),)),
        contract=half,
    )
    steward.do(TerminateContract(effective_end="2025-07-20", reason="moved", voluntary=True), contract=half)
    in_force(steward, RISING)
    steward.catch_up()

    assert groups(steward, "reason", reporting="USD") == {"price": "60.00", "service": "55.00"}
    policy = in_force(steward, MetricRules(netting="month", contract_end="churn"), None)
    steward.do(DraftPolicyVersion(rules=MetricRules(churn_at="notice")), policy=policy)
    steward.catch_up()
    monthly = groups(steward, "reason", reporting="USD", policy=f"{policy}:1")
    assert monthly == {"moved": "8.00", "price": "60.00", "service": "55.00"}
    noticed = groups(steward, "reason", ("2025-02-01", "2025-03-01"), reporting="USD", policy=f"{policy}:2")
    assert noticed == {"price": "60.00", "service": "55.00"}


def test_only_what_is_lost_by_ends_is_grouped_by_them(sqlite_steward: Steward) -> None:
    sqlite_steward.catch_up()
    for name in ("mrr_waterfall", "net_revenue_retention", "renewal_forecast"):
        with pytest.raises(Invalid) as refused:
            ask(sqlite_steward, name, options={"group_by": "reason"})
        assert refused.value.code == "invalid_option"
