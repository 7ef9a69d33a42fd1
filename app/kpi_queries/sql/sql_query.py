"""Asking: what a sum is asked for, how its SQL is put together, and how exact numbers come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, TextClause, text

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sql.expressions import TWINS, Part, SqlExpression
from app.store.engine import Database
from projections.interval_index import LIFETIME_CLASSES
from projections.kpis.base import Kpi
from projections.view import View
from projections.views import portfolios

LOW: Final = 32
"""Numbers are summed in two parts, so that no sum leaves a database's 64 bits: the low bits, and what is above them."""


@dataclass(frozen=True)
class SqlQuery:
    """A figure of [start, end), microseconds, as it was known at a position.

    newest: views of which the position is the newest state, so that what was once true of them need not be read.
    top: how many of the largest accounts are wanted by name. joined: when the accounts that count paid for the first time.
    owner, tier, at: whose accounts count, in which tier, by the holding at the last instant before `at`.
    """

    database: Database
    connection: Connection
    tenant_id: str
    kpi: Kpi
    method: str
    start: int
    end: int
    position: int
    newest: Mapping[str, bool]
    account: str | None = None
    currency: str | None = None
    owner: str | None = None
    tier: str | None = None
    at: int = 0
    top: int = 0
    joined: tuple[int, int] | None = None

    @property
    def twin(self) -> SqlExpression:
        """The share in SQL."""
        return TWINS[self.kpi.name, self.method]

    def binds(self, **more: Any) -> dict[str, Any]:
        """What every statement may name."""
        own = {name: getattr(self, name) for name in ("tenant_id", "start", "end", "account", "owner", "tier", "at")}
        return {**own, "known": self.position, "before": self.start - 1, "last": self.end - 1, **more}

    def true(self, view: View[Any], row: str = "") -> str:
        """The condition that a row was the truth at the position."""
        if self.newest[view.name]:
            return f"{row}pos_to = {FOREVER}"
        return f"{row}pos_from <= :known AND {row}pos_to > :known"

    def once(self, view: View[Any], columns: Sequence[str], own: str, rest: str) -> str:
        """The FROM of rows that were the truth at the position and are no more: one range of an index for each age.

        Takes: the columns to read; the condition of the index, and what else must hold.
        """
        ages = f"(VALUES {', '.join(map(str, LIFETIME_CLASSES))}) AS ages"
        known = "pos_from > :known - ages.column2 AND pos_from <= :known AND pos_to > :known"
        own = f"{own} AND age = ages.column1 AND {known}"
        if self.database.postgres:
            rows = f"SELECT {', '.join(columns)} FROM {view.follower} WHERE {own} OFFSET 0"
            return f"FROM {ages} CROSS JOIN LATERAL ({rows}) AS rate WHERE {rest}"
        return f"FROM {ages} CROSS JOIN {view.follower} AS rate ON {own} AND {rest}"

    def before(self) -> str:
        """What stands before a statement: the accounts of an owner or a tier as a table `held`, where only they count."""
        if self.owner is None and self.tier is None:
            return ""
        view = portfolios.VIEW
        wanted = " AND ".join(f"p.{name} = :{name}" for name in ("owner", "tier") if getattr(self, name) is not None)
        earlier = (
            f"SELECT 1 FROM {view.follower} e WHERE e.tenant_id = :tenant_id AND e.account = p.account "
            f"AND {self.true(view, 'e.')} AND e.valid_from < p.valid_from"
        )
        select = (
            f"SELECT p.account FROM {view.follower} p WHERE p.tenant_id = :tenant_id AND {self.true(view, 'p.')} "
            f"AND {wanted} AND p.valid_to >= :at AND (p.valid_from < :at OR NOT EXISTS ({earlier}))"
        )
        return f"WITH held AS MATERIALIZED ({select}) "

    def within(self) -> list[str]:
        """The conditions on a row's account."""
        found = [] if self.account is None else ["account = :account"]
        if self.owner is not None or self.tier is not None:
            # Behind IS TRUE it stays a look-up in a hash table, whatever a planner without statistics thinks of joins.
            found.append("((account IN (SELECT account FROM held)) IS TRUE)")
        return found

    def one(self, sql: str, binds: Mapping[str, Any]) -> Mapping[str, Any]:
        """The one row of a statement."""
        return dict(self.connection.execute(_compiled(sql), binds).mappings().one())

    def mappings(self, sql: str, binds: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Every row of a statement, by the names of its columns."""
        return [dict(row) for row in self.connection.execute(_compiled(sql), binds).mappings()]

    def rows(self, sql: str, binds: Mapping[str, Any]) -> Sequence[Any]:
        """Every row of a statement."""
        return self.connection.execute(_compiled(sql), binds).all()

    def all(self, sql: str, binds: Mapping[str, Any]) -> Sequence[Any]:
        """The first column of every row of a statement."""
        return self.connection.execute(_compiled(sql), binds).scalars().all()


@dataclass(frozen=True)
class Sum:
    """A figure added up. notes: how many rows each warning is about; currencies: those of its rows; parts: what else was summed.

    paid, pays: whether anything was paid within the period or just before it, and at its last instant.
    each: the sums by currency of the accounts that have only ever had that one; several: the other accounts.
    largest: the accounts that pay most, each behind what it pays a year, where they are asked for.
    """

    numerator: int
    denominator: int
    notes: dict[str, int]
    parts: dict[str, int]
    currencies: frozenset[str] = frozenset()
    paid: bool = False
    pays: bool = False
    each: Mapping[str, "Sum"] = field(default_factory=dict)
    several: Sequence[str] = ()
    largest: tuple[tuple[int, str], ...] = ()

    @staticmethod
    def nothing(twin: SqlExpression) -> "Sum":
        """The sum of no rows."""
        return Sum(0, 0, dict.fromkeys(twin.notes, 0), dict.fromkeys(twin.parts, 0))

    def of(self, *currencies: str) -> "Sum":
        """The same, of amounts in currencies."""
        return replace(self, currencies=frozenset(currencies))

    def __add__(self, other: "Sum") -> "Sum":
        """Both together."""
        return Sum(
            self.numerator + other.numerator,
            self.denominator + other.denominator,
            {name: count + other.notes.get(name, 0) for name, count in self.notes.items()},
            {name: part + other.parts.get(name, 0) for name, part in self.parts.items()},
            self.currencies | other.currencies,
            self.paid or other.paid,
            self.pays or other.pays,
            largest=self.largest + other.largest,
        )


def totals(twin: SqlExpression) -> dict[str, Part]:
    """What is summed exactly, by column."""
    parts = {f"part_{name}": part for name, part in twin.parts.items()}
    return {"numerator": twin.numerator, "denominator": twin.denominator, **parts}


def columns(twin: SqlExpression) -> str:
    """The columns of a SELECT that sum what rows give, each named for what it is of."""
    halves = (("high", f">> {LOW}"), ("low", f"& {2**LOW - 1}"))
    exact = [f"SUM(CAST({name} AS bigint) {cut}) AS {name}_{half}" for name in totals(twin) for half, cut in halves]
    return ", ".join([*exact, *(f"SUM(note_{name}) AS note_{name}" for name in twin.notes)])


def given(twin: SqlExpression) -> str:
    """The same columns of one row, before they are summed."""
    exact = [f"{part.closing} AS {name}" for name, part in totals(twin).items()]
    return ", ".join(
        [*exact, *(f"CASE WHEN {rule} THEN 1 ELSE 0 END AS note_{name}" for name, rule in twin.notes.items())]
    )


def read(row: Mapping[str, Any]) -> Sum:
    """The sum that a row of such columns tells."""

    def exact(name: str) -> int:
        return (int(row[f"{name}_high"] or 0) << LOW) + int(row[f"{name}_low"] or 0)

    notes = {name.removeprefix("note_"): int(count or 0) for name, count in row.items() if name.startswith("note_")}
    parts = [name for name in row if name.startswith("part_") and name.endswith("_high")]
    return Sum(
        exact("numerator"),
        exact("denominator"),
        notes,
        {name.removeprefix("part_").removesuffix("_high"): exact(name.removesuffix("_high")) for name in parts},
    )


@lru_cache(maxsize=512)
def _compiled(sql: str) -> TextClause:
    return text(sql)
