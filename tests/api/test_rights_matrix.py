"""Every operation that writes, for every role, on an account of one's own, of one's team, of a stranger and of another tenant."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest

from app.domain.kernel.roles import ROLES as SCOPES_OF
from tests.api.contract import PER_ITEM, SECURED, WRITES, Operation
from tests.api.rights_table import REACHES, ROLES, ROW_OF, ROWS, cell
from tests.api.sample_agency import SampleAgency, _account, furnish
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server

SINCE: Final = {"start": "2026-01-01"}
OF_ALL: Final = {"kpi_certificates.issue", "period_closes.close", "period_closes.restate", "incentives.issue"}
"""What sums over all accounts, or over those of somebody else: whoever does not reach the whole tenant may not, whatever their role."""
OF_NO_ACCOUNT: Final = {
    "user",
    "agent",
    "team_id",
    "api_key",
    "endpoint",
    "endpoint_id",
    "policy",
    "period_close",
    "incentive_statement",
}
"""What belongs to no account, so that everybody reaches it."""
BODIES: Final[dict[str, dict[str, Any]]] = {
    "accounts.open": {"name": "Northwind", "currency": "EUR", "owner": "stranger"},
    "handovers.start": {"receiver": "stranger"},
    "accounts.set_key_account": {"key_account": False},
    "accounts.set_backup": {"backup": None},
    "accounts.assign_member": {"member": "stranger", "function": "specialist"},
    "budgets.correct_spend": {"document": "0 mine", "amount": "251.00"},
}
"""Bodies that leave to everybody of the story the reach that they have."""
OPEN_TO_ADMINS: Final = {"users", "teams", "api_keys", "webhooks", "policies", "access", "agents"}
"""What an admin reads: who there is, who could see what, and what lets in."""
OWNERS: Final = {"own": "account_manager", "team": "junior", "foreign": "stranger", "tenant": "stranger"}
"""Whose the accounts are."""


@dataclass
class World:
    """An agency with a person of each role, and the things of three of its accounts and of another tenant's."""

    server: Server
    clients: dict[str, Client] = field(default_factory=dict)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)

    def send(self, operation: Operation, role: str, whose: str) -> httpx.Response:
        """Sends an operation's example as somebody in a role, about what is whose."""
        body = operation.body
        if operation.name == "accounts.set_owner":
            body = json.dumps({"owner": OWNERS[whose], "reason": "so it is"}).encode()
        if operation.name in BODIES:
            body = json.dumps(BODIES[operation.name]).encode()
        headers = {"Content-Type": operation.media} if operation.media else {}
        return self.clients[role].request(
            operation.method,
            operation.url(self.ids[whose]),
            content=body,
            params=operation.required_query,
            headers=headers,
        )


@pytest.fixture(scope="module", params=BACKENDS)
def world(request: pytest.FixtureRequest, databases: Databases) -> Iterator[World]:
    """The agency, once on SQLite and once on PostgreSQL."""
    with Server(databases.fresh(request.param)) as server:
        yield _made(server)


def _made(server: Server) -> World:
    tenant, other = server.tenant(), server.tenant()
    agency = furnish(server.client(server.key(tenant)), "mine", accounts=1)
    world, admin = World(server), agency.client
    world.ids["own"] = {**agency.ids}
    for whose in ("team", "foreign"):
        _account(agency, "mine", f"of {whose}")
        world.ids[whose] = {**world.ids["own"], **{name: agency.ids[name] for name in _things(agency)}}
    world.ids["tenant"] = furnish(server.client(server.key(other)), "theirs", accounts=1).ids
    people = {role: _person(admin, role, role) for role in ROLES}
    junior = _person(admin, "junior", "account_manager")
    _person(admin, "stranger", "account_manager")
    for who, manager in ((junior, "senior_account_manager"), (people["senior_account_manager"], "director")):
        admin.write(f"/v1/users/{who}/reporting-line", {"manager": people[manager], **SINCE})
    for whose in ("own", "team", "foreign"):
        admin.write(f"/v1/accounts/{world.ids[whose]['account']}/owner", {"owner": OWNERS[whose], "reason": "so it is"})
    for role in ROLES:
        members = f"/v1/accounts/{world.ids['own']['account']}/members"
        admin.write(members, {"member": role, "function": "specialist"})
        key = admin.write("/v1/api-keys", {"user": people[role]})["api_key"]
        world.clients[role] = server.client(key)
    return world


def _things(agency: SampleAgency) -> set[str]:
    return {"account", "interaction", "contract", "renewal", "scope_change", "proposal", "opportunity", "budget",
            "handover"}  # fmt: skip


def _person(admin: Client, name: str, role: str) -> str:
    user: str = admin.write("/v1/users", {"name": name, "external_ref": name})["id"]
    more = {"department": "creative"} if role == "specialist" else {}
    admin.write(f"/v1/users/{user}/roles", {"role": role, **SINCE, **more})
    return user


def expected(operation: Operation, role: str, whose: str) -> str:
    """What the table says: done, suggest, refused or missing."""
    reaches = role in REACHES[whose] or (whose != "tenant" and not _of_account(operation))
    right = cell(operation.name, role)
    if operation.name in OF_ALL and role not in REACHES["foreign"]:
        return "refused"
    if "incentive_statement" in operation.params and role not in REACHES["foreign"]:
        return "refused or missing"  # the payee is a stranger
    if not reaches and {*operation.params} - {"team", "name", "number", "grant", "member"}:
        return "refused or missing" if right == "-" else "missing"
    return {"y": "done", "-": "refused"}.get(right, "suggest")


def _of_account(operation: Operation) -> bool:
    return bool({*operation.params} - OF_NO_ACCOUNT - {"team", "name", "number", "grant", "member", "message_id"})


def said(answer: httpx.Response) -> str:
    """What an answer says. A refusal of the business comes after the right was found: it was there."""
    code = answer.json().get("code")
    if answer.status_code == 403:
        return "suggest" if code == "needs_suggestion" else "refused"
    if answer.status_code == 404:
        return "missing"
    assert answer.status_code in (200, 201, 202, 409, 422), answer.text
    return "done"


MATRIX: Final = [one for one in WRITES if one.name not in PER_ITEM and not one.name.startswith("suggestions.")]
"""What is tried. A suggestion is judged as what it suggests, and an event that comes in as its command: other tests have them."""


def test_the_table_has_every_operation_that_writes() -> None:
    assert {one.name for one in MATRIX} <= {*ROW_OF}
    assert {len(cells.split()) for cells in ROWS.values()} == {len(ROLES)}
    assert len(MATRIX) * len(ROLES) * len(REACHES) >= 2_500


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_scopes_that_its_rights_need_and_no_others_to_write(role: str) -> None:
    needed = frozenset[str]().union(*(one.scopes for one in MATRIX if cell(one.name, role) != "-"))
    written = {scope for scope in SCOPES_OF[role] if scope.endswith(":write")} - {
        "events:write",
        "kpis:write",
        "suggestions:write",
    }

    assert needed <= SCOPES_OF[role]
    assert written <= needed


@pytest.mark.parametrize("whose", REACHES)
@pytest.mark.parametrize("operation", MATRIX, ids=lambda one: one.name)
def test_every_role_does_what_the_table_says(world: World, operation: Operation, whose: str) -> None:
    wrong = {}
    for role in ROLES:
        answer = world.send(operation, role, whose)
        verdict, wanted = said(answer), expected(operation, role, whose)
        if verdict not in wanted:
            wrong[role] = (verdict, wanted, answer.text)
        if verdict in ("suggest", "refused") and answer.json()["code"] != "beyond_reach":
            assert names_roles(answer), answer.text

    assert wrong == {}


def names_roles(answer: httpx.Response) -> bool:
    """Whether a refusal names who could do it instead."""
    may = answer.json().get("may")
    return isinstance(may, list) and {*may} <= {*ROLES}


@pytest.mark.parametrize(
    "operation", [one for one in SECURED if not one.writes and one.scopes], ids=lambda one: one.name
)
def test_an_admin_who_is_a_person_reads_no_client_content(world: World, operation: Operation) -> None:
    answer = world.send(operation, "admin", "own")

    open_to_them = {scope.partition(":")[0] for scope in operation.scopes} <= OPEN_TO_ADMINS
    assert (answer.status_code == 403) != open_to_them, answer.text
