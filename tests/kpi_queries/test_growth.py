"""Figures of growth: the pipeline at an instant, what was won of it, and what was given away."""

from decimal import Decimal
from typing import Any

import pytest

from app.domain.contract.commands import AddLine, AmendContract
from app.domain.kernel.errors import Invalid
from app.domain.opportunity import commands as chances
from app.domain.policy.rules import MetricRules
from app.domain.proposal import commands as offers
from tests.kpi_queries.history_factory import account, ask, contract, explained, in_force, rates
from tests.support.application import Steward

QUARTER = ("2026-01-01", "2026-04-01")


def seen(steward: Steward, account_id: str, at: str = "2026-01-02", **members: Any) -> str:
    """An opportunity."""
    terms = {"title": "More", "kind": "upsell", "source": "usage", "effective_at": at, **members}
    return steward.do(chances.IdentifyOpportunity(**terms), account=account_id).id


def estimated(
    steward: Steward, chance: str, value: str, probability: str, at: str = "2026-01-03", currency: str = "USD"
) -> None:
    """What it may bring."""
    terms = {"currency": currency, "close_by": "2026-06-30", "effective_at": at}
    steward.do(chances.EstimateOpportunity(annual_value=value, probability=probability, **terms), opportunity=chance)


def won(steward: Steward, chance: str, contract_id: str, price: str, at: str = "2026-01-10") -> None:
    """Won by an amendment that adds a line at a price a month."""
    more = AddLine(op="add_line", line=f"more {price}", product="social", unit_price=price, interval="month")
    event = steward.do(AmendContract(effective_at=at, changes=(more,)), contract=contract_id).events[0][0]
    steward.do(chances.WinOpportunity(contract=contract_id, event=event, effective_at=at), opportunity=chance)


def agreed(steward: Steward, account_id: str, at: str = "2026-01-10", currency: str = "USD", **gives: str) -> str:
    """A proposal of 12,000 a year that was accepted, so much given away by kind."""
    item = offers.Item(item="main", product="retainer", unit_price="1000", interval="month")
    draft = offers.DraftProposal(currency=currency, items=(item,), valid_until="2026-06-01", effective_at="2026-01-05")
    proposal = steward.do(draft, role="director", account=account_id).id
    for kind, value in gives.items():
        terms: dict[str, Any] = {"kind": kind, "value": value, "given": "some", "in_exchange_for": "more"}
        steward.do(offers.OfferConcession(**terms), role="director", proposal=proposal)
    steward.do(offers.SubmitProposal(effective_at="2026-01-06"), proposal=proposal)
    steward.do(offers.AcceptProposal(version=1, effective_at=at), proposal=proposal)
    return proposal


def test_the_pipeline_is_what_was_open_at_the_instant_weighted_by_what_was_believed_then(
    steward: Steward,
) -> None:
    mine = account(steward, "Mine", owner="mia")
    first, second = seen(steward, mine), seen(steward, mine, at="2026-01-08")
    estimated(steward, first, "6000", "0.5")
    estimated(steward, second, "1000.01", "0.333333", at="2026-01-08")
    estimated(steward, first, "8000", "0.25", at="2026-01-09")
    steward.do(chances.LoseOpportunity(reason="price", effective_at="2026-01-12"), opportunity=second)
    steward.catch_up()

    def pipeline(day: str, method: str = "weighted", **scope: Any) -> str:
        return str(ask(steward, "pipeline_value", None, method, as_of=day, **scope)["value"])

    assert [pipeline(f"2026-01-{day}") for day in ("01", "05", "08", "09", "13")] == [
        "0.00", "3000.00", "3333.34", "2333.34", "2000.00",
    ]  # fmt: skip
    assert pipeline("2026-01-08", "total") == "7000.01"
    assert pipeline("2026-01-08", owner="mia") == "3333.34"
    assert pipeline("2026-01-08", owner="somebody") == "0.00"


def test_a_figure_of_the_pipeline_stays_what_it_was_known_to_be(steward: Steward) -> None:
    chance = seen(steward, account(steward, "Mine"))
    estimated(steward, chance, "6000", "0.5")
    known = steward.catch_up()
    estimated(steward, chance, "9000", "0.5", at="2026-01-04")
    steward.catch_up()

    assert ask(steward, "pipeline_value", None, as_of="2026-01-05")["value"] == "4500.00"
    assert ask(steward, "pipeline_value", None, as_of="2026-01-05", known_at=known)["value"] == "3000.00"


def test_what_rests_is_left_out_of_the_pipeline_with_a_warning(steward: Steward) -> None:
    mine = account(steward, "Mine")
    resting, unknown, counted = (seen(steward, mine) for _ in range(3))
    estimated(steward, resting, "6000", "0.5")
    estimated(steward, counted, "100", "1")
    steward.do(
        chances.ParkOpportunity(until="2026-06-01", reason="no budget", effective_at="2026-01-08"), opportunity=resting
    )
    steward.catch_up()

    answer = ask(steward, "pipeline_value", None, as_of="2026-01-09")
    assert answer["value"] == "100.00"
    assert answer["warnings"] == [
        {"code": "parked_opportunities_left_out", "count": 1},
        {"code": "opportunities_without_estimate", "count": 1},
    ]
    assert ask(steward, "pipeline_value", None, as_of="2026-01-07")["value"] == "3100.00"
    assert unknown in repr(explained(steward, "pipeline_value", None)[1])


def test_two_currencies_are_not_summed(steward: Steward) -> None:
    mine = account(steward, "Mine")
    for currency in ("EUR", "USD"):
        estimated(steward, seen(steward, mine), "1000", "0.5", currency=currency)
    steward.catch_up()

    with pytest.raises(Invalid) as refused:
        ask(steward, "pipeline_value", None, as_of="2026-01-09")
    assert refused.value.code == "mixed_currencies"
    assert ask(steward, "pipeline_value", None, as_of="2026-01-09", currency="EUR")["value"] == "500.00"


def test_the_win_rate_counts_what_was_decided_in_the_period_by_number_and_by_value(steward: Steward) -> None:
    mine = account(steward, "Mine")
    terms = contract(steward, mine, "1000.00", start="2026-01-01")
    first, second, third, still = (seen(steward, mine) for _ in range(4))
    estimated(steward, first, "99", "0.5")
    estimated(steward, second, "2000", "0.5")
    estimated(steward, still, "5000", "0.5")
    won(steward, first, terms, "250")
    for lost, at in ((second, "2026-01-11"), (third, "2026-01-12")):
        steward.do(chances.LoseOpportunity(reason="price", effective_at=at), opportunity=lost)
    steward.catch_up()

    count, value = (ask(steward, "win_rate", QUARTER, method) for method in ("count", "value"))
    assert (count["value"], count["numerator"], count["denominator"]) == ("0.333333", "1", "3")
    assert (value["value"], value["numerator"], value["denominator"]) == ("0.6", "3000.00", "5000.00")
    assert value["warnings"] == [
        {"code": "opportunities_without_estimate", "count": 1},
        {"code": "period_not_over", "count": None},
    ]
    answer, rows, _ = explained(steward, "win_rate", QUARTER, method="value")
    assert answer["value"] == "0.6"
    (row,) = rows
    assert row["contribution"] == {"numerator": "3000.00", "denominator": "5000.00"}
    assert {one["outcome"] for one in row["items"]} == {"won", "lost"}
    assert "opportunity.won" in {event["type"] for event in row["events"]}
    empty = ask(steward, "win_rate", ("2025-01-01", "2025-04-01"))
    assert (empty["value"], empty["null_reason"]) == (None, "nothing_decided_in_period")


def test_the_concession_rate_is_what_was_given_away_of_what_was_listed(steward: Steward) -> None:
    mine = account(steward, "Mine")
    agreed(steward, mine, price="600", service="300")
    agreed(steward, mine, at="2026-01-12")
    steward.catch_up()

    all_, price = (ask(steward, "concession_rate", QUARTER, method) for method in ("all", "price"))
    assert (all_["value"], all_["numerator"], all_["denominator"]) == ("0.0375", "900.00", "24000.00")
    assert price["value"] == "0.025"
    assert ask(steward, "concession_rate", ("2026-01-12", "2026-04-01"))["value"] == "0"
    _, (row,), _ = explained(steward, "concession_rate", QUARTER)
    assert [(one["conceded"], one["of_which_price"]) for one in row["items"]] == [
        ("900.00", "600.00"),
        ("0.00", "0.00"),
    ]
    empty = ask(steward, "concession_rate", ("2025-01-01", "2025-04-01"))
    assert (empty["value"], empty["null_reason"]) == (None, "no_value_accepted_in_period")


# --- in one currency ---

RATES = rates(("2020-01-01", "EUR", "1.1"), ("2026-01-01", "EUR", "1.2"), ("2026-02-01", "EUR", "1.5"))


def summands(
    steward: Steward, name: str, period: tuple[str, str] | None, **parameters: Any
) -> tuple[dict[str, Any], list[str]]:
    """A figure in dollars, and what accounts give to its numerator, which sums to it."""
    answer, rows, _ = explained(steward, name, period, reporting="USD", **parameters)
    contributions = [row["contribution"]["numerator"] for row in rows]
    assert sum(map(Decimal, contributions)) == Decimal(answer["numerator"])
    assert answer["currency"] == "USD"
    return answer, contributions


def test_the_pipeline_is_converted_at_its_own_days_rates(steward: Steward) -> None:
    one, other = account(steward, "One"), account(steward, "Other")
    estimated(steward, seen(steward, one), "6000", "0.5", currency="EUR")
    estimated(steward, seen(steward, other), "1000", "0.333333")
    steward.catch_up()
    with pytest.raises(Invalid) as missing:
        ask(steward, "pipeline_value", None, as_of="2026-01-09", reporting="USD")
    assert missing.value.code == "fx_table_missing"
    in_force(steward, RATES)
    steward.catch_up()

    answer, given = summands(steward, "pipeline_value", None, as_of="2026-01-09")
    assert (answer["value"], sorted(given)) == ("3933.33", ["333.33", "3600.00"])
    assert answer["fx_rates"] == [{"currency": "EUR", "base": "USD", "date": "2026-01-01", "rate": "1.2"}]
    assert answer["fx_version"] == "fx@default/1"
    assert ask(steward, "pipeline_value", None, as_of="2026-02-09", reporting="USD")["value"] == "4833.33"
    assert ask(steward, "pipeline_value", None, as_of="2026-01-09", reporting="EUR")["value"] == "3277.78"
    assert ask(steward, "pipeline_value", None, as_of="2026-01-09", currency="EUR")["fx_version"] is None


def test_wins_and_concessions_are_compared_at_the_rates_before_the_period(steward: Steward) -> None:
    mine = account(steward, "Mine")
    terms = contract(steward, mine, "1000.00", start="2026-01-01")
    first, second = seen(steward, mine), seen(steward, mine)
    estimated(steward, first, "99", "0.5")
    estimated(steward, second, "2000", "0.5", currency="EUR")
    won(steward, first, terms, "275")
    steward.do(chances.LoseOpportunity(reason="price", effective_at="2026-01-11"), opportunity=second)
    agreed(steward, mine, price="600", service="300")
    agreed(steward, account(steward, "Other"), currency="EUR", at="2026-01-12", price="1200")
    in_force(steward, MetricRules(reporting_currency="USD"))
    in_force(steward, RATES)
    steward.catch_up()

    wins, _ = summands(steward, "win_rate", QUARTER, method="value")
    assert (wins["value"], wins["numerator"], wins["denominator"]) == ("0.6", "3300.00", "5500.00")
    assert ask(steward, "win_rate", QUARTER, "count")["fx_version"] is None
    given, parts = summands(steward, "concession_rate", QUARTER)
    # 900 + 1,200 x 1.1 of 12,000 + 12,000 x 1.1
    assert (given["value"], given["denominator"], sorted(parts)) == ("0.088095", "25200.00", ["1320.00", "900.00"])
    assert given["fx_rates"] == [{"currency": "EUR", "base": "USD", "date": "2020-01-01", "rate": "1.1"}]
    assert ask(steward, "concession_rate", QUARTER, "price")["value"] == "0.07619"
