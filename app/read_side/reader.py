"""The reader: what is, was, and was known, from the same folds. Serves a view's table, or a replay where the table knows less."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from app.domain.kernel import values
from app.domain.kernel.errors import Invalid, NotFound, Unavailable
from app.domain.kernel.values import FOREVER
from app.read_side.projector import Projector
from app.store.engine import Database
from app.store.log import Log
from app.store.positions import position_of
from projections.view import View

REPLAYS: Final = 4
"""How many replays are kept: an answer known at a position never changes, so they never go stale."""
POLL_SECONDS: Final = 0.01


@dataclass(frozen=True)
class When:
    """A question's two clocks. as_of: microseconds of business time. known_at: a position; None is what is known now.

    now: whether the question is about the present, so that a table may answer it.
    """

    as_of: int
    known_at: int | None
    now: bool


@dataclass(frozen=True)
class Page:
    """Rows in order, the position that they were built from, and where the next page begins."""

    rows: list[Any]
    position: int
    after: tuple[Any, ...] | None


class Reader:
    """Answers questions about one tenant. Takes: the database, the log, the projector, a clock of microseconds."""

    def __init__(self, database: Database, log: Log, projector: Projector, clock: Callable[[], int]) -> None:
        self.database = database
        self.log = log
        self.projector = projector
        self.clock = clock
        self._replays: OrderedDict[tuple[Any, ...], Database] = OrderedDict()
        self._lock = threading.Lock()

    # --- the two clocks ---

    def when(self, tenant_id: str, as_of: str | None = None, known_at: str | None = None) -> When:
        """The clocks of a question.

        Takes: `as_of`, a date (the end of that day in the tenant's zone) or an instant; `known_at`, a position or an instant.
        Raises: Invalid for what is neither, or for knowledge that lies ahead: its answer would change.
        """
        position = None if known_at is None else self._position(tenant_id, known_at)
        if as_of is None:
            return When(self.clock(), position, now=True)
        return When(self.instant(tenant_id, as_of), position, now=False)

    def instant(self, tenant_id: str, as_of: str) -> int:
        """The last microsecond of a date in the tenant's zone, or an instant. Raises: Invalid."""
        try:
            moment = self._end_of_day(tenant_id, as_of) if len(as_of) == len("2026-01-31") else values.micros(as_of)
            values.instant(moment)
        except (ValueError, OverflowError) as error:
            raise Invalid("invalid_as_of", "as_of is a date or an RFC 3339 instant") from error
        return moment

    def _end_of_day(self, tenant_id: str, day: str) -> int:
        return values.day_start(values.add_days(values.plain_day(day), 1), self.projector.zone(tenant_id)) - 1

    def _position(self, tenant_id: str, known_at: str) -> int:
        if known_at.isascii() and known_at.isdigit() and len(known_at) < 19:
            position = int(known_at)
            if position > self.log.head(tenant_id):
                raise Invalid("position_ahead", "the ledger has not reached this position")
            return position
        try:
            moment = self.instant(tenant_id, known_at)
        except Invalid as error:
            raise Invalid("invalid_known_at", "known_at is a position, a date or an RFC 3339 instant") from error
        if moment > self.clock():
            raise Invalid("known_at_ahead", "what will be known then is not known yet; a date means the end of its day")
        return self.log.position_at(tenant_id, moment)

    def wait(self, tenant_id: str, views: Sequence[View[Any]], position: int, seconds: float, *, strict: bool) -> int:
        """Waits until views have read a position. Gives: the position that they have all reached.

        Raises: Invalid for a position that lies ahead; Unavailable when `strict` and they are behind.
        """
        deadline = time.monotonic() + seconds
        checked = False
        while True:
            positions = self.projector.positions(tenant_id)
            reached = min(positions[view.name] for view in views)
            if reached >= position:
                return reached
            if not checked and position > self.log.head(tenant_id):
                raise Invalid("position_ahead", "the ledger has not reached this position")
            checked = True
            if time.monotonic() >= deadline:
                if strict:
                    raise Unavailable("projection_behind", f"the view is at {reached}", retry_after=1)
                return reached
            time.sleep(POLL_SECONDS)

    def reached(self, tenant_id: str, views: Sequence[View[Any]]) -> int:
        """The position that views have all reached."""
        positions = self.projector.positions(tenant_id)
        return min(positions[view.name] for view in views)

    # --- one row, many rows ---

    def one(self, tenant_id: str, view: View[Any], key: str, when: When) -> tuple[Any, int]:
        """A row by its id, and the position it was built from. Raises: NotFound."""
        rows, position = self.group(tenant_id, view, key, when)
        if not rows:
            raise NotFound(f"{view.noun}_not_found", f"there is no such {view.noun.replace('_', ' ')}")
        return rows[0], position

    def group(self, tenant_id: str, view: View[Any], key: str, when: When) -> tuple[list[Any], int]:
        """All rows of a group, and the position they were built from."""
        condition = view.table.c[view.group] == key
        found = self._find(tenant_id, view, [condition], when, split=True, group=key)
        told = [row for row in found.ahead if view.key(row)[0] == key]
        return [
            *found.rows,
            *self._true_by_now(tenant_id, view, told, [condition], found.position, when),
        ], found.position

    def page(
        self,
        tenant_id: str,
        view: View[Any],
        when: When,
        *,
        filters: Mapping[str, Sequence[Any]] | None = None,
        conditions: Sequence[ColumnElement[bool]] = (),
        order: str | None = None,
        descending: bool = False,
        after: Sequence[Any] | None = None,
        limit: int = 50,
    ) -> Page:
        """A page of rows.

        Takes: filters, member to the values that it may have; `after`, the last row's order member and keys.
        """
        table = view.table
        clauses = [table.c[name].in_(wanted) for name, wanted in (filters or {}).items()] + list(conditions)
        by = [table.c[name] for name in dict.fromkeys(([order] if order else []) + list(view.keys))]
        if after is not None:
            clauses.append(_behind(by, after, descending=descending))
        ordering = [_ordered(column, descending=descending) for column in by]
        found = self._find(tenant_id, view, clauses, when, split=True, order=ordering, limit=limit + 1)
        late = self._true_by_now(tenant_id, view, found.ahead, clauses, found.position, when)
        names = [column.name for column in by]
        rows = _sorted([*found.rows, *late], names, descending=descending) if late else found.rows
        last = tuple(getattr(rows[limit - 1], name) for name in names) if len(rows) > limit else None
        return Page(rows[:limit], found.position, last)

    def select(
        self,
        tenant_id: str,
        view: View[Any],
        clauses: Sequence[ColumnElement[bool]],
        when: When,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
        replayed_group: str | None = None,
    ) -> tuple[list[Any], int]:
        """Rows of a view that match, under both clocks, and the position they were built from.

        What lies ahead is part of a row where `when` is now. Takes: conditions that the view made; `order`, members.
        """
        ordering = [view.table.c[member] for member in order]
        found = self._find(tenant_id, view, clauses, when, order=ordering, limit=limit, group=replayed_group)
        return found.rows, found.position

    def _find(
        self,
        tenant_id: str,
        view: View[Any],
        clauses: Sequence[ColumnElement[bool]],
        when: When,
        *,
        split: bool = False,
        order: Sequence[Any] = (),
        limit: int | None = None,
        group: str | None = None,
    ) -> "_Found":
        """Rows of the view's table, or of a replay where the table knows less.

        Takes: `split`, whether rows about which more is told than has come true are set apart.
        """
        split = split and when.now and not view.schedule and not view.facts

        def ask(connection: Connection, position: int, *, newest: bool) -> _Found:
            def matching(*conditions: ColumnElement[bool]) -> Select[Any]:
                return _matching(view, tenant_id, conditions, position, newest=newest)

            query, ahead = matching(*clauses), []
            if view.facts:
                query = query.where(view.table.c.position <= position, view.table.c.effective_at <= when.as_of)
            if split:
                ahead = _rows(view, connection, matching(view.table.c.latest_at > when.as_of))
            if ahead:
                query = query.where(view.table.c.latest_at <= when.as_of)
            return _Found(_rows(view, connection, query.order_by(*order).limit(limit)), ahead, position)

        with self.database.read(tenant_id) as connection:
            reached = position_of(connection, tenant_id, view.follower) or 0
            position = reached if when.known_at is None else when.known_at
            newest = position >= reached
            tabled = view.facts or (
                (newest or view.history)
                and (when.now or view.schedule or self._nothing_later(connection, tenant_id, view, when, position))
            )
            if tabled and position <= reached:
                return ask(connection, position, newest=newest)
        if position > reached:  # the view lags behind the position that was asked for
            self.wait(tenant_id, [view], position, 1.0, strict=True)
            return self._find(tenant_id, view, clauses, when, split=split, order=order, limit=limit, group=group)
        as_of = None if when.now else when.as_of
        return self._replayed(
            tenant_id, view, position, as_of, group, lambda connection: ask(connection, position, newest=True)
        )

    def _nothing_later(
        self, connection: Connection, tenant_id: str, view: View[Any], when: When, position: int
    ) -> bool:
        """Whether the table holds nothing of events that are effective later than the question."""
        later = _matching(view, tenant_id, [view.table.c.latest_at > when.as_of], position, newest=False)
        return connection.execute(later.limit(1)).first() is None

    def _true_by_now(
        self,
        tenant_id: str,
        view: View[Any],
        ahead: Sequence[Any],
        clauses: Sequence[ColumnElement[bool]],
        position: int,
        when: When,
    ) -> list[Any]:
        """The rows that match once what lies ahead is left out: an owner who takes over next month is not the owner yet.

        They keep the version and `latest_at` that they have with it: the next write must match that version.
        """
        if not ahead:
            return []
        told = {view.key(row): row for row in ahead}
        memory = Database("sqlite://")
        try:
            for group in {key[0] for key in told}:
                self._grown(tenant_id, view, position, when.as_of, group, memory)
            with memory.read(tenant_id) as connection:
                found = _rows(view, connection, _matching(view, tenant_id, clauses, position, newest=True))
        finally:
            memory.close()
        return [
            row._replace(version=told[view.key(row)].version, latest_at=told[view.key(row)].latest_at) for row in found
        ]

    def _replayed(
        self,
        tenant_id: str,
        view: View[Any],
        position: int,
        as_of: int | None,
        group: str | None,
        ask: "Callable[[Connection], _Found]",
    ) -> "_Found":
        """Asks the view grown up to a position in memory, which is kept for the next question of the same kind.

        A replay is asked under the lock, so that nobody closes it meanwhile.
        """
        kind = (tenant_id, view.follower, position, as_of, group)
        with self._lock:
            kept = self._replays.get(kind)
            if kept is not None:
                self._replays.move_to_end(kind)
                with kept.read(tenant_id) as connection:
                    return ask(connection)
        memory = self._grown(tenant_id, view, position, as_of, group)
        with self._lock:
            if (twin := self._replays.pop(kind, None)) is not None:
                twin.close()
            elif len(self._replays) == REPLAYS:
                self._replays.popitem(last=False)[1].close()
            self._replays[kind] = memory
            with memory.read(tenant_id) as connection:
                return ask(connection)

    def _grown(
        self,
        tenant_id: str,
        view: View[Any],
        position: int,
        as_of: int | None,
        group: str | None,
        memory: Database | None = None,
    ) -> Database:
        """The view in memory, of one group's events where one is named."""
        of_account = group if group is not None and group.startswith("acct_") else None
        of_stream = group if of_account is None else None
        return self.projector.replay(
            tenant_id, [view], position, as_of=as_of, account_id=of_account, stream_id=of_stream, memory=memory
        )


@dataclass(frozen=True)
class _Found:
    """Rows that match, rows set apart, and the position that both were built from."""

    rows: list[Any]
    ahead: list[Any]
    position: int


def _rows(view: View[Any], connection: Connection, query: Select[Any]) -> list[Any]:
    return [view.row(*stored) for stored in connection.execute(query)]


def _matching(
    view: View[Any], tenant_id: str, clauses: Sequence[ColumnElement[bool]], position: int, *, newest: bool
) -> Select[Any]:
    table = view.table
    query = select(*view.columns).where(table.c.tenant_id == tenant_id, *clauses)
    if view.history:
        query = (
            query.where(table.c.pos_to == FOREVER)
            if newest
            else query.where(table.c.pos_from <= position, table.c.pos_to > position)
        )
    return query


def _behind(by: Sequence[Any], after: Sequence[Any], *, descending: bool) -> ColumnElement[bool]:
    """Rows behind a given one in the order; empty values come last either way."""
    cases = []
    for at, column in enumerate(by):
        equal = [_same(before, value) for before, value in zip(by[:at], after, strict=False)]
        value = after[at]
        if value is None:
            continue
        further = column < value if descending else column > value
        cases.append(and_(*equal, or_(further, column.is_(None)) if column.nullable else further))
    return or_(*cases)


def _same(column: Any, value: Any) -> ColumnElement[bool]:
    same: ColumnElement[bool] = column.is_(None) if value is None else column == value
    return same


def _ordered(column: Any, *, descending: bool) -> Any:
    return column.desc().nulls_last() if descending else column.asc().nulls_last()


def _sorted(rows: list[Any], names: Sequence[str], *, descending: bool) -> list[Any]:
    """Rows in the order in which the database gives them."""
    for name in reversed(names):
        told = [row for row in rows if getattr(row, name) is not None]
        untold = [row for row in rows if getattr(row, name) is None]
        rows = sorted(told, key=attrgetter(name), reverse=descending) + untold
    return rows
