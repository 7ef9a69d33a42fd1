"""Whether the server lives, is ready and how it does; and what surrounds every answer."""

import re
from pathlib import Path

import httpx
import pytest

from app.api.http import system
from app.api.http.view_figures import ViewFigures
from app.store.engine import Database
from projections import VIEWS
from tests.api.contract import SCHEMA
from tests.support.databases import Databases, owned
from tests.support.server import Client, Server


@pytest.fixture
def stranger(each_server: Server) -> httpx.Client:
    """Somebody without a key."""
    return httpx.Client(base_url=each_server.url, timeout=30)


def test_anybody_may_ask_how_the_server_does(stranger: httpx.Client) -> None:
    with stranger:
        assert stranger.get("/livez").json() == {"status": "alive"}
        assert stranger.get("/readyz").json() == {"status": "ready"}
        assert stranger.get("/openapi.json").json() == SCHEMA


def test_a_server_with_an_older_schema_is_not_ready(databases: Databases) -> None:
    url = databases.fresh("sqlite")
    with Server(url) as server:
        database = Database(owned(url), owner=True)
        with database.administer() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        database.close()

        ready, alive = httpx.get(f"{server.url}/readyz"), httpx.get(f"{server.url}/livez")

    assert (ready.status_code, ready.json()) == (
        503,
        {"status": "not_ready", "component": "database", "code": "schema_outdated"},
    )
    assert alive.status_code == 200


def test_a_server_whose_root_key_is_gone_or_another_is_not_ready_and_names_no_path(
    databases: Databases, tmp_path: Path
) -> None:
    file, kept = tmp_path / "root" / "vault.key", tmp_path / "kept"
    with Server(databases.fresh("sqlite"), vault_key=None, vault_key_file=str(file)) as server:

        def ready() -> tuple[int, str | None]:
            answer = httpx.get(f"{server.url}/readyz")
            assert str(tmp_path) not in answer.text
            return answer.status_code, answer.json().get("code")

        assert ready() == (200, None)
        file.rename(kept)
        assert ready() == (503, "vault_key_missing")
        file.write_text("ab" * 32)
        assert ready() == (503, "vault_key_mismatch")
        file.write_text("half a key")
        assert ready() == (503, "vault_key_unreadable")
        kept.replace(file)
        assert ready() == (200, None)


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


def test_figures_of_views_name_no_tenant_unless_asked_to_and_are_worked_out_once_for_all(
    each_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with each_server.client() as client:
        client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})
    tenants, projector, asked = each_server.runtime.log.tenants(), each_server.runtime.projector, []
    monkeypatch.setattr(projector, "positions", lambda tenant_id: asked.append(tenant_id))

    text = httpx.get(f"{each_server.url}/metrics").text
    named = ViewFigures(projector, of_tenants=True, seconds=60)
    of_tenants = named.text()

    assert not [tenant_id for tenant_id in tenants if tenant_id in text]
    for metric in ("steward_view_lag_events", "steward_view_parked"):
        assert set(re.findall(rf'^{metric}{{view="(\w+)"}} \d+\.0$', text, re.MULTILINE)) == {v.name for v in VIEWS}
        rows = re.findall(rf'^{metric}{{tenant="(\w+)",view="(\w+)"}} \d+\.0$', of_tenants.decode(), re.MULTILINE)
        assert {tenant_id for tenant_id, _ in rows} == set(tenants)
        assert len(rows) == len(tenants) * len(VIEWS)
    assert asked == []
    assert named.text() is of_tenants  # kept


def test_every_answer_bears_an_id_and_keeps_to_itself(client: Client) -> None:
    answers = [
        client.get("/livez"),
        client.get("/v1/accounts"),
        client.get("/nowhere"),
        client.post("/v1/accounts", json={}),
    ]

    assert len({answer.headers["request-id"] for answer in answers}) == len(answers)
    caching = [answer.headers["cache-control"] for answer in answers]
    assert caching == ["no-store", "private, no-cache", "no-store", "no-store"]
    for answer in answers:
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


def test_a_server_some_of_whose_nodes_are_away_serves_the_others_and_names_them(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(databases.fresh("sqlite")) as server:
        monkeypatch.setattr(system, "silent_nodes", lambda _database: {"10.0.0.7:5432": "store_unreachable"})

        ready = httpx.get(f"{server.url}/readyz")

    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "degraded", "away": {"10.0.0.7:5432": "store_unreachable"}},
    )
