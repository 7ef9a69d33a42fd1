"""Whether the server lives, is ready and how it does; and what surrounds every answer."""

import httpx
import pytest

from app.store.engine import Database
from tests.api.contract import SCHEMA
from tests.support.databases import Databases
from tests.support.server import Client, Server


@pytest.fixture
def stranger(each_server: Server) -> httpx.Client:
    """Somebody without a key."""
    return httpx.Client(base_url=each_server.url)


def test_anybody_may_ask_how_the_server_does(stranger: httpx.Client) -> None:
    with stranger:
        assert stranger.get("/livez").json() == {"status": "alive"}
        assert stranger.get("/readyz").json() == {"status": "ready"}
        assert stranger.get("/openapi.json").json() == SCHEMA


def test_a_server_with_another_schema_is_not_ready(databases: Databases) -> None:
    url = databases.fresh("sqlite")
    with Server(url) as server:
        database = Database(url, owner=True)
        with database.administer() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
        database.close()

        ready, alive = httpx.get(f"{server.url}/readyz"), httpx.get(f"{server.url}/livez")

    assert (ready.status_code, ready.json()) == (503, {"status": "not_ready", "code": "schema_outdated"})
    assert alive.status_code == 200


def test_figures_tell_of_requests_events_and_views_and_of_no_name(client: Client) -> None:
    account = client.write("/v1/accounts", {"name": "Northwind Secret", "currency": "EUR"})["id"]
    client.read(f"/v1/accounts/{account}")
    client.get("/v1/accounts/acct_01jd7z5m3sf8x9v0w1y2z3a4b5")

    answer = client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    assert 'method="GET",route="/v1/accounts/{account}",status="200"' in text
    assert 'code="account_not_found"' in text
    assert "account.opened" in text
    assert "Northwind" not in text
    assert account not in text


def test_every_answer_bears_an_id_and_keeps_to_itself(client: Client) -> None:
    answers = [
        client.get("/livez"),
        client.get("/v1/accounts"),
        client.get("/nowhere"),
        client.post("/v1/accounts", json={}),
    ]

    assert len({answer.headers["request-id"] for answer in answers}) == len(answers)
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_an_internal_fault_is_answered_without_its_cause(databases: Databases) -> None:
    with Server(databases.fresh("sqlite")) as server:
        client = server.client()

        def broken(*_args: object, **_kwargs: object) -> None:
            raise RuntimeError("secret of the application")

        server.runtime.reader.page = broken  # type: ignore[method-assign]
        answer = client.get("/v1/accounts")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == answer.headers["request-id"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
