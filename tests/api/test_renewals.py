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
def agency(client: Client) -> Client:
    """A client with an account."""
    client.write(
        "/v1/accounts", {"name": "Northwind", "currency": "EUR", "external_ref": "nw", "effective_at": "2025-06-01"}
    )
    return client


def board(client: Client, **query: Any) -> list[tuple[str, str, str]]:
    """Reference, day and outcome of what is on the board."""
    return [(one["contract_ref"], one["due"], one["outcome"]) for one in client.read("/v1/renewals", **query)["data"]]


def test_every_end_of_a_term_is_on_the_board_by_its_day(agency: Client) -> None:
    signed(agency, "later", end="2027-06-01")
    signed(agency, "sooner")
    signed(agency, "never", end=None)
    agency.write("/v1/accounts/ref:nw/contracts", draft(external_ref="unsigned"))

    assert board(agency) == [("sooner", "2027-01-01", "open"), ("later", "2027-06-01", "open")]
    assert board(agency, sort="-due") == board(agency)[::-1]


def test_the_board_is_narrowed_to_days_accounts_and_outcomes(agency: Client) -> None:
    signed(agency, "a")
    contract = signed(agency, "b", end="2027-06-01")
    agency.write(f"{contract}/renewals", {"end": "2028-06-01"})
    other = agency.write("/v1/accounts", {"name": "Contoso", "currency": "EUR"})["id"]
    signed(agency, "c", other, end="2027-03-01")

    assert board(agency, due_from="2027-01-01", due_to="2027-03-01") == [("a", "2027-01-01", "open")]
    assert board(agency, **{"due.gte": "2027-03-01", "due.lt": "2027-03-02"}) == [("c", "2027-03-01", "open")]
    assert board(agency, **{"due.gt": "2027-02-28", "due.lte": "2027-03-01"}) == [("c", "2027-03-01", "open")]
    assert board(agency, **{"due.gt": "2027-03-01", "due.lte": "2027-05-31"}) == []
    assert board(agency, outcome="renewed") == [("b", "2027-06-01", "renewed")]
    assert board(agency, contract="ref:b") == [("b", "2027-06-01", "renewed"), ("b", "2028-06-01", "open")]
    assert board(agency, account=other) == [("c", "2027-03-01", "open")]
    assert agency.see("/v1/renewals", contract="ref:nobody").status_code == 404


def test_a_cycle_is_opened_judged_put_off_and_won(agency: Client) -> None:
    contract = signed(agency, "a")

    cycle = agency.write(f"{contract}/renewal-cycles")
    renewal = f"/v1/renewals/{cycle['id']}"
    agency.write(f"{renewal}/risk", {"risk": "at_risk", "probability": "0.4", "drivers": ["silence"]})
    agency.write(f"{renewal}/deferral", {"new_due": "2027-02-01"})
    open_ = agency.read(renewal)
    receipt = agency.write(f"{contract}/renewals", {"end": "2028-01-01", "lines": [{**LINE, "unit_price": "1100.00"}]})
    won = agency.read(renewal)

    assert (open_["risk"], open_["probability"], open_["drivers"], open_["deferred_to"]) == (
        "at_risk", "0.4", ["silence"], "2027-02-01")  # fmt: skip
    assert (open_["atr"], open_["notice_deadline"], open_["outcome"]) == (
        {"amount": "12000.00", "currency": "EUR"}, "2026-12-02", "open")  # fmt: skip
    assert [event["type"] for event in receipt["events"]] == ["contract.renewed", "renewal.won"]
    assert (won["outcome"], won["renewed"]["amount"], won["timing"]) == ("renewed", "13200.00", "on_time")
    assert agency.post(f"{renewal}/risk", json={"risk": "watch"}).json()["code"] == "renewal_closed"
    assert agency.read(f"/v1/renewals/ref:{contract.rpartition('/')[2]}@2027-01-01")["id"] == cycle["id"]


def test_a_cycle_is_lost_with_its_contract(agency: Client) -> None:
    contract = signed(agency, "a")
    renewal = agency.write(f"{contract}/renewal-cycles")["id"]

    receipt = agency.write(
        f"{contract}/termination", {"effective_end": "2027-01-01", "reason": "price", "voluntary": True}
    )

    lost = agency.read(f"/v1/renewals/{renewal}")
    assert [event["type"] for event in receipt["events"]] == ["contract.terminated", "renewal.lost"]
    assert (lost["outcome"], lost["reason"], lost["voluntary"]) == ("lost", "price", True)


def test_a_term_has_one_cycle(agency: Client) -> None:
    contract = signed(agency, "a")
    agency.write(f"{contract}/renewal-cycles")

    answer = agency.post(f"{contract}/renewal-cycles", json={})

    assert (answer.status_code, answer.json()["code"]) == (409, "external_ref_taken")


def test_the_board_tells_what_was_known(agency: Client) -> None:
    contract = signed(agency, "a")
    before = agency.position
    agency.write(f"{contract}/renewals", {"end": "2028-01-01"})

    assert board(agency, known_at=before) == [("a", "2027-01-01", "open")]
    assert board(agency) == [("a", "2027-01-01", "renewed"), ("a", "2028-01-01", "open")]


def test_a_cycle_says_its_version_and_refuses_who_looked_at_an_older_one(agency: Client) -> None:
    contract = signed(agency, "a")
    assert agency.read("/v1/renewals")["data"][0]["version"] is None
    cycle = f"/v1/renewals/{agency.write(f'{contract}/renewal-cycles')['id']}"
    seen = agency.see(cycle)
    agency.write(f"{cycle}/risk", {"risk": "watch"}, If_Match=seen.headers["ETag"])

    stale = agency.post(f"{cycle}/risk", json={"risk": "critical"}, headers={"If-Match": seen.headers["ETag"]})

    assert (seen.json()["version"], agency.read(cycle)["version"]) == (1, 2)
    assert (stale.status_code, stale.json()["code"], stale.json()["current_version"]) == (412, "version_conflict", 2)
    assert agency.read("/v1/renewals")["data"][0]["version"] == 2
