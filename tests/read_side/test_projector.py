"""The projector: every view is the fold of the log, with several writers, in any pieces of the log, and after any failure."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from app.bootstrap import build
from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.domain.recorded import Recorded
from app.read_side import projector as projecting
from app.store.positions import lock_followers
from app.store.tables import positions
from app.worker import Worker
from projections import VIEWS
from projections.views import accounts, timeline
from tests.support.application import Steward
from tests.support.databases import Databases
from tests.support.lifetimes import life
from tests.support.views import BY_NAME, assert_views_are_right, failing_on, projector, rows

# --- poison ---


def test_a_poison_event_parks_its_view_and_no_other(steward: Steward) -> None:
    steward.ingest(life(3, 60))
    poison = steward.do(OpenAccount(name="poison", currency="EUR")).position
    steward.ingest(life(4, 60))
    head = steward.runtime.log.head(steward.tenant)
    broken = projector(steward, failing_on("accounts", "poison"))

    broken.catch_up(steward.tenant)

    assert broken.parked(steward.tenant) == {"accounts": (poison, "ZeroDivisionError")}
    assert broken.positions(steward.tenant) == dict.fromkeys(BY_NAME, head) | {"accounts": poison - 1}
    assert broken.catch_up(steward.tenant) == 0


def test_a_parked_view_holds_all_earlier_events_and_continues_in_order_once_it_is_repaired(
    steward: Steward,
) -> None:
    steward.do(OpenAccount(name="before", currency="EUR"))
    steward.do(OpenAccount(name="poison", currency="EUR"))
    steward.do(OpenAccount(name="after", currency="EUR"))
    broken = projector(steward, failing_on("accounts", "poison"))
    broken.catch_up(steward.tenant)
    assert [row[2] for row in rows(steward, accounts.VIEW)] == ["before"]

    again = projector(steward, failing_on("accounts", "poison"))
    again.catch_up(steward.tenant)
    assert again.parked(steward.tenant) == broken.parked(steward.tenant)

    repaired = projector(steward)
    repaired.catch_up(steward.tenant)
    assert repaired.parked(steward.tenant) == {}
    assert_views_are_right(steward)


def test_a_view_that_stands_still_costs_the_turns_after_it_nothing(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a projector whose view stands still, and one that is well, of another tenant
    steward, other = sqlite_steward, sqlite_steward.new_tenant("Other")
    steward.do(OpenAccount(name="poison", currency="EUR"))
    broken, read, folded = projector(steward, failing_on("accounts", "poison")), Counter[str](), Counter[str]()
    broken.catch_up(steward.tenant)
    read_page, fold = projecting.read_page, broken._fold

    def reading(connection: Any, tenant_id: str, *rest: Any, **more: Any) -> Any:
        read[tenant_id] += 1
        return read_page(connection, tenant_id, *rest, **more)

    def folding(connection: Any, tenant_id: str, view: Any, *rest: Any) -> Any:
        folded[view.name] += tenant_id == steward.tenant
        return fold(connection, tenant_id, view, *rest)

    monkeypatch.setattr(projecting, "read_page", reading)
    monkeypatch.setattr(broken, "_fold", folding)
    # when both go on writing
    for number in range(5):
        for tenant in (steward.tenant, other):
            steward.do(OpenAccount(name=f"{number}", currency="EUR"), tenant=tenant)
            assert not broken.turn(tenant, steward.runtime.log.head(tenant)).more
    # then each turn reads the log once, and the view is left alone
    assert read == {steward.tenant: 5, other: 5}
    assert folded == dict.fromkeys(BY_NAME, 5) | {"accounts": 0}


def test_a_poison_event_of_one_tenant_does_not_affect_another(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    steward.do(OpenAccount(name="poison", currency="EUR"))
    steward.do(OpenAccount(name="fine", currency="EUR"), tenant=other)
    broken = projector(steward, failing_on("accounts", "poison"))

    for tenant in (steward.tenant, other):
        broken.catch_up(tenant)

    assert (list(broken.parked(steward.tenant)), broken.parked(other)) == (["accounts"], {})
    assert [row[2] for row in rows(steward, accounts.VIEW, other)] == ["fine"]


@pytest.mark.parametrize("at", [0, 1, 30, 59])
def test_a_row_that_the_table_refuses_parks_its_view_and_no_other(steward: Steward, at: int) -> None:
    receipts = [steward.do(OpenAccount(name=f"{number}", currency="EUR")) for number in range(60)]

    def fold(row: Any, recorded: Recorded, where: Any) -> Any:
        account = accounts.VIEW.on["account.opened"](row, recorded, where)
        return account._replace(opened_at=2**80) if recorded.data["name"] == f"{at}" else account

    broken = projector(steward, replace(accounts.VIEW, on={**accounts.VIEW.on, "account.opened": fold}))
    broken.catch_up(steward.tenant)

    assert [position for position, _ in broken.parked(steward.tenant).values()] == [receipts[at].position]
    assert len(rows(steward, accounts.VIEW)) == at
    assert len(rows(steward, timeline.VIEW)) == steward.runtime.log.head(steward.tenant)
    projector(steward).catch_up(steward.tenant)
    assert_views_are_right(steward)


def test_an_event_type_of_newer_code_is_skipped(steward: Steward) -> None:
    steward.do(OpenAccount(name="Known", currency="EUR"))
    steward.runtime.log.recorder(steward.tenant).insert_events(
        [
            StoredEvent(
                steward.runtime.new_id("acct"),
                1,
                "account.teleported",
                b'{"data":{"to":"the moon"},"meta":{},"salt":""}',
            )
        ]
    )
    steward.do(OpenAccount(name="After", currency="EUR"))

    steward.catch_up()

    assert steward.runtime.projector.parked(steward.tenant) == {}
    assert len(rows(steward, accounts.VIEW)) == 2


def test_a_gap_in_the_log_stops_the_projector_with_its_position(sqlite_steward: Steward) -> None:
    for number in range(5):
        sqlite_steward.do(OpenAccount(name=f"{number}", currency="EUR"))
    with sqlite_steward.runtime.database.administer() as connection:
        connection.execute(text("DROP TRIGGER events_no_delete"))
        connection.execute(text("DELETE FROM events WHERE position = 1"))

    with pytest.raises(RuntimeError, match="has a gap behind 0"):
        sqlite_steward.runtime.projector.catch_up(sqlite_steward.tenant)


def test_a_broken_log_of_one_tenant_does_not_delay_another(sqlite_steward: Steward) -> None:
    broken, sound = sorted([sqlite_steward.tenant, sqlite_steward.new_tenant("Other")])
    for tenant in (broken, sound):
        sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR"), tenant=tenant)
    with sqlite_steward.runtime.database.administer() as connection:
        connection.execute(text("DROP TRIGGER events_no_delete"))
        connection.execute(text("DELETE FROM events WHERE position = 1 AND tenant_id = :broken"), {"broken": broken})

    Worker(sqlite_steward.runtime).once()

    assert set(sqlite_steward.runtime.projector.positions(sound).values()) == {2}
    assert set(sqlite_steward.runtime.projector.positions(broken).values()) == {0}


# --- several projectors, and any pieces of the log ---


def test_projectors_at_once_write_the_same_rows_while_events_are_appended(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "BATCH", 7)
    runtimes = [build(steward.settings, clock=steward.clock) for _ in range(3)]
    written = threading.Event()

    def follow(number: int) -> None:
        done = False
        while not done:
            done = written.is_set()
            runtimes[number].projector.catch_up(steward.tenant)

    with ThreadPoolExecutor(3) as pool:
        followers = [pool.submit(follow, number) for number in range(3)]
        for number in range(12):
            steward.ingest(life(number, 25))
        written.set()
        for follower in followers:
            follower.result(timeout=60)
    for runtime in runtimes:
        runtime.close()

    assert_views_are_right(steward)


def test_a_projector_that_lost_the_race_for_some_views_writes_only_the_others(steward: Steward) -> None:
    steward.ingest(life(5, 40))
    slow, fast = projector(steward), projector(steward)
    fast.views = tuple(view for view in VIEWS if view.name in ("accounts", "timeline"))

    def overtaken(*arguments: Any, **more: Any) -> Any:
        fast.catch_up(steward.tenant)
        return write(*arguments, **more)

    write, slow._write = slow._write, overtaken  # type: ignore[method-assign]  # another projector writes between reading and writing
    assert slow.step(steward.tenant) > 0

    assert slow._lost_races == {steward.tenant: 1}
    assert set(slow.positions(steward.tenant).values()) == {steward.runtime.log.head(steward.tenant)}
    assert_views_are_right(steward)


def test_a_projector_that_lost_a_race_takes_view_by_view_and_ends_at_the_head(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "BATCH", 10)
    steward.ingest(life(5, 60))
    loser, other = projector(steward), projector(steward)
    loser._lost_races[steward.tenant] = 3

    assert loser.step(steward.tenant) == 10
    assert [name for name, at in loser.positions(steward.tenant).items() if at] == [VIEWS[3].name]
    while loser.step(steward.tenant) + other.step(steward.tenant):
        pass

    assert_views_are_right(steward)


def test_after_a_lost_race_the_views_may_already_be_at_the_head(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    steward.ingest(life(5, 60))
    shared, read = projector(steward), projecting.read_page
    shared.catch_up(steward.tenant)
    shared._lost_races[steward.tenant] = 3

    def another_thread_first(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(projecting, "read_page", read)
        assert shared.catch_up(steward.tenant) == 0
        return read(*args, **more)

    monkeypatch.setattr(projecting, "read_page", another_thread_first)

    assert shared.catch_up(steward.tenant) == 0
    assert_views_are_right(steward)


def forget_views(steward: Steward) -> None:
    """Deletes every view of the tenant."""
    with steward.runtime.database.write_views(steward.tenant) as connection:
        connection.execute(delete(positions).where(positions.c.tenant_id == steward.tenant))
        for view in VIEWS:
            connection.execute(delete(view.table).where(view.table.c.tenant_id == steward.tenant))


def assert_any_pieces_give_the_same(steward: Steward, seed: int, cuts: list[int]) -> None:
    steward.ingest([{**event, "source": f"history {seed}"} for event in life(seed, 50)])
    forget_views(steward)
    for cut in sorted(cuts):
        steward.runtime.projector.catch_up(steward.tenant, until=cut)
    head = steward.catch_up()

    assert_views_are_right(steward)
    memory = steward.runtime.projector.replay(steward.tenant, VIEWS, head)
    with memory.read(steward.tenant) as connection:
        for view in VIEWS:
            replayed = sorted(map(tuple, connection.execute(select(view.table))), key=repr)
            assert replayed == rows(steward, view), view.name
    memory.close()


PIECES = st.lists(st.integers(1, 120), max_size=25)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=PIECES)
def test_a_log_read_in_any_pieces_gives_what_a_rebuild_and_a_replay_give(
    databases: Databases, seed: int, cuts: list[int]
) -> None:
    steward = Steward(databases.fresh("sqlite"))
    assert_any_pieces_give_the_same(steward, seed, cuts)
    steward.close()


@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=PIECES)
def test_a_log_read_in_any_pieces_gives_the_same_on_postgresql(
    databases: Databases, seed: int, cuts: list[int]
) -> None:
    steward = Steward(databases.fresh("postgresql"))
    assert_any_pieces_give_the_same(steward, seed, cuts)
    steward.close()


def test_a_turn_does_not_wait_behind_a_worker_that_holds_the_views_and_stands_still(databases: Databases) -> None:
    # given a worker that has locked all views and does not go on
    steward = Steward(databases.fresh("postgresql"))
    steward.catch_up()
    projector, database = steward.runtime.projector, steward.runtime.database
    steward.do(OpenAccount(name="one", currency="EUR"))
    head = steward.runtime.log.head(steward.tenant)
    names = [view.follower for view in projector.views]
    with database.write_views(steward.tenant) as held:
        lock_followers(held, steward.tenant, names, 0)
        # when
        began = monotonic()
        with pytest.raises(Unavailable) as refused:
            projector.turn(steward.tenant, head)
        # then
        assert refused.value.code == "views_held"
        assert monotonic() - began < 5
    # and once it is gone the views are read
    assert not projector.turn(steward.tenant, head).more
    steward.close()
