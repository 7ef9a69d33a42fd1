"""Lists in pages: all of it, once, in order, whatever is written meanwhile."""

import itertools
import threading
from collections.abc import Iterator
from functools import reduce
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.contract import LISTS, Operation
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server

PERIOD = {"from": "2026-01-01", "to": "2026-02-01"}
SHORT = ("accounts.contracts", "accounts.renewals")
"""Lists within an account, of which the sample has one item each; the same lists are walked over all accounts."""
EVERY_LIST = pytest.mark.parametrize(
    "operation", [one for one in LISTS if one.name not in SHORT], ids=lambda one: one.name
)


@pytest.fixture(scope="module", params=BACKENDS)
def world(request: pytest.FixtureRequest, databases: Databases) -> Iterator[SampleAgency]:
    """A furnished tenant with three accounts."""
    with Server(databases.fresh(request.param)) as server:
        yield furnish(server.client(), accounts=3)


def list_request(operation: Operation, world: SampleAgency) -> tuple[str, dict[str, Any]]:
    """The path of a list and the query that it requires."""
    return operation.url(world.ids), dict(PERIOD) if "from" in operation.query else {}


def pages(client: Client, path: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Every page, by cursor."""
    cursor: dict[str, str] = {}
    for _ in range(1000):
        page = client.read(path, **params, **cursor)
        yield page
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            return
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("the list has no end")


def items(client: Client, path: str, **params: Any) -> list[Any]:
    """All items of all pages."""
    return [item for page in pages(client, path, **params) for item in page["data"]]


def orders(operation: Operation) -> list[str]:
    """What a list may be sorted by, as its contract says."""
    sort_parameter = next((one for one in operation.spec["parameters"] if one["name"] == "sort"), None)
    if sort_parameter is None:
        return []
    return [word for word in sort_parameter["schema"]["enum"] if not word.startswith("-")]


@EVERY_LIST
def test_small_pages_make_the_same_list_as_a_large_one(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)

    large = world.client.read(path, **params, limit=200)

    assert len(large["data"]) >= 2
    assert not large["has_more"]
    for limit in (1, 2):
        assert items(world.client, path, **params, limit=limit) == large["data"]


@EVERY_LIST
def test_the_link_leads_where_the_cursor_does(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)

    first = world.client.see(path, **params, limit=1)
    link = first.headers["link"]
    url, rel = link.split("; ")
    followed = world.client.get(url.strip("<>"))

    assert rel == 'rel="next"'
    assert url.startswith(f"<{quote(path)}?")
    assert (
        followed.json()["data"]
        == world.client.read(path, **params, limit=1, cursor=first.json()["next_cursor"])["data"]
    )
    assert "link" not in world.client.see(path, **params, limit=200).headers


@EVERY_LIST
@pytest.mark.parametrize("limit", ["0", "-1", "201", "1.5", "many", ""])
def test_a_limit_lies_between_1_and_200(world: SampleAgency, operation: Operation, limit: str) -> None:
    path, params = list_request(operation, world)

    answer = world.client.see(path, **params, limit=limit)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


@EVERY_LIST
def test_a_cursor_continues_only_the_question_it_came_from(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)
    cursor = world.client.read(path, **params, limit=1)["next_cursor"]
    others: list[dict[str, Any]] = [{"as_of": "2026-02-28"}] if "as_of" in operation.query else []
    others += [{"sort": f"-{order}"} for order in orders(operation)[1:]]
    others += [{"account": "ref:a1"}] if "account" in operation.query else []

    for other in others:
        answer = world.client.see(path, **params, limit=1, cursor=cursor, **other)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), other
    for broken in (cursor[:-2], cursor[::-1], "x", "x" * 100, "ä", "x" * 3000):
        answer = world.client.see(path, **params, limit=1, cursor=broken)
        assert answer.status_code == 400
    assert world.client.see(path, **params, limit=2, cursor=cursor).status_code == 200  # pages may change their size


@pytest.mark.parametrize("operation", [one for one in LISTS if orders(one)], ids=lambda one: one.name)
def test_every_order_goes_both_ways_with_what_is_empty_at_the_end(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)

    for order in orders(operation):
        up, down = (items(world.client, path, **params, sort=sort, limit=2) for sort in (order, f"-{order}"))
        values = [reduce(dict.__getitem__, order.split("."), item) for item in up]  # an order is a member of the rows
        empty = sum(value is None for value in values)
        filled = len(up) - empty
        assert values[filled:] == [None] * empty, order
        assert down == up[:filled][::-1] + up[filled:][::-1], order
        if values and isinstance(values[0], str | int) and order != "percent_spent":
            assert values[:filled] == sorted(values[:filled]), order


def test_an_order_that_is_none_is_refused(world: SampleAgency) -> None:
    for sort in ("nothing", "-", "--name", "name,tier", "tenant_id"):
        answer = world.client.see("/v1/accounts", sort=sort)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter"), sort


def test_values_that_are_missing_come_last_both_ways(client: Client) -> None:
    for number in range(4):
        account = client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"})["id"]
        if number % 2:
            client.write(f"/v1/accounts/{account}/interactions",
                         {"channel": "call", "direction": "inbound", "occurred_at": f"2026-01-0{number}T09:00:00Z"})  # fmt: skip

    up, down = (items(client, "/v1/accounts", sort=sort, limit=1) for sort in ("last_touch_at", "-last_touch_at"))

    assert [item["name"] for item in up[:2]] == ["n1", "n3"]
    assert [item["name"] for item in down[:2]] == ["n3", "n1"]
    assert [item["last_touch_at"] for item in (*up[2:], *down[2:])] == [None] * 4


def test_names_are_in_the_order_of_their_letters_on_both_databases(client: Client) -> None:
    names = ["b", "a", "B", "ä", "Z", "z", "A", "_", "1", "éclair", "e", "a b", "ab", "😀"]
    for name in names:
        client.write("/v1/accounts", {"name": name, "currency": "EUR"})

    assert [item["name"] for item in items(client, "/v1/accounts", sort="name", limit=3)] == sorted(names)


def test_a_list_stays_complete_while_others_write(client: Client) -> None:
    known = [client.write("/v1/accounts", {"name": f"n{number:02}", "currency": "EUR"})["id"] for number in range(30)]
    stop = threading.Event()

    def write() -> None:
        with Client(str(client.base_url), client.headers["Authorization"].removeprefix("Bearer ")) as writer:
            for number in itertools.count():
                if stop.is_set():
                    return
                writer.write(f"/v1/accounts/{known[number % 30]}/tier", {"tier": f"t{number}"})
                writer.write("/v1/accounts", {"name": f"m{number:02}", "currency": "EUR"})

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for sort in ("id", "-id", "name", "opened_at"):
            seen = [item["id"] for item in items(client, "/v1/accounts", sort=sort, limit=4)]
            assert len(seen) == len(set(seen)), sort
            assert set(known) <= set(seen), sort
    finally:
        stop.set()
        thread.join()


def test_pages_of_what_was_known_are_the_same_whatever_comes_later(client: Client) -> None:
    for number in range(5):
        client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"})
    position = client.position
    first = client.read("/v1/accounts", known_at=position, limit=2)
    for number in range(5):
        client.write("/v1/accounts", {"name": f"a{number}", "currency": "EUR"})

    rest = client.read("/v1/accounts", known_at=position, limit=200, cursor=first["next_cursor"])

    assert [item["name"] for item in (*first["data"], *rest["data"])] == [f"n{number}" for number in range(5)]


def test_a_reference_with_odd_letters_can_be_paged(client: Client) -> None:
    ref = "ä b?c#d%e&f/g;Set-Cookie: 日本"
    account = client.write("/v1/accounts", {"name": "A", "currency": "EUR", "external_ref": ref})["id"]
    for tier in ("a", "b", "c"):
        client.write(f"/v1/accounts/{account}/tier", {"tier": tier})
    path = f"/v1/accounts/ref:{quote(ref, safe='')}/timeline"

    first = client.see(path, limit=2)

    assert first.status_code == 200
    assert "set-cookie" not in first.headers
    link = first.headers["link"].split(">")[0].strip("<")
    assert len(client.get(link).json()["data"]) == 2
    assert len(items(client, path, limit=1)) == 4


def test_the_longest_names_can_be_paged(client: Client) -> None:
    names = sorted("😀" * 190 + str(number) for number in range(3))
    for name in names:
        client.write("/v1/accounts", {"name": name, "currency": "EUR"})

    assert [item["name"] for item in items(client, "/v1/accounts", sort="name", limit=1)] == names
