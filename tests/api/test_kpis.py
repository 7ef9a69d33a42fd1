"""KPIs over HTTP: the fixture F1 as a frontend and an auditor ask for it."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.kernel.principal import Principal
from projections.kpis import KPIS
from tests.support.server import Client, Server

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"
YEAR = {"from_": "2025-01-01", "to": "2026-01-01"}
NRR = "/v1/kpis/net_revenue_retention"


def fixture_client(server: Server) -> Client:
    """A client of a new tenant with the events of the fixture F1."""
    tenant_id = server.tenant()
    items = server.runtime.ingestion.ingest(
        tenant_id, Principal("test"), [json.loads(line) for line in F1.read_text().splitlines()]
    )
    assert {item.status for item in items} == {"accepted"}
    client = Client(server.url, server.key(tenant_id))
    client.position = server.runtime.log.head(tenant_id)
    return client


def refused(client: Client, path: str, **params: Any) -> tuple[int, str]:
    """The status and code of a query that must be refused."""
    answer = client.see(path, **params)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_the_catalogue_lists_every_kpi_with_its_formula(shared_server: Server) -> None:
    listed = shared_server.client().read("/v1/kpis")["data"]

    assert [kpi["name"] for kpi in listed] == [kpi.name for kpi in KPIS]
    assert all(kpi["formula"] and kpi["title"] and kpi["kind"] in ("point", "period") for kpi in listed)
    [retention] = [kpi for kpi in listed if kpi["name"] == "client_retention_rate"]
    assert [method["name"] for method in retention["methods"]] == ["point_to_point", "strict", "classic"]
    assert retention["default_method"] == "point_to_point"


def test_a_figure_is_answered_under_both_clocks_and_never_changes_for_a_known_position(server: Server) -> None:
    client = fixture_client(server)
    before = client.read(NRR, **YEAR)
    assert (before["value"], before["numerator"], before["denominator"]) == ("0.955556", "4300.00", "4500.00")
    assert before["position"] == client.position

    change = {"op": "set_line", "line": "main", "unit_price": "700.00", "cause": "correction"}
    client.write("/v1/contracts/ref:B-1/amendments", {"effective_at": "2025-09-01", "changes": [change]})

    assert client.read(NRR, **YEAR)["value"] == "0.933333"
    assert client.read(NRR, **YEAR, known_at=before["position"]) == before | {"known_at": before["position"]}
    assert client.read("/v1/kpis/mrr", as_of="2025-12-31")["value"] == "5400.00"
    assert client.read("/v1/kpis/mrr", as_of="2025-12-31", known_at=before["position"])["value"] == "5500.00"
    assert client.read("/v1/kpis/client_retention_rate", **YEAR, method="strict")["value"] == "0.6"


def test_the_explain_url_of_an_answer_explains_that_very_answer(server: Server) -> None:
    client = fixture_client(server)
    answer = client.read(NRR, **YEAR)
    client.write(
        "/v1/contracts/ref:A-1/termination", {"effective_end": "2025-03-01", "reason": "left", "voluntary": True}
    )

    explained = client.get(answer["explain_url"]).json()

    assert {name: explained["figure"][name] for name in ("value", "position")} == {
        name: answer[name] for name in ("value", "position")
    }
    assert [row["name"] for row in explained["data"]] == [f"Account {letter}" for letter in "ABCDEFG"]
    assert sum(int(row["contribution"]["numerator"].removesuffix(".00")) for row in explained["data"]) == 4300


def test_the_pages_of_an_explanation_are_of_one_position_whatever_is_appended_between(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    first = client.read("/v1/kpis/mrr/explain", as_of="2025-12-31", limit=3)
    assert first["has_more"]
    client.write(
        "/v1/contracts/ref:F-1/termination", {"effective_end": "2025-03-01", "reason": "left", "voluntary": True}
    )

    second = client.read("/v1/kpis/mrr/explain", as_of="2025-12-31", limit=3, cursor=first["next_cursor"])

    assert second["position"] == first["position"]
    assert second["figure"]["value"] == first["figure"]["value"] == "5500.00"
    assert [row["name"] for row in first["data"] + second["data"]] == [f"Account {letter}" for letter in "ABCDF"]
    assert [row["closing"] for row in second["data"]] == ["300.00", "1200.00"]
    assert (second["has_more"], second["next_cursor"]) == (False, None)
    assert refused(client, "/v1/kpis/arr/explain", as_of="2025-12-31", cursor=first["next_cursor"]) == (
        400,
        "invalid_cursor",
    )


def test_an_account_is_named_by_reference_or_id_and_a_foreign_one_is_not_found(shared_server: Server) -> None:
    client, stranger = fixture_client(shared_server), shared_server.client()
    by_ref = client.read("/v1/kpis/mrr", as_of="2025-12-31", account="ref:C")
    account_id = by_ref["scope"]["account"]

    assert by_ref["value"] == "2200.00"
    assert client.read("/v1/kpis/mrr", as_of="2025-12-31", account=account_id)["value"] == "2200.00"
    assert refused(stranger, "/v1/kpis/mrr", account=account_id) == (404, "account_not_found")
    assert refused(stranger, "/v1/kpis/mrr", account="ref:C") == (404, "account_not_found")
    assert stranger.read("/v1/kpis/mrr")["value"] == "0.00"


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/v1/kpis/happiness", YEAR, 404, "kpi_not_found"),
        ("/v1/kpis/happiness/explain", YEAR, 404, "kpi_not_found"),
        (NRR, {}, 400, "period_missing"),
        (NRR, {"from_": "2025-01-01"}, 400, "period_missing"),
        (NRR, {"from_": "2026-01-01", "to": "2025-01-01"}, 400, "invalid_period"),
        (NRR, {"from_": "2025-01-01", "to": "2025-01-01"}, 400, "invalid_period"),
        (NRR, {"from_": "2025-13-01", "to": "2026-01-01"}, 400, "invalid_parameter"),
        (NRR, {"from_": "2025-01-01T00:00:00Z", "to": "2026-01-01"}, 400, "invalid_parameter"),
        (NRR, YEAR | {"method": "magic"}, 400, "unknown_method"),
        (NRR, YEAR | {"attribution": "middle"}, 400, "invalid_parameter"),
        (NRR, YEAR | {"currency": "euro"}, 400, "invalid_parameter"),
        (NRR, YEAR | {"flavour": "mild"}, 400, "unknown_parameter"),
        (NRR, YEAR | {"known_at": "999999"}, 409, "position_ahead"),
        ("/v1/kpis/mrr", YEAR, 400, "period_not_allowed"),
        ("/v1/kpis/mrr", {"as_of": "yesterday"}, 400, "invalid_as_of"),
        ("/v1/kpis/mrr", {"account": "acct_nobody"}, 404, "account_not_found"),
        ("/v1/kpis/mrr/explain", {"cursor": "nonsense"}, 400, "invalid_cursor"),
        ("/v1/kpis/mrr/explain", {"limit": "0"}, 400, "invalid_parameter"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(
    shared_server: Server, path: str, params: dict[str, Any], status: int, code: str
) -> None:
    assert refused(shared_server.client(), path, **params) == (status, code)


def test_mixed_currencies_are_refused_until_one_is_named(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    client.write("/v1/accounts", {"name": "Euros", "currency": "EUR", "external_ref": "H"})
    line = {"line": "main", "product": "retainer", "unit_price": "10.00", "interval": "month"}
    drafted = client.write("/v1/accounts/ref:H/contracts", {"currency": "EUR", "start": "2025-02-01", "lines": [line]})
    client.write(f"/v1/contracts/{drafted['id']}/signature", {"signed_at": "2025-02-01"})

    assert refused(client, "/v1/kpis/mrr", as_of="2025-12-31") == (422, "mixed_currencies")
    assert client.read("/v1/kpis/mrr", as_of="2025-12-31", currency="EUR")["value"] == "10.00"
    assert client.read("/v1/kpis/mrr", as_of="2025-12-31", currency="USD")["value"] == "5500.00"
    assert client.read("/v1/kpis/client_retention_rate", **YEAR)["value"] == "0.8"


def test_a_key_without_the_scope_reads_no_figure(shared_server: Server) -> None:
    tenant_id = shared_server.tenant()
    client = Client(shared_server.url, shared_server.key(tenant_id, "integration", ("contracts:read",)))

    for path in ("/v1/kpis", "/v1/kpis/mrr", "/v1/kpis/mrr/explain"):
        assert refused(client, path) == (403, "scope_missing")
    for scopes, status in ((("kpis:read",), 403), (("kpis:read", "commercial:read"), 200)):
        reader = Client(shared_server.url, shared_server.key(tenant_id, "integration", scopes))
        assert reader.see("/v1/kpis/mrr").status_code == status
        assert reader.see("/v1/kpis/customer_churn_rate", **YEAR).status_code == 200


def test_a_question_names_the_policy_that_it_is_counted_by_and_its_explanation_too(shared_server: Server) -> None:
    client = shared_server.client()
    client.write("/v1/policies", {"rules": {"kind": "metric", "discounts": "none"}})

    figure = client.read("/v1/kpis/mrr", policy="ref:metric@default:1")

    assert "policy=ref%3Ametric%40default%3A1" in figure["explain_url"]
    assert client.get(figure["explain_url"]).json()["figure"]["explain_url"] == figure["explain_url"]


def test_figures_are_converted_by_the_policies_in_force_and_explained_alike(server: Server) -> None:
    client = fixture_client(server)
    client.write("/v1/accounts", {"name": "Euros", "currency": "EUR", "external_ref": "H"})
    line = {"line": "main", "product": "retainer", "unit_price": "10.00", "interval": "month"}
    drafted = client.write("/v1/accounts/ref:H/contracts", {"currency": "EUR", "start": "2024-02-01", "lines": [line]})
    client.write(f"/v1/contracts/{drafted['id']}/signature", {"signed_at": "2024-02-01"})
    assert refused(client, "/v1/kpis/mrr", as_of="2025-12-31", reporting_currency="USD") == (422, "fx_table_missing")

    stories = [
        {"kind": "fx", "base": "USD", "rates": [{"date": day, "currency": "EUR", "rate": rate} for day, rate in
                                                (("2024-06-01", "1.1"), ("2025-06-01", "1.25"))]},
        {"kind": "metric", "reporting_currency": "USD", "contract_end": "churn"},
    ]  # fmt: skip
    for rules in stories:
        policy = client.write("/v1/policies", {"rules": rules})["id"]
        client.write(f"/v1/policies/{policy}/versions/1/activation", {"start": "2024-01-01"})

    answer = client.read("/v1/kpis/mrr_waterfall", **YEAR)
    fx = {row["name"]: row["amount"] for row in answer["rows"]}
    assert (fx["opening"], fx["fx"], fx["closing"]) == ("4511.00", "1.50", "5512.50")
    assert (answer["value"], answer["policy_version"], answer["fx_version"]) == (
        "5512.50",
        "metric@default/1",
        "fx@default/1",
    )
    assert [one["rate"] for one in answer["fx_rates"]] == ["1.1", "1.25"]

    explained = client.get(answer["explain_url"]).json()
    assert explained["figure"] == answer | {"known_at": answer["position"]}
    assert sum(Decimal(row["contribution"]["numerator"]) for row in explained["data"]) == Decimal("5512.50")
    assert client.read("/v1/kpis/mrr", as_of="2025-12-31", reporting_currency="EUR")["value"] == "4410.00"
    assert client.read("/v1/kpis/mrr", as_of="2025-12-31", currency="EUR")["value"] == "10.00"


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/v1/kpis/mrr", {"currency": "EUR", "reporting_currency": "USD"}, 400, "currency_twice"),
        ("/v1/kpis/mrr", {"reporting_currency": "euro"}, 400, "invalid_parameter"),
        ("/v1/kpis/scope_creep_ratio", YEAR | {"reporting_currency": "EUR"}, 400, "currency_not_allowed"),
        ("/v1/kpis/mrr", {"policy": "pol_nobody:1"}, 404, "policy_not_found"),
    ],
)
def test_a_question_of_money_that_makes_no_sense_is_refused_by_name(
    shared_server: Server, path: str, params: dict[str, Any], status: int, code: str
) -> None:
    assert refused(shared_server.client(), path, **params) == (status, code)
