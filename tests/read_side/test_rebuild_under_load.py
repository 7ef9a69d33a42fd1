"""A rebuild during writes: no read fails, no position goes back, and its comparison and the views are right."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.bootstrap import build
from app.domain.kernel.principal import Principal
from app.read_side import rebuilder as rebuilding
from app.store.engine import Database
from app.worker import Worker
from projections import VIEWS
from projections.views import accounts
from tests.support.application import Steward
from tests.support.databases import owned
from tests.support.lifetimes import life
from tests.support.views import assert_views_are_right, rows, tamper

EVENTS = 600


@contextmanager
def until_stopped(steward: Steward, pool: ThreadPoolExecutor) -> Iterator[list[int]]:
    """Writes, updates views and reads until the block ends. Gives: the positions that the reader has seen so far."""
    stop, seen = threading.Event(), [0]
    writers, workers, readers = (build(steward.settings, clock=steward.clock) for _ in range(3))

    def repeatedly(once: Callable[[int], object]) -> "Future[None]":
        def repeat() -> None:
            number = 0
            while not stop.is_set():
                once(number)
                number += 1

        return pool.submit(repeat)

    def write(number: int) -> None:
        events = [{**event, "source": f"load {number}"} for event in life(1000 + number, 5)]
        writers.ingestion.ingest(steward.tenant, Principal("test"), events)

    def read(_number: int) -> None:
        when = readers.reader.when(steward.tenant)
        page = readers.reader.page(steward.tenant, accounts.VIEW, when)
        assert page.rows
        assert page.position >= seen[-1]
        seen.append(page.position)

    busy = [repeatedly(write), repeatedly(lambda _: Worker(workers).once()), repeatedly(read)]
    try:
        yield seen
    finally:
        stop.set()
        for client in busy:
            client.result(timeout=60)
        for runtime in (writers, workers, readers):
            runtime.close()


@pytest.mark.parametrize("falsified", [False, True])
def test_a_rebuild_under_load_disturbs_no_client_and_is_right(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, falsified: bool
) -> None:
    monkeypatch.setattr(rebuilding, "WORKER_EVENTS", 150)
    steward.ingest(life(12, EVENTS))
    begun = steward.catch_up()
    if falsified:
        for view in VIEWS:
            if rows(steward, view):
                tamper(steward, view, "surplus")
    owner = Database(owned(steward.settings.database_url), owner=True)

    with ThreadPoolExecutor(3) as pool, until_stopped(steward, pool) as seen:
        comparisons = steward.runtime.projector.rebuild_all(owner, steward.tenant, VIEWS, workers=2)
    owner.close()

    assert begun > EVENTS // 2
    assert len(seen) > 1
    assert steward.catch_up() > begun
    assert {each.view for each in comparisons if not each.equal} == {each.view for each in comparisons if each.swapped}
    assert any(each.swapped for each in comparisons) == falsified
    assert_views_are_right(steward)
