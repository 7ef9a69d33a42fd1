"""A database that takes no writes: the server is not ready, says why, and is ready again once it does; and what takes too long."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text

from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.observe import logs
from app.observe.alarms import STANDING, Alarms
from app.observe.metrics import _counts
from app.store import write_health
from app.store.committer import Committer
from app.store.engine import Database
from app.store.write_health import WriteHealth
from app.worker import Worker
from tests.store.writers import renaming
from tests.support.application import Steward
from tests.support.databases import Databases
from tests.support.server import Server

BUSINESS = {"name": "x" * 200, "currency": "EUR"}


@contextmanager
def set_for_writers(database: Database, pragma: str) -> Iterator[None]:
    """Every connection that writes has this setting of SQLite's for a while."""

    def configure(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(database.writer, "connect", configure)
    database.writer.dispose()
    try:
        yield
    finally:
        event.remove(database.writer, "connect", configure)
        database.writer.dispose()


def standing(alarm: str) -> float:
    return STANDING.labels(alarm)._value.get()  # type: ignore[no-any-return]  # the library has no types


def lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [(line["event"], line["code"]) for line in said if line["event"].startswith("alarm_")]


def test_a_server_whose_disk_is_full_is_not_ready_until_it_can_write_again(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_health, "TRY_SECONDS", 0)
    with Server(databases.fresh("sqlite"), projector=False) as server:
        client, database = server.client(), server.runtime.database

        def ready() -> tuple[int, Any]:
            answer = httpx.get(f"{server.url}/readyz")
            return answer.status_code, answer.json().get("code")

        assert ready() == (200, None)
        with database.administer() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 4
        with set_for_writers(database, f"max_page_count = {pages}"):
            while (answer := client.post("/v1/accounts", json=BUSINESS)).status_code == 201:
                pass
            assert (answer.status_code, answer.json()["code"]) == (503, "storage_full")
            assert [ready(), ready()] == [(503, "storage_full")] * 2
            assert 'steward_alarm{alarm="storage_full"} 1.0' in httpx.get(f"{server.url}/metrics").text
            assert client.get("/v1/accounts").status_code == 200
        assert ready() == (200, None)  # though nobody has written since
        assert standing("storage_full") == 0
        assert client.post("/v1/accounts", json=BUSINESS).status_code == 201


def test_a_database_that_only_reads_is_an_alarm_until_a_write_succeeds(
    sqlite_steward: Steward, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info")
    runtime = sqlite_steward.runtime
    with set_for_writers(runtime.database, "query_only = 1"):
        for _ in range(2):
            with pytest.raises(Unavailable, match="store_read_only"):
                sqlite_steward.do(OpenAccount.model_validate(BUSINESS))
        with pytest.raises(Unavailable, match="store_read_only"):
            runtime.health.require()
        assert standing("store_read_only") == 1

    sqlite_steward.do(OpenAccount.model_validate(BUSINESS))

    runtime.health.require()
    assert lines(capsys) == [("alarm_begins", "store_read_only"), ("alarm_ends", "store_read_only")]


def test_a_trial_leaves_nothing_behind(steward: Steward) -> None:
    health = steward.runtime.health
    before = steward.runtime.log.head(steward.tenant)
    health.failed(steward.tenant, Unavailable("storage_full"))

    health.require()

    with steward.runtime.database.read(steward.tenant) as connection:
        query = text("SELECT count(*) FROM data_keys WHERE tenant_id = :tenant AND key_id = 'write-trial'")
        kept = connection.execute(query, {"tenant": steward.tenant}).scalar_one()
    assert (kept, steward.runtime.log.head(steward.tenant)) == (0, before)


def test_while_one_tries_to_write_the_others_are_answered(sqlite_steward: Steward) -> None:
    health, refused = sqlite_steward.runtime.health, []
    health.failed(sqlite_steward.tenant, Unavailable("storage_full"))

    def ask() -> None:
        try:
            health.require()
        except Unavailable as refusal:
            refused.append(refusal.code)

    first, second = threading.Thread(target=ask), threading.Thread(target=ask)
    with sqlite_steward.runtime.database.write(sqlite_steward.tenant):  # so that the trial waits
        first.start()
        while not health._lock.locked():
            time.sleep(0.01)
        second.start()
        second.join(10)
        assert (first.is_alive(), second.is_alive(), refused) == (True, False, ["storage_full"])
    first.join()
    assert refused == ["storage_full"]


def test_other_refusals_are_no_alarm_and_a_clock_ahead_is_one(sqlite_steward: Steward) -> None:
    alarms = Alarms()
    health = WriteHealth(sqlite_steward.runtime.database, alarms)
    for failure in (Unavailable("store_busy"), Unavailable("queue_full"), ValueError("storage_full")):
        health.failed("tnt_1", failure)
    assert alarms.stands("storage_full", "store_read_only", "clock_ahead") is None

    health.failed("tnt_1", Unavailable("clock_ahead"))
    assert alarms.stands("clock_ahead") == "clock_ahead"
    health.require()  # reads go on, and other servers may write
    health.committed()
    assert alarms.stands("clock_ahead") is None


def test_a_write_that_takes_too_long_is_an_alarm_while_it_does(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, held, go_on = sqlite_steward.runtime, threading.Event(), threading.Event()

    def append(tenant_id: str, batch: Any) -> Any:
        held.set()
        assert go_on.wait(60)
        return runtime.log.append(tenant_id, batch)

    committer = Committer(append)
    assert committer.longest() == 0
    future = committer.submit([renaming(runtime, sqlite_steward.tenant, runtime.new_id("acct"), 1, "slow")])
    assert held.wait(60)
    monkeypatch.setattr(write_health, "STUCK_SECONDS", 0)
    runtime.health.look(committer.longest())
    assert standing("writes_stuck") == 1
    go_on.set()
    future.result(60)
    committer.close()

    runtime.health.look(committer.longest())
    assert standing("writes_stuck") == 0


def test_views_that_do_not_arrive_are_an_alarm_until_they_do(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, turn = Worker(sqlite_steward.runtime), sqlite_steward.runtime.projector.turn
    monkeypatch.setattr("app.worker.BEHIND_SECONDS", -1)
    monkeypatch.setattr("app.worker.REST_SECONDS", 0)

    def broken(*_args: Any) -> None:
        raise ValueError

    monkeypatch.setattr(sqlite_steward.runtime.projector, "turn", broken)
    worker.update_views()
    assert standing("views_behind") == 1

    monkeypatch.setattr(sqlite_steward.runtime.projector, "turn", turn)
    deadline = time.monotonic() + 30  # a tenant whose turn failed rests first
    while standing("views_behind") and time.monotonic() < deadline:
        worker.update_views()
    assert standing("views_behind") == 0


def test_what_stands_in_a_process_ends_with_it(tmp_path: Any) -> None:
    ended, here = tmp_path / "gauge_livemax_999999999.db", tmp_path / f"gauge_livemax_{os.getpid()}.db"

    assert (_counts(ended), _counts(here), _counts(tmp_path / "counter_999999999.db")) == (False, True, True)
