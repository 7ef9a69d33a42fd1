"""CloudEvents as other systems write them: every content mode, and one meaning whatever way it is written."""

import base64
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.test_events import SINGLE, event, ingest
from tests.support.server import Client


def outcome(client: Client, one: dict[str, Any]) -> str:
    """What becomes of an event: accepted, duplicate, or the code of its refusal."""
    result = ingest(client, one, SINGLE).json()
    return str(result["code"] if "code" in result else result["results"][0]["status"])


CONTRACT = {
    "specversion": "1.0", "id": "c-1", "source": "urn:erp", "type": "contract.signed", "subject": "ref:a1",
    "time": "2026-01-01T09:00:00.5Z",
    "data": {
        "contract": "ref:k1", "currency": "EUR", "start": "2026-01-01", "signed_at": "2025-12-20T10:00:00.120Z",
        "lines": [{"line": "main", "product": "retainer", "unit_price": "1000.00", "interval": "month"}],
    },
}  # fmt: skip


def contract(**data: Any) -> dict[str, Any]:
    """The same contract with other members of its data."""
    return CONTRACT | {"data": {**CONTRACT["data"], **data}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(dict(reversed(CONTRACT.items())), id="order of members"),
        pytest.param(CONTRACT | {"time": "2026-01-01T09:00:00.500000+00:00"}, id="an offset instead of Z, and zeros"),
        pytest.param(CONTRACT | {"time": "2026-01-01T10:00:00.5000000001+01:00"}, id="another zone, finer digits"),
        pytest.param(CONTRACT | {"datacontenttype": None, "dataschema": None}, id="null attributes"),
        pytest.param(CONTRACT | {"traceparent": "00-1-1-01"}, id="an extension"),
        pytest.param(contract(end=None, replaces=None, notice_days=None, effective_at=None), id="null members"),
        pytest.param(contract(auto_renew=False, notice_days=0), id="a default that is said"),
        pytest.param(contract(signed_at="2025-12-20T11:00:00.12+01:00"), id="an instant in the data"),
        pytest.param(
            contract(lines=[{"line": "main ", "product": "retainer", "unit_price": "1000", "interval": "month", "quantity": "1.0"}]),
            id="zeros behind a number, a blank behind a name",
        ),
    ],
)  # fmt: skip
def test_what_differs_in_nothing_that_counts_is_a_duplicate(visitor: Client, again: dict[str, Any]) -> None:
    assert outcome(visitor, event(1)) == "accepted"
    assert outcome(visitor, CONTRACT) == "accepted"

    assert outcome(visitor, again) == "duplicate"


@pytest.mark.parametrize(
    "other",
    [
        CONTRACT | {"time": "2026-01-01T09:00:00.500001Z"},
        contract(auto_renew=True),
        contract(lines=[{"line": "main", "product": "retainer", "unit_price": "1000.01", "interval": "month"}]),
        contract(lines=[{"line": "main", "product": "1.0", "unit_price": "1000.00", "interval": "month"}]),
    ],
)
def test_what_says_something_else_under_the_same_id_is_refused(visitor: Client, other: dict[str, Any]) -> None:
    outcome(visitor, event(1))
    outcome(visitor, CONTRACT)

    assert outcome(visitor, other) == "idempotency_key_reused"


@pytest.mark.parametrize(
    "more",
    [
        {"time": None, "subject": None, "datacontenttype": None},
        {"time": "2019-12-31T23:59:60z", "datacontenttype": "application/vnd.crm+json; charset=utf-8"},
        {"time": "2020-01-31t00:00:00.1234567-00:00"},
        {"data": None, "data_base64": base64.b64encode(json.dumps(event(1)["data"]).encode()).decode()},
    ],
)
def test_what_the_standard_allows_is_accepted(visitor: Client, more: dict[str, Any]) -> None:
    assert outcome(visitor, event(1, **more)) == "accepted"


@pytest.mark.parametrize(
    "more",
    [
        {"time": "2020-01-30T23:59:60Z"},
        {"time": ""},
        {"source": None},
        {"datacontenttype": "text/xml"},
        {"data": None, "data_base64": "no base64"},
        {"data_base64": "e30="},
        {"dataschema": 7},
    ],
)
def test_what_it_does_not_is_refused_by_name(visitor: Client, more: dict[str, Any]) -> None:
    assert outcome(visitor, event(1, **more)) == "invalid_event"


# --- binary mode ---


def binary(client: Client, body: Any, media: str | None = "application/json", /, **attributes: str) -> httpx.Response:
    """Posts an event in headers and body."""
    named = {"specversion": "1.0", "id": "b-1", "source": "urn:crm", "type": "account.opened"} | attributes
    headers = {f"ce-{name}": value for name, value in named.items()} | ({"Content-Type": media} if media else {})
    content = b"" if body is None else json.dumps(body).encode()
    return client.post("/v1/events", content=content, headers=headers)


def test_an_event_in_headers_and_body_is_the_same_as_one_in_json(visitor: Client) -> None:
    data = {"name": "Ünal & Söhne", "currency": "EUR", "external_ref": "ü-1"}

    first = binary(visitor, data, id=quote("bestellung-ü €"), time='"2026-01-01T09:00:00Z"')

    assert first.status_code == 201, first.text
    whole = event(1, id="bestellung-ü €", time="2026-01-01T09:00:00Z", data=data)
    assert outcome(visitor, whole) == "duplicate"
    assert binary(visitor, {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-02T09:00:00Z"},
                  "application/vnd.crm+json", id="b-2", type="interaction.logged", subject=quote("ref:ü-1")).status_code == 201  # fmt: skip
    assert binary(visitor, None, None, id="b-3", type="account.closed", subject=quote("ref:ü-1")).status_code == 201


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"id": "%ff"}, 422),
        ({"id": "a%00b"}, 422),
        ({"data": "{}"}, 422),
        ({"datacontenttype": "application/json"}, 422),
        ({"specversion": "0.3"}, 422),
        ({"type": "account.sold"}, 422),
    ],
)
def test_headers_that_are_no_event_are_refused(visitor: Client, attributes: dict[str, str], status: int) -> None:
    assert binary(visitor, {}, **attributes).status_code == status


def test_json_without_the_attributes_is_no_event(visitor: Client) -> None:
    answer = visitor.post("/v1/events", content=b"{}", headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert binary(visitor, {}, "text/plain").status_code == 415


def test_a_command_that_is_sent_again_in_another_order_is_the_same(visitor: Client) -> None:
    key = {"Idempotency-Key": "k-1", "Content-Type": "application/json"}

    first = visitor.post("/v1/accounts", content=b'{"name": "A", "currency": "EUR"}', headers=key)
    again = visitor.post("/v1/accounts", content=b'{"currency":"EUR","name":"A"}', headers=key)
    other = visitor.post("/v1/accounts", content=b'{"currency":"EUR","name":"B"}', headers=key)

    assert [one.status_code for one in (first, again, other)] == [201, 201, 422]
    assert again.headers["idempotency-replayed"] == "true"
