"""The projector: every view is the fold of the log, whoever grows it, in whatever pieces, and whatever breaks on the way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from app.bootstrap import build
from app.domain.account.commands import OpenAccount
from app.domain.recorded import Recorded
from app.read_side import projector as projecting
from app.store.tables import positions
from app.worker import Worker
from projections import VIEWS
from projections.views import accounts, timeline
from tests.support.applications import House
from tests.support.databases import Databases
from tests.support.lifetimes import life
from tests.support.views import BY_NAME, assert_grown_right, failing_on, projector, rows

# --- poison ---


def test_a_poison_event_parks_its_view_and_no_other(house: House) -> None:
    house.ingest(life(3, 60))
    poison = house.do(OpenAccount(name="poison", currency="EUR")).position
    house.ingest(life(4, 60))
    head = house.runtime.log.head(house.tenant)
    broken = projector(house, failing_on("accounts", "poison"))

    broken.catch_up(house.tenant)

    assert broken.parked(house.tenant) == {"accounts": (poison, "ZeroDivisionError")}
    assert broken.positions(house.tenant) == dict.fromkeys(BY_NAME, head) | {"accounts": poison - 1}
    assert broken.catch_up(house.tenant) == 0


def test_a_parked_view_holds_all_that_came_before_and_goes_on_in_order_once_it_is_mended(house: House) -> None:
    house.do(OpenAccount(name="before", currency="EUR"))
    house.do(OpenAccount(name="poison", currency="EUR"))
    house.do(OpenAccount(name="after", currency="EUR"))
    broken = projector(house, failing_on("accounts", "poison"))
    broken.catch_up(house.tenant)
    assert [row[2] for row in rows(house, accounts.VIEW)] == ["before"]

    again = projector(house, failing_on("accounts", "poison"))
    again.catch_up(house.tenant)
    assert again.parked(house.tenant) == broken.parked(house.tenant)

    mended = projector(house)
    mended.catch_up(house.tenant)
    assert mended.parked(house.tenant) == {}
    assert_grown_right(house)


def test_a_poison_event_of_one_tenant_is_nothing_to_another(house: House) -> None:
    other = house.new_tenant("Other")
    house.do(OpenAccount(name="poison", currency="EUR"))
    house.do(OpenAccount(name="fine", currency="EUR"), tenant=other)
    broken = projector(house, failing_on("accounts", "poison"))

    for tenant in (house.tenant, other):
        broken.catch_up(tenant)

    assert (list(broken.parked(house.tenant)), broken.parked(other)) == (["accounts"], {})
    assert [row[2] for row in rows(house, accounts.VIEW, other)] == ["fine"]


@pytest.mark.parametrize("at", [0, 1, 30, 59])
def test_a_row_that_the_table_refuses_parks_its_view_and_no_other(house: House, at: int) -> None:
    receipts = [house.do(OpenAccount(name=f"{number}", currency="EUR")) for number in range(60)]

    def fold(row: Any, recorded: Recorded, where: Any) -> Any:
        made = accounts.VIEW.on["account.opened"](row, recorded, where)
        return made._replace(opened_at=2**80) if recorded.data["name"] == f"{at}" else made

    broken = projector(house, replace(accounts.VIEW, on={**accounts.VIEW.on, "account.opened": fold}))
    broken.catch_up(house.tenant)

    assert [position for position, _ in broken.parked(house.tenant).values()] == [receipts[at].position]
    assert len(rows(house, accounts.VIEW)) == at
    assert len(rows(house, timeline.VIEW)) == 60
    projector(house).catch_up(house.tenant)
    assert_grown_right(house)


def test_an_event_of_newer_code_is_passed_by(house: House) -> None:
    house.do(OpenAccount(name="Known", currency="EUR"))
    house.runtime.log.recorder(house.tenant).insert_events(
        [
            StoredEvent(
                house.runtime.new_id("acct"), 1, "account.teleported", b'{"data":{"to":"the moon"},"meta":{},"salt":""}'
            )
        ]
    )
    house.do(OpenAccount(name="After", currency="EUR"))

    house.catch_up()

    assert house.runtime.projector.parked(house.tenant) == {}
    assert len(rows(house, accounts.VIEW)) == 2


def test_a_gap_in_the_log_stops_everything_by_name(cottage: House) -> None:
    for number in range(5):
        cottage.do(OpenAccount(name=f"{number}", currency="EUR"))
    with cottage.runtime.database.administer() as connection:
        connection.execute(text("DROP TRIGGER events_no_delete"))
        connection.execute(text("DELETE FROM events WHERE position = 1"))

    with pytest.raises(RuntimeError, match="has a gap behind 0"):
        cottage.runtime.projector.catch_up(cottage.tenant)


def test_a_broken_log_of_one_tenant_keeps_no_other_waiting(cottage: House) -> None:
    broken, sound = sorted([cottage.tenant, cottage.new_tenant("Other")])
    for tenant in (broken, sound):
        cottage.do(OpenAccount(name="Northwind", currency="EUR"), tenant=tenant)
    with cottage.runtime.database.administer() as connection:
        connection.execute(text("DROP TRIGGER events_no_delete"))
        connection.execute(text("DELETE FROM events WHERE position = 1 AND tenant_id = :broken"), {"broken": broken})

    Worker(cottage.runtime).once()

    assert set(cottage.runtime.projector.positions(sound).values()) == {2}
    assert set(cottage.runtime.projector.positions(broken).values()) == {0}


# --- several at once, and in any pieces ---


def test_projectors_at_once_grow_one_picture_while_it_is_written_to(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "BATCH", 7)
    runtimes = [build(house.settings, clock=house.clock) for _ in range(3)]
    written = threading.Event()

    def follow(number: int) -> None:
        done = False
        while not done:
            done = written.is_set()
            runtimes[number].projector.catch_up(house.tenant)

    with ThreadPoolExecutor(3) as pool:
        followers = [pool.submit(follow, number) for number in range(3)]
        for number in range(12):
            house.ingest(life(number, 25))
        written.set()
        for follower in followers:
            follower.result(timeout=60)
    for runtime in runtimes:
        runtime.close()

    assert_grown_right(house)


def test_who_lost_the_race_for_some_views_writes_those_only_that_nobody_moved(house: House) -> None:
    house.ingest(life(5, 40))
    slow, fast = projector(house), projector(house)
    fast.views = tuple(view for view in VIEWS if view.name in ("accounts", "timeline"))

    def overtaken(*_asked: Any) -> Any:
        fast.catch_up(house.tenant)
        return write(*_asked)

    write, slow._write = slow._write, overtaken  # type: ignore[method-assign]  # between reading and writing others go on
    assert slow.step(house.tenant) > 0

    assert set(slow.positions(house.tenant).values()) == {house.runtime.log.head(house.tenant)}
    assert_grown_right(house)


def test_who_lost_a_race_takes_view_by_view_and_ends_at_the_head(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "BATCH", 10)
    house.ingest(life(5, 60))
    one, other = projector(house), projector(house)
    one._lost[house.tenant] = 3

    assert one.step(house.tenant) == 10
    assert [name for name, at in one.positions(house.tenant).items() if at] == [VIEWS[3].name]
    while one.step(house.tenant) + other.step(house.tenant):
        pass

    assert_grown_right(house)


def test_who_caught_up_beside_another_thread_may_find_the_race_settled(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ingest(life(5, 60))
    shared, read = projector(house), projecting.page
    shared.catch_up(house.tenant)
    shared._lost[house.tenant] = 3

    def beside(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(projecting, "page", read)
        assert shared.catch_up(house.tenant) == 0
        return read(*args, **more)

    monkeypatch.setattr(projecting, "page", beside)

    assert shared.catch_up(house.tenant) == 0
    assert_grown_right(house)


def start_anew(house: House) -> None:
    """Forgets every view of the tenant."""
    with house.runtime.database.grow(house.tenant) as connection:
        connection.execute(delete(positions).where(positions.c.tenant_id == house.tenant))
        for view in VIEWS:
            connection.execute(delete(view.table).where(view.table.c.tenant_id == house.tenant))


def assert_any_pieces_give_the_same(house: House, seed: int, cuts: list[int]) -> None:
    house.ingest([{**event, "source": f"life {seed}"} for event in life(seed, 50)])
    start_anew(house)
    for cut in sorted(cuts):
        house.runtime.projector.catch_up(house.tenant, until=cut)
    head = house.catch_up()

    assert_grown_right(house)
    memory = house.runtime.projector.replay(house.tenant, VIEWS, head)
    with memory.read(house.tenant) as connection:
        for view in VIEWS:
            replayed = sorted(map(tuple, connection.execute(select(view.table))), key=repr)
            assert replayed == rows(house, view), view.name
    memory.close()


PIECES = st.lists(st.integers(1, 120), max_size=25)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=PIECES)
def test_a_log_read_in_any_pieces_grows_what_a_rebuild_and_a_replay_grow(
    databases: Databases, seed: int, cuts: list[int]
) -> None:
    house = House(databases.fresh("sqlite"))
    assert_any_pieces_give_the_same(house, seed, cuts)
    house.close()


@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=PIECES)
def test_on_postgresql_too(databases: Databases, seed: int, cuts: list[int]) -> None:
    house = House(databases.fresh("postgresql"))
    assert_any_pieces_give_the_same(house, seed, cuts)
    house.close()
