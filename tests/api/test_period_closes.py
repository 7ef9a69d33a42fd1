"""Closed periods: certified once, together; what is recorded later restates them in the open."""

from typing import Any

import pytest

from tests.api.conftest import Calendar
from tests.api.test_kpi_certificates import CORRECTION, YEAR, fixture_client, tenant_of, verified
from tests.support.server import Client, Server

CLOSES = "/v1/period-closes"
KPIS = ["net_revenue_retention", "client_retention_rate", "mrr_waterfall", "mrr"]


def closed(client: Client, **members: Any) -> str:
    """The path of a closed year."""
    return f"{CLOSES}/{client.write(CLOSES, {**YEAR, 'kpis': KPIS, **members})['id']}"


def test_a_period_is_closed_with_a_certificate_for_each_figure_all_of_one_position(server: Server) -> None:
    client = fixture_client(server)
    head = client.position
    path = closed(client, kpis=[])

    body = client.read(path)

    assert [(one["kpi"], one["certified"], one["restated"]) for one in body["figures"]] == [
        ("client_retention_rate", "0.8", False),
        ("net_revenue_retention", "0.955556", False),
        ("gross_revenue_retention", "0.844444", False),
        ("mrr_waterfall", "5500.00", False),
        ("arr_growth", "0.222222", False),
        ("customer_churn_rate", "0.2", False),
        ("quick_ratio", "1.571429", False),
        ("mrr", "5500.00", False),
        ("arr", "66000.00", False),
    ]
    assert {one["known_at"] for one in body["figures"]} == {body["known_at"]} == {head}
    assert (body["period"], body["restated"], body["restatements"]) == (YEAR, False, [])
    for certificate in body["certificates"]:
        assert verified(client, certificate)["verified"]


def test_what_is_recorded_into_a_closed_period_shows_and_is_certified_anew_with_its_causes(server: Server) -> None:
    client = fixture_client(server)
    path = closed(client)
    first = client.read(path)["certificates"]
    (correction,) = client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)["events"]

    body = client.read(path)
    assert {one["kpi"]: (one["certified"], one["now"], one["difference"]) for one in body["figures"] if one["restated"]} == {
        "net_revenue_retention": ("0.955556", "0.933333", "-0.022223"),
        "mrr_waterfall": ("5500.00", "5400.00", "-100.00"),
        "mrr": ("5500.00", "5400.00", "-100.00"),
    }  # fmt: skip
    receipt = client.write(f"{path}/restatements", {"reason": "An increase was recorded wrongly"})

    assert [event["type"] for event in receipt["events"]] == ["period_close.restated"] * 3
    after = client.read(path)
    assert not after["restated"]
    assert {one["kpi"]: one["causes"] for one in after["restatements"]} == {
        name: [correction["id"]] for name in ("net_revenue_retention", "mrr_waterfall", "mrr")
    }
    assert all(one["complete"] for one in after["restatements"])
    assert [one["from_cert"] for one in after["restatements"]] == [first[0], first[2], first[3]]
    assert after["certificates"] == [
        after["restatements"][0]["to_cert"],
        first[1],
        after["restatements"][1]["to_cert"],
        after["restatements"][2]["to_cert"],
    ]
    assert all(verified(client, one)["verified"] for one in {*first, *after["certificates"]})


def test_what_was_known_of_a_closed_period_does_not_change(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    path = closed(client)
    position = client.position
    before = client.read(path, known_at=position)
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)
    client.write(f"{path}/restatements", {"reason": "An increase was recorded wrongly"})

    assert client.read(path, known_at=position) == before


def test_a_period_is_closed_once_and_a_part_of_it_by_itself(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    closed(client)
    head = shared_server.runtime.log.head(tenant_of(shared_server, client))

    again = client.post(CLOSES, json=YEAR)

    assert (again.status_code, again.json()["code"]) == (409, "period_closed")
    assert shared_server.runtime.log.head(tenant_of(shared_server, client)) == head
    closed(client, currency="USD")
    closed(client, **{"from": "2025-07-01"})
    assert [row["period"]["from"] for row in client.read(CLOSES, sort="period.from")["data"]] == [
        "2025-01-01",
        "2025-01-01",
        "2025-07-01",
    ]


def test_a_period_that_goes_on_is_not_closed(calendar: Calendar) -> None:
    client = calendar.client()

    early = client.post(CLOSES, json={"from": "2026-01-01", "to": "2026-01-16"})
    calendar.clock.set("2026-01-16T00:00:00Z")
    late = client.post(CLOSES, json={"from": "2026-01-01", "to": "2026-01-16"})

    assert (early.status_code, early.json()["code"]) == (409, "period_not_ended")
    assert late.status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"from": "2025-01-01", "to": "2025-01-01"}, 422, "invalid_period"),
        ({"from": "2025-02-01", "to": "2025-01-01"}, 422, "invalid_period"),
        ({"from": "0001-01-01", "to": "9999-12-31"}, 409, "period_not_ended"),
        ({**YEAR, "kpis": ["unheard_of"]}, 404, "kpi_not_found"),
        ({**YEAR, "kpis": ["mrr", "unheard_of"]}, 404, "kpi_not_found"),
        ({**YEAR, "effective_at": "2025-01-01"}, 422, "effective_at_not_allowed"),
        ({"from": "2025-01-01"}, 422, "invalid_body"),
        ({**YEAR, "to": "soon"}, 422, "invalid_body"),
    ],
)
def test_what_cannot_be_closed_is_refused_by_name_and_appends_nothing(
    shared_server: Server, body: dict[str, Any], status: int, code: str
) -> None:
    client = fixture_client(shared_server)

    answer = client.post(CLOSES, json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert shared_server.runtime.log.head(tenant_of(shared_server, client)) == client.position


def test_figures_of_several_currencies_are_closed_a_currency_at_a_time(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    line = {"line": "main", "product": "retainer", "quantity": "1", "unit_price": "10.00", "interval": "month"}
    drafted = client.write("/v1/accounts/ref:B/contracts", {"currency": "EUR", "start": "2025-01-01", "lines": [line]})
    client.write(f"/v1/contracts/{drafted['id']}/signature", {"signed_at": "2025-01-01T00:00:00Z"})

    mixed = client.post(CLOSES, json={**YEAR, "kpis": ["mrr"]})

    assert (mixed.status_code, mixed.json()["code"]) == (422, "mixed_currencies")
    close_page = client.read(closed(client, currency="EUR", kpis=["mrr"]))
    assert [(one["certified"], one["currency"]) for one in close_page["figures"]] == [("10.00", "EUR")]


def test_nothing_is_restated_where_every_figure_stands(shared_server: Server) -> None:
    client = fixture_client(shared_server)
    path = closed(client)
    head = shared_server.runtime.log.head(tenant_of(shared_server, client))

    answer = client.post(f"{path}/restatements", json={"reason": "To be sure"})
    silent = client.post(f"{path}/restatements", json={})

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_restated")
    assert (silent.status_code, silent.json()["code"]) == (422, "invalid_body")
    assert shared_server.runtime.log.head(tenant_of(shared_server, client)) == head


def test_the_same_requests_again_get_their_first_answers(shared_server: Server) -> None:
    client = fixture_client(shared_server)

    def twice(path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        first, second = (client.post(path, json=body, headers={"Idempotency-Key": key}) for _ in range(2))
        assert (first.status_code, first.json()) == (second.status_code, second.json())
        assert (first.status_code, second.headers["idempotency-replayed"]) == (201, "true")
        receipt_again: dict[str, Any] = first.json()
        client.position = receipt_again["position"]
        return receipt_again

    receipt = twice(CLOSES, {**YEAR, "kpis": KPIS}, "close")
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)
    twice(f"{CLOSES}/{receipt['id']}/restatements", {"reason": "It was recorded wrongly"}, "restate")
    assert len(client.read(f"{CLOSES}/{receipt['id']}")["restatements"]) == 3
