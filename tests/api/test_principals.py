"""Who did it, through what, and in which run: every event says it."""

from typing import Any

import httpx
import pytest

from app.domain.kernel.principal import Principal
from tests.api.test_events import BATCH, event
from tests.support.application import Steward
from tests.support.server import Client, Server

CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-10T09:00:00Z"}
FORMS = ("a", "9", "nightly-42", "run_01jd7z5m3sf8x9v0w1y2z3a4b5", "github:1234.5", "x" * 64)
NO_FORMS = ("", "-a", ".a", "a b", "a/b", "x" * 65, "run,other", "é", "a\u00a0b")


def last(client: Client, types: str | None = None) -> dict[str, Any]:
    """The last event of the feed."""
    params = {"types": types} if types else {}
    found: dict[str, Any] = client.read("/v1/events", limit=1000, **params)["data"][-1]
    return found


def key_of(client: Client) -> str:
    """The id of a client's key: its third part."""
    return "key_" + client.headers["authorization"].split("_")[2]


def test_every_way_of_writing_says_the_client_and_the_run(shared_server: Server) -> None:
    client = shared_server.client()
    client.headers["Steward-Run"] = "nightly-42"
    account = client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})["id"]
    written = [last(client)]
    for path, body in (
        (f"/v1/accounts/{account}/interactions", CALL),
        ("/v1/api-keys", {"role": "auditor"}),
        ("/v1/webhook-endpoints", {"provider": "standard_webhooks"}),
        ("/v1/policies", {"rules": {"kind": "metric"}}),
        ("/v1/kpi-certificates", {"kpi": "mrr"}),
    ):
        client.write(path, body)
        written.append(last(client))
    answer = client.post("/v1/events", json=[event(1)], headers={"Content-Type": BATCH})
    client.position = answer.json()["position"]
    written.append(last(client))

    key = key_of(client)
    assert len({one["position"] for one in written}) == 7
    assert {(one["actor"], one["meta"]["client"], one["meta"]["run"]) for one in written} == {(key, key, "nightly-42")}


def test_what_nobody_said_is_left_out(shared_server: Server) -> None:
    client = shared_server.client()
    client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})

    assert last(client)["meta"] == {"visibility": "internal", "client": key_of(client)}


@pytest.mark.parametrize("query", ["", "?"])
def test_a_run_has_a_form_and_another_is_refused_by_name(shared_server: Server, query: str) -> None:
    client = shared_server.client()

    def sent(path: str, run: str, body: Any) -> httpx.Response:
        headers = [(b"steward-run", run.encode("latin-1"))]
        return client.post(path + query, json=body, headers=headers)  # type: ignore[arg-type]  # httpx takes bytes, too

    for run in FORMS:
        assert sent("/v1/accounts", run, {"name": run, "currency": "EUR"}).status_code == 201
    head = shared_server.runtime.log.head(client.read("/v1/events")["data"][0]["source"].removeprefix("urn:steward:"))
    for run in NO_FORMS:
        for path, body in (("/v1/accounts", {"name": "A", "currency": "EUR"}), ("/v1/events", event(2))):
            refused = sent(path, run, body)
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_run"), (run, refused.text)
    assert client.read("/v1/events")["position"] == head


def test_a_retry_in_another_run_is_the_same_request(shared_server: Server) -> None:
    client = shared_server.client()
    body = {"name": "Northwind", "currency": "EUR"}

    first = client.write("/v1/accounts", body, Idempotency_Key="once", Steward_Run="r1")
    again = client.write("/v1/accounts", body, Idempotency_Key="once", Steward_Run="r2")

    assert again == first
    assert last(client)["meta"]["run"] == "r1"


def test_nobody_says_in_a_body_for_whom_it_is(shared_server: Server) -> None:
    client = shared_server.client()
    for member in ("on_behalf_of", "client", "run", "actor", "authorised_by"):
        body = {"name": "Northwind", "currency": "EUR", member: "usr_1"}
        assert client.post("/v1/accounts", json=body).status_code == 422
        (item,) = client.post(
            "/v1/events", json=[event(1, data=body)], headers={"Content-Type": BATCH}
        ).json()["results"]  # fmt: skip
        assert item["status"] == "refused"


def test_an_event_says_for_whom_an_actor_acted(steward: Steward) -> None:
    principal = Principal("agt_1", "manager", on_behalf_of="usr_2", client="key_3", run="r-4")

    steward.runtime.ingestion.ingest(steward.tenant, principal, [event(1)])

    (opened,) = steward.events()[1:]
    assert opened.actor == "agt_1"
    assert {name: opened.meta[name] for name in ("on_behalf_of", "client", "run")} == principal.said()
