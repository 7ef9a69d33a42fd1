"""The rebuilder: views are rebuilt in shadow tables, compared in one snapshot, and swapped in where they differ."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from app.bootstrap import Ids, system_clock
from app.domain.account.commands import OpenAccount, RenameAccount
from app.read_side import rebuilder as rebuilding
from app.read_side.rebuilder import Comparison, Rebuilder
from app.read_side.shadow_tables import ShadowConnection
from app.store.engine import Database
from app.store.event_pages import Share
from projections import VIEWS
from projections.views import accounts
from tests.support.application import Steward
from tests.support.databases import owned
from tests.support.lifetimes import life
from tests.support.views import (
    BY_NAME,
    TAMPERINGS,
    assert_views_are_right,
    failing_on,
    projector,
    rebuilt,
    rows,
    tamper,
)

new_id = Ids(system_clock)


@pytest.mark.parametrize("how", TAMPERINGS)
@pytest.mark.parametrize("name", ["accounts", "contract_lines", "timeline"])
def test_a_rebuild_that_only_verifies_reports_the_difference_and_any_other_repairs_it(
    steward: Steward, name: str, how: str
) -> None:
    view = BY_NAME[name]
    steward.ingest(life(6, 80))
    steward.catch_up()
    before = rows(steward, view)
    tamper(steward, view, how)
    tampered = rows(steward, view)

    comparison = rebuilt(steward, view, verify=True)
    assert not comparison.equal
    assert not comparison.swapped
    assert (comparison.missing > 0, comparison.surplus > 0) == (how != "surplus", how != "missing")
    assert comparison.body()["equal"] is False
    assert rows(steward, view) == tampered != before

    assert rebuilt(steward, view, verify=False).swapped
    assert rows(steward, view) == before
    assert rebuilt(steward, view, verify=True).equal


def test_a_rebuild_leaves_no_shadow_and_other_tenants_alone(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    for tenant in (steward.tenant, other):
        steward.do(OpenAccount(name="Northwind", currency="EUR"), tenant=tenant)
        steward.catch_up(tenant)
    before = rows(steward, accounts.VIEW, other)
    names_before = tables_and_files_of(steward)
    tamper(steward, accounts.VIEW, "changed")

    assert rebuilt(steward, accounts.VIEW, verify=False).swapped

    assert rows(steward, accounts.VIEW, other) == before
    assert tables_and_files_of(steward) == names_before


def test_an_interrupted_rebuild_leaves_the_view_as_it_was_and_no_shadow(
    steward: Steward,
) -> None:
    steward.ingest(life(13, 40))
    steward.catch_up()
    tamper(steward, accounts.VIEW, "changed")
    before, names_before = rows(steward, accounts.VIEW), tables_and_files_of(steward)

    for last in (1, 2):  # while it compares, and when it has begun to repair the view

        def breaks(_read: float, left: list[int] = [last]) -> None:  # noqa: B006 - it counts down
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rebuilt(steward, accounts.VIEW, verify=False, progress=breaks)

        assert rows(steward, accounts.VIEW) == before
        assert tables_and_files_of(steward) == names_before
    assert rebuilt(steward, accounts.VIEW, verify=False).swapped
    assert_views_are_right(steward)


def tables_and_files_of(steward: Steward) -> set[str]:
    """The names of all tables, and of all files that are not the database's own."""
    owner = Database(owned(steward.settings.database_url), owner=True)
    with owner.administer() as connection:
        dialect = connection.dialect
        names = {*dialect.get_table_names(connection), *dialect.get_temp_table_names(connection)}
    owner.close()
    if not owner.postgres:
        path = Path(str(owner.url.database))
        names |= {file.name for file in path.parent.glob(f"{path.name}*")} - {
            f"{path.name}{end}" for end in ("-wal", "-shm")
        }
    return names


def test_a_rebuild_sees_one_snapshot_while_the_view_is_written_to(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "PAGE", 10)
    steward.ingest(life(7, 60))
    begun = steward.catch_up()
    written = iter(range(100, 103))

    def meanwhile(_read: float) -> None:
        for number in written:
            steward.ingest(life(number, 20))
            steward.catch_up()
            break

    compared = rebuilt(steward, accounts.VIEW, progress=meanwhile)

    assert (compared.equal, compared.position) == (True, begun)
    assert steward.runtime.log.head(steward.tenant) > begun
    assert_views_are_right(steward)


@pytest.mark.parametrize("how", TAMPERINGS)
@pytest.mark.parametrize("name", ["accounts", "contract_lines", "interactions", "timeline", "users"])
def test_rows_that_differ_are_replaced_by_their_latest_state_while_the_view_is_written_to(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    monkeypatch.setattr(rebuilding, "PAGE", 10)
    monkeypatch.setattr(rebuilding, "CLOSE", 5)
    steward.ingest(life(7, 60))
    steward.catch_up()
    tamper(steward, BY_NAME[name], how)
    written = iter(range(100, 106))

    def meanwhile(_read: float) -> None:
        for number in written:
            steward.ingest(life(number, 20))
            steward.catch_up()
            break

    compared = rebuilt(steward, BY_NAME[name], verify=False, progress=meanwhile)

    assert not compared.equal
    assert next(written, 106) > 100
    assert_views_are_right(steward)


def test_a_rebuild_ends_beside_writers_that_are_as_fast_as_it_reads(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "CLOSE", 5)
    steward.ingest(life(7, 60))
    steward.catch_up()
    tamper(steward, accounts.VIEW, "missing")
    written, locked, change = iter(range(100, 112)), [], ShadowConnection.change

    def meanwhile(_read: float) -> None:
        if not locked and (number := next(written, None)) is not None:
            steward.ingest([{**event, "source": f"load {number}"} for event in life(number, 20)])
            steward.catch_up()

    def noted(shadow: ShadowConnection) -> Any:
        locked.append(shadow)
        return change(shadow)

    monkeypatch.setattr(ShadowConnection, "change", noted)
    compared = rebuilt(steward, accounts.VIEW, verify=False, progress=meanwhile)

    assert compared.swapped
    assert next(written, None) is not None
    assert_views_are_right(steward)


def test_two_rebuilds_at_once_each_report_what_they_saw_and_the_view_is_right(steward: Steward) -> None:
    steward.ingest(life(8, 60))
    steward.catch_up()
    before = rows(steward, accounts.VIEW)
    tamper(steward, accounts.VIEW, "missing")
    inner: list[Comparison] = []

    def meanwhile(_read: float) -> None:
        if not inner:
            inner.append(rebuilt(steward, accounts.VIEW, verify=False))

    outer = rebuilt(steward, accounts.VIEW, verify=False, progress=meanwhile)

    assert (outer.missing, [compared.missing for compared in inner]) == (1, [1])
    assert rows(steward, accounts.VIEW) == before
    assert rebuilt(steward, accounts.VIEW).equal


def test_an_equal_view_is_not_written_to(steward: Steward) -> None:
    steward.ingest(life(9, 40))
    steward.catch_up()
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert rebuilt(steward, accounts.VIEW, verify=False).equal
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    written = [statement for statement in statements if statement.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert written
    assert all(re.match(r"INSERT INTO (pg_temp|shadow)\.", statement) for statement in written)


@pytest.mark.parametrize("name", ["accounts", "contracts", "renewals", "interactions", "timeline"])
def test_groups_that_left_memory_are_read_again_from_the_shadow_table(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for constant, value in (("PAGE", 7), ("PENDING", 3), ("GROUPS", 2)):
        monkeypatch.setattr(rebuilding, constant, value)
    steward.ingest(life(10, 120))
    steward.catch_up()

    compared = rebuilt(steward, BY_NAME[name])

    assert compared.equal
    assert compared.rows == len(rows(steward, BY_NAME[name])) > 0


# --- several processes ---


@given(st.integers(1, 40), st.lists(st.text(min_size=1), max_size=30))
def test_every_id_is_in_exactly_one_share(count: int, ids: list[str]) -> None:
    conditions = [Share(number, count).condition("id", postgres=False) for number in range(count)]
    database = sqlite3.connect(":memory:")
    for id_ in [*ids, *(new_id("acct") for _ in range(20))]:
        matches = [
            database.execute(f"SELECT 1 FROM (SELECT ? AS id) WHERE true{condition}", (id_, *bounds)).fetchone()
            for condition, bounds in conditions
        ]
        assert sum(row is not None for row in matches) == 1
    database.close()


def test_two_processes_share_the_accounts_and_report_what_one_process_reports(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "WORKER_EVENTS", 10)
    steward.ingest(life(11, 200))
    head = steward.catch_up()
    tamper(steward, BY_NAME["contract_lines"], "missing")
    owner = Database(owned(steward.settings.database_url), owner=True)
    shares: list[Share] = []
    compare = Rebuilder.compare

    def noted(self: Rebuilder, views: Any, share: Share, progress: Any) -> Any:
        shares.append(share)
        return compare(self, views, share, progress)

    monkeypatch.setattr(Rebuilder, "compare", noted)
    runtime = steward.runtime
    alone = runtime.projector.rebuild_all(owner, steward.tenant, VIEWS, verify=True, workers=1)
    shares_alone = len(shares)
    together = runtime.projector.rebuild_all(owner, steward.tenant, VIEWS, verify=True, workers=2)
    owner.close()

    assert [comparison.body() for comparison in together] == [comparison.body() for comparison in alone]
    assert {comparison.position for comparison in together} == {head}
    assert [comparison.view for comparison in together if not comparison.equal] == ["contract_lines"]
    assert (shares_alone, len(shares) - shares_alone) == (1, 1)
    assert shares[-1].of == 2


def test_a_view_that_was_never_written_can_be_rebuilt(steward: Steward) -> None:
    steward.do(OpenAccount(name="Northwind", currency="EUR"))
    compared = rebuilt(steward, accounts.VIEW)

    assert (compared.position, compared.rows, compared.equal) == (0, 0, True)
    steward.do(RenameAccount(name="Later"), account=steward.runtime.log.after(steward.tenant, 1, 1)[0].stream_id)
    steward.catch_up()
    assert_views_are_right(steward)


def test_a_view_that_cannot_be_rebuilt_is_not_swapped_in(steward: Steward) -> None:
    steward.do(OpenAccount(name="poison", currency="EUR"))
    steward.catch_up()
    before = rows(steward, accounts.VIEW)
    owner = Database(owned(steward.settings.database_url), owner=True)

    with pytest.raises(RuntimeError, match="accounts cannot be rebuilt past position 2: ZeroDivisionError"):
        projector(steward).rebuild(owner, steward.tenant, failing_on("accounts", "poison"))

    owner.close()
    assert rows(steward, accounts.VIEW) == before
