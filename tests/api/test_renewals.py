"""Renewals over HTTP: the board, and the cycle of each."""

from typing import Any

import pytest

from tests.api.sample_agency import LINE, draft
from tests.support.server import Client


def signed(client: Client, ref: str, account: str = "ref:nw", **terms: Any) -> str:
    """The path of a signed contract."""
    path = f"/v1/contracts/{client.write(f'/v1/accounts/{account}/contracts', draft(external_ref=ref, **terms))['id']}"
    client.write(f"{path}/signature", {"signed_at": "2025-12-20"})
    return path


@pytest.fixture
def house(client: Client) -> Client:
    """A client with an account."""
    client.write(
        "/v1/accounts", {"name": "Northwind", "currency": "EUR", "external_ref": "nw", "effective_at": "2025-06-01"}
    )
    return client


def board(client: Client, **query: Any) -> list[tuple[str, str, str]]:
    """Reference, day and outcome of what is on the board."""
    return [(one["contract_ref"], one["due"], one["outcome"]) for one in client.read("/v1/renewals", **query)["data"]]


def test_every_end_of_a_term_is_on_the_board_by_its_day(house: Client) -> None:
    signed(house, "later", end="2027-06-01")
    signed(house, "sooner")
    signed(house, "never", end=None)
    house.write("/v1/accounts/ref:nw/contracts", draft(external_ref="unsigned"))

    assert board(house) == [("sooner", "2027-01-01", "open"), ("later", "2027-06-01", "open")]
    assert board(house, sort="-due_at") == board(house)[::-1]


def test_the_board_is_narrowed_to_days_accounts_and_outcomes(house: Client) -> None:
    signed(house, "a")
    contract = signed(house, "b", end="2027-06-01")
    house.write(f"{contract}/renewals", {"end": "2028-06-01"})
    other = house.write("/v1/accounts", {"name": "Contoso", "currency": "EUR"})["id"]
    signed(house, "c", other, end="2027-03-01")

    assert board(house, due_from="2027-01-01", due_to="2027-03-01") == [("a", "2027-01-01", "open")]
    assert board(house, due_from="2027-03-01", due_to="2027-03-02") == [("c", "2027-03-01", "open")]
    assert board(house, outcome="renewed") == [("b", "2027-06-01", "renewed")]
    assert board(house, contract="ref:b") == [("b", "2027-06-01", "renewed"), ("b", "2028-06-01", "open")]
    assert board(house, account=other) == [("c", "2027-03-01", "open")]
    assert house.see("/v1/renewals", contract="ref:nobody").status_code == 404


def test_a_cycle_is_opened_judged_put_off_and_won(house: Client) -> None:
    contract = signed(house, "a")

    cycle = house.write(f"{contract}/renewal-cycles")
    renewal = f"/v1/renewals/{cycle['id']}"
    house.write(f"{renewal}/risk", {"risk": "at_risk", "probability": "0.4", "drivers": ["silence"]})
    house.write(f"{renewal}/deferral", {"new_due": "2027-02-01"})
    open_ = house.read(renewal)
    receipt = house.write(f"{contract}/renewals", {"end": "2028-01-01", "lines": [{**LINE, "unit_price": "1100.00"}]})
    won = house.read(renewal)

    assert (open_["risk"], open_["probability"], open_["drivers"], open_["deferred_to"]) == (
        "at_risk", "0.4", ["silence"], "2027-02-01")  # fmt: skip
    assert (open_["atr"], open_["notice_deadline"], open_["outcome"]) == (
        {"amount": "12000.00", "currency": "EUR"}, "2026-12-02", "open")  # fmt: skip
    assert [event["type"] for event in receipt["events"]] == ["contract.renewed", "renewal.won"]
    assert (won["outcome"], won["renewed"]["amount"], won["timing"]) == ("renewed", "13200.00", "on_time")
    assert house.post(f"{renewal}/risk", json={"risk": "watch"}).json()["code"] == "renewal_closed"
    assert house.read(f"/v1/renewals/ref:{contract.rpartition('/')[2]}@2027-01-01")["id"] == cycle["id"]


def test_a_cycle_is_lost_with_its_contract(house: Client) -> None:
    contract = signed(house, "a")
    renewal = house.write(f"{contract}/renewal-cycles")["id"]

    receipt = house.write(
        f"{contract}/termination", {"effective_end": "2027-01-01", "reason": "price", "voluntary": True}
    )

    lost = house.read(f"/v1/renewals/{renewal}")
    assert [event["type"] for event in receipt["events"]] == ["contract.terminated", "renewal.lost"]
    assert (lost["outcome"], lost["reason"], lost["voluntary"]) == ("lost", "price", True)


def test_a_term_has_one_cycle(house: Client) -> None:
    contract = signed(house, "a")
    house.write(f"{contract}/renewal-cycles")

    answer = house.post(f"{contract}/renewal-cycles", json={})

    assert (answer.status_code, answer.json()["code"]) == (409, "external_ref_taken")


def test_the_board_tells_what_was_known(house: Client) -> None:
    contract = signed(house, "a")
    before = house.position
    house.write(f"{contract}/renewals", {"end": "2028-01-01"})

    assert board(house, known_at=before) == [("a", "2027-01-01", "open")]
    assert board(house) == [("a", "2027-01-01", "renewed"), ("a", "2028-01-01", "open")]


def test_a_cycle_says_its_version_and_refuses_who_looked_at_an_older_one(house: Client) -> None:
    contract = signed(house, "a")
    assert house.read("/v1/renewals")["data"][0]["version"] is None
    cycle = f"/v1/renewals/{house.write(f'{contract}/renewal-cycles')['id']}"
    seen = house.see(cycle)
    house.write(f"{cycle}/risk", {"risk": "watch"}, If_Match=seen.headers["ETag"])

    stale = house.post(f"{cycle}/risk", json={"risk": "critical"}, headers={"If-Match": seen.headers["ETag"]})

    assert (seen.json()["version"], house.read(cycle)["version"]) == (1, 2)
    assert (stale.status_code, stale.json()["code"], stale.json()["current_version"]) == (412, "version_conflict", 2)
    assert house.read("/v1/renewals")["data"][0]["version"] == 2
