"""Views for tests: projectors with changed views, the rows of a table, and the checks that hold for every view."""

from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select, update

from app.domain.recorded import Recorded
from app.read_side.projector import Projector
from app.read_side.rebuilder import Comparison
from app.store.engine import Database
from projections import VIEWS
from projections.view import View
from tests.support.application import Steward
from tests.support.databases import owned

BY_NAME = {view.name: view for view in VIEWS}


def projector(steward: Steward, *replacements: View[Any]) -> Projector:
    """A new projector with some views replaced."""
    by_name = {view.name: view for view in replacements}
    views = [by_name.get(view.name, view) for view in VIEWS]
    runtime = steward.runtime
    return Projector(runtime.database, runtime.log, runtime.handler.zone, runtime.clock, views)


def failing_on(name: str, poison: str) -> View[Any]:
    """A view whose fold raises on the account of this name."""
    view = BY_NAME[name]

    def fold(row: Any, recorded: Recorded, where: Any) -> Any:
        if recorded.data["name"] == poison:
            raise ZeroDivisionError
        return view.on["account.opened"](row, recorded, where)

    return replace(view, on={**view.on, "account.opened": fold})


def rows(steward: Steward, view: View[Any], tenant: str | None = None) -> list[tuple[Any, ...]]:
    """The rows of a view's table."""
    with steward.runtime.database.read(tenant or steward.tenant) as connection:
        query = select(view.table).where(view.table.c.tenant_id == (tenant or steward.tenant))
        return sorted(map(tuple, connection.execute(query)), key=repr)


def rebuilt(steward: Steward, view: View[Any], *, verify: bool = True, **options: Any) -> Comparison:
    """Rebuilds one view. Gives: the comparison with its old rows."""
    owner = Database(owned(steward.settings.database_url), owner=True)
    try:
        return steward.runtime.projector.rebuild(owner, steward.tenant, view, verify=verify, **options)
    finally:
        owner.close()


def assert_views_are_right(steward: Steward) -> None:
    """Every view is at the head and equals a rebuild from the log."""
    head = steward.runtime.log.head(steward.tenant)
    assert steward.runtime.projector.positions(steward.tenant) == dict.fromkeys(BY_NAME, head)
    for view in VIEWS:
        compared = rebuilt(steward, view)
        assert compared.equal, compared
        assert compared.rows == len(rows(steward, view))


TAMPERINGS = ["changed", "missing", "surplus"]


def tamper(steward: Steward, view: View[Any], how: str) -> None:
    """Falsifies one row of a view."""
    table, key = view.table, view.group
    with steward.runtime.database.write_views(steward.tenant) as connection:
        group = connection.execute(
            select(table.c[key]).where(table.c.tenant_id == steward.tenant).limit(1)
        ).scalar_one()
        same = (table.c.tenant_id == steward.tenant, table.c[key] == group)
        if how == "changed":
            member = next(name for name in view.members if name not in view.keys and str(table.c[name].type) == "TEXT")
            connection.execute(update(table).where(*same).values({member: "tampered"}))
        elif how == "missing":
            connection.execute(delete(table).where(*same))
        else:
            row = connection.execute(select(table).where(*same).limit(1)).mappings().one()
            connection.execute(table.insert().values({**row, key: f"{group}x"}))
