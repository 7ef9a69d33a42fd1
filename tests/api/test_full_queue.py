"""More writes than the queue takes: the rest are refused and sent again; none is lost, none is done twice."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import httpx
import pytest
from sqlalchemy import text

from tests.support.server import Client, Server

QUEUE = 2
WRITES = 12
REFUSED = WRITES - QUEUE - 1
"""Besides those in the queue, one is being appended."""


@pytest.fixture
def narrow(database_url: str) -> Iterator[Server]:
    """A server in whose queue only two writes wait, each with a transaction of its own."""
    with Server(database_url, queue_size=QUEUE, batch_size=1) as made:
        yield made


def held(server: Server, tenant: str, let_go: threading.Event, holding: threading.Event) -> None:
    """Holds the ledger as another process does that is writing to it."""
    with server.runtime.database.write(tenant) as connection:
        connection.execute(text("UPDATE ledgers SET head = head WHERE tenant_id = :tenant"), {"tenant": tenant})
        holding.set()
        let_go.wait(20)


def test_a_full_queue_refuses_for_now_and_takes_everything_later(narrow: Server) -> None:
    tenant = narrow.tenant()
    client = narrow.client(narrow.key(tenant))
    account = client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})["id"]
    before = client.read("/v1/events")["position"]
    holding, let_go = threading.Event(), threading.Event()
    holder = threading.Thread(target=held, args=(narrow, tenant, let_go, holding))
    holder.start()
    assert holding.wait(10)

    with ThreadPoolExecutor(WRITES) as pool:
        calls = {pool.submit(log, client, account, number): number for number in range(WRITES)}
        refused = first(set(calls), REFUSED)
        let_go.set()
        answers = {number: call.result() for call, number in calls.items()}
    holder.join()

    assert {call.result().status_code for call in refused} == {503}
    for call in refused:
        assert (call.result().json()["code"], call.result().headers["Retry-After"]) == ("queue_full", "1")
    assert sorted(answer.status_code for answer in answers.values()) == [201] * (WRITES - REFUSED) + [503] * REFUSED
    again = {number: log(client, account, number) for number in range(WRITES)}
    assert {answer.status_code for answer in again.values()} == {201}
    replayed = {number for number, answer in again.items() if "Idempotency-Replayed" in answer.headers}
    assert replayed == {number for number, answer in answers.items() if answer.status_code == 201}
    assert client.read("/v1/events")["position"] == before + WRITES
    assert len({answer.json()["id"] for answer in again.values()}) == WRITES


def log(client: Client, account: str, number: int) -> httpx.Response:
    """One write, with a key of its own."""
    body = {
        "channel": "call",
        "direction": "inbound",
        "occurred_at": "2026-01-15T09:00:00Z",
        "external_ref": f"{number}",
    }
    return client.post(
        f"/v1/accounts/{account}/interactions", json=body, headers={"Idempotency-Key": f"write-{number}"}
    )


def first(calls: set[Future[httpx.Response]], count: int) -> set[Future[httpx.Response]]:
    """The calls that are answered first, once there are so many."""
    done: set[Future[httpx.Response]] = set()
    until = time.monotonic() + 8
    while len(done) < count and time.monotonic() < until:
        finished, _ = wait(calls - done, timeout=1, return_when=FIRST_COMPLETED)
        done |= finished
    return done
