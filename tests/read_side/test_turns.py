"""Turns: views arrive however much is appended meanwhile, none is left behind, and no tenant waits for what another has to read."""

from collections import Counter
from typing import Any

import pytest

from app.bootstrap import build
from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.read_side import projector as projecting
from app.worker import Worker
from projections import VIEWS
from tests.support.application import Steward
from tests.support.lifetimes import life
from tests.support.views import assert_views_are_right, projector

MOST = 400
"""How often a writer writes before a test gives up."""


def open_one(steward: Steward, tenant: str | None = None) -> int:
    """Opens an account. Gives: the position of its event."""
    return steward.do(OpenAccount(name="Northwind", currency="EUR"), tenant=tenant).position or 0


def test_catching_up_ends_at_the_head_that_it_began_with_however_much_is_appended_meanwhile(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = open_one(steward)
    follower, appended = projector(steward), iter(range(MOST))
    follower._lost_races[steward.tenant] = 1  # then it reads view by view, and is never alone at the head
    read_page = projecting.read_page

    def beside_a_writer(*args: Any, **more: Any) -> Any:
        if next(appended, None) is not None:
            open_one(steward)
        return read_page(*args, **more)

    monkeypatch.setattr(projecting, "read_page", beside_a_writer)

    follower.catch_up(steward.tenant)

    assert next(appended, None) is not None
    assert begun <= min(follower.positions(steward.tenant).values()) < steward.runtime.log.head(steward.tenant)


def test_after_a_lost_race_no_view_stands_still_while_others_follow_a_busy_log(steward: Steward) -> None:
    follower = projector(steward)
    for _ in range(4 * len(VIEWS)):
        follower._lost_races[steward.tenant] = 1
        head = open_one(steward)
        follower.step(steward.tenant, until=head)
        behind = [head - at for at in follower.positions(steward.tenant).values()]
        assert max(behind) <= len(VIEWS) + 1


def test_a_turn_ends_after_a_batch_for_all_views_and_the_next_goes_on(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "TURN", 10)
    steward.ingest(life(3, 50))
    head, follower = steward.runtime.log.head(steward.tenant), projector(steward)

    first = follower.turn(steward.tenant, head)
    assert (first.read, first.more) == (10, True)
    while follower.turn(steward.tenant, head).more:
        pass

    assert_views_are_right(steward)


def test_a_tenant_with_much_to_read_leaves_another_its_turn(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "TURN", 10)
    steward, light = sqlite_steward, sqlite_steward.new_tenant("Light")
    steward.ingest(life(3, 50))
    worker, positions = Worker(steward.runtime), steward.runtime.projector.positions

    for _ in range(3):  # however long the other has been busy
        written = open_one(steward, light)
        assert worker.update_views()
        assert set(positions(light).values()) == {written}
        assert max(positions(steward.tenant).values()) < steward.runtime.log.head(steward.tenant)
    while worker.update_views():
        pass

    assert_views_are_right(steward)


def test_a_tenant_whose_views_cannot_be_written_rests_and_keeps_no_other_waiting(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    steward = sqlite_steward
    held, free = sorted([steward.tenant, steward.new_tenant("Other")])
    worker, turn, tried = Worker(steward.runtime), steward.runtime.projector.turn, []

    def only_for_others(tenant_id: str, until: int) -> Any:
        tried.append(tenant_id)
        if tenant_id == held:
            raise Unavailable("store_unavailable")
        return turn(tenant_id, until)

    monkeypatch.setattr(steward.runtime.projector, "turn", only_for_others)
    worker.update_views()
    written = open_one(steward, free)
    worker.update_views()

    assert set(steward.runtime.projector.positions(free).values()) == {written}
    assert tried.count(held) == 1


def test_with_two_workers_every_view_of_every_tenant_advances_while_one_tenant_is_written_to(steward: Steward) -> None:
    light = steward.new_tenant("Light")
    runtimes = [build(steward.settings, clock=steward.clock) for _ in range(2)]
    workers = [Worker(runtime) for runtime in runtimes]
    aims: dict[str, int] = {}
    arrivals = Counter[str]()

    for worker in workers:
        worker.start()
    try:
        for number in range(MOST):  # it writes until what both wrote has been in every view five times
            steward.ingest([{**event, "source": f"load {number}"} for event in life(number, 5)])
            for tenant in (steward.tenant, light):
                if tenant not in aims:
                    aims[tenant] = open_one(steward, tenant)
                elif min(steward.runtime.projector.positions(tenant).values()) >= aims[tenant]:
                    del aims[tenant]
                    arrivals[tenant] += 1
            if min(arrivals[steward.tenant], arrivals[light]) >= 5:
                break
    finally:
        for worker, runtime in zip(workers, runtimes, strict=True):
            worker.stop()
            runtime.close()

    assert min(arrivals[steward.tenant], arrivals[light]) >= 5
    steward.catch_up()
    assert_views_are_right(steward)
