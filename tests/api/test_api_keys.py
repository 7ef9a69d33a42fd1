"""API keys over HTTP: shown once, taken back at once, and never more than the one who hands them out has."""

import time
from typing import Any

import httpx
import pytest

from tests.api.conftest import Calendar
from tests.api.contract import READS
from tests.support.databases import Databases
from tests.support.server import Client, Server

PATIENCE_SECONDS = 60
"""How long a test waits for what must happen; nothing is measured by it."""


def enters(client: Client, key: str, path: str = "/v1/accounts") -> int:
    """The status that a key gets."""
    return client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_key_is_shown_once_and_opens(client: Client) -> None:
    answer = client.post(
        "/v1/api-keys", json={"role": "account_manager", "label": "Maria's laptop"}, headers={"Idempotency-Key": "k"}
    )
    again = client.post(
        "/v1/api-keys", json={"role": "account_manager", "label": "Maria's laptop"}, headers={"Idempotency-Key": "k"}
    )
    key = answer.json()["api_key"]

    assert answer.status_code == again.status_code == 201
    assert key.startswith("stw_")
    assert again.json() == {**answer.json(), "api_key": None}
    assert enters(client, key) == 200
    assert enters(client, key, "/v1/api-keys") == 403


def test_a_key_is_in_no_later_answer(client: Client) -> None:
    key = client.write("/v1/api-keys", {"role": "auditor", "label": "audit"})["api_key"]
    secret = key.rpartition("_")[2]

    listed = client.read("/v1/api-keys")["data"]
    texts = [client.see(one.path).text for one in READS if not one.params and "from" not in one.query]
    texts += [client.see(f"/v1/api-keys/{one['id']}").text for one in listed]

    assert [one["role"] for one in listed] == ["admin", "auditor"]
    assert not [text for text in texts if key in text or secret in text or secret[:43] in text]


def test_a_key_is_shown_without_its_secret(client: Client) -> None:
    made = client.write("/v1/api-keys", {"role": "integration", "scopes": ["interactions:write"], "label": "telephone",
                                         "expires_at": "2999-01-01T00:00:00Z"})  # fmt: skip

    page = client.see(f"/v1/api-keys/{made['id']}")

    body = page.json()
    assert {name: body[name] for name in body if name not in ("issued_at", "position")} == {
        "id": made["id"], "role": "integration", "scopes": ["interactions:write"], "user": None, "agent": None, "label": "telephone",
        "expires_at": "2999-01-01T00:00:00.000000Z", "revoked_at": None, "version": 1}  # fmt: skip
    assert page.headers["etag"] == '"1"'


def test_a_revoked_key_is_dead_within_the_time_that_a_key_is_believed(databases: Databases) -> None:
    with Server(databases.fresh("sqlite"), key_cache_seconds=0.2) as server:
        client = server.client()
        made = client.write("/v1/api-keys", {"role": "auditor"})
        assert enters(client, made["api_key"]) == 200

        client.write(f"/v1/api-keys/{made['id']}/revocation", {"reason": "leaked"})

        deadline = time.monotonic() + PATIENCE_SECONDS
        while enters(client, made["api_key"]) == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert enters(client, made["api_key"]) == 401
        assert client.read(f"/v1/api-keys/{made['id']}")["revoked_at"] is not None
        assert client.post(f"/v1/api-keys/{made['id']}/revocation", json={}).json()["code"] == "api_key_revoked"


def test_a_key_may_not_be_believed_for_longer_than_five_seconds(databases: Databases) -> None:
    with pytest.raises(ValueError, match="key_cache_seconds"):
        Server(databases.fresh("sqlite"), key_cache_seconds=5.1)


def test_a_key_expires_at_its_moment_however_lately_it_was_checked(calendar: Calendar) -> None:
    client = calendar.client()
    key = client.write("/v1/api-keys", {"role": "auditor", "expires_at": "2026-02-01T00:00:00Z"})["api_key"]
    calendar.clock.set("2026-01-31T23:59:59Z")
    assert enters(client, key) == 200

    calendar.clock.set("2026-02-01T00:00:00Z")

    assert enters(client, key) == 401


def test_a_revoked_key_stays_dead_in_a_server_that_was_started_anew(database_url: str) -> None:
    with Server(database_url) as before:
        client = before.client()
        admin = client.headers["Authorization"].removeprefix("Bearer ")
        made = client.write("/v1/api-keys", {"role": "auditor"})
        client.write(f"/v1/api-keys/{made['id']}/revocation")
    with Server(database_url) as after:
        assert enters(after.client(admin), made["api_key"]) == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role": "root"}, 422, "invalid_body"),
        ({"role": "integration"}, 422, "scopes_required"),
        ({"role": "admin", "scopes": ["accounts:read"]}, 422, "scopes_not_allowed"),
        ({"role": "integration", "scopes": ["everything:write"]}, 422, "unknown_scope"),
        ({"role": "integration", "scopes": ["accounts:delete"]}, 422, "invalid_body"),
        ({"role": "auditor", "secret_sha256": "ab" * 32}, 422, "invalid_body"),
        ({"role": "auditor", "effective_at": "2999-01-01"}, 422, "effective_in_future"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(visitor: Client, body: dict[str, Any], status: int, code: str) -> None:
    answer = visitor.post("/v1/api-keys", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_key_is_not_revoked_in_advance(visitor: Client) -> None:
    made = visitor.write("/v1/api-keys", {"role": "auditor"})["id"]

    answer = visitor.post(f"/v1/api-keys/{made}/revocation", json={"effective_at": "2999-01-01"})

    assert (answer.status_code, answer.json()["code"]) == (422, "effective_in_future")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"role": "admin"}, "above_own_level"),
        ({"role": "account_manager"}, "above_own_level"),
        ({"role": "auditor"}, "above_own_level"),
        ({"role": "integration", "scopes": ["accounts:read"]}, "scope_missing"),
        ({"role": "integration", "scopes": ["api_keys:write", "accounts:read"]}, "scope_missing"),
        ({"role": "integration", "scopes": ["api_keys:write"]}, None),
        ({"role": "integration", "scopes": ["interactions:write", "api_keys:write"]}, None),
    ],
)
def test_nobody_hands_out_more_than_they_have(shared_server: Server, body: dict[str, Any], code: str | None) -> None:
    tenant = shared_server.tenant()
    integration = shared_server.client(
        shared_server.key(tenant, "integration", ("api_keys:write", "interactions:write"))
    )

    answer = integration.post("/v1/api-keys", json=body)

    assert answer.status_code == (403 if code else 201), answer.text
    assert answer.json().get("code") == code
    assert code is None or "admin" in answer.json()["may"]


def test_a_foreign_key_cannot_be_revoked(shared_server: Server) -> None:
    mine, theirs = shared_server.client(), shared_server.client()
    victim = theirs.write("/v1/api-keys", {"role": "auditor"})

    answer: httpx.Response = mine.post(f"/v1/api-keys/{victim['id']}/revocation", json={})

    assert (answer.status_code, answer.json()["code"]) == (404, "api_key_not_found")
    assert enters(theirs, victim["api_key"]) == 200
