"""A rebuild while writes go on: no read fails, no position goes back, and what it finds and leaves is right."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.bootstrap import build
from app.read_side import rebuilder as rebuilding
from app.store.engine import Database
from app.worker import Worker
from projections import VIEWS
from projections.views import accounts
from tests.support.application import Steward
from tests.support.lifetimes import life
from tests.support.views import assert_views_are_right, rows, tamper

EVENTS = 2000


@contextmanager
def until_stopped(steward: Steward, pool: ThreadPoolExecutor) -> Iterator[list[int]]:
    """Writes, keeps views and reads until the block ends. Gives: the positions that readers have seen, as they see them."""
    stop, seen = threading.Event(), [0]
    writers, workers, readers = (build(steward.settings, clock=steward.clock) for _ in range(3))

    def over_and_over(once: Callable[[int], object]) -> "Future[None]":
        def go_on() -> None:
            number = 0
            while not stop.is_set():
                once(number)
                number += 1

        return pool.submit(go_on)

    def write(number: int) -> None:
        told = [{**event, "source": f"load {number}"} for event in life(1000 + number, 5)]
        writers.ingestion.ingest(steward.tenant, "test", told)

    def read(_number: int) -> None:
        when = readers.reader.when(steward.tenant)
        page = readers.reader.page(steward.tenant, accounts.VIEW, when)
        assert page.rows
        assert page.position >= seen[-1]
        seen.append(page.position)

    busy = [over_and_over(write), over_and_over(lambda _: Worker(workers).once()), over_and_over(read)]
    try:
        yield seen
    finally:
        stop.set()
        for one in busy:
            one.result(timeout=60)
        for runtime in (writers, workers, readers):
            runtime.close()


@pytest.mark.parametrize("spoilt", [False, True])
def test_a_rebuild_under_load_harms_nobody_and_is_right(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, spoilt: bool
) -> None:
    monkeypatch.setattr(rebuilding, "WORKER_EVENTS", 500)
    steward.ingest(life(12, EVENTS))
    begun = steward.catch_up()
    if spoilt:
        for view in VIEWS:
            if rows(steward, view):
                tamper(steward, view, "surplus")
    owner = Database(steward.settings.database_url, owner=True)

    with ThreadPoolExecutor(3) as pool, until_stopped(steward, pool) as seen:
        found = steward.runtime.projector.rebuild_all(owner, steward.tenant, VIEWS, workers=2)
    owner.close()

    assert begun > EVENTS // 2
    assert len(seen) > 1
    assert steward.catch_up() > begun
    assert {one.view for one in found if not one.equal} == {one.view for one in found if one.swapped}
    assert any(one.swapped for one in found) == spoilt
    assert_views_are_right(steward)
