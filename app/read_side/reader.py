"""The reader: rows of views under both clocks, from a view's table, or from a replay where the table knows less."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select

from app.domain.kernel.errors import NotFound, Unavailable
from app.domain.kernel.reach import WHOLE, Reach
from app.read_side.beyond import among, states_beyond
from app.read_side.clocks import Clocks, When
from app.read_side.patience import PATIENCE, Behind, aim
from app.read_side.projector import Projector
from app.read_side.reaching import Reaching
from app.read_side.replay import ReplayKey, Replays, moved_since
from app.read_side.row_queries import behind, fetch_rows, matching, ordered, sort_rows
from app.read_side.view_tables import require_grown
from app.store.engine import Database
from app.store.log import Log
from app.store.positions import followers
from projections.view import Condition, View

POLL_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Page:
    """Rows in order, the position that they were built from, and where the next page begins."""

    rows: list[Any]
    position: int
    after: tuple[Any, ...] | None


@dataclass(frozen=True)
class _Matches:
    """Rows that match, and the position that they were built from.

    ahead: rows set apart because they hold events that are effective only later, whether these rows match or not.
    moved: of the rows that match, those that have changed since the position; they are in no order.
    beyond: rows that match and are not in the table, because their instant lies beyond what was worked out.
    """

    rows: list[Any]
    ahead: list[Any]
    position: int
    moved: Sequence[Any] = ()
    beyond: Sequence[Any] = ()


class Reader:
    """Reads one tenant's views. Takes: the database, the log, the projector, a clock of microseconds.

    It reads the accounts of a reach: of the whole tenant, unless it was narrowed by `within`.
    """

    def __init__(self, database: Database, log: Log, projector: Projector, clock: Callable[[], int]) -> None:
        self.database = database
        self.log = log
        self.projector = projector
        self.clock = clock
        self.clocks = Clocks(log, projector.zone, clock)
        self.when = self.clocks.when
        self._replays = Replays(database, projector.zone)
        self._reaching = Reaching(WHOLE, database, clock)

    @property
    def reach(self) -> Reach:
        """Over whose accounts it reads."""
        return self._reaching.reach

    def within(self, reach: Reach) -> "Reader":
        """The same reader over the accounts of a reach: rows of others are not there for it, whatever is asked."""
        if reach.whole:
            return self
        narrowed = copy(self)
        narrowed._reaching = Reaching(reach, self.database, self.clock)
        return narrowed

    def reaches(self, tenant_id: str, accounts: Iterable[str]) -> set[str]:
        """Which of some accounts are in reach."""
        return self._reaching.among(tenant_id, accounts)

    def accounts(self, tenant_id: str) -> list[str] | None:
        """All accounts in reach; None where these are all of the tenant."""
        return None if self.reach.whole else self._reaching.all(tenant_id)

    def require_in_reach(self, tenant_id: str, account: str) -> None:
        """Raises: NotFound for an account that is out of reach, as for one that is not there."""
        if account not in self.reaches(tenant_id, [account]):
            raise NotFound("account_not_found", "there is no such account")

    # --- how far the views have read ---

    def wait(self, tenant_id: str, views: Sequence[View[Any]], position: int, seconds: float, *, strict: bool) -> int:
        """Waits until views have read a position. Gives: the position that they have all reached.

        Raises: Refused for a position that lies ahead; Unavailable when `strict` and they are behind; Behind where somebody else
        is patient for the read, so that it takes no thread meanwhile.
        """
        patience = PATIENCE.get()
        deadline = time.monotonic() + seconds
        checked = False
        while True:
            reached = self.reached(tenant_id, views)
            if reached >= position:
                return reached
            if not checked:
                self.clocks.require_reached(tenant_id, position)
            checked = True
            if patience is not None and patience.left(seconds) > 0:
                raise Behind(tenant_id, views, position, seconds)
            if patience is not None or time.monotonic() >= deadline:
                if strict:
                    raise Unavailable("projection_behind", f"the view is at {reached}", retry_after=1)
                return reached
            time.sleep(POLL_SECONDS)

    def aim(self, tenant_id: str) -> int:
        """The position of all that is known now; see `patience.aim`."""
        return aim(lambda: self.log.head(tenant_id))

    def reached(self, tenant_id: str, views: Sequence[View[Any]]) -> int:
        """The position that views have all reached."""
        with self.database.read(tenant_id) as connection:
            return self._reached(connection, tenant_id, views, growing=True)

    def position(self, tenant_id: str, views: Sequence[View[Any]]) -> int:
        """The position that views have all reached, to be read at. Raises: Unavailable while one of them grows."""
        with self.database.read(tenant_id) as connection:
            return self._reached(connection, tenant_id, views, growing=False)

    def _reached(self, connection: Connection, tenant_id: str, views: Sequence[View[Any]], *, growing: bool) -> int:
        stored = followers(connection, tenant_id)
        if not growing:
            require_grown(views, stored)
        return min(stored[view.follower].position if view.follower in stored else 0 for view in views)

    # --- one row, many rows ---

    def one(self, tenant_id: str, view: View[Any], key: str, when: When) -> tuple[Any, int]:
        """A row by its id, and the position it was built from. Raises: NotFound."""
        rows, position = self.group(tenant_id, view, key, when)
        if not rows:
            raise NotFound(f"{view.noun}_not_found", f"there is no such {view.noun.replace('_', ' ')}")
        return rows[0], position

    def group(self, tenant_id: str, view: View[Any], key: str, when: When) -> tuple[list[Any], int]:
        """All rows of a group, and the position they were built from."""
        of_group = [view.table.c[view.group] == key]
        matches = self._find(tenant_id, view, of_group, when, split=True, group=key)
        ahead = [row for row in matches.ahead if view.key(row)[0] == key]
        by_now = self._as_of_now(tenant_id, view, ahead, of_group, matches.position, when)
        return [*matches.rows, *matches.beyond, *by_now], matches.position

    def page(
        self,
        tenant_id: str,
        view: View[Any],
        when: When,
        *,
        conditions: Sequence[Condition] = (),
        order: str | None = None,
        descending: bool = False,
        after: Sequence[Any] | None = None,
        limit: int = 50,
    ) -> Page:
        """A page of rows. Takes: `after`, the last row's order member and keys."""
        table = view.table
        members = list(dict.fromkeys([*([order] if order else []), *view.keys]))
        columns = [table.c[member] for member in members]
        if after is not None:
            conditions = [*conditions, behind(columns, after, descending=descending)]
        ordering = [ordered(column, descending=descending) for column in columns]
        matches = self._find(tenant_id, view, conditions, when, split=True, order=ordering, limit=limit + 1)
        by_now = self._as_of_now(tenant_id, view, matches.ahead, conditions, matches.position, when)
        more = [*matches.moved, *matches.beyond, *by_now]
        rows = sort_rows([*matches.rows, *more], members, descending=descending) if more else matches.rows
        last = tuple(getattr(rows[limit - 1], member) for member in members) if len(rows) > limit else None
        return Page(rows[:limit], matches.position, last)

    def select(
        self,
        tenant_id: str,
        view: View[Any],
        conditions: Sequence[Condition],
        when: When,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
        replayed_group: str | None = None,
    ) -> tuple[list[Any], int]:
        """Rows of a view that match, under both clocks, and the position they were built from.

        What lies ahead is part of a row where `when` is now.
        Takes: conditions that the view made; `order`, members of the row.
        """
        ordering = [view.table.c[member] for member in order]
        matches = self._find(tenant_id, view, conditions, when, order=ordering, limit=limit, group=replayed_group)
        if not matches.beyond:
            return matches.rows, matches.position
        return sort_rows([*matches.rows, *matches.beyond], order, descending=False)[:limit], matches.position

    def heads(self, tenant_id: str, view: View[Any], conditions: Sequence[Condition]) -> list[Any]:
        """The newest rows from which a view works its states out. Takes: conditions that the view made."""
        if view.validity is None:
            return []
        with self.database.read(tenant_id) as connection:
            self._reached(connection, tenant_id, [view], growing=False)
            within = self._reaching.conditions(tenant_id, view, connection)
            query = matching(view, tenant_id, [*view.validity.heads(), *conditions, *within], 0, newest=True)
            return fetch_rows(view, connection, query)

    def _find(
        self,
        tenant_id: str,
        view: View[Any],
        conditions: Sequence[Condition],
        when: When,
        *,
        split: bool = False,
        order: Sequence[Any] = (),
        limit: int | None = None,
        group: str | None = None,
    ) -> _Matches:
        """Rows of the view's table, or of a replay where the table knows less.

        Takes: `split`, whether rows with events that are effective only later are set apart.
        """
        split = split and when.now and not view.schedule and not view.facts
        zone = self.projector.zone(tenant_id)

        def ask(connection: Connection, position: int, *, newest: bool, without: Sequence[str] = ()) -> _Matches:
            others: list[Condition] = [view.table.c[view.group].not_in(without)] if without else []
            others += self._reaching.conditions(tenant_id, view, connection)

            def rows_that(*more: Condition) -> Select[Any]:
                return matching(view, tenant_id, [*others, *more], position, newest=newest)

            query, ahead = rows_that(*conditions), []
            if view.facts:
                query = query.where(view.table.c.position <= position, view.table.c.effective_at <= when.as_of)
            if split:
                ahead = fetch_rows(view, connection, rows_that(view.table.c.latest_at > when.as_of))
            if ahead:
                query = query.where(view.table.c.latest_at <= when.as_of)
            beyond: list[Any] = []
            if view.validity is not None:
                query = query.where(*view.validity.in_force(when.as_of))
                unknown = rows_that(*view.validity.unknown(when.as_of))
                made = states_beyond(view, connection, tenant_id, unknown, at=when.as_of, position=position, zone=zone)
                if made:
                    part = view.table.c[view.validity.part]
                    query = query.where(part.not_in(unknown.with_only_columns(part)))
                    conditions_now = [*conditions, *view.validity.in_force(when.as_of)]
                    beyond = among(view, tenant_id, made, conditions_now, order, limit)
            rows = fetch_rows(view, connection, query.order_by(*order).limit(limit))
            return _Matches(rows, ahead, position, beyond=beyond)

        with self.database.read(tenant_id) as connection:
            reached = self._reached(connection, tenant_id, [view], growing=when.known_at is not None)
            position = reached if when.known_at is None else when.known_at
            newest = position >= reached
            in_table = view.facts or (
                (newest or view.history)
                and (when.now or view.schedule or self._nothing_later(connection, tenant_id, view, when, position))
            )
            if in_table and position <= reached:
                return ask(connection, position, newest=newest)
            moved = (
                moved_since(connection, tenant_id, view, position) if split and group is None and not newest else None
            )
            unmoved = None if moved is None else ask(connection, position, newest=True, without=moved)
        if position > reached:  # the view lags behind the position that was asked for
            self.wait(tenant_id, [view], position, 1.0, strict=True)
            return self._find(tenant_id, view, conditions, when, split=split, order=order, limit=limit, group=group)
        if moved is not None and unmoved is not None:
            memory = self._replays.of_groups(tenant_id, view, moved, position)
            with closing(memory), memory.read(tenant_id) as connection:
                before = ask(connection, position, newest=True)
            return _Matches(unmoved.rows, [*unmoved.ahead, *before.ahead], position, before.rows)
        key = ReplayKey(tenant_id, view, position, None if when.now else when.as_of, group)
        return self._replays.ask(key, lambda connection: ask(connection, position, newest=True))

    def _nothing_later(
        self, connection: Connection, tenant_id: str, view: View[Any], when: When, position: int
    ) -> bool:
        """Whether the table holds nothing of events that are effective later than the question."""
        later = matching(view, tenant_id, [view.table.c.latest_at > when.as_of], position, newest=False)
        return connection.execute(later.limit(1)).first() is None

    def _as_of_now(
        self,
        tenant_id: str,
        view: View[Any],
        ahead: Sequence[Any],
        conditions: Sequence[Condition],
        position: int,
        when: When,
    ) -> list[Any]:
        """The rows that match once what lies ahead is left out: an owner who takes over next month is not the owner yet.

        They keep the version and `latest_at` that they have with it: the next write must match that version.
        """
        if not ahead:
            return []
        with_all = {view.key(row): row for row in ahead}
        memory = self._replays.of_groups(tenant_id, view, {key[0] for key in with_all}, position, when.as_of)
        with closing(memory), memory.read(tenant_id) as connection:
            within = self._reaching.conditions(tenant_id, view, connection)
            rows = fetch_rows(
                view, connection, matching(view, tenant_id, [*conditions, *within], position, newest=True)
            )
        return [
            row._replace(version=full.version, latest_at=full.latest_at)
            for row in rows
            for full in (with_all[view.key(row)],)
        ]
