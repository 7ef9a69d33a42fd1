"""How the databases find what figures are summed from: by ranges of indexes, also where a planner knows nothing yet."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from app.domain.kernel.values import FOREVER, zone
from app.kpi_queries.query import Scope
from app.kpi_queries.sources import SOURCES
from app.kpi_queries.sql.lifetimes import lifetime_tally
from app.kpi_queries.sql.run_rates import binds_of, statement
from app.kpi_queries.sql.sql_query import SqlQuery
from projections.interval_index import lifetime_class, node_of
from projections.kpis import KPIS
from projections.kpis.base import Kpi, KpiContext
from projections.view import View
from projections.views import portfolios, renewals, run_rates, scope_changes
from tests.support.application import Steward
from tests.support.databases import BACKENDS, Databases

ACCOUNTS, STEPS, DAY = 400, 12, 86_400_000_000
START, END, KNOWN = 100 * DAY, 200 * DAY, 3000


@pytest.fixture(scope="module", params=BACKENDS)
def crowd(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Steward]:
    """Many accounts that changed often, and whose earlier states were corrected later."""
    made = Steward(databases.fresh(request.param))
    rows = []
    for number in range(ACCOUNTS):
        account = f"acct_{number:05d}"
        for at in range(STEPS):
            start, end = (30 * at + number % 30) * DAY, (30 * at + 30 + number % 30) * DAY
            for until, since, ended in ((FOREVER, 10 * at, 10 * at + 10), (end, 10 * at + 10, FOREVER)):
                row = run_rates.RunRate(account, "", "EUR", start, until, node_of(start, until), whole=True, annual=at)
                rows.append(
                    {
                        "tenant_id": made.tenant,
                        **row._asdict(),
                        "pos_from": since,
                        "pos_to": ended,
                        "age": None if ended == FOREVER else lifetime_class(since, ended),
                    }
                )
    with made.runtime.database.write_views(made.tenant) as connection:
        connection.execute(insert(run_rates.VIEW.table), rows)
        holdings = [
            {"tenant_id": made.tenant, "account": f"acct_{number:05d}", "valid_from": 0, "valid_to": FOREVER, "owner": f"usr_{number % 50}",
             "tier": "gold", "industry": None, "country": "DE", "told": {}, "pos_from": 1, "pos_to": FOREVER}
            for number in range(ACCOUNTS)
        ]  # fmt: skip
        connection.execute(insert(portfolios.VIEW.table), holdings)
    yield made
    made.close()


def sql_query_of(
    steward: Steward, connection: Connection, name: str, method: str, *, newest: bool, owner: str | None
) -> SqlQuery:
    """A query about every account, or an owner's."""
    kpi = next(kpi for kpi in KPIS if kpi.name == name)
    views: tuple[View[object], ...] = (run_rates.VIEW, portfolios.VIEW)
    now = {view.name: newest for view in views}
    return query_of(SqlQuery, steward, connection, kpi, method, now, owner=owner)


def query_of(
    kind: type[SqlQuery],
    steward: Steward,
    connection: Connection,
    kpi: Kpi,
    method: str,
    newest: Mapping[str, bool],
    *,
    start: int = START,
    owner: str | None = None,
) -> SqlQuery:
    """A query of some kind over the period."""
    return kind(
        database=steward.runtime.database,
        connection=connection,
        tenant_id=steward.tenant,
        method=kpi.methods[method],
        scope=Scope(owner=owner),
        context=KpiContext(start, END, zone("UTC")),
        position=KNOWN,
        newest=newest,
        owned_at=start,
    )


def planned(query: SqlQuery, sql: str, binds: Mapping[str, Any]) -> str:
    """The database's plan of a statement."""
    explain = "EXPLAIN (COSTS OFF)" if query.database.postgres else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row[-1]) for row in query.connection.execute(text(f"{explain} {sql}"), binds))


@pytest.mark.parametrize("known", ["now", "once"])
@pytest.mark.parametrize("owner", [None, "usr_7"])
@pytest.mark.parametrize(
    ("name", "method"), [("arr_growth", "point_to_point"), ("net_revenue_retention", "point_to_point"), ("mrr_waterfall", "movement")]
)  # fmt: skip
def test_a_figure_reads_ranges_of_the_indexes_made_for_it(
    crowd: Steward, name: str, method: str, owner: str | None, known: str
) -> None:
    database = crowd.runtime.database
    with database.read(crowd.tenant) as connection:
        query = sql_query_of(crowd, connection, name, method, newest=known == "now", owner=owner)
        plan = planned(query, statement(query, query.expression, whole=False), binds_of(query, "EUR"))

    table = run_rates.VIEW.follower
    probes = {"account", "pkey"} if name == "net_revenue_retention" else set()
    used = set(re.findall(rf"\b{table}_([a-z]+)", plan)) | ({"pkey"} if f"autoindex_{table}" in plan else set())
    assert f"Seq Scan on {table}" not in plan
    assert f"SCAN {table}" not in plan
    assert used - probes <= {"until", "since", "past"}
    assert used & {"until", "since"}
    assert ("past" in used) == (known == "once")
    assert (f"{portfolios.VIEW.follower}_owner" in plan) == (owner is not None)
    if not database.postgres:
        assert {"until", "since"} <= used
        assert "USE TEMP B-TREE" not in plan
        assert "AUTOMATIC" not in plan


def test_an_interval_stands_where_every_instant_in_it_looks(crowd: Steward) -> None:
    database = crowd.runtime.database
    with database.read(crowd.tenant) as connection:
        one = sql_query_of(crowd, connection, "arr_growth", "point_to_point", newest=True, owner=None)
        row = one.one(statement(one, one.expression, whole=False), binds_of(one, "EUR"))
        table = run_rates.VIEW.table
        plain = [
            connection.execute(
                text(
                    f"SELECT SUM(annual) FROM {table.name} WHERE tenant_id = :tenant_id AND pos_to = {FOREVER} "
                    "AND valid_from <= :at AND valid_to > :at"
                ),
                {"tenant_id": crowd.tenant, "at": at},
            ).scalar_one()
            for at in (START - 1, END - 1)
        ]
    assert int(row["denominator_low"]) == plain[0]
    assert (int(row["numerator_high"]) << 32) + int(row["numerator_low"]) == plain[1] - plain[0]


@pytest.mark.parametrize("known", ["now", "once"])
def test_how_long_accounts_stay_is_read_from_ranges_of_indexes(crowd: Steward, known: str) -> None:
    plans: list[str] = []

    class Noted(SqlQuery):
        """A query whose statements are explained before they run."""

        def rows(self, sql: str, binds: Mapping[str, Any]) -> Sequence[Any]:
            plans.append(planned(self, sql, binds))
            return super().rows(sql, binds)

    database, kpi = crowd.runtime.database, next(kpi for kpi in KPIS if kpi.name == "customer_lifetime_value")
    with database.read(crowd.tenant) as connection:
        now = {view.name: known == "now" for view in (run_rates.VIEW, portfolios.VIEW)}
        tally = lifetime_tally(query_of(Noted, crowd, connection, kpi, "sbg", now, start=END), None)

    table = run_rates.VIEW.follower
    assert tally is not None
    assert tally.annual == {}  # nobody ever paid for the first time here
    assert len(plans) == 2
    for plan in plans:
        assert f"Seq Scan on {table}" not in plan
        assert f"SCAN {table}" not in plan
    assert known == "once" or f"{table}_lapses" in plans[1]


@pytest.mark.parametrize("known", ["now", "once"])
@pytest.mark.parametrize(
    ("view", "name", "used"),
    [
        (renewals.VIEW, "renewal_rate", {"now": ["due"], "once": ["due", "past"]}),
        (
            scope_changes.VIEW,
            "scope_creep_ratio",
            {known: ["absorbed", "amended", "responded"] for known in ("now", "once")},
        ),
    ],
)
def test_what_happened_within_a_period_is_a_range_of_an_index(
    steward: Steward, view: View[Any], name: str, used: dict[str, list[str]], known: str
) -> None:
    database, kpi = steward.runtime.database, next(kpi for kpi in KPIS if kpi.name == name)
    nothing = {"tenant_id": steward.tenant, **dict.fromkeys(view.members), "pos_from": 1, "pos_to": FOREVER}
    members = set(view.members) | set(view.keys)
    dated = {"due_at", "absorbed_at", "amended_at", "responded_at"} & members
    always = {"account": "acct_a"} | ({"valid_from": 0, "valid_to": FOREVER} if "valid_from" in members else {})
    rows = [
        nothing | {key: f"{key}_{at}" for key in view.keys} | dict.fromkeys(dated, at * DAY) | always
        for at in range(3000)
    ]
    plans: list[str] = []

    class Noted(SqlQuery):
        """A query whose statements are explained before they run."""

        def one(self, sql: str, binds: Mapping[str, Any]) -> Mapping[str, Any]:
            plans.append(planned(self, sql, binds))
            return super().one(sql, binds)

    with database.write_views(steward.tenant) as connection:
        connection.execute(insert(view.table), rows)
    with database.read(steward.tenant) as connection:
        now = {view.name: known == "now", portfolios.VIEW.name: True}
        SOURCES[kpi.reads].sums(query_of(Noted, steward, connection, kpi, kpi.default, now), explained=False)

    assert f"Seq Scan on {view.follower}" not in plans[0]
    assert f"SCAN {view.follower}" not in plans[0]
    for index in used[known]:
        assert f"{view.follower}_{index}" in plans[0]
