"""Budgets over HTTP: set, spent, corrected, expected, and read at any point of both clocks."""

from typing import Any

import pytest

from tests.api.conftest import Calendar
from tests.support.server import Client

TERMS = {
    "title": "Spring campaign",
    "currency": "EUR",
    "amount": "24000.00",
    "start": "2026-01-01",
    "end": "2026-07-01",
}


@pytest.fixture
def agency(client: Client) -> Client:
    """A client with an account."""
    client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR", "external_ref": "nw", "owner": "maria"})
    return client


def budget(client: Client, **members: Any) -> str:
    """The path of a budget."""
    made = client.write("/v1/accounts/ref:nw/budgets", {**TERMS, "effective_at": "2026-01-01", **members})
    return f"/v1/budgets/{made['id']}"


def spend(
    client: Client, path: str, amount: str, document: str, day: str = "2026-01-10", **more: Any
) -> dict[str, Any]:
    """A receipt of something spent."""
    return client.write(f"{path}/spend", {"amount": amount, "document": document, "spent_at": day, **more})


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def test_a_budget_says_what_is_spent_left_and_expected(agency: Client) -> None:
    path = budget(agency, external_ref="spring")
    assert agency.read("/v1/budgets/ref:spring")["thresholds"] == [50, 80, 100]

    first = spend(agency, path, "9000.00", "INV-1", category="media")
    second = spend(agency, path, "4000.00", "INV-2", "2026-01-12")
    agency.write(f"{path}/forecasts", {"at_completion": "23000.00", "effective_at": "2026-01-13"})
    agency.write(f"{path}/forecasts", {"at_completion": "22000.00", "effective_at": "2026-01-14"})

    assert [event["type"] for event in first["events"]] == ["budget.spend_recorded"]
    assert [event["type"] for event in second["events"]] == ["budget.spend_recorded", "budget.threshold_crossed"]
    page = agency.read(path)
    assert (page["spent"], page["remaining"], page["percent_spent"]) == (
        euros("13000.00"),
        euros("11000.00"),
        "54.166666",
    )
    assert (page["forecast"], page["variance"], page["documents"]) == (euros("22000.00"), "-0.083333", 2)
    [crossed] = page["crossed"]
    assert crossed["event"] == second["events"][1]["id"]
    # twelve of 181 days
    assert (crossed["percent"], crossed["projected_at_end"]) == (50, euros("196083.33"))
    forecasts = agency.read(f"{path}/forecasts")["data"]
    assert [one["at_completion"] for one in forecasts] == [euros("23000.00"), euros("22000.00")]


def test_documents_are_listed_as_recorded_and_as_corrected_and_what_was_known_stays(agency: Client) -> None:
    path = budget(agency)
    spend(agency, path, "100.00", "INV-1", category="media")
    spend(agency, path, "50.00", "INV-2", "2026-01-05", category="print")
    known = agency.position
    corrected = agency.write(f"{path}/spend-corrections", {"document": "INV-1", "amount": "10.00"})

    [second, first] = agency.read(f"{path}/spend")["data"]
    assert (second["document"], first["document"]) == ("INV-2", "INV-1")
    assert (first["amount"], first["recorded"]) == (euros("10.00"), euros("100.00"))
    assert first["corrections"] == [corrected["events"][0]["id"]]
    assert agency.read(path)["spent"] == euros("60.00")
    assert agency.read(path, known_at=known)["spent"] == euros("150.00")
    assert [one["amount"] for one in agency.read(f"{path}/spend", known_at=known, category="media")["data"]] == [
        euros("100.00")
    ]
    # a correction is true from when the money was spent
    assert agency.read(path, as_of="2026-01-11")["spent"] == euros("60.00")
    assert [one["document"] for one in agency.read(f"{path}/spend", as_of="2026-01-07")["data"]] == ["INV-2"]
    assert agency.read(path, as_of="2026-01-07")["spent"] == euros("50.00")


def test_the_list_is_narrowed_to_accounts_states_and_what_is_nearly_spent(agency: Client) -> None:
    near, far, done = (budget(agency, external_ref=ref) for ref in ("near", "far", "done"))
    spend(agency, near, "19200.00", "a")
    spend(agency, far, "19199.99", "a")
    agency.write(f"{done}/closure", {"reason": "It is over"})

    def refs(path: str = "/v1/budgets", **query: Any) -> list[str]:
        return [one["external_ref"] for one in agency.read(path, **query)["data"]]

    assert refs(**{"percent_spent.gte": "80"}) == ["near"]
    assert refs(**{"percent_spent.gte": "79.9999"}) == ["near", "far"]
    assert refs(sort="-percent_spent") == ["near", "far", "done"]
    assert refs(status="closed") == ["done"]
    assert refs("/v1/accounts/ref:nw/budgets") == refs(account="ref:nw") == ["near", "far", "done"]
    assert agency.see("/v1/budgets", account="ref:nobody").status_code == 404
    assert agency.see("/v1/budgets", **{"percent_spent.gte": "-1"}).status_code == 400
    assert agency.see("/v1/budgets", status="lost").status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("spend", {"amount": "1.00", "document": "INV-1", "spent_at": "2026-01-10"}, 409, "document_recorded"),
        ("spend", {"amount": "1.00", "document": "INV-2", "spent_at": "2025-12-31"}, 409, "outside_period"),
        ("spend", {"amount": "1.00", "document": "INV-2", "spent_at": "2999-01-01"}, 409, "spent_in_future"),
        ("spend", {"amount": "-1.00", "document": "INV-2", "spent_at": "2026-01-10"}, 422, "invalid_body"),
        ("spend", {"amount": 1.5, "document": "INV-2", "spent_at": "2026-01-10"}, 422, "invalid_body"),
        ("spend", {"amount": "1.00", "document": "", "spent_at": "2026-01-10"}, 422, "invalid_body"),
        ("spend-corrections", {"document": "INV-9", "amount": "1.00"}, 409, "document_unknown"),
        ("revisions", {"amount": "24000.00", "reason": "None"}, 409, "nothing_changes"),
        ("revisions", {"amount": "25000.00"}, 422, "invalid_body"),
        ("forecasts", {"at_completion": "9999999999999"}, 422, "invalid_body"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_leaves_nothing(
    agency: Client, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    named = budget(agency)
    spend(agency, named, "1.00", "INV-1")

    answer = agency.post(f"{named}/{path}", json=body)

    assert answer.status_code == status, answer.text
    if status == 409:
        assert answer.json()["code"] == code
    assert agency.read("/v1/events", after=agency.position)["data"] == []


def test_budgets_come_in_as_events_too(agency: Client) -> None:
    def event(number: int, kind: str, **data: Any) -> dict[str, Any]:
        return {"specversion": "1.0", "id": f"b{number}", "source": "books", "type": kind, "subject": "ref:nw",
                "data": {"budget": "ref:imported", **data}}  # fmt: skip

    events = [
        event(1, "budget.set", **TERMS),
        event(2, "budget.spend_recorded", amount="12000.00", document="INV-1", spent_at="2026-01-10"),
        event(3, "budget.spend_recorded", amount="12000.00", document="INV-1", spent_at="2026-01-10"),
        event(4, "budget.spend_corrected", document="INV-1", amount="100.00"),
        event(5, "budget.forecast_recorded", at_completion="20000.00"),
        event(6, "budget.revised", amount="20000.00", reason="Less"),
        event(7, "budget.closed"),
    ]
    answer = agency.post(
        "/v1/events", json=events, headers={"Content-Type": "application/cloudevents-batch+json"}
    ).json()

    assert [one["status"] for one in answer["results"]] == ["accepted", "accepted", "refused", *["accepted"] * 4]
    assert answer["results"][2]["problem"]["code"] == "document_recorded"
    agency.position = answer["position"]
    page = agency.read("/v1/budgets/ref:imported")
    assert (page["status"], page["spent"], page["revision"], page["variance"]) == ("closed", euros("100.00"), 1, "0")


def test_the_variance_of_open_budgets_is_summed_and_explained_by_account(calendar: Calendar) -> None:
    client = calendar.client()
    for ref in ("nw", "contoso"):
        client.write(
            "/v1/accounts", {"name": ref, "currency": "EUR", "external_ref": ref, "effective_at": "2025-12-01"}
        )
    day = {"effective_at": "2026-01-02"}
    for account, amount, forecast in (
        ("nw", "24000.00", "22000.00"),
        ("contoso", "6000.00", "7100.00"),
        ("nw", "1000.00", None),
    ):
        made = client.write(f"/v1/accounts/ref:{account}/budgets", {**TERMS, "amount": amount, **day})
        if forecast:
            client.write(f"/v1/budgets/{made['id']}/forecasts", {"at_completion": forecast, **day})
    over = client.write("/v1/accounts/ref:nw/budgets", {**TERMS, **day})
    client.write(f"/v1/budgets/{over['id']}/forecasts", {"at_completion": "99.00", **day})
    client.write(f"/v1/budgets/{over['id']}/closure", {"effective_at": "2026-01-10"})

    figure = client.read("/v1/kpis/budget_variance")
    assert (figure["value"], figure["numerator"], figure["denominator"]) == ("-0.03", "-900.00", "30000.00")
    assert figure["warnings"] == [{"code": "budgets_without_forecast", "count": 1}]
    rows = client.read("/v1/kpis/budget_variance/explain")["data"]
    assert {row["name"]: row["contribution"]["numerator"] for row in rows} == {"nw": "-2000.00", "contoso": "1100.00"}
    assert {event["type"] for row in rows for event in row["events"]} == {"budget.set", "budget.forecast_recorded"}
    before = client.read("/v1/kpis/budget_variance", as_of="2026-01-09")
    assert before["denominator"] == "54000.00"
    assert (
        client.read("/v1/kpis/budget_variance", as_of="2026-01-01")["null_reason"] == "no_open_budget_with_a_forecast"
    )
    assert client.read("/v1/kpis/budget_variance", account="ref:contoso")["value"] == "0.183333"

    client.write("/v1/accounts/ref:nw/budgets", {**TERMS, "currency": "USD"})
    answer = client.see("/v1/kpis/budget_variance")
    assert (answer.status_code, answer.json()["code"]) == (422, "mixed_currencies")
    assert client.read("/v1/kpis/budget_variance", currency="EUR")["value"] == "-0.03"

    table = [
        {"date": day, "currency": "USD", "rate": rate} for day, rate in (("2020-01-01", "0.8"), ("2026-01-10", "0.9"))
    ]
    policy = client.write("/v1/policies", {"rules": {"kind": "fx", "base": "EUR", "rates": table}})["id"]
    client.write(f"/v1/policies/{policy}/versions/1/activation", {"start": "2020-01-01"})
    dollars = client.write("/v1/accounts/ref:nw/budgets", {**TERMS, "currency": "USD", "amount": "10000.00", **day})[
        "id"
    ]
    client.write(f"/v1/budgets/{dollars}/forecasts", {"at_completion": "12000.00", **day})
    figure = client.read("/v1/kpis/budget_variance", reporting_currency="EUR", as_of="2026-01-11")
    assert (figure["value"], figure["numerator"], figure["denominator"]) == ("0.023077", "900.00", "39000.00")
    assert figure["fx_rates"] == [{"currency": "USD", "base": "EUR", "date": "2026-01-10", "rate": "0.9"}]
    rows = client.get(figure["explain_url"]).json()["data"]
    assert {row["name"]: row["contribution"]["numerator"] for row in rows} == {"nw": "-200.00", "contoso": "1100.00"}
