"""Certificates over HTTP: issued, computed again, restated in the open; and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import owner
from tests.support.server import Client, Server

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"
YEAR = {"from": "2025-01-01", "to": "2026-01-01"}
CERTIFICATES = "/v1/kpi-certificates"
NRR = "/v1/kpis/net_revenue_retention"
CORRECTION = {
    "effective_at": "2025-09-01",
    "changes": [{"op": "set_line", "line": "main", "unit_price": "700.00", "cause": "correction"}],
    "reason": "The increase was 200, not 300",
}


def fixture_client(server: Server) -> Client:
    """A client of a new tenant with the events of the fixture F1."""
    client = server.client()
    answer = client.post("/v1/events", content=F1.read_bytes(), headers={"Content-Type": "application/x-ndjson"})
    client.position = answer.json()["position"]
    return client


def issued(client: Client, **members: Any) -> dict[str, Any]:
    """A certificate, as it reads."""
    receipt = client.write(CERTIFICATES, {"kpi": "net_revenue_retention", **YEAR, **members})
    return client.read(f"{CERTIFICATES}/{receipt['id']}")


def verified(client: Client, certificate: str) -> dict[str, Any]:
    """The verification of a certificate."""
    answer = client.post(f"{CERTIFICATES}/{certificate}/verify", headers={"Min-Event-Position": str(client.position)})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_certificate_issued_before_a_back_dated_correction_still_verifies_and_the_restatement_names_that_event(
    server: Server,
) -> None:
    client = fixture_client(server)
    certificate = issued(client, note="For the board")
    assert (certificate["value"], certificate["numerator"], certificate["denominator"]) == (
        "0.955556",
        "4300.00",
        "4500.00",
    )
    assert (certificate["known_at"], certificate["note"]) == (client.position - 1, "For the board")

    correction = client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)
    client.read(NRR, **YEAR)

    again = verified(client, certificate["id"])
    assert (again["verified"], again["differences"], again["code_changed"]) == (True, [], False)
    assert again["certified"] == again["recomputed"]
    assert again["known_since"] == {
        "value": "0.933333",
        "numerator": "4200.00",
        "denominator": "4500.00",
        "position": client.position,
        "restated": True,
        "difference": "-0.022223",
    }
    moved = client.read(f"{NRR}/restatement", **YEAR, from_known_at=certificate["known_at"])
    assert [event["id"] for event in moved["events"]] == [event["id"] for event in correction["events"]]
    assert moved["events"][0]["contribution"] == moved["difference"] == "-0.022223"
    assert (moved["from"]["value"], moved["to"]["value"]) == ("0.955556", "0.933333")
    assert (moved["has_more"], moved["next"]) == (False, None)


def test_verifying_appends_nothing_and_both_names_answer_the_same(server: Server) -> None:
    client = fixture_client(server)
    certificate = issued(client)
    head = server.runtime.log.head(tenant_of(server, client))

    short = verified(client, certificate["id"])
    long = client.post(f"{CERTIFICATES}/{certificate['id']}/verification")

    assert (long.status_code, long.json()) == (200, short)
    assert server.runtime.log.head(tenant_of(server, client)) == head


def tenant_of(server: Server, client: Client) -> str:
    """The tenant of a client's key."""
    key = client.headers["Authorization"].partition("_")[2]
    return f"tnt_{key.partition('_')[0]}"


@pytest.mark.parametrize("member", ["value", "numerator", "inputs_hash"])
def test_a_certificate_whose_row_in_the_log_was_altered_no_longer_verifies(shared_server: Server, member: str) -> None:
    client = fixture_client(shared_server)
    certificate = issued(client)
    stored = certificate[member]
    false = "0" * 64 if member == "inputs_hash" else "9.99"
    database = owner(shared_server.runtime.settings)
    with database.administer() as connection:
        guards = [name for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))]
        for name in guards:  # who owns the database can take away what guards it
            connection.execute(text(f"DROP TRIGGER {name}"))
        row = connection.execute(
            text("SELECT body FROM events WHERE stream_id = :id"), {"id": certificate["id"]}
        ).scalar_one()
        spoilt = bytes(row).replace(f'"{member}":"{stored}"'.encode(), f'"{member}":"{false}"'.encode())
        assert spoilt != bytes(row)
        connection.execute(
            text("UPDATE events SET body = :body WHERE stream_id = :id"), {"body": spoilt, "id": certificate["id"]}
        )
    database.close()

    again = verified(client, certificate["id"])

    assert not again["verified"]
    assert again["differences"] == [{"member": member, "certified": false, "recomputed": stored}]


@pytest.mark.parametrize(
    ("members", "value", "reason"),
    [
        ({"kpi": "mrr", "as_of": "2025-12-31", "from": None, "to": None}, "5500.00", None),
        ({"kpi": "mrr_waterfall"}, "5500.00", None),
        ({"method": "strict", "kpi": "client_retention_rate"}, "0.6", None),
        ({"kpi": "scope_creep_ratio"}, None, "no_contracted_effort_in_period"),
        ({"from": "2020-01-01", "to": "2021-01-01"}, None, "no_paying_accounts_at_start"),
        ({"account": "ref:B"}, "1.6", None),
        ({"known_at": 1}, None, "no_paying_accounts_at_start"),
    ],
)
def test_any_figure_is_certified_one_without_a_value_too(
    each_server: Server, members: dict[str, Any], value: str | None, reason: str | None
) -> None:
    client = fixture_client(each_server)

    certificate = issued(client, **members)

    assert (certificate["value"], certificate["null_reason"]) == (value, reason)
    assert verified(client, certificate["id"])["verified"]


def test_the_same_inputs_have_the_same_hash_and_other_ones_another(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    first, second = issued(client), issued(client)
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)
    third = issued(client)

    assert first["inputs_hash"] == second["inputs_hash"] != third["inputs_hash"]
    assert (first["calculation"], first["code_digest"]) == (third["calculation"], None) == (2, None)


def test_certificates_are_listed_by_figure_and_account_and_as_they_were_known(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    whole, own = issued(client), issued(client, account="ref:B", kpi="client_retention_rate")
    position = client.position
    issued(client)

    def ids(**params: Any) -> list[str]:
        return [row["id"] for row in client.read(CERTIFICATES, **params)["data"]]

    assert ids(kpi="client_retention_rate") == ids(account="ref:B") == [own["id"]]
    assert ids(known_at=position) == [own["id"], whole["id"]]
    assert (
        ids(**{"period.from": "2025-01-01", "period.to": "2026-01-01", "kpi": "net_revenue_retention"})[-1]
        == whole["id"]
    )
    entry = client.read("/v1/accounts/ref:B/timeline", sort="-position")["data"][0]
    assert entry["sentence"] == "Client retention rate certified at 1"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kpi": "unheard_of"}, 404, "kpi_not_found"),
        ({"kpi": "net_revenue_retention"}, 422, "period_missing"),
        ({"kpi": "mrr", **YEAR}, 422, "period_not_allowed"),
        ({"kpi": "net_revenue_retention", "from": "2026-01-01", "to": "2025-01-01"}, 422, "invalid_period"),
        ({"kpi": "mrr", "method": "guess"}, 422, "unknown_method"),
        ({"kpi": "mrr", "options": {"horizon": "5"}}, 422, "option_not_allowed"),
        ({"kpi": "mrr", "known_at": 10**9}, 409, "position_ahead"),
        ({"kpi": "mrr", "known_at": -1}, 422, "invalid_body"),
        ({"kpi": "mrr", "as_of": "soon"}, 422, "invalid_body"),
        ({"kpi": "mrr", "account": "ref:nobody"}, 404, "account_not_found"),
        ({"kpi": "mrr", "policy": "ref:metric@default:7"}, 404, "policy_not_found"),
        ({"kpi": "mrr", "currency": "USD", "reporting_currency": "EUR"}, 422, "currency_twice"),
        ({"kpi": "mrr", "effective_at": "2025-01-01"}, 422, "effective_at_not_allowed"),
        ({"kpi": "scope_creep_ratio", **YEAR, "currency": "USD"}, 422, "currency_not_allowed"),
        ({"kpi": "mrr", "value": "1.00"}, 422, "invalid_body"),
        ({}, 422, "invalid_body"),
    ],
)
def test_what_cannot_be_certified_is_refused_by_name_and_appends_nothing(
    shared_server: Server, body: dict[str, Any], status: int, code: str
) -> None:
    client = fixture_client(shared_server)

    answer = client.post(CERTIFICATES, json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert shared_server.runtime.log.head(tenant_of(shared_server, client)) == client.position


# --- rules and rates ---


def activated(client: Client, rules: dict[str, Any], start: str) -> dict[str, Any]:
    """A policy in force from a day. Gives: the receipt of its activation."""
    drafted = client.write("/v1/policies", {"rules": rules})
    return client.write(f"/v1/policies/{drafted['id']}/versions/1/activation", {"start": start})


def test_rules_that_come_into_force_restate_a_figure_and_its_certificate_stands_by_the_old_ones(
    each_server: Server,
) -> None:
    client = fixture_client(each_server)
    certificate = issued(client, kpi="mrr_waterfall")
    activation = activated(client, {"kind": "metric", "reactivation": "expansion"}, "2025-01-01")

    again = verified(client, certificate["id"])
    moved = client.read(
        "/v1/kpis/mrr_waterfall/restatement", **YEAR, from_known_at=certificate["known_at"]
    )["events"]  # fmt: skip

    assert (again["verified"], again["recomputed"]["policy_version"]) == (True, "default/1")
    assert [(event["id"], event["changed"], event["contribution"]) for event in moved] == [
        (activation["events"][0]["id"], ["rows"], "0.00")
    ]
    assert issued(client, kpi="mrr_waterfall")["policy_version"] != "default/1"


def test_a_figure_is_certified_under_a_draft_and_verifies_under_it(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    client.write("/v1/policies", {"rules": {"kind": "metric", "churn_denominator": "start_and_new"}})

    certificate = issued(client, kpi="customer_churn_rate", policy="ref:metric@default:1")

    assert certificate["policy"] == "ref:metric@default:1"
    assert certificate["value"] != issued(client, kpi="customer_churn_rate")["value"]
    assert verified(client, certificate["id"])["verified"]


def test_a_converted_figure_verifies_at_the_rates_that_were_known(each_server: Server) -> None:
    client = fixture_client(each_server)
    rates = [{"date": "2024-01-01", "currency": "USD", "rate": "0.9"}]
    activated(client, {"kind": "fx", "base": "EUR", "rates": rates}, "2024-01-01")

    certificate = issued(client, kpi="mrr", **{"from": None, "to": None}, as_of="2025-12-31", reporting_currency="EUR")

    assert (certificate["value"], certificate["currency"]) == ("4950.00", "EUR")
    assert certificate["scope"] == {"reporting_currency": "EUR"}
    assert certificate["fx_version"]
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)
    again = verified(client, certificate["id"])
    assert (again["verified"], again["known_since"]["difference"]) == (True, "-90.00")


def test_a_request_that_comes_again_gets_its_first_certificate(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    body = json.dumps({"kpi": "net_revenue_retention", **YEAR})
    headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
    first = client.post(CERTIFICATES, content=body, headers=headers)
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)

    again = client.post(CERTIFICATES, content=body, headers=headers)

    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")


def test_a_figure_at_rates_with_many_digits_is_certified_and_verifies(server: Server) -> None:
    client = server.client()
    currencies = ("EUR", "USD", "JPY", "KWD")
    rates = [
        {"date": f"{year}-01-01", "currency": currency, "rate": f"{rate}{year}"}
        for year in ("2024", "2025")
        for currency, rate in (("USD", "0.931237"), ("JPY", "0.006123"), ("KWD", "3.112347"))
    ]
    table = client.write("/v1/policies", {"rules": {"kind": "fx", "base": "EUR", "rates": rates}})["id"]
    client.write(f"/v1/policies/{table}/versions/1/activation", {"start": "2024-01-01"})
    for currency in currencies:
        account = client.write("/v1/accounts", {"name": currency, "currency": currency, "effective_at": "2024-01-01"})
        line = {"line": "main", "product": "retainer", "unit_price": "100.00", "interval": "month"}
        terms = {"currency": currency, "start": "2024-02-01", "lines": [line], "effective_at": "2024-02-01"}
        drafted = client.write(f"/v1/accounts/{account['id']}/contracts", terms)
        client.write(f"/v1/contracts/{drafted['id']}/signature", {"signed_at": "2024-02-01"})

    certificate = issued(client, reporting_currency="USD")

    assert certificate["value"] == "1"
    assert verified(client, certificate["id"])["verified"]
