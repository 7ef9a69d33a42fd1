"""Incentive statements over HTTP: previewed, issued once, taken back, disputed, summed."""

from typing import Any

import pytest

from tests.api.conftest import Calendar
from tests.api.sample_agency import draft
from tests.support.server import Client

PERIOD = {"from": "2026-01-01", "to": "2027-01-01"}
RATES = [
    {"rule": "new_business", "percent": "5"},
    {"rule": "expansion", "percent": "10"},
    {"rule": "renewal", "percent": "1"},
]
ASKED = {"plan": "ref:incentive@default", "payee": "maria", **PERIOD, "currency": "EUR"}


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def furnished(client: Client, **rules: Any) -> str:
    """A plan, and a contract of 12000.00 a year of an account of maria's. Gives: the contract's path."""
    members = {"kind": "incentive", "rates": RATES, "clawback_months": 6, **rules}
    policy = client.write("/v1/policies", {"rules": members})["id"]
    client.write(f"/v1/policies/{policy}/versions/1/activation", {"start": "2025-01-01"})
    account = client.write(
        "/v1/accounts",
        {"name": "Northwind", "currency": "EUR", "owner": "maria", "external_ref": "nw", "effective_at": "2025-06-01"},
    )["id"]
    contract = client.write(f"/v1/accounts/{account}/contracts", draft(effective_at="2026-01-02"))["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2026-01-02", "effective_at": "2026-01-02"})
    return f"/v1/contracts/{contract}"


@pytest.fixture
def agency(client: Client) -> tuple[Client, str]:
    """A client with a plan and a contract."""
    return client, furnished(client)


def test_what_is_previewed_is_what_is_issued_and_nothing_is_appended_before(agency: tuple[Client, str]) -> None:
    client, contract = agency
    grown = {"effective_at": "2026-01-10", "changes": [{"op": "set_line", "line": "main", "unit_price": "1100.00"}]}
    amended = client.write(f"{contract}/amendments", grown)["events"][0]["id"]

    preview = client.read("/v1/incentive-statements/preview", **{**ASKED, "from_": ASKED["from"]})
    assert [(line["rule"], line["value"], line["amount"]) for line in preview["lines"]] == [
        ("new_business", euros("12000.00"), euros("600.00")), ("expansion", euros("1200.00"), euros("120.00")),
    ]  # fmt: skip
    assert preview["lines"][1]["event"] == amended
    assert (preview["total"], preview["plan_version"], preview["left_out"]) == (
        euros("720.00"),
        "incentive@default/1",
        [],
    )
    assert client.read("/v1/events", after=client.position)["data"] == []

    receipt = client.write("/v1/incentive-statements", ASKED, Idempotency_Key="q1")
    page = client.read(f"/v1/incentive-statements/{receipt['id']}")
    assert [line["event"] for line in page["lines"]] == [line["event"] for line in preview["lines"]]
    assert (page["net"], page["payee"], page["period"]) == (euros("720.00"), "maria", PERIOD)
    again = client.post("/v1/incentive-statements", json=ASKED, headers={"Idempotency-Key": "q1"})
    assert (again.status_code, again.json()) == (201, receipt)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = client.post("/v1/incentive-statements", json=ASKED)
    assert (other.status_code, other.json()["code"]) == (409, "nothing_to_pay")
    left = client.read("/v1/incentive-statements/preview", **{**ASKED, "from_": ASKED["from"]})
    assert (left["lines"], {one["statement"] for one in left["left_out"]}) == ([], {receipt["id"]})
    known = client.read(
        "/v1/incentive-statements/preview", **{**ASKED, "from_": ASKED["from"]}, known_at=preview["position"]
    )
    assert {name: known[name] for name in preview} == preview


def test_a_loss_is_taken_back_and_a_dispute_is_opened_and_ended(agency: tuple[Client, str]) -> None:
    client, contract = agency
    statement = f"/v1/incentive-statements/{client.write('/v1/incentive-statements', ASKED)['id']}"
    event = client.read(statement)["lines"][0]["event"]
    client.write(f"{statement}/disputes", {"event": event, "reason": "Not mine alone"})
    assert [one["id"] for one in client.read("/v1/incentive-statements", disputed="true")["data"]] == [statement[25:]]
    client.write(
        f"{statement}/dispute-resolutions",
        {"event": event, "outcome": "changed", "amount": "300.00", "reason": "Shared"},
    )
    page = client.read(statement)
    dispute = page["lines"][0]["dispute"]
    assert (dispute["status"], dispute["reason"], dispute["resolution"]["reason"]) == (
        "changed",
        "Not mine alone",
        "Shared",
    )
    assert (page["total"], page["disputed"], page["net"]) == (euros("600.00"), euros("-300.00"), euros("300.00"))
    known = client.position

    ended = {"effective_end": "2026-05-01", "reason": "price", "voluntary": True}
    loss = client.write(f"{contract}/termination", ended)["events"][0]["id"]
    client.write(f"{statement}/clawbacks", {"event": loss})

    page = client.read(statement)
    assert (page["returned"], page["net"], page["clawbacks"][0]["loss"]) == (euros("300.00"), euros("0.00"), loss)
    assert client.read(statement, known_at=known)["net"] == euros("300.00")
    again = client.post(f"{statement}/clawbacks", json={"event": loss})
    assert (again.status_code, again.json()["code"]) == (409, "already_clawed_back")
    assert client.post("/v1/incentive-statements/ref:none/clawbacks", json={"event": loss}).status_code == 404
    assert client.read("/v1/incentive-statements", payee="tom")["data"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"plan": "ref:incentive@none"}, 404, "policy_not_found"),
        ({"from": "2024-01-01"}, 409, "plan_not_in_force"),
        ({"to": "2026-01-01"}, 422, None),
        ({"to": "9999-12-31", "from": "0001-01-01"}, 409, "plan_not_in_force"),
        ({"payee": ""}, 422, None),
        ({"payee": "nobody"}, 409, "nothing_to_pay"),
        ({"currency": "JPY"}, 409, "nothing_to_pay"),
        ({"surprise": 1}, 422, None),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_leaves_nothing(
    agency: tuple[Client, str], change: dict[str, Any], status: int, code: str | None
) -> None:
    client, _ = agency

    answer = client.post("/v1/incentive-statements", json={**ASKED, **change})

    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code
    assert client.read("/v1/events", after=client.position)["data"] == []


def test_what_is_out_of_range_is_refused_and_not_a_fault(client: Client) -> None:
    tiers = [{"at_least": "0", "factor": "999999999999"}]
    contract = furnished(client, retention_tiers=tiers, rates=[{"rule": "renewal", "percent": "100"}])
    client.write(f"{contract}/renewals", {"end": "2028-01-01", "effective_at": "2026-01-10"})
    body = {**ASKED, "from": "2026-01-05"}

    answer = client.post("/v1/incentive-statements", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_out_of_range")
    weird = client.see("/v1/incentive-statements/preview", **{**body, "from_": "0001-01-01", "to": "0001-01-01"})
    assert weird.status_code in (400, 409, 422)


def test_who_may_read_and_who_may_pay(agency: tuple[Client, str]) -> None:
    client, _ = agency
    keys = {
        role: client.write("/v1/api-keys", {"role": role})["api_key"]
        for role in ("account_manager", "director", "auditor")
    }

    def post(role: str) -> int:
        return client.post(
            "/v1/incentive-statements", json=ASKED, headers={"Authorization": f"Bearer {keys[role]}"}
        ).status_code

    assert [post(role) for role in ("account_manager", "auditor", "director")] == [403, 403, 201]


def test_what_is_paid_and_taken_back_is_summed_by_period_and_explained_by_account(calendar: Calendar) -> None:
    client = calendar.client()
    contract = furnished(client)
    statement = client.write("/v1/incentive-statements", ASKED)
    calendar.clock.set("2026-04-10T09:00:00Z")
    ended = {"effective_end": "2026-05-01", "reason": "price", "voluntary": True}
    loss = client.write(f"{contract}/termination", ended)["events"][0]["id"]
    client.write(f"/v1/incentive-statements/{statement['id']}/clawbacks", {"event": loss})

    def total(start: str, end: str, **query: Any) -> tuple[str, str | None]:
        figure = client.read("/v1/kpis/incentive_total", from_=start, to=end, **query)
        return figure["value"], figure["currency"]

    assert total("2026-01-01", "2026-04-01") == ("600.00", "EUR")
    assert total("2026-04-01", "2026-07-01") == ("-600.00", "EUR")
    assert total("2026-01-01", "2027-01-01") == ("0.00", "EUR")
    assert total("2025-01-01", "2026-01-01") == ("0.00", None)
    assert total("2026-01-01", "2027-01-01", known_at=statement["position"]) == ("600.00", "EUR")
    [row] = client.read("/v1/kpis/incentive_total/explain", from_="2026-01-01", to="2027-01-01")["data"]
    assert (row["name"], len(row["items"])) == ("Northwind", 2)
    assert [event["type"] for event in row["events"]] == [
        "incentive_statement.issued",
        "incentive_statement.clawback_applied",
    ]

    table = [
        {"date": day, "currency": "EUR", "rate": rate} for day, rate in (("2024-01-01", "1.1"), ("2026-02-01", "1.2"))
    ]
    policy = client.write("/v1/policies", {"rules": {"kind": "fx", "base": "USD", "rates": table}})["id"]
    client.write(f"/v1/policies/{policy}/versions/1/activation", {"start": "2024-01-01"})
    assert total("2026-01-01", "2026-04-01", reporting_currency="USD") == ("660.00", "USD")
    assert total("2026-04-01", "2026-07-01", reporting_currency="USD") == ("-720.00", "USD")
    explained = client.read(
        "/v1/kpis/incentive_total/explain", from_="2026-01-01", to="2026-04-01", reporting_currency="USD"
    )
    assert [row["contribution"]["numerator"] for row in explained["data"]] == ["660.00"]
    assert explained["data"][0]["items"][0]["amount"] == "660.00"
