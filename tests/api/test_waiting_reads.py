"""Reads that wait for views: they hold no thread, wake once the views are there, and are bounded for each tenant."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx
import pytest

from tests.support.databases import Databases
from tests.support.server import Client, Server

THREADS: Final = 40
"""How many threads there are for reads."""
MOST: Final = 50


@pytest.fixture(scope="module")
def still(databases: Databases) -> Iterator[Server]:
    """A server whose views stand still until somebody catches them up."""
    with Server(databases.fresh("sqlite"), projector=False, waiting_reads=MOST) as server:
        yield server


@pytest.fixture
def client(still: Server) -> Client:
    """An admin of a new tenant, with an account that no view shows yet."""
    client = still.client()
    client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})
    return client


def read(client: Client, path: str = "/v1/accounts", prefer: str = "wait=30") -> httpx.Response:
    headers = {"Min-Event-Position": str(client.position), "Prefer": prefer}
    return client.get(path, headers=headers, timeout=60)


def test_reads_that_wait_keep_nobody_from_reading_and_wake_once_the_views_are_there(
    still: Server, client: Client
) -> None:
    other, paths = still.client(), ("/v1/accounts", "/v1/kpis/mrr", "/v1/contracts")
    with ThreadPoolExecutor(THREADS + 5) as pool:
        waiting = [pool.submit(read, client, paths[number % 3]) for number in range(THREADS + 5)]
        time.sleep(1)

        began = time.monotonic()
        assert other.get("/v1/accounts").status_code == 200
        assert time.monotonic() - began < 5
        assert not any(each.done() for each in waiting)

        for tenant_id, head in still.runtime.log.tenants().items():
            still.runtime.projector.catch_up(tenant_id, until=head)
        answers = [each.result(timeout=20) for each in waiting]

    assert {answer.status_code for answer in answers} == {200}
    assert all(int(answer.headers["Projection-Position"]) >= client.position for answer in answers)


def test_a_read_that_has_waited_long_enough_is_answered_with_what_there_is(client: Client) -> None:
    began = time.monotonic()

    lenient, strict = read(client, prefer="wait=1"), read(client, prefer="wait=1, handling=strict")

    assert (lenient.status_code, lenient.json()["data"]) == (200, [])
    assert (strict.status_code, strict.json()["code"], strict.headers["Retry-After"]) == (503, "projection_behind", "1")
    assert time.monotonic() - began > 1.9


def test_what_was_known_at_a_position_that_views_have_not_reached_waits_and_is_refused(client: Client) -> None:
    answer = client.get("/v1/accounts", params={"known_at": str(client.position)})

    assert (answer.status_code, answer.json()["code"]) == (503, "projection_behind")


COMPUTED: Final = 30
"""Of how many writes at once figures are computed: of more than a tenant has threads, each of which would be held for two seconds."""


def test_what_is_computed_before_it_is_appended_holds_no_thread_while_it_waits(client: Client) -> None:
    calls = {
        "/v1/kpi-certificates": {"kpi": "mrr"},
        "/v1/period-closes": {"from": "2025-01-01", "to": "2025-04-01", "currency": "EUR"},
    }
    with ThreadPoolExecutor(COMPUTED) as pool:
        began = time.monotonic()
        paths = [list(calls)[number % 2] for number in range(COMPUTED)]
        waiting = [pool.submit(client.post, path, json=calls[path], timeout=60) for path in paths]
        answers = [each.result(timeout=60) for each in waiting]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "projection_behind")}
    assert 2 <= time.monotonic() - began < 6


def test_where_too_many_of_a_tenant_wait_the_next_is_answered_at_once(still: Server, client: Client) -> None:
    other = still.client()
    other.write("/v1/accounts", {"name": "Elsewhere", "currency": "EUR"})
    with ThreadPoolExecutor(MOST + 1) as pool:
        waiting = [pool.submit(read, client, prefer="wait=4") for _ in range(MOST)]
        time.sleep(1.5)
        began = time.monotonic()

        lenient, strict = read(client), read(client, prefer="wait=30, handling=strict")
        took = time.monotonic() - began
        elsewhere = pool.submit(read, other, prefer="wait=1")

        assert (lenient.status_code, strict.status_code, strict.json()["code"]) == (200, 503, "projection_behind")
        assert took < 2.5
        assert elsewhere.result(timeout=20).status_code == 200
        assert {each.result(timeout=30).status_code for each in waiting} == {200}
