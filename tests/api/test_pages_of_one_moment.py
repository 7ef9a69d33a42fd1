"""Every page of a list is of the position and the instant of the first, whatever is written between the pages."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.read_side import replay
from tests.api.contract import LISTS, Operation
from tests.api.sample_agency import SampleAgency, draft, furnish
from tests.api.test_paging import items, list_request
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server


@pytest.fixture(scope="module", params=BACKENDS)
def world(request: pytest.FixtureRequest, databases: Databases) -> Iterator[SampleAgency]:
    """A furnished tenant with three accounts."""
    with Server(databases.fresh(request.param)) as server:
        yield furnish(server.client(), accounts=3)


def sort_of(operation: Operation) -> dict[str, str]:
    """An order of the list that is not its own, where it has one."""
    names = [one["schema"]["enum"] for one in operation.spec["parameters"] if one["name"] == "sort"]
    return {"sort": names[0][-1]} if names else {}


def test_every_list_goes_on_as_it_began(world: SampleAgency) -> None:
    # given the first page of every list, in two orders
    client = world.client
    begun: list[tuple[str, str, dict[str, Any], list[Any], dict[str, Any]]] = []
    for operation in LISTS:
        path, params = list_request(operation, world)
        for sort in ({}, sort_of(operation)):
            whole = client.read(path, **params, **sort, limit=200)["data"]
            begun.append((operation.name, path, params | sort, whole, client.read(path, **params, **sort, limit=1)))

    # when everything that they show is written to, and more of it is made
    change_everything(world)

    # then their other pages show what there was
    for name, path, params, whole, first in begun:
        if name in ("webhook_endpoints.messages", "audit.reads"):  # no part of the ledger: each row is shown as it is
            continue
        seen, cursor = first["data"], first["next_cursor"]
        while cursor:
            page = client.read(path, **params, limit=2, cursor=cursor)
            assert page["position"] == first["position"], name
            seen, cursor = seen + page["data"], page["next_cursor"]
        assert seen == whole, name


def change_everything(world: SampleAgency) -> None:
    """Renames, closes, decides and adds: under another tier and in another order."""
    write, client = world.client.write, world.client
    for number, account in enumerate(client.read("/v1/accounts")["data"]):
        path = f"/v1/accounts/{account['id']}"
        write(f"{path}/name", {"name": f"{'za'[number % 2]} other"})
        write(f"{path}/tier", {"tier": "another"})
        write(
            f"{path}/interactions", {"channel": "chat", "direction": "internal", "occurred_at": "2020-01-01T00:00:00Z"}
        )
        write(f"{path}/contracts", draft(start="2020-01-01", end=None))
        write(f"{path}/scope-changes", {"title": "early", "request": "more", "effective_at": "2020-01-01"})
    write("/v1/accounts", {"name": "0", "currency": "USD", "effective_at": "2019-01-01"})
    for contract in client.read("/v1/contracts", limit=200)["data"]:
        if contract["status"] != "draft":
            write(f"/v1/contracts/{contract['id']}/termination",
                  {"effective_end": "2026-06-01", "reason": "it ends", "voluntary": True})  # fmt: skip
    for noun, action in (("scope-changes", "withdrawal"), ("budgets", "closure"), ("opportunities", "loss")):
        for thing in client.read(f"/v1/{noun}", limit=200)["data"]:
            client.post(f"/v1/{noun}/{thing['id']}/{action}", json={"reason": "over"})
    for interaction in client.read("/v1/interactions", limit=200)["data"]:
        write(f"/v1/interactions/{interaction['id']}/void", {"reason": "a mistake"})
    write("/v1/api-keys", {"role": "auditor", "label": "another"})
    for key in client.read("/v1/api-keys", limit=200)["data"]:
        if key["role"] == "auditor":
            write(f"/v1/api-keys/{key['id']}/revocation", {})
    for endpoint in client.read("/v1/webhook-endpoints", limit=200)["data"]:
        write(f"/v1/webhook-endpoints/{endpoint['id']}/closure", {})
    write(f"/v1/policies/{world.ids['policy']}/versions/2/activation", {"start": "2026-03-01"})
    client.position = client.get("/v1/events?limit=1").json()["position"]


@pytest.mark.parametrize("groups", [100, 0], ids=["few have moved", "more have moved than are folded one by one"])
def test_a_list_is_of_one_moment_while_others_write(
    shared_server: Server, monkeypatch: pytest.MonkeyPatch, groups: int
) -> None:
    # given accounts in two tiers
    monkeypatch.setattr(replay, "GROUPS", groups)
    client = shared_server.client()
    for number in range(12):
        client.write("/v1/accounts", {"name": f"n{number:02}", "currency": "EUR", "tier": "a" if number % 3 else "b"})
    expected = [f"n{number:02}" for number in range(12) if number % 3]
    written, stop = threading.Event(), threading.Event()

    # when somebody renames them, moves them between the tiers and touches them, all the time
    def write() -> None:
        with Client(str(client.base_url), client.headers["Authorization"].removeprefix("Bearer ")) as writer:
            ids = [one["id"] for one in writer.read("/v1/accounts")["data"]]
            for number in itertools.count():
                account = f"/v1/accounts/{ids[number % 12]}"
                writer.write(f"{account}/name", {"name": f"{'az'[number % 2]}{number}"})
                writer.write(f"{account}/tier", {"tier": "ab"[number % 2]})
                written.set()
                if stop.is_set():
                    return

    first = client.read("/v1/accounts", tier="a", sort="name", limit=2)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        written.wait()
        seen, cursor = [one["name"] for one in first["data"]], first["next_cursor"]
        while cursor:
            page = client.read("/v1/accounts", tier="a", sort="name", limit=2, cursor=cursor)
            seen, cursor = seen + [one["name"] for one in page["data"]], page["next_cursor"]
    finally:
        stop.set()
        thread.join()

    # then the pages show each once, as it was called at the first
    assert seen == expected


def test_a_page_keeps_its_instant_when_time_brings_what_was_agreed(shared_server: Server) -> None:
    client = shared_server.client()
    for name in ("a", "b", "c"):
        client.write("/v1/accounts", {"name": name, "currency": "EUR", "tier": "now"})
    first = client.read("/v1/accounts", as_of="2027-01-01", sort="name", limit=1)
    for account in client.read("/v1/accounts")["data"]:
        client.write(f"/v1/accounts/{account['id']}/name", {"name": "0", "effective_at": "2026-12-31"})

    rest = items(client, "/v1/accounts", as_of="2027-01-01", sort="name", limit=1)
    later = client.read("/v1/accounts", as_of="2027-01-01", sort="name", limit=5, cursor=first["next_cursor"])

    assert [one["name"] for one in (*first["data"], *later["data"])] == ["a", "b", "c"]
    assert [one["name"] for one in rest] == ["0", "0", "0"]
