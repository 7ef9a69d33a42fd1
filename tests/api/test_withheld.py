"""Who may not read what is commercial or personal finds it nowhere: no answer, no file, no sentence and no refusal tells it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx
import pytest

from app.api import ROUTERS
from app.api.http.withholding import undeclared
from app.domain.kernel.roles import INTEGRATION, PersonRole, service_scopes
from projections.kpis import KPIS
from tests.api.contract import READS, SCHEMA, Operation
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server

MARK: Final = "zephyr"
FACTOR: Final = Decimal("7.41137")
"""What every amount is multiplied by, so that no other number looks like one."""
AMOUNTS: Final = frozenset(
    {"unit_price", "value", "amount", "cost", "price", "annual_value", "expected_value", "at_completion"}
)
EXACT: Final = "integration, exactly the scopes of the operation"
ROLES: Final = (*PersonRole.__args__, EXACT)
OWN_WORDS: Final = tuple(
    f"{text} {MARK}"
    for text in ("subject", "summary", "request", "question", "need", "terms", "position", "note", "because")
)
PERSONAL: Final = (f"name {MARK}", f"head {MARK}", f"user {MARK}", f"{MARK}@agency.example")
MARGIN: Final = "0.4137"
MONEY: Final = re.compile(r"(?<![0-9.])[0-9]{3,}\.[0-9]{2,}(?![0-9])")


class Distinct(Client):
    """An admin who writes amounts that are found again."""

    def write(self, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """Writes a body with every amount in it made distinct."""
        return super().write(path, _distinct(body), **headers)


def _distinct(body: Any) -> Any:
    if isinstance(body, dict):
        return {
            name: f"{Decimal(value) * FACTOR:.2f}" if name in AMOUNTS and isinstance(value, str) else _distinct(value)
            for name, value in body.items()
        }
    return [_distinct(each) for each in body] if isinstance(body, list) else body


@dataclass
class Town:
    """A tenant with everything in it, and a key for each role."""

    server: Server
    tenant: str
    world: SampleAgency
    keys: dict[str, str] = field(default_factory=dict)

    def scopes(self, role: str, operation: Operation) -> frozenset[str]:
        """What a key of a role may do."""
        return operation.scopes if role == EXACT else service_scopes(role)

    def call(
        self, role: str, operation: Operation, *, accept: str = "application/json", **query: str
    ) -> httpx.Response:
        """Reads as somebody of a role."""
        return self.ask(role, operation, operation.url(self.world.ids), accept, operation.required_query | query)

    def ask(self, role: str, operation: Operation, url: str, accept: str, query: dict[str, str]) -> httpx.Response:
        """Reads an address as somebody of a role, once everything is visible."""
        name = f"{role} {' '.join(sorted(operation.scopes))}" if role == EXACT else role
        if name not in self.keys:
            of = (INTEGRATION, tuple(sorted(operation.scopes or {"teams:read"}))) if role == EXACT else (role, ())
            self.keys[name] = self.server.key(self.tenant, *of)
        headers = {
            "Authorization": f"Bearer {self.keys[name]}",
            "Accept": accept,
            "Min-Event-Position": str(self.world.client.position),
            "Prefer": "wait=20, handling=strict",
        }
        return self.world.client.get(url, params=query, headers=headers)


def _further(world: SampleAgency) -> None:
    """What the furnished tenant lacks: a request that was assessed, answered and absorbed; deals that were won; an end."""
    write, account = world.client.write, f"/v1/accounts/{world.ids['account']}"
    scope = write(f"{account}/scope-changes", {"title": "bigger", "request": f"request {MARK}"})["id"]
    assessment = {
        "effort_hours": "10",
        "currency": "EUR",
        "cost": "500.00",
        "price": "600.00",
        "margin_effect": MARGIN,
    }
    write(f"/v1/scope-changes/{scope}/assessment", assessment)
    options = [{"option": "a", "description": f"request {MARK}", "price": "500.00"}]
    write(
        f"/v1/scope-changes/{scope}/response",
        {"kind": "accept_with_change", "options": options, "message": f"note {MARK}"},
    )
    write(
        f"/v1/scope-changes/{scope}/decision",
        {"accepted": True, "option": "a", "by": f"name {MARK}", "decided_at": "2026-02-03T09:00:00Z"},
    )
    lines = [{"op": "set_line", "line": "main", "unit_price": "1300.00"}]
    contract = world.ids["contract"]
    write(
        f"/v1/scope-changes/{scope}/amendment", {"contract": contract, "effective_at": "2026-03-01", "changes": lines}
    )
    amended = world.client.read(f"/v1/contracts/{contract}")["amendments"][-1]["event"]
    write(f"/v1/opportunities/{world.ids['opportunity']}/win", {"event": amended})


@pytest.fixture(scope="module", params=BACKENDS)
def town(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Town]:
    """A town whose every amount and text is found again, on both databases."""
    with Server(databases.fresh(request.param)) as server:
        tenant = server.tenant()
        plain = server.client(server.key(tenant))
        client = Distinct(str(plain.base_url), plain.headers["Authorization"].removeprefix("Bearer "))
        world = furnish(client, MARK, accounts=1)
        _further(world)
        yield Town(server, tenant, world)


@pytest.fixture(scope="module")
def amounts(town: Town) -> frozenset[str]:
    """Every amount that somebody with all rights reads anywhere."""
    found: set[str] = set()
    for operation in READS:
        for accept in ("application/json", "text/csv"):
            found |= {*MONEY.findall(town.call("admin", operation, accept=accept).text)}
    plain = {"0.00", "100.00"}
    return frozenset(amount for amount in found if amount not in plain) | {MARGIN}


def told(answer: httpx.Response) -> str:
    """Everything that an answer says, in its headers too."""
    return answer.text + json.dumps(dict(answer.headers))


def untold(scopes: frozenset[str], amounts: frozenset[str]) -> set[str]:
    """What somebody with these scopes may not be told."""
    kept: set[str] = set()
    if "commercial:read" not in scopes:
        kept |= amounts
    if "personal:read" not in scopes:
        kept |= {*PERSONAL}
        if "texts:read" not in scopes:
            kept |= {*OWN_WORDS}
    return kept


# --- what is declared ---


def test_of_every_member_of_every_answer_is_said_what_it_is() -> None:
    answers = {
        answer["model"]
        for router in ROUTERS
        for route in router.routes
        for status, answer in getattr(route, "responses", {}).items()
        if str(status) == "200" and "model" in answer
    }

    forgotten = sorted({member for answer in answers for member in undeclared(answer)})

    assert len(answers) > 30
    assert forgotten == [], "name them in app/api/http/member_classes.toml"


def test_the_contract_says_of_every_amount_in_an_answer_that_it_takes_a_right_to_read_it() -> None:
    answered = {
        reference.removeprefix("#/components/schemas/")
        for operation in READS
        for reference in _references(operation.spec["responses"].get("200", {}))
    }
    open_ = [
        f"{name}.{member}"
        for name in sorted(answered)
        for member, schema in SCHEMA["components"]["schemas"][name].get("properties", {}).items()
        if "#/components/schemas/Money" in json.dumps(schema) and "x-needs" not in schema
    ]

    assert open_ == []


def _references(part: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """The schemas that a part of the contract is made of, as far as members are shown one by one."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(waiting.pop())):
            if reference not in found and "/schemas/" in reference:
                found.add(reference)
                schema = SCHEMA["components"]["schemas"][reference.rpartition("/")[2]]
                waiting += [one for one in schema.get("properties", {}).values() if "x-needs" not in one]
                waiting += [schema.get("allOf", []), schema.get("oneOf", [])]
    return found - {"#/components/schemas/Money"}


# --- what is told ---


@pytest.mark.parametrize("role", ROLES)
def test_no_read_tells_anybody_what_their_role_may_not_read(town: Town, amounts: frozenset[str], role: str) -> None:
    leaks: list[str] = []
    for operation in READS:
        kept = untold(town.scopes(role, operation), amounts)
        for accept in ("application/json", "text/csv"):
            answer = town.call(role, operation, accept=accept)
            assert answer.status_code in (200, 403), (operation.name, answer.text)
            leaks += [f"{operation.name} {accept}: {text}" for text in sorted(kept) if text in told(answer)]

    assert leaks == []


def test_what_is_looked_for_is_there_for_whoever_may_read_it(town: Town, amounts: frozenset[str]) -> None:
    """Nobody proves that nothing leaks by looking for what is nowhere."""
    everything = "".join(told(town.call("admin", operation)) for operation in READS)
    of_auditors = "".join(told(town.call("auditor", operation)) for operation in READS)

    assert len(amounts) > 25
    assert {f"{Decimal(amount) * FACTOR:.2f}" for amount in ("1000", "6000", "12000", "300")} <= amounts
    assert [text for text in (*PERSONAL, *OWN_WORDS) if text not in everything] == []
    assert [amount for amount in amounts if amount not in everything] == []
    assert [amount for amount in amounts if amount not in of_auditors] == []


@pytest.mark.parametrize(
    "operation", [one for one in READS if one.path.startswith("/v1/kpis/{name}")], ids=lambda one: one.name
)
def test_no_figure_of_money_is_told_to_whoever_reads_no_amounts(
    town: Town, amounts: frozenset[str], operation: Operation
) -> None:
    refused: set[tuple[str, str]] = set()
    for kpi in KPIS:
        for method in kpi.methods:
            url = operation.url(town.world.ids | {"name": kpi.name})
            query = operation.required_query if kpi.kind == "period" or operation.name == "kpis.series" else {}
            answer = town.ask(EXACT, operation, url, "application/json", query | {"method": method, "currency": "EUR"})
            assert not [text for text in amounts if text in told(answer)], (url, answer.text)
            if kpi.methods[method].money:
                assert (answer.status_code, answer.json()["code"]) == (403, "member_withheld"), (url, answer.text)
                assert {"finance", "account_manager"} <= {*answer.json()["may"]}
                refused.add((kpi.name, method))
            else:
                assert answer.status_code in (200, 400), (url, answer.text)

    assert len(refused) > 30


# --- the form of what is left out ---


def reading(town: Town, *scopes: str) -> Client:
    """A client with a key that names its scopes."""
    client = town.server.client(town.server.key(town.tenant, INTEGRATION, scopes))
    client.position = town.world.client.position
    return client


def test_what_is_left_out_is_null_and_named(town: Town) -> None:
    account = f"/v1/accounts/{town.world.ids['account']}"

    seen, whole = reading(town, "accounts:read").read(account), town.world.client.read(account)

    assert seen["mrr"] is None
    assert seen["next_renewal"]["atr"] is None
    assert seen["withheld"] == ["arr", "mrr", "next_renewal.atr"]
    assert seen.keys() == {*whole, "withheld"}
    assert "withheld" not in whole
    assert seen["next_renewal"] | {"atr": whole["next_renewal"]["atr"]} == whole["next_renewal"]


def test_a_file_has_the_columns_of_what_is_left_out_and_a_header_names_them(town: Town) -> None:
    client = reading(town, "renewals:read")

    answer = client.get("/v1/renewals", headers={"Accept": "text/csv"})

    header, first, *_ = answer.text.splitlines()
    row = dict(zip(header.split(","), first.split(","), strict=False))
    assert row["atr.amount"] == row["atr.currency"] == ""
    assert row["due"]
    assert "data[].atr" in answer.headers["Steward-Withheld"].split(", ")


@pytest.mark.parametrize(
    ("scope", "path", "query", "withheld"),
    [
        ("renewals:read", "/v1/renewals", {"sort": "atr"}, ["atr"]),
        ("renewals:read", "/v1/renewals", {"sort": "-atr"}, ["atr"]),
        ("opportunities:read", "/v1/opportunities", {"sort": "annual_value"}, ["annual_value"]),
        ("proposals:read", "/v1/proposals", {"sort": "value"}, ["value"]),
        ("budgets:read", "/v1/budgets", {"percent_spent.gte": "50"}, ["percent_spent"]),
        ("budgets:read", "/v1/budgets", {"sort": "percent_spent"}, ["percent_spent"]),
        ("renewals:read", "/v1/boards/forecast", {"from": "2026-01-01", "to": "2027-01-01"}, ["renewal_forecast"]),
    ],
)
def test_to_ask_by_a_member_that_is_left_out_is_refused_by_name(
    town: Town, scope: str, path: str, query: dict[str, str], withheld: list[str]
) -> None:
    refused = reading(town, scope).see(path, **query)

    assert refused.status_code == 403
    assert (refused.json()["code"], refused.json()["withheld"]) == ("member_withheld", withheld)
    assert refused.json()["scope"] == "commercial:read"
    assert reading(town, scope, "commercial:read").see(path, **query).status_code == 200


def test_a_sentence_tells_what_happened_and_no_amount(town: Town) -> None:
    timeline = f"/v1/accounts/{town.world.ids['account']}/timeline"

    seen = {one["id"]: one for one in reading(town, "accounts:read").read(timeline, limit=200)["data"]}
    whole = {one["id"]: one for one in town.world.client.read(timeline, limit=200)["data"]}

    assert seen.keys() == whole.keys()
    told_less = {one: (seen[one]["sentence"], whole[one]["sentence"]) for one in whole if seen[one] != whole[one]}
    assert len(told_less) > 10
    assert all("…" in less and "…" not in all_ for less, all_ in told_less.values())
    assert {seen[one]["type"] for one in told_less} >= {"budget.set", "renewal.opened", "proposal.versioned"}


def test_a_comparison_says_that_an_amount_changed_and_not_from_what_to_what(town: Town) -> None:
    diff = f"/v1/accounts/{town.world.ids['account']}/diff"
    days = {"from": "2026-01-05", "to": "2026-02-05"}

    seen, whole = (client.read(diff, **days) for client in (reading(town, "accounts:read"), town.world.client))

    assert [one["member"] for one in seen["changes"]] == [one["member"] for one in whole["changes"]]
    changes = {one["member"]: one for one in seen["changes"]}
    assert changes["mrr"] == {"member": "mrr", "before": None, "after": None}
    assert changes["owner"]["after"] == f"new {MARK}"
    assert seen["withheld"] == ["changes[].before", "changes[].after"]


def test_the_feed_names_what_is_left_out_of_events(town: Town) -> None:
    seen = reading(town, "events:read").read("/v1/events", types="user.invited,contract.amended")

    invited = next(event for event in seen["data"] if event["data"].get("external_ref") == "helena")
    (amended, *_) = [event for event in seen["data"] if event["type"] == "contract.amended"]
    assert (invited["data"]["name"], invited["data"]["external_ref"]) == (None, "helena")
    assert amended["data"]["changes"][0]["unit_price"] is None
    assert amended["data"]["changes"][0]["quantity"] == "1"
    assert {*seen["withheld"]} >= {"data[].data.name", "data[].data.changes[].unit_price"}


def test_who_may_read_more_gets_another_answer_under_another_tag(town: Town) -> None:
    path = f"/v1/interactions/{town.world.ids['interaction']}"
    less, more = reading(town, "interactions:read"), reading(town, "interactions:read", "personal:read")

    first, second = less.see(path), more.see(path)

    assert first.json()["participants"][0]["name"] is None
    assert first.json()["summary"] is None
    assert second.json()["participants"][0]["name"] == f"name {MARK}"
    assert second.json()["summary"] == f"summary {MARK}"
    assert "Authorization" in first.headers["Vary"]
    assert first.headers["ETag"] != second.headers["ETag"]
    assert more.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    assert less.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_who_reads_texts_and_nothing_personal_reads_the_words_and_not_the_names(town: Town) -> None:
    path = f"/v1/interactions/{town.world.ids['interaction']}"

    seen = reading(town, "interactions:read", "texts:read").read(path)

    assert seen["summary"] == f"summary {MARK}"
    assert seen["participants"] == [{"name": None}]
    assert seen["withheld"] == ["participants[].name"]


def test_the_raw_body_of_a_message_takes_all_rights(town: Town) -> None:
    path = f"/v1/webhook-endpoints/{town.world.ids['endpoint']}/messages/{town.world.ids['message_id']}"

    seen = reading(town, "webhooks:read", "commercial:read", "texts:read").read(path)

    assert (seen["body"], seen["headers"]) == (None, None)
    assert MARK in reading(town, "webhooks:read", "commercial:read", "personal:read").read(path)["body"]


def test_a_refusal_tells_no_amount_to_whoever_reads_none(town: Town) -> None:
    ids = town.world.ids
    opened = town.world.client.write(
        f"/v1/accounts/{ids['account']}/opportunities", {"title": "more", "kind": "upsell", "source": "usage"}
    )
    body = {"event": town.world.client.read(f"/v1/contracts/{ids['contract']}")["amendments"][-1]["event"]}
    win = f"/v1/opportunities/{opened['id']}/win"

    for scopes, knows in ((("opportunities:write",), False), (("opportunities:write", "commercial:read"), True)):
        refused = reading(town, *scopes).post(win, json={**body, "contract": ids["contract"], "value": "1.00"})

        assert refused.status_code == 409, refused.text
        assert refused.json()["code"] == "value_differs"
        assert (refused.json()["change"] is not None) == knows
        assert refused.json().get("withheld") == (None if knows else ["change"])


@pytest.mark.parametrize("knows", [False, True])
def test_a_preview_tells_no_amount_to_whoever_reads_none(town: Town, *, knows: bool) -> None:
    """What somebody else wrote before stands in the figures that would move."""
    ids = town.world.ids
    scopes = ("contracts:write", "events:write", *(["commercial:read"] if knows else []))
    changes = [{"op": "set_line", "line": "main", "unit_price": "9999.99"}]

    answer = reading(town, *scopes).post(
        f"/v1/contracts/{ids['contract']}/amendments",
        params={"preview": "true"},
        json={"effective_at": "2026-04-01", "changes": changes},
    )

    assert answer.status_code == 200, answer.text
    assert {figure["name"] for figure in answer.json()["figures"]} == {"mrr"}
    assert all((figure["before"] is not None) == knows for figure in answer.json()["figures"])
    assert answer.json()["events"][0]["data"]["changes"][0]["unit_price"] == ("9999.99" if knows else None)
    withheld = ["events[].data.changes[].unit_price", "figures[].before", "figures[].after"]
    assert answer.json().get("withheld", []) == ([] if knows else withheld)


# --- people ---


@pytest.fixture(scope="module")
def people(town: Town) -> dict[str, Client]:
    """A person of each role, with the reach of the role and then of the whole tenant; the account is theirs."""
    admin, clients = town.world.client, {}
    account = f"/v1/accounts/{town.world.ids['account']}"
    for role in ("coordinator", "project_manager", "customer_success", "sales", "admin"):
        for reach in ("portfolio", "tenant"):
            name = f"{role}-{reach}"
            user = admin.write("/v1/users", {"name": f"head {MARK}", "external_ref": name})["id"]
            admin.write(f"/v1/users/{user}/roles", {"role": role, "reach": reach, "start": "2026-01-01"})
            clients[name] = town.server.client(admin.write("/v1/api-keys", {"user": user})["api_key"])
            if role != "admin":
                admin.write(f"{account}/members", {"member": name, "function": "coordinator"})
    for client in clients.values():
        client.position = admin.position
    return clients


@pytest.mark.parametrize(
    ("person", "reads"),
    [
        ("coordinator-portfolio", False),
        ("coordinator-tenant", False),
        ("project_manager-portfolio", False),
        ("customer_success-portfolio", True),
        ("customer_success-tenant", False),
        ("sales-portfolio", True),
        ("sales-tenant", False),
    ],
)
def test_a_person_reads_the_amounts_of_their_accounts_as_their_role_says(
    town: Town, people: dict[str, Client], person: str, *, reads: bool
) -> None:
    account = f"/v1/accounts/{town.world.ids['account']}"

    seen = people[person].read(account)

    assert (seen["mrr"] is not None) == reads
    assert ("withheld" not in seen) == reads


def test_an_admin_who_is_a_person_reads_who_works_here_and_no_raw_message(
    town: Town, people: dict[str, Client]
) -> None:
    admin = people["admin-tenant"]
    message = f"/v1/webhook-endpoints/{town.world.ids['endpoint']}/messages/{town.world.ids['message_id']}"

    assert admin.read(f"/v1/users/{town.world.ids['user']}")["name"] == f"user {MARK}"
    assert admin.read(message)["body"] is None
    assert admin.see("/v1/accounts").status_code == 403
