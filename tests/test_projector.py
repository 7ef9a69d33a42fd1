"""The projector: every view is the fold of the log, whoever grows it, in whatever pieces, and whatever breaks on the way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text, update

from app import projector as projecting
from app.bootstrap import build
from app.domain.account import OpenAccount, RenameAccount
from app.domain.recorded import Recorded
from app.projector import Comparison, Projector, RebuildLost
from app.store.engine import Database
from app.store.tables import positions
from app.worker import Worker
from projections import VIEWS, accounts, timeline
from projections.base import View
from tests.support.databases import Databases
from tests.support.house import House
from tests.support.lives import life

BY_NAME = {view.name: view for view in VIEWS}


def projector(house: House, *others: View[Any]) -> Projector:
    """A projector of its own, with some views in other shapes."""
    shapes = {view.name: view for view in others}
    views = [shapes.get(view.name, view) for view in VIEWS]
    runtime = house.runtime
    return Projector(runtime.database, runtime.log, runtime.handler.zone, runtime.clock, views)


def failing_on(name: str, poison: str) -> View[Any]:
    """A view whose fold breaks on the account of this name."""
    view = BY_NAME[name]

    def fold(row: Any, recorded: Recorded, where: Any) -> Any:
        if recorded.data["name"] == poison:
            raise ZeroDivisionError
        return view.on["account.opened"](row, recorded, where)

    return replace(view, on={**view.on, "account.opened": fold})


def rows(house: House, view: View[Any], tenant: str | None = None) -> list[tuple[Any, ...]]:
    """A view's rows as they stand in its table."""
    with house.runtime.database.read(tenant or house.tenant) as connection:
        query = select(view.table).where(view.table.c.tenant_id == (tenant or house.tenant))
        return sorted(map(tuple, connection.execute(query)), key=repr)


def rebuilt(house: House, view: View[Any], *, verify: bool = True, **given: Any) -> Comparison:
    owner = Database(house.settings.database_url, owner=True)
    try:
        return house.runtime.projector.rebuild(owner, house.tenant, view, verify=verify, **given)
    finally:
        owner.close()


def assert_grown_right(house: House) -> None:
    """Every view stands at the head and is what a rebuild makes of the log."""
    head = house.runtime.log.head(house.tenant)
    assert house.runtime.projector.positions(house.tenant) == dict.fromkeys(BY_NAME, head)
    for view in VIEWS:
        compared = rebuilt(house, view)
        assert compared.equal, compared
        assert compared.rows == len(rows(house, view))


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
        return replace(made, opened_at=2**80) if recorded.data["name"] == f"{at}" else made

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


def test_a_projector_that_lost_the_race_writes_nothing(house: House) -> None:
    house.ingest(life(5, 40))
    slow, fast = projector(house), projector(house)
    read = house.runtime.log.after(house.tenant, 0, 10)
    fast.catch_up(house.tenant)
    before = {view.name: rows(house, view) for view in VIEWS}

    with pytest.raises(projecting.LostRace):
        slow._advance(house.tenant, list(VIEWS), 0, read)

    assert {view.name: rows(house, view) for view in VIEWS} == before
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


# --- rebuilding ---


TAMPERINGS = ["changed", "missing", "surplus"]


def tamper(house: House, view: View[Any], how: str) -> None:
    """Spoils one row of a view."""
    table, key = view.table, view.group
    with house.runtime.database.grow(house.tenant) as connection:
        one = connection.execute(select(table.c[key]).where(table.c.tenant_id == house.tenant).limit(1)).scalar_one()
        same = (table.c.tenant_id == house.tenant, table.c[key] == one)
        if how == "changed":
            member = next(name for name in view.members if name not in view.keys and str(table.c[name].type) == "TEXT")
            connection.execute(update(table).where(*same).values({member: "tampered"}))
        elif how == "missing":
            connection.execute(delete(table).where(*same))
        else:
            row = connection.execute(select(table).where(*same).limit(1)).mappings().one()
            connection.execute(table.insert().values({**row, key: f"{one}x"}))


@pytest.mark.parametrize("how", TAMPERINGS)
@pytest.mark.parametrize("name", ["accounts", "contract_lines", "timeline"])
def test_a_rebuild_that_only_verifies_tells_and_keeps_and_one_that_does_not_heals(
    house: House, name: str, how: str
) -> None:
    view = BY_NAME[name]
    house.ingest(life(6, 80))
    house.catch_up()
    before = rows(house, view)
    tamper(house, view, how)
    tampered = rows(house, view)

    told = rebuilt(house, view, verify=True)
    assert not told.equal
    assert not told.swapped
    assert (told.missing > 0, told.surplus > 0) == (how != "surplus", how != "missing")
    assert told.body()["equal"] is False
    assert rows(house, view) == tampered != before

    assert rebuilt(house, view, verify=False).swapped
    assert rows(house, view) == before
    assert rebuilt(house, view, verify=True).equal


def test_a_rebuild_leaves_nothing_beside_and_other_tenants_alone(house: House) -> None:
    other = house.new_tenant("Other")
    for tenant in (house.tenant, other):
        house.do(OpenAccount(name="Northwind", currency="EUR"), tenant=tenant)
        house.catch_up(tenant)
    before = rows(house, accounts.VIEW, other)
    tamper(house, accounts.VIEW, "changed")

    rebuilt(house, accounts.VIEW, verify=False)

    assert rows(house, accounts.VIEW, other) == before
    side = accounts.VIEW.table_named("accounts_v1_new")
    with house.runtime.database.read(house.tenant) as connection:
        assert connection.execute(select(func.count()).select_from(side)).scalar_one() == 0


def test_a_rebuild_goes_on_while_the_view_is_written_to(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "REBUILD_BATCH", 10)
    house.ingest(life(7, 60))
    house.catch_up()
    written = iter(range(100, 103))

    def meanwhile(_read: int) -> None:
        for number in written:
            house.ingest(life(number, 20))
            house.catch_up()
            break

    compared = rebuilt(house, accounts.VIEW, verify=False, progress=meanwhile)

    assert next(written, None) is None
    assert (compared.equal, compared.position) == (True, house.runtime.log.head(house.tenant))
    assert_grown_right(house)


def test_of_two_rebuilds_at_once_the_first_gives_way(house: House) -> None:
    house.ingest(life(8, 60))
    house.catch_up()
    before = rows(house, accounts.VIEW)
    inner: list[Comparison] = []

    with pytest.raises(RebuildLost):
        rebuilt(
            house,
            accounts.VIEW,
            verify=False,
            progress=lambda _read: inner.append(rebuilt(house, accounts.VIEW, verify=False)),
        )

    assert [compared.equal for compared in inner] == [True]
    assert rows(house, accounts.VIEW) == before
    assert rebuilt(house, accounts.VIEW).equal


def test_a_view_that_was_never_grown_can_be_rebuilt(house: House) -> None:
    house.do(OpenAccount(name="Northwind", currency="EUR"))
    compared = rebuilt(house, accounts.VIEW)

    assert (compared.position, compared.rows, compared.equal) == (0, 0, True)
    house.do(RenameAccount(name="Later"), account=house.runtime.log.after(house.tenant, 1, 1)[0].stream_id)
    house.catch_up()
    assert_grown_right(house)


def test_a_view_that_cannot_be_grown_is_not_put_in_place(house: House) -> None:
    house.do(OpenAccount(name="poison", currency="EUR"))
    house.catch_up()
    before = rows(house, accounts.VIEW)
    owner = Database(house.settings.database_url, owner=True)

    with pytest.raises(RuntimeError, match="accounts cannot be grown past position 2: ZeroDivisionError"):
        projector(house).rebuild(owner, house.tenant, failing_on("accounts", "poison"))

    owner.close()
    assert rows(house, accounts.VIEW) == before
