"""SQL queries: what a sum is over, how its statement is put together, and how exact numbers come back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, TextClause, text

from app.domain.kernel.reach import WHOLE, Reach
from app.domain.kernel.values import FOREVER, NONE
from app.kpi_queries.query import Scope
from app.read_side.row_queries import fetch_rows, matching
from app.store.engine import Database
from projections.interval_index import LIFETIME_CLASSES
from projections.kpis.base import KpiContext, Measure, Method, Warnings
from projections.kpis.sql_expression import Part, SqlExpression
from projections.view import Condition, View
from projections.views import account_access, portfolios

LOW: Final = 32
"""Numbers are summed in two parts, so that no sum leaves a database's 64 bits: the low bits, and what is above them."""


@dataclass(frozen=True, kw_only=True)
class SqlQuery:
    """A method of a figure in a context, over the accounts of a scope, as it was known at a position.

    reach: over whose accounts, and reached_at: the instant, now, at which these are theirs.
    newest: views of which the position is the newest state, so that their earlier rows need not be read.
    owned_at: what an account is held to be, whose and in which country, is what it is at the last instant before.
    """

    database: Database
    connection: Connection
    tenant_id: str
    method: Method
    scope: Scope
    context: KpiContext
    position: int
    newest: Mapping[str, bool]
    owned_at: int
    reach: Reach = WHOLE
    reached_at: int = 0

    @property
    def expression(self) -> SqlExpression:
        """The share in SQL. Raises: TypeError for a method that has none."""
        if not isinstance(self.method.sql, SqlExpression):
            raise TypeError("the method has no SQL expression")
        return self.method.sql

    @property
    def is_point(self) -> bool:
        """Whether the period has no length, so that it opens with what it closes with."""
        return self.context.start == self.context.end

    def binds(self, **more: Any) -> dict[str, Any]:
        """The values that every statement may name."""
        scope, start, end = self.scope, self.context.start, self.context.end
        own = {"tenant_id": self.tenant_id, "start": start, "end": end, "account": scope.account}
        own |= {"at": self.owned_at, **scope.held}
        if not self.reach.whole:
            own |= {"reached_at": self.reached_at, **dict(self._names())}
        return {**own, "known": self.position, "before": start - 1, "last": end - 1, **more}

    def select(self, view: View[Any], conditions: Sequence[Condition]) -> list[Any]:
        """A view's rows that match, as they were known at the position."""
        known = [view.table.c.position <= self.position] if view.facts else []
        newest = self.newest.get(view.name, False)
        query = matching(view, self.tenant_id, [*conditions, *known], self.position, newest=newest)
        return fetch_rows(view, self.connection, query)

    def true(self, view: View[Any], row: str = "") -> str:
        """The condition that a row was current at the position."""
        if self.newest[view.name]:
            return f"{row}pos_to = {FOREVER}"
        return f"{row}pos_from <= :known AND {row}pos_to > :known"

    def once(self, view: View[Any], columns: Sequence[str], own: str, condition: str) -> str:
        """The FROM of rows that were current at the position and are no more: one range of an index for each age.

        Takes: the columns to read; the condition of the index, and what else must hold.
        """
        ages = f"(VALUES {', '.join(map(str, LIFETIME_CLASSES))}) AS ages"
        known = "pos_from > :known - ages.column2 AND pos_from <= :known AND pos_to > :known"
        own = f"{own} AND age = ages.column1 AND {known}"
        if self.database.postgres:
            rows = f"SELECT {', '.join(columns)} FROM {view.follower} WHERE {own} OFFSET 0"
            return f"FROM {ages} CROSS JOIN LATERAL ({rows}) AS rate WHERE {condition}"
        return f"FROM {ages} CROSS JOIN {view.follower} AS rate ON {own} AND {condition}"

    def before(self) -> str:
        """What stands before a statement: the accounts of an owner, a tier and so on, or in reach, as a table `held`."""
        scope, view = self.scope, portfolios.VIEW
        if not scope.held:
            return "" if self.reach.whole else f"WITH held AS MATERIALIZED ({self._reached()}) "
        conditions = " AND ".join(
            f"p.{name} IS NULL" if value == NONE else f"p.{name} = :{name}" for name, value in scope.held.items()
        )
        earlier = (
            f"SELECT 1 FROM {view.follower} e WHERE e.tenant_id = :tenant_id AND e.account = p.account "
            f"AND {self.true(view, 'e.')} AND e.valid_from < p.valid_from"
        )
        select = (
            f"SELECT p.account FROM {view.follower} p WHERE p.tenant_id = :tenant_id AND {self.true(view, 'p.')} "
            f"AND {conditions} AND p.valid_to >= :at AND (p.valid_from < :at OR NOT EXISTS ({earlier}))"
        )
        if not self.reach.whole:
            select += f" AND p.account IN ({self._reached()})"
        return f"WITH held AS MATERIALIZED ({select}) "

    def _names(self) -> Iterator[tuple[str, str]]:
        """The names in reach, each under the name of its bind."""
        return ((f"name_{at}", name) for at, name in enumerate(account_access.names_of(self.reach)))

    def _reached(self) -> str:
        """The accounts in reach now, whatever the statement is about."""
        names = ", ".join(f":{bind}" for bind, _ in self._names())
        return (
            f"SELECT r.account FROM {account_access.VIEW.follower} r WHERE r.tenant_id = :tenant_id AND r.pos_to = {FOREVER} "
            f"AND r.name IS NOT NULL AND r.name IN ({names}) AND r.valid_from <= :reached_at AND r.valid_to > :reached_at"
        )

    def within(self) -> list[str]:
        """The conditions on a row's account."""
        conditions = [] if self.scope.account is None else ["account = :account"]
        if self.scope.held or not self.reach.whole:
            # Behind IS TRUE it stays a look-up in a hash table, whatever a planner without statistics thinks of joins.
            conditions.append("((account IN (SELECT account FROM held)) IS TRUE)")
        return conditions

    def one(self, sql: str, binds: Mapping[str, Any]) -> Mapping[str, Any]:
        """The one row of a statement."""
        return dict(self.connection.execute(_compiled(sql), binds).mappings().one())

    def mappings(self, sql: str, binds: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Every row of a statement, by the names of its columns."""
        return [dict(row) for row in self.connection.execute(_compiled(sql), binds).mappings()]

    def rows(self, sql: str, binds: Mapping[str, Any]) -> Sequence[Any]:
        """Every row of a statement."""
        return self.connection.execute(_compiled(sql), binds).all()

    def first_column(self, sql: str, binds: Mapping[str, Any]) -> Sequence[Any]:
        """The first column of every row of a statement."""
        return self.connection.execute(_compiled(sql), binds).scalars().all()


@dataclass(frozen=True, kw_only=True)
class SqlSum:
    """A figure added up. notes: how many rows each warning is about; currencies: those of its rows; parts: what else was summed.

    paid, pays: whether anything was paid within the period or just before it, and at its last instant.
    by_currency: the sums of the accounts that have only ever had one currency; several: the other accounts.
    largest: the accounts that pay most, each behind what it pays a year, where they were queried.
    """

    numerator: int
    denominator: int
    notes: dict[str, int]
    parts: dict[str, int]
    currencies: frozenset[str] = frozenset()
    paid: bool = False
    pays: bool = False
    by_currency: Mapping[str, "SqlSum"] = field(default_factory=dict)
    several: Sequence[str] = ()
    largest: tuple[tuple[int, str], ...] = ()

    @staticmethod
    def nothing(expression: SqlExpression) -> "SqlSum":
        """The sum of no rows."""
        notes, parts = dict.fromkeys(expression.notes, 0), dict.fromkeys(expression.parts, 0)
        return SqlSum(numerator=0, denominator=0, notes=notes, parts=parts)

    def of(self, *currencies: str) -> "SqlSum":
        """The same, of amounts in currencies."""
        return replace(self, currencies=frozenset(currencies))

    def measure(self, method: Method) -> Measure:
        """The figure that is summed, as a measure."""
        warnings: Warnings = {code: count for code, count in self.notes.items() if count}
        return Measure(method, self.numerator, self.denominator, parts=self.parts, warnings=warnings)

    def __add__(self, other: "SqlSum") -> "SqlSum":
        """Both together."""
        return SqlSum(
            numerator=self.numerator + other.numerator,
            denominator=self.denominator + other.denominator,
            notes={name: count + other.notes.get(name, 0) for name, count in self.notes.items()},
            parts={name: part + other.parts.get(name, 0) for name, part in self.parts.items()},
            currencies=self.currencies | other.currencies,
            paid=self.paid or other.paid,
            pays=self.pays or other.pays,
            largest=self.largest + other.largest,
        )


def totals(expression: SqlExpression) -> dict[str, Part]:
    """What is summed exactly, by column."""
    parts = {f"part_{name}": part for name, part in expression.parts.items()}
    return {"numerator": expression.numerator, "denominator": expression.denominator, **parts}


def columns(expression: SqlExpression) -> str:
    """The columns of a SELECT that sum what rows give, each named for what it is of."""
    halves = (("high", f">> {LOW}"), ("low", f"& {2**LOW - 1}"))
    exact = [
        f"SUM(CAST({name} AS bigint) {cut}) AS {name}_{half}" for name in totals(expression) for half, cut in halves
    ]
    return ", ".join([*exact, *(f"SUM(note_{name}) AS note_{name}" for name in expression.notes)])


def row_columns(expression: SqlExpression) -> str:
    """The same columns of one row, before they are summed."""
    exact = [f"{part.closing} AS {name}" for name, part in totals(expression).items()]
    notes = (f"CASE WHEN {rule} THEN 1 ELSE 0 END AS note_{name}" for name, rule in expression.notes.items())
    return ", ".join([*exact, *notes])


def sum_of(row: Mapping[str, Any]) -> SqlSum:
    """The sum that a row of such columns holds."""

    def exact(name: str) -> int:
        return (int(row[f"{name}_high"] or 0) << LOW) + int(row[f"{name}_low"] or 0)

    notes = {name.removeprefix("note_"): int(count or 0) for name, count in row.items() if name.startswith("note_")}
    parts = [name.removesuffix("_high") for name in row if name.startswith("part_") and name.endswith("_high")]
    return SqlSum(
        numerator=exact("numerator"),
        denominator=exact("denominator"),
        notes=notes,
        parts={name.removeprefix("part_"): exact(name) for name in parts},
    )


@lru_cache(maxsize=512)
def _compiled(sql: str) -> TextClause:
    return text(sql)
