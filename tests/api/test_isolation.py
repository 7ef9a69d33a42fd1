"""Two tenants side by side, with the same references: what one writes shows in no answer of the other."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api.contract import LISTS, READS, Operation
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Server

CANARY = "canary-6f1c"


@pytest.fixture(scope="module", params=BACKENDS)
def towns(request: pytest.FixtureRequest, databases: Databases) -> Iterator[tuple[SampleAgency, SampleAgency]]:
    """A tenant, and a second one full of canaries."""
    with Server(databases.fresh(request.param)) as server:
        yield furnish(server.client(), "plain"), furnish(server.client(), CANARY)


def asks(operation: Operation, world: SampleAgency) -> Iterator[httpx.Response]:
    """Every way to ask: plain, in the past, as it was known, by reference, narrowed by reference."""
    base = operation.required_query
    by_ref = {name: "ref:a1" if name in ("account", "contract", "interaction", "scope_change") else id_
              for name, id_ in world.ids.items()}  # fmt: skip
    yield world.client.see(operation.url(world.ids), **base)
    if {"account", "contract", "interaction", "scope_change"} & {*operation.params}:
        yield world.client.see(operation.url(by_ref), **base)
    for narrowed in {"account", "contract"} & {*operation.query}:
        yield world.client.see(operation.url(world.ids), **base, **{narrowed: "ref:a1"})
    if "known_at" in operation.query:
        yield world.client.see(operation.url(world.ids), **base, known_at=world.client.position - 1)
    if "as_of" in operation.query:
        yield world.client.see(operation.url(world.ids), **base, as_of="2026-01-31")


@pytest.mark.parametrize("operation", READS, ids=lambda one: one.name)
def test_no_answer_tells_of_another_tenant(towns: tuple[SampleAgency, SampleAgency], operation: Operation) -> None:
    mine, theirs = towns
    foreign = {CANARY, *theirs.events, *(theirs.ids[name] for name in theirs.ids if theirs.ids[name] != mine.ids[name])}

    answers = list(asks(operation, mine))

    assert answers[0].status_code == 200, answers[0].text
    for answer in answers:
        assert answer.status_code in (200, 400, 404), answer.text
        text = answer.text + json.dumps(dict(answer.headers))
        assert [word for word in foreign if word in text] == []


def test_the_canaries_sing_in_their_own_cage(towns: tuple[SampleAgency, SampleAgency]) -> None:
    _, theirs = towns

    singing = {one.name for one in READS if any(CANARY in answer.text for answer in asks(one, theirs))}

    assert {"accounts.list", "accounts.get", "accounts.timeline", "contracts.get", "interactions.get", "renewals.list",
            "scope_changes.list", "events.list", "api_keys.list"} <= singing  # fmt: skip


@pytest.mark.parametrize("operation", LISTS, ids=lambda one: one.name)
def test_a_cursor_opens_no_other_tenants_list(towns: tuple[SampleAgency, SampleAgency], operation: Operation) -> None:
    mine, theirs = towns
    base = operation.required_query
    page = theirs.client.see(operation.url(by_refs(theirs, operation)), **base, limit=1).json()
    assert page["next_cursor"] is not None, "the world must hold two of each"

    own = theirs.client.see(operation.url(by_refs(theirs, operation)), **base, limit=1, cursor=page["next_cursor"])
    other = mine.client.see(operation.url(by_refs(mine, operation)), **base, limit=1, cursor=page["next_cursor"])

    assert own.status_code == 200
    assert (other.status_code, other.json()["code"]) == (400, "invalid_cursor")


def by_refs(world: SampleAgency, operation: Operation) -> dict[str, str]:
    """References where an account is named, so that both tenants ask at the very same path."""
    return {**world.ids, "account": "ref:a1"} if operation.params == ("account",) else world.ids


def test_an_idempotency_key_means_nothing_to_another_tenant(towns: tuple[SampleAgency, SampleAgency]) -> None:
    mine, theirs = towns
    body = {"name": "Twin", "currency": "EUR"}

    first = theirs.client.post("/v1/accounts", json=body, headers={"Idempotency-Key": "same"})
    other = mine.client.post("/v1/accounts", json=body, headers={"Idempotency-Key": "same"})
    different = mine.client.post(
        "/v1/accounts", json={**body, "name": "No duplicate"}, headers={"Idempotency-Key": "same"}
    )

    assert first.status_code == other.status_code == 201
    assert first.json()["id"] != other.json()["id"]
    assert "idempotency-replayed" not in other.headers
    assert (different.status_code, different.json()["code"]) == (422, "idempotency_key_reused")


def test_an_event_taken_in_by_one_tenant_is_new_to_the_other(towns: tuple[SampleAgency, SampleAgency]) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "urn:crm", "type": "account.opened",
             "data": {"name": "Taken in", "currency": "EUR"}}  # fmt: skip

    statuses = [
        world.client.post(
            "/v1/events", content=json.dumps(event), headers={"Content-Type": "application/cloudevents+json"}
        ).status_code
        for world in (*towns, *towns)
    ]

    assert statuses == [201, 201, 200, 200]


def test_the_same_reference_names_each_tenants_own_thing(towns: tuple[SampleAgency, SampleAgency]) -> None:
    mine, theirs = towns

    for path, param in (("accounts", "account"), ("contracts", "contract"), ("interactions", "interaction")):
        assert mine.client.read(f"/v1/{path}/ref:a1")["id"] == mine.ids[param]
        assert theirs.client.read(f"/v1/{path}/ref:a1")["id"] == theirs.ids[param]
