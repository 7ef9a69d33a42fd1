"""Persons over HTTP: their own keys act as them, as far as their roles go, and die with them."""

import time
from typing import Any

import pytest

from tests.support.databases import Databases
from tests.support.server import Client, Server

PATIENCE_SECONDS = 60
"""How long a test waits for what must happen; nothing is measured by it."""


def person(admin: Client, name: str, *roles: str, **key: Any) -> tuple[str, str]:
    """A user with roles and a personal key. Gives: the user's id and the key."""
    user = admin.write("/v1/users", {"name": name})["id"]
    for role in roles:
        admin.write(f"/v1/users/{user}/roles", {"role": role, "start": "2026-01-01"})
    return user, admin.write("/v1/api-keys", {"user": user, **key})["api_key"]


def code(answer: Any) -> tuple[int, str]:
    """The status and the code of a refusal."""
    return answer.status_code, answer.json()["code"]


def test_who_writes_with_a_personal_key_is_the_person_and_the_key_is_the_client(shared_server: Server) -> None:
    admin = shared_server.client()
    maria, key = person(admin, "Maria Lindqvist", "coordinator", "account_manager")
    client = shared_server.client(key)

    account = client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR", "owner": maria})
    (event,) = client.read("/v1/events", after=account["position"] - 1)["data"]
    me = client.read("/v1/me")

    assert (event["actor"], event["meta"]["client"]) == (maria, me["client"])
    assert me["user"] == {"id": maria, "name": "Maria Lindqvist", "external_ref": None}
    assert (me["actor"], me["role"]) == (maria, "account_manager")
    assert [(one["role"], one["level"], one["reach"]) for one in me["roles"]] == [
        ("account_manager", 2, "portfolio"),
        ("coordinator", 1, "portfolio"),
    ]
    assert "accounts:write" in me["scopes"]
    assert me["tenant"]["name"] == "Agency"


def test_a_key_of_a_service_is_itself(shared_server: Server) -> None:
    tenant = shared_server.tenant()
    integration = shared_server.client(shared_server.key(tenant, "integration", ("interactions:write",)))

    me = integration.read("/v1/me")

    assert (me["user"], me["role"], me["scopes"]) == (None, "integration", ["interactions:write"])
    assert me["actor"] == me["client"]
    assert me["tenant"]["id"] == tenant


def test_a_personal_key_follows_the_roles_of_its_user_or_has_one_of_them(databases: Databases) -> None:
    with Server(databases.fresh("sqlite"), key_cache_seconds=0) as server:
        admin = server.client()
        maria, key = person(admin, "Maria", "auditor", "account_manager")
        one = admin.write("/v1/api-keys", {"user": maria, "role": "auditor"})["api_key"]
        all_roles, as_auditor = server.client(key), server.client(one)
        assert all_roles.post("/v1/accounts", json={"name": "Northwind", "currency": "EUR"}).status_code == 201
        refused = as_auditor.post("/v1/accounts", json={"name": "Northwind", "currency": "EUR"})
        assert code(refused) == (403, "scope_missing")
        assert {"account_manager", "director", "sales"} <= {*refused.json()["may"]}
        assert not {"auditor", "admin"} & {*refused.json()["may"]}

        admin.write(f"/v1/users/{maria}/roles/1/revocation")

        assert as_auditor.get("/v1/accounts").status_code == 403
        assert all_roles.get("/v1/accounts").status_code == 200
        assert as_auditor.read("/v1/me")["role"] is None


def test_a_key_is_dead_while_its_user_is_suspended_within_the_time_that_a_key_is_believed(databases: Databases) -> None:
    with Server(databases.fresh("sqlite"), key_cache_seconds=0.2) as server:
        admin = server.client()
        maria, key = person(admin, "Maria", "director")
        client = server.client(key)
        assert client.get("/v1/accounts").status_code == 200

        admin.write(f"/v1/users/{maria}/suspension", {"reason": "left"})

        deadline = time.monotonic() + PATIENCE_SECONDS
        while client.get("/v1/accounts").status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert code(client.get("/v1/accounts")) == (401, "user_suspended")
        admin.write(f"/v1/users/{maria}/reinstatement")
        assert client.get("/v1/accounts").status_code == 200


def test_an_integration_revokes_no_key_above_it_and_is_told_who_could(shared_server: Server) -> None:
    tenant = shared_server.tenant()
    admin = shared_server.client(shared_server.key(tenant))
    integration = shared_server.client(shared_server.key(tenant, "integration", ("api_keys:write", "users:write")))
    wider = admin.write("/v1/api-keys", {"role": "integration", "scopes": ["accounts:read", "api_keys:write"]})["id"]
    own = integration.write("/v1/api-keys", {"role": "integration", "scopes": ["api_keys:write"]})["id"]
    director, _ = person(admin, "Helena", "director")

    for role in ("admin", "auditor", "coordinator"):
        key = admin.write("/v1/api-keys", {"role": role})["id"]
        answer = integration.post(f"/v1/api-keys/{key}/revocation", json={})
        assert code(answer) == (403, "above_own_level")
        assert answer.json()["may"] == ["admin"]
    assert code(integration.post(f"/v1/api-keys/{wider}/revocation", json={})) == (403, "scope_missing")
    for path, body in (
        ("roles", {"role": "coordinator"}),
        ("roles/1/revocation", {}),
        ("suspension", {}),
        ("login", {"issuer": "https://login.example", "subject": "7"}),
    ):
        assert code(integration.post(f"/v1/users/{director}/{path}", json=body)) == (403, "above_own_level")
    newcomer = admin.write("/v1/users", {"name": "Maria"})["id"]
    assert code(integration.post("/v1/api-keys", json={"user": newcomer})) == (403, "above_own_level")
    assert integration.post(f"/v1/api-keys/{own}/revocation", json={}).status_code == 201
    assert integration.post("/v1/users", json={"name": "Ruth"}).status_code == 201


def test_an_agency_does_not_lock_itself_out(client: Client) -> None:
    maria = client.write("/v1/users", {"name": "Maria", "external_ref": "maria"})["id"]
    (first,) = client.read("/v1/api-keys")["data"]
    client.write("/v1/users/ref:maria/roles", {"role": "admin"})

    assert code(client.post(f"/v1/api-keys/{first['id']}/revocation", json={})) == (409, "last_admin_key")
    assert code(client.post(f"/v1/users/{maria}/suspension", json={})) == (409, "last_admin")
    assert code(client.post(f"/v1/users/{maria}/roles/1/revocation", json={})) == (409, "last_admin")
    client.write("/v1/api-keys", {"user": "ref:maria"})
    assert client.post(f"/v1/api-keys/{first['id']}/revocation", json={}).status_code == 201


def test_a_login_is_one_persons(client: Client) -> None:
    login = {"issuer": "https://login.example", "subject": "7"}
    maria, ruth = (client.write("/v1/users", {"name": name})["id"] for name in ("Maria", "Ruth"))
    client.write(f"/v1/users/{maria}/login", login)

    assert code(client.post(f"/v1/users/{ruth}/login", json=login)) == (409, "login_taken")
    assert client.post(f"/v1/users/{ruth}/login", json={**login, "subject": "8"}).status_code == 201
    for subject in ("9", "7", "7"):  # another one, and back
        client.write(f"/v1/users/{maria}/login", {**login, "subject": subject})
    body = client.read(f"/v1/users/{maria}")
    assert (body["status"], body["login"]["issuer"]) == ("active", "https://login.example")


@pytest.mark.parametrize(
    ("path", "body", "status", "refused"),
    [
        ("/v1/users", {"name": "Maria", "address": "no address"}, 422, "invalid_body"),
        ("/v1/users", {"name": "Maria", "role": "admin"}, 422, "invalid_body"),
        ("/v1/users/ref:nobody/roles", {"role": "sales"}, 404, "user_not_found"),
        ("/v1/users/{user}/roles", {"role": "manager"}, 422, "invalid_body"),
        ("/v1/users/{user}/roles", {"role": "specialist"}, 422, "invalid_body"),
        ("/v1/users/{user}/roles", {"role": "sales", "reach": "world"}, 422, "invalid_body"),
        ("/v1/users/{user}/roles", {"role": "sales", "start": "2026-02-30"}, 422, "invalid_body"),
        ("/v1/users/{user}/roles/0/revocation", {}, 404, "not_found"),
        ("/v1/users/{user}/roles/1/revocation", {}, 404, "unknown_grant"),
        ("/v1/users/{user}/login", {"issuer": "http://login.example", "subject": "7"}, 422, "invalid_body"),
        ("/v1/users/{user}/reporting-line", {"manager": "ref:nobody"}, 404, "user_not_found"),
        ("/v1/users/{user}/reporting-line", {"manager": "{user}"}, 409, "reports_in_circle"),
        ("/v1/api-keys", {"user": "ref:nobody"}, 404, "user_not_found"),
        ("/v1/api-keys", {"user": "{user}", "role": "sales"}, 409, "role_not_granted"),
        ("/v1/api-keys", {"user": "{user}", "role": "integration", "scopes": ["users:read"]}, 409, "role_not_granted"),
        ("/v1/api-keys", {}, 422, "role_required"),
        ("/v1/teams", {"name": "Retail", "parent": "ref:nobody"}, 404, "team_not_found"),
        ("/v1/teams", {"name": "none"}, 422, "invalid_body"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    visitor: Client, path: str, body: dict[str, Any], status: int, refused: str
) -> None:
    user = visitor.write("/v1/users", {"name": "Maria"})["id"]
    said = {name: value.format(user=user) if isinstance(value, str) else value for name, value in body.items()}

    assert code(visitor.post(path.format(user=user), json=said)) == (status, refused)


def test_a_user_of_another_tenant_is_as_missing_as_one_that_never_was(shared_server: Server) -> None:
    mine, theirs = shared_server.client(), shared_server.client()
    stranger = theirs.write("/v1/users", {"name": "Maria"})["id"]
    team = mine.write("/v1/teams", {"name": "Retail"})["id"]

    assert code(mine.post(f"/v1/teams/{team}/members", json={"user": stranger})) == (404, "user_not_found")
    assert code(mine.post("/v1/api-keys", json={"user": stranger})) == (404, "user_not_found")
    assert code(mine.see(f"/v1/users/{stranger}")) == (404, "user_not_found")
