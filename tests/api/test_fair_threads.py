"""Threads that tenants share: one that asks for everything, or whose ledger is held, keeps no other waiting."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import psycopg
import pytest

from app.api.http.fair_threads import WHOSE, FairThreads
from tests.support.databases import Databases, superuser
from tests.support.server import Client, Server

THREADS, OF_TENANT = 4, 2


@pytest.fixture
def threads() -> Iterator[FairThreads]:
    with FairThreads(THREADS, OF_TENANT) as threads:
        yield threads


def test_a_tenant_has_its_share_of_threads_and_the_others_take_turns(threads: FairThreads) -> None:
    gate, order, lock = threading.Event(), [], threading.Lock()
    running: list[str] = []
    most: dict[str, int] = {}

    def work(whose: str, waits: bool) -> None:
        with lock:
            running.append(whose)
            most[whose] = max(most.get(whose, 0), running.count(whose))
            order.append(whose)
        if waits:
            gate.wait(20)
        with lock:
            running.remove(whose)

    def ask(whose: str, *, waits: bool) -> object:
        context = copy_context()
        context.run(WHOSE.set, whose)
        return context.run(threads.submit, work, whose, waits)

    held = [ask("busy", waits=True) for _ in range(10)]
    others = [ask(whose, waits=False) for whose in ("one", "other") for _ in range(3)]
    for future in others:
        future.result(timeout=20)  # type: ignore[attr-defined]  # a future
    assert order.count("busy") == most["busy"] == OF_TENANT
    gate.set()
    for future in held:
        future.result(timeout=20)  # type: ignore[attr-defined]  # a future
    assert order.count("busy") == 10
    assert most["busy"] == OF_TENANT


def test_what_fails_reaches_who_asked_and_what_nobody_waits_for_is_not_begun(threads: FairThreads) -> None:
    gate = threading.Event()
    first = [threads.submit(gate.wait, 20) for _ in range(OF_TENANT)]
    never, failing = threads.submit(pytest.fail, "it was cancelled"), threads.submit(int, "no number")

    assert never.cancel()
    gate.set()

    assert [future.result(timeout=20) for future in first] == [True] * OF_TENANT
    with pytest.raises(ValueError, match="invalid literal"):
        failing.result(timeout=20)


def post_events(client: Client, number: int) -> int:
    event = {"specversion": "1.0", "id": f"e{number}", "source": "urn:x", "type": "account.opened",
             "data": {"name": f"Client {number}", "currency": "EUR"}}  # fmt: skip
    media_type = {"Content-Type": "application/cloudevents+json"}
    return client.post("/v1/events", json=event, headers=media_type).status_code


def test_a_tenant_whose_ledger_is_held_keeps_no_other_from_reading_and_writing(databases: Databases) -> None:
    url = databases.fresh("postgresql")
    with Server(url, projector=False) as server:
        held, other = server.tenant(), server.client()
        troubled = server.client(server.key(held))
        other.post("/v1/accounts", json={"name": "Warm", "currency": "EUR"})
        with psycopg.connect(superuser(url)) as session, ThreadPoolExecutor(45) as pool:
            session.execute("SELECT head FROM ledgers WHERE tenant_id = %s FOR UPDATE", (held,))
            waiting = [pool.submit(post_events, troubled, number) for number in range(45)]
            time.sleep(0.3)

            began = time.monotonic()
            assert other.get("/v1/accounts").status_code == 200
            assert post_events(other, 1) == 201
            assert other.post("/v1/accounts", json={"name": "Northwind", "currency": "EUR"}).status_code == 201
            assert time.monotonic() - began < 5
            assert not any(each.done() for each in waiting)

            session.rollback()
            assert {each.result(timeout=60) for each in waiting} == {201}
