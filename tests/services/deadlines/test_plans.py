"""A pass is cheap: what may be due is found by ranges of indexes, whatever the history around it."""

from typing import Any

import pytest
from sqlalchemy import insert, text

from app.domain.kernel.values import FOREVER, add_days, day_start, zone
from app.read_side.clocks import When
from app.read_side.row_queries import matching
from projections.views import renewals
from tests.support.application import Steward

MANY = 3000


@pytest.fixture
def crowd(steward: Steward) -> Steward:
    """Many terms in the past, and some in the future."""
    table, rows = renewals.VIEW.table, []
    blank = renewals.Renewal("acct_1", "", "", 0, FOREVER, currency="EUR", auto_renew=True, atr=10**9, outcome="open")
    for number in range(MANY):
        due = add_days("2018-01-01", number) if number % 10 else add_days("2026-02-01", number % 900)
        row = blank._replace(contract=f"ctr_{number:06d}", due=due, due_at=day_start(due, zone("UTC")))
        rows.append(
            {"tenant_id": steward.tenant, **row._asdict(), "pos_from": 1, "pos_to": renewals.VIEW.OPEN, "age": None}
        )
    with steward.runtime.database.write_views(steward.tenant) as connection:
        connection.execute(insert(table), rows)
        if steward.runtime.database.postgres:
            connection.execute(text(f"ANALYZE {table.name}"))
    return steward


def test_what_may_be_due_is_found_by_an_index(crowd: Steward, monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[Any] = []

    def select(_tenant: str, view: Any, clauses: Any, when: When, **options: Any) -> tuple[list[Any], int]:
        if view is not renewals.VIEW:
            return [], 1
        query = matching(view, crowd.tenant, clauses, 1, newest=when.now)
        ordering = [view.table.c[member] for member in options["order"]]
        queries.append(query.order_by(*ordering).limit(options["limit"]))
        return [], 1

    watcher = crowd.runtime.watcher
    monkeypatch.setattr(crowd.runtime.reader, "select", select)
    list(watcher._pages(crowd.tenant, watcher._day(crowd.tenant)))
    explain = "EXPLAIN " if crowd.runtime.database.postgres else "EXPLAIN QUERY PLAN "
    plans = []
    with crowd.runtime.database.read(crowd.tenant) as connection:
        for query in queries:
            sql = str(query.compile(connection, compile_kwargs={"literal_binds": True})).replace(":", "\\:")
            plans.append(" ".join(str(row[-1]) for row in connection.execute(text(explain + sql))))

    coming, passed = plans
    table = renewals.VIEW.table.name
    assert "Seq Scan" not in coming
    assert f"{table}_due" in coming
    assert "due_at" in coming.partition(f"{table}_due")[2]  # a range of it, not all of it
    assert f"{table}_watched" in passed
