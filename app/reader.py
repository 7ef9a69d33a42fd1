"""The reader: what is, was, and was known, from the same folds. Serves a view's table, or a replay where the table knows less."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from app.domain import values
from app.domain.errors import Invalid, NotFound, Unavailable
from app.domain.values import FOREVER
from app.grower import row_of
from app.projector import Projector
from app.store.engine import Database
from app.store.log import Log
from app.store.positions import position_of
from projections.base import View

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
        Raises: Invalid for what is neither, or for a position that lies ahead.
        """
        position = None if known_at is None else self._position(tenant_id, known_at)
        if as_of is None:
            return When(self.clock(), position, now=True)
        return When(self.instant(tenant_id, as_of), position, now=False)

    def instant(self, tenant_id: str, as_of: str) -> int:
        """The last microsecond of a date in the tenant's zone, or an instant. Raises: Invalid."""
        try:
            if len(as_of) == len("2026-01-31"):
                return values.day_start(values.add_days(as_of, 1), self.projector.zone(tenant_id)) - 1
            return values.micros(as_of)
        except ValueError as error:
            raise Invalid("invalid_as_of", "as_of is a date or an RFC 3339 instant") from error

    def _position(self, tenant_id: str, known_at: str) -> int:
        if known_at.isascii() and known_at.isdigit() and len(known_at) < 19:  # noqa: PLR2004 - fits 64 bits
            position = int(known_at)
            if position > self.log.head(tenant_id):
                raise Invalid("position_ahead", "the ledger has not reached this position")
            return position
        try:
            return self.log.position_at(tenant_id, self.instant(tenant_id, known_at))
        except (Invalid, ValueError) as error:
            raise Invalid("invalid_known_at", "known_at is a position, a date or an RFC 3339 instant") from error

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
        rows, position = self.select(tenant_id, view, [condition], when, replayed_group=key)
        fresh = [self._as_of_now(tenant_id, view, row, when, position) for row in rows]
        return [row for row in fresh if row is not None], position

    def page(self, tenant_id: str, view: View[Any], when: When, *, filters: Mapping[str, Sequence[Any]] | None = None,
             conditions: Sequence[ColumnElement[bool]] = (), order: str | None = None, descending: bool = False,
             after: Sequence[Any] | None = None, limit: int = 50) -> Page:
        """A page of rows.

        Takes: filters, member to the values that it may have; `after`, the last row's order member and keys.
        """
        table = view.table
        clauses = [table.c[name].in_(wanted) for name, wanted in (filters or {}).items()] + list(conditions)
        by = [table.c[name] for name in dict.fromkeys(([order] if order else []) + list(view.keys))]
        if after is not None:
            clauses.append(_behind(by, after, descending=descending))
        ordering = [_ordered(column, descending=descending) for column in by]
        rows, position = self.select(tenant_id, view, clauses, when, order=ordering, limit=limit + 1)
        more = len(rows) > limit
        rows = rows[:limit]
        last = tuple(getattr(rows[-1], column.name) for column in by) if more else None
        fresh = [self._as_of_now(tenant_id, view, row, when, position) for row in rows]
        return Page([row for row in fresh if row is not None], position, last)

    def select(self, tenant_id: str, view: View[Any], clauses: Sequence[ColumnElement[bool]], when: When, *,
               order: Sequence[Any] = (), limit: int | None = None, replayed_group: str | None = None) -> tuple[list[Any], int]:
        """Rows of a view that match, under both clocks, and the position they were built from."""
        table = view.table
        with self.database.read(tenant_id) as connection:
            reached = self._reached(connection, tenant_id, view)
            position = reached if when.known_at is None else when.known_at
            newest = position >= reached
            query = _matching(view, tenant_id, clauses, position, newest=newest)
            if view.facts:
                query = query.where(table.c.position <= position, table.c.effective_at <= when.as_of)
            tabled = view.facts or ((newest or view.history) and (
                when.now or view.schedule or self._nothing_later(connection, tenant_id, view, when, position)))
            if tabled and position <= reached:
                stored = connection.execute(query.order_by(*order).limit(limit)).all()
                return [row_of(view, row) for row in stored], position
        if position > reached:  # the view lags behind the position that was asked for
            position = self.wait(tenant_id, [view], position, 1.0, strict=True)
            return self.select(tenant_id, view, clauses, when, order=order, limit=limit, replayed_group=replayed_group)
        memory = self._replay(tenant_id, view, position, None if when.now else when.as_of, replayed_group)
        query = _matching(view, tenant_id, clauses, position, newest=True)
        with self._lock, memory.read(tenant_id) as connection:
            stored = connection.execute(query.select_from(table).order_by(*order).limit(limit)).all()
        return [row_of(view, row) for row in stored], position

    def _nothing_later(self, connection: Connection, tenant_id: str, view: View[Any], when: When, position: int) -> bool:
        """Whether the table holds nothing of events that are effective later than the question."""
        later = _matching(view, tenant_id, [view.table.c.latest_at > when.as_of], position, newest=False)
        return connection.execute(later.limit(1)).first() is None

    def _reached(self, connection: Connection, tenant_id: str, view: View[Any]) -> int:
        return position_of(connection, tenant_id, view.follower) or 0

    def _as_of_now(self, tenant_id: str, view: View[Any], row: Any, when: When, position: int) -> Any:
        """The row without what lies ahead: an owner who takes over next month is not the owner yet."""
        if view.schedule or view.facts or not when.now or row.latest_at <= when.as_of:
            return row
        key = view.key(row)[0]
        memory = self._replay(tenant_id, view, position, when.as_of, key)
        with self._lock, memory.read(tenant_id) as connection:
            stored = connection.execute(_matching(view, tenant_id, [view.table.c[view.group] == key], position, newest=True)).first()
        return None if stored is None else row_of(view, stored)

    def _replay(self, tenant_id: str, view: View[Any], position: int, as_of: int | None, group: str | None) -> Database:
        """The view grown up to a position in memory, kept for the next question of the same kind."""
        asked = (tenant_id, view.follower, position, as_of, group)
        with self._lock:
            kept = self._replays.get(asked)
            if kept is not None:
                self._replays.move_to_end(asked)
                return kept
        narrow = {} if group is None else _narrow(group)
        memory = self.projector.replay(tenant_id, [view], position, as_of=as_of, **narrow)
        with self._lock:
            self._replays[asked] = memory
            if len(self._replays) > REPLAYS:
                _, oldest = self._replays.popitem(last=False)
                oldest.close()
        return memory


def _matching(view: View[Any], tenant_id: str, clauses: Sequence[ColumnElement[bool]], position: int, *, newest: bool) -> Select[Any]:
    table = view.table
    query = select(table).where(table.c.tenant_id == tenant_id, *clauses)
    if view.history:
        query = query.where(table.c.pos_to == FOREVER) if newest else query.where(table.c.pos_from <= position, table.c.pos_to > position)
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


def _narrow(group: str) -> dict[str, str]:
    return {"account_id": group} if group.startswith("acct_") else {"stream_id": group}
