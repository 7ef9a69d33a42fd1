"""Who may do what: every operation of the contract, for every role, on things of one's own and of others."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from app.api import ROUTERS
from app.domain.kernel.roles import BUSINESS, SCOPES, service_scopes
from tests.api.contract import ANYBODY, OPEN, OPERATIONS, PER_ITEM, SCHEMA, SECURED, WRITES, Operation
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.databases import Databases
from tests.support.server import Server

MISSING = "01jd7z5m3sf8x9v0w1y2z3a4b5"
UNRELATED = "kpis:write"
"""A scope that no operation asks for."""
BODIES: dict[str, dict[str, Any]] = {
    "api_keys.issue": {"role": "integration", "scopes": ["api_keys:write"]},  # a key hands out no more than it has
}
"""Where the contract's example would be refused for another reason than the one under test."""

MORE = {"suggestions.make": frozenset({"accounts:write"})}
"""Scopes that the example needs besides: nobody suggests what their key has no scope for."""


@dataclass
class Town:
    """Two tenants of one server, and keys of the first by role."""

    server: Server
    mine: SampleAgency
    theirs: SampleAgency
    tenant: str
    keys: dict[str, str] = field(default_factory=dict)
    integrations: dict[frozenset[str], str] = field(default_factory=dict)

    def key(self, role: str, operation: Operation) -> str | None:
        """The key that a caller of this role holds."""
        if role != "integration_exact":
            return self.keys.get(role)
        scopes = (operation.scopes or frozenset({"events:write"})) | {"commercial:read"}  # figures are made of amounts
        scopes |= MORE.get(operation.name, frozenset())
        if scopes not in self.integrations:
            self.integrations[scopes] = self.server.key(self.tenant, "integration", tuple(sorted(scopes)))
        return self.integrations[scopes]

    def call(self, operation: Operation, ids: dict[str, str], key: str | None) -> httpx.Response:
        """Calls an operation with its example."""
        body = operation.body
        if operation.name in BODIES:
            body = json.dumps(BODIES[operation.name]).encode()
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        if operation.media:
            headers["Content-Type"] = operation.media
        headers |= {"Min-Event-Position": str(self.mine.client.position), "Prefer": "wait=10"}
        query = operation.required_query
        return self.mine.client.request(
            operation.method, operation.url(ids), content=body, params=query, headers=_without_default(headers)
        )

    def head(self) -> int:
        """How many events the first tenant has."""
        return self.server.runtime.log.head(self.tenant)


def _without_default(headers: dict[str, str]) -> dict[str, str]:
    return {"Authorization": "", **headers}


@pytest.fixture(scope="module")
def town(databases: Databases) -> Iterator[Town]:
    """A town on SQLite: roles are no matter of storage."""
    with Server(databases.fresh("sqlite")) as server:
        tenant, other = server.tenant(), server.tenant()
        made = Town(
            server,
            furnish(server.client(server.key(tenant)), "mine"),
            furnish(server.client(server.key(other)), "theirs"),
            tenant,
        )
        made.keys = {role: server.key(tenant, role) for role in ("admin", "account_manager", "auditor")}
        made.keys["integration_without"] = server.key(tenant, "integration", (UNRELATED,))
        made.keys["garbage"] = "stw_" + "a" * 100
        made.keys["mistyped"] = made.keys["admin"][:-1] + ("0" if made.keys["admin"][-1] != "0" else "1")
        admin = made.mine.client
        for name in ("usr_maria", "usr_tom", "usr_jonas", "usr_noah"):  # whom the examples name
            admin.write("/v1/users", {"name": name, "external_ref": name})
        expired = admin.post("/v1/api-keys", json={"role": "admin", "expires_at": "2026-01-01T00:00:00Z"}).json()
        revoked = admin.post("/v1/api-keys", json={"role": "admin"}).json()
        admin.write(f"/v1/api-keys/{revoked['id']}/revocation")
        made.keys |= {"expired": expired["api_key"], "revoked": revoked["api_key"]}
        yield made


ABOVE = frozenset(
    {
        "users.bind_login",
        "users.suspend",
        "users.reinstate",
        "users.grant_role",
        "agents.register",
        "agents.bound",
        "agents.resume",
        "users.revoke_role",
        "api_keys.revoke",
        "issuers.register",
        "issuers.close",
    }
)
"""Operations on a person or a key that stand above an integration, which has no level: it may name them, and no more."""
NOT_OF_ITS_SOURCE = frozenset({"interactions.void", "budgets.correct_spend"})
"""Corrections, of which an integration makes those only that are of what came from its own source."""


def allowed(role: str, operation: Operation) -> bool:
    """What the policy says."""
    if operation.name in ANYBODY:
        return True
    if operation.name in PER_ITEM:
        return role in ("admin", "account_manager", "integration_exact")
    if role == "integration_exact":
        return True
    return operation.scopes <= service_scopes(role)


PAGES = {"/", "/docs", "/docs/{asset}", "/openapi.json", "/llms.txt"}
"""What people read about the API, and the contract itself: no part of the contract, and open to anybody."""
STRANGERS = ("none", "garbage", "mistyped", "revoked", "expired")
KNOWN = ("admin", "account_manager", "auditor", "integration_without", "integration_exact")
by_name = pytest.mark.parametrize("operation", SECURED, ids=lambda one: one.name)


def test_every_operation_with_a_tenants_data_names_a_scope() -> None:
    without = {one.name for one in OPERATIONS if not one.scopes}

    assert without == OPEN | PER_ITEM | ANYBODY
    assert {scope for one in OPERATIONS for scope in one.scopes} <= SCOPES
    assert UNRELATED not in {scope for one in OPERATIONS for scope in one.scopes}


def test_every_route_stands_in_the_contract() -> None:
    routes = {
        (method, route.path)  # type: ignore[attr-defined]
        for router in ROUTERS
        for route in router.routes
        if route.path not in PAGES  # type: ignore[attr-defined]
        for method in route.methods  # type: ignore[attr-defined]
    }

    assert routes == {(one.method, one.path) for one in OPERATIONS}
    assert set(SCHEMA["paths"]) == {path for _, path in routes}


def test_every_write_has_an_example_that_is_sent_here() -> None:
    assert [one.name for one in WRITES if one.media and one.body is None] == []


@by_name
@pytest.mark.parametrize("role", STRANGERS)
def test_a_stranger_gets_in_nowhere(town: Town, operation: Operation, role: str) -> None:
    before = town.head()

    answer = town.call(operation, town.mine.ids, town.keys.get(role))

    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer resource_metadata="')
    assert answer.json()["code"] == ("missing_key" if role == "none" else "invalid_key")
    assert town.head() == before


@by_name
def test_a_scope_is_the_measure_of_every_role(town: Town, operation: Operation) -> None:
    for role in KNOWN:
        key = town.key(role, operation)
        before = town.head()

        answer = town.call(operation, town.mine.ids, key)

        if operation.name in MORE and answer.status_code == 403:
            assert answer.json()["code"] in ("scope_missing", "needs_suggestion", "not_yours_to_do"), answer.text
        elif role == "integration_exact" and operation.name in ABOVE:
            assert (answer.status_code, answer.json()["code"]) == (403, "above_own_level")
        elif role == "integration_exact" and operation.name in NOT_OF_ITS_SOURCE:
            assert (answer.status_code, answer.json()["code"]) == (403, "not_yours_to_do")
        elif allowed(role, operation):
            if role == "account_manager" and answer.status_code == 403:  # what the table of rights keeps from this role
                assert answer.json()["code"] in ("needs_suggestion", "not_yours_to_do"), answer.text
                continue
            assert answer.status_code in (200, 201, 202, 409), f"{role}: {answer.text}"
        else:
            assert answer.status_code == 403, f"{role}: {answer.text}"
            assert answer.json()["code"] == "scope_missing"
            assert town.head() == before
        if role == "auditor":
            assert (answer.status_code == 403) == operation.writes
        if role == "integration_without":
            assert answer.status_code == (200 if operation.name in ANYBODY else 403)


@pytest.mark.parametrize(
    "operation", [one for one in SECURED if {*one.params} - {"team", "name"}], ids=lambda one: one.name
)
def test_a_thing_of_another_tenant_is_as_missing_as_one_that_never_was(town: Town, operation: Operation) -> None:
    never = {name: _never(name, id_) for name, id_ in town.mine.ids.items()}
    keys = {role: town.key(role, operation) for role in KNOWN}
    before = town.head()

    for role, key in keys.items():
        foreign, missing = (town.call(operation, ids, key) for ids in (town.theirs.ids, never))

        assert foreign.status_code == (404 if allowed(role, operation) else 403)
        assert _comparable(foreign) == _comparable(missing)
    assert town.head() == before


@pytest.mark.parametrize("operation", [one for one in SECURED if "account" in one.query], ids=lambda one: one.name)
def test_a_list_cannot_be_narrowed_to_another_tenants_account(town: Town, operation: Operation) -> None:
    client, query = town.mine.client, {"from": "2026-01-01", "to": "2026-02-01"} if "from" in operation.query else {}
    url = operation.url(town.mine.ids)

    foreign = client.see(url, account=town.theirs.ids["account"], **query)
    missing = client.see(url, account=f"acct_{MISSING}", **query)

    assert foreign.status_code == missing.status_code == 404
    assert _comparable(foreign) == _comparable(missing)


def test_an_integration_reads_only_what_its_scopes_name(town: Town) -> None:
    for scope in sorted(scope for scope in SCOPES if scope.endswith(":read")):
        key = town.server.key(
            town.tenant, "integration", (scope, "commercial:read")
        )  # figures of money need it besides
        open_to_it = {
            one.name
            for one in SECURED
            if not one.writes and town.call(one, town.mine.ids, key).status_code not in (401, 403)
        }
        named = {one.name for one in SECURED if not one.writes and one.scopes == {scope}}
        assert open_to_it == named | ANYBODY


@pytest.mark.parametrize("nouns", BUSINESS)
def test_an_integration_takes_in_only_events_about_its_nouns(town: Town, nouns: str) -> None:
    key = town.server.key(town.server.tenant(), "integration", (f"{nouns}:write",))
    ingest = next(one for one in SECURED if one.name == "events.ingest")

    answer = town.call(ingest, town.mine.ids, key)

    expected = 404 if nouns in ("interactions", "events") else 403  # an interaction with an account that is not there
    assert answer.status_code == expected, answer.text


def _never(name: str, id_: str) -> str:
    if name in ("team", "name", "provider", "number", "grant", "section"):
        return id_
    return f"{id_.partition('_')[0]}_{MISSING}"


def _comparable(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    return {name: value for name, value in body.items() if name != "instance"}
