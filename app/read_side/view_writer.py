"""The view writer: rows of one view, folded in memory and written by few statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import JSON, Connection

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from app.store import rows
from app.store.engine import Database, keyed, keys
from app.store.event_pages import read_page
from projections.interval_index import lifetime_class
from projections.view import Key, View

REFOLDED: Final = 5000
"""How many events are read at a time where a group is folded again."""
Poison = tuple[int, str]
"""The position of an event that a fold refuses, and its error's name."""
GroupedEvents = list[tuple[str, Recorded]]
"""Events, each with the group whose rows it changes."""


class ViewWriter:
    """Folds events into rows of one view and one tenant, and writes what changed when `write` is called.

    Takes: the table to load from and to write to, the serving one when none is named; what gives the events of a group up to a
    position, where the log is not where the table is. What it has in memory is right as long as nobody else writes there: for one
    batch in the serving table, for any time in a table of its own.
    """

    def __init__(
        self,
        database: Database,
        view: View[Any],
        tenant_id: str,
        where: ZoneInfo,
        table: str | None = None,
        *,
        events_of: Callable[[str, int], Iterable[Recorded]] | None = None,
    ) -> None:
        self.database = database
        self.view = view
        self.tenant_id = tenant_id
        self.where = where
        self.table = table or view.follower
        self._events_of = events_of
        self._groups: dict[str, dict[Key, Any]] = {}
        self._since: dict[Key, int] = {}
        self._opened: dict[tuple[Key, int], tuple[Any, int]] = {}
        self._closed: list[tuple[Any, ...]] = []
        self._rewritten: dict[tuple[Key, int], tuple[Any, int]] = {}
        self._dirty: dict[Key, Any] = {}
        self._json = [at for at, column in enumerate(view.columns) if isinstance(column.type, JSON)]

    @property
    def pending(self) -> int:
        """How many rows are to be written."""
        return len(self._opened) + len(self._closed) + len(self._rewritten) + len(self._dirty)

    # --- folding ---

    def fold(self, connection: Connection, events: Sequence[Recorded]) -> Poison | None:
        """Folds events of the view's topics. Gives: the poison where there is one; the events before it are folded.

        Takes: a connection that sees the table as it was when the events before these had been folded.
        """
        grouped, poison = self._grouped(events)
        if self.view.facts:
            return self._fold_facts(grouped) or poison
        self.load(connection, self._missing(grouped))
        poison = (self._fold_many(grouped) if self.view.many else self._fold_one(grouped)) or poison
        if self.view.retracted:
            self._fold_retracted(connection, grouped, poison)
        return poison

    def _grouped(self, events: Sequence[Recorded]) -> tuple[GroupedEvents, Poison | None]:
        """Events with the groups that they belong to, up to one whose group cannot be found."""
        group_of = self.view.group_of
        grouped: GroupedEvents = []
        for event in events:
            try:
                group = group_of(event)
            except Exception as fault:  # noqa: BLE001 - whatever finding its group raises, the view stands still at this event
                return grouped, _poison(event, fault)
            if group is not None:
                grouped.append((group, event))
        return grouped, None

    def _missing(self, grouped: GroupedEvents) -> Set[str]:
        """The groups that are not in memory. One whose own stream begins here has no rows yet."""
        missing: set[str] = set()
        for group, event in grouped:
            if group not in self._groups and group not in missing:
                if event.version == 1 and event.stream_id == group:
                    self._groups[group] = {}
                else:
                    missing.add(group)
        return missing

    def _fold_facts(self, grouped: GroupedEvents) -> Poison | None:
        on, where, dirty = self.view.on, self.where, self._dirty
        for group, event in grouped:
            try:
                dirty[group,] = on[event.type](None, event, where)
            except Exception as fault:  # noqa: BLE001 - whatever a fold raises, the view stands still at this event
                return _poison(event, fault)
        return None

    def _fold_one(self, grouped: GroupedEvents) -> Poison | None:
        on, where, groups, note = self.view.on, self.where, self._groups, self._note
        for group, event in grouped:
            key, rows_of_group = (group,), groups[group]
            before = rows_of_group.get(key)
            try:
                after = on[event.type](before, event, where)
            except Exception as fault:  # noqa: BLE001 - whatever a fold raises, the view stands still at this event
                return _poison(event, fault)
            if after is not before and after != before:
                if after is None:
                    del rows_of_group[key]
                else:
                    rows_of_group[key] = after
                note(key, before, after, event.position)
        return None

    def _fold_many(self, grouped: GroupedEvents) -> Poison | None:
        on, where, groups, note = self.view.on, self.where, self._groups, self._note
        for group, event in grouped:
            before = groups[group]
            try:
                after = dict(on[event.type](before, event, where))
            except Exception as fault:  # noqa: BLE001 - whatever a fold raises, the view stands still at this event
                return _poison(event, fault)
            for key in before.keys() - after.keys():
                note(key, before[key], None, event.position)
            for key, row in after.items():
                old = before.get(key)
                if old is not row and old != row:
                    note(key, old, row, event.position)
            groups[group] = after
        return None

    def _fold_retracted(self, connection: Connection, grouped: GroupedEvents, poison: Poison | None) -> None:
        """Folds the groups of which something was taken back again, without it, up to the last of these events."""
        until = poison[0] - 1 if poison else FOREVER
        folded = [(group, event) for group, event in grouped if event.position <= until]
        events_of = self._events_of or partial(group_events, connection, self.view, self.tenant_id)
        for group in dict.fromkeys(group for group, event in folded if event.type in self.view.retracted):
            key, row = (group,), None
            for event in without_retracted(self.view, list(events_of(group, folded[-1][1].position))):
                row = self.view.on[event.type](row, event, self.where)
            before = self._groups[group].get(key)
            if row is not None and row != before:
                self._groups[group][key] = row
                self._note(key, before, row, folded[-1][1].position)

    def _note(self, key: Key, before: Any, after: Any, position: int) -> None:
        """Keeps what became of a row until it is written."""
        if not self.view.history:
            self._dirty[key] = after
            return
        unversioned = self.view.unversioned
        if unversioned and before is not None and after is not None and unversioned(key):
            since = self._since[key]
            rewritten = self._opened if (key, since) in self._opened else self._rewritten
            rewritten[key, since] = (after, FOREVER)
            return
        if before is not None:
            since = self._since.pop(key)
            if (key, since) in self._opened:
                self._opened[key, since] = (before, position)
            else:
                self._closed.append((self.tenant_id, *key, since, position, *self._lifetime(since, position)))
        if after is not None:
            self._opened[key, position] = (after, FOREVER)
            self._since[key] = position

    # --- reading and writing ---

    def load(self, connection: Connection, missing: Set[str]) -> None:
        """Reads the rows of groups into memory."""
        if not missing:
            return
        view = self.view
        self._groups.update((group, {}) for group in missing)
        names = (*view.members, *(("pos_from",) if view.history else ()))
        condition = f"pos_to = {FOREVER}" if view.history else ""
        statement = keyed(self.database, self.table, view.group, rows.named(names, "f."), condition)
        statement = statement.replace(":keys", "?").replace(":tenant_id", "?")
        binds = (keys(self.database, sorted(missing)), self.tenant_id)
        for stored in rows.fetch(connection, statement, binds):
            row = self._row(stored)
            key = view.key(row)
            self._groups[key[0]][key] = row
            if view.history:
                self._since[key] = stored[-1]

    def write(self, connection: Connection, *, copying: bool = False) -> None:
        """Writes what changed since the last call.

        Takes: `copying`, whether no policy guards the table, so that rows may be copied to it.
        """
        view, table = self.view, self.table
        add = rows.copy if copying else rows.insert
        if view.history:
            key = ("tenant_id", *view.keys, "pos_from")
            # The row is there: this changes when it ended, with one look-up by key for each row, whatever the planner believes.
            ended = ("pos_to", "age") if view.aged else ("pos_to",)
            rows.upsert(connection, table, (*key, *ended), key, self._closed)
            columns = ("tenant_id", *view.members, "pos_from", *ended)
            rows.upsert(connection, table, columns, key, self._versions(self._rewritten))
            add(connection, table, columns, self._versions(self._opened))
        else:
            key, columns = ("tenant_id", *view.keys), ("tenant_id", *view.members)
            changed = [(self.tenant_id, *self._values(row)) for row in self._dirty.values() if row is not None]
            if view.facts and copying:
                add(connection, table, columns, changed)
            else:
                rows.upsert(connection, table, columns, key, changed)
            removed = [(self.tenant_id, *key) for key, row in self._dirty.items() if row is None]
            rows.delete(connection, table, key, removed)
        self._opened, self._closed, self._rewritten, self._dirty = {}, [], {}, {}

    def put(self, made: Iterable[Any]) -> None:
        """Adds rows that no event made, as the truth at every position."""
        for row in made:
            self._opened[self.view.key(row), 0] = (row, FOREVER)

    def forget(self, most: int) -> None:
        """Keeps at most so many groups in memory, the newest. What is forgotten must have been written."""
        if len(self._groups) <= most:
            return
        for group in list(self._groups)[:-most]:
            for key in self._groups.pop(group):
                self._since.pop(key, None)

    def _versions(self, versions: Mapping[tuple[Key, int], tuple[Any, int]]) -> Iterator[tuple[Any, ...]]:
        """Rows with the positions over which they are the truth."""
        for (_, since), (row, until) in versions.items():
            yield (self.tenant_id, *self._values(row), since, until, *self._lifetime(since, until))

    def _lifetime(self, since: int, until: int) -> tuple[int | None, ...]:
        """For how many positions a row was the truth, as the class of its lifetime, where the view keeps that."""
        if not self.view.aged:
            return ()
        return (None if until == FOREVER else lifetime_class(since, until),)

    def _values(self, row: Any) -> Sequence[Any]:
        """A row's members as a database takes them."""
        if not self._json:
            return row  # type: ignore[no-any-return]  # every row is a tuple
        values = list(row)
        for at in self._json:
            if values[at] is not None:
                values[at] = orjson.dumps(values[at], default=tuple).decode()  # a named tuple is an array
        return values

    def _row(self, stored: Sequence[Any]) -> Any:
        """A row of the members as a database gives them."""
        values = list(stored[: len(self.view.members)])
        for at in self._json:
            if isinstance(values[at], str):
                values[at] = orjson.loads(values[at])
        return self.view.row(*values)


def _poison(event: Recorded, fault: Exception) -> Poison:
    return event.position, type(fault).__name__


def group_events(connection: Connection, view: View[Any], tenant_id: str, group: str, until: int) -> Iterator[Recorded]:
    """The events of a view's topics that belong to an account or a stream, up to a position. Takes: a connection that reads the log.

    Raises: Unavailable, log_damaged.
    """
    of_account = group.startswith("acct_")
    account_id, stream_id, position = group if of_account else None, None if of_account else group, 0
    topics = sorted(view.on)
    while events := read_page(
        connection,
        tenant_id,
        position,
        REFOLDED,
        until=until,
        types=topics,
        account_id=account_id,
        stream_id=stream_id,
        intact=True,
    ):
        position = events[-1].position
        yield from events


def without_retracted(view: View[Any], events: Sequence[Recorded]) -> Iterator[Recorded]:
    """Events without those that later ones of the same stream take back."""
    gone = {(view.retracted[event.type], event.stream_id) for event in events if event.type in view.retracted}
    return (event for event in events if (event.type, event.stream_id) not in gone)


def events_by_view(views: Sequence[View[Any]], events: Sequence[Recorded]) -> Mapping[str, list[Recorded]]:
    """The events of each view's topics, by the view's name."""
    by_view: dict[str, list[Recorded]] = {view.name: [] for view in views}
    by_topic: dict[str, list[list[Recorded]]] = {}
    for view in views:
        for topic in view.on:
            by_topic.setdefault(topic, []).append(by_view[view.name])
    for event in events:
        for of_view in by_topic.get(event.type, ()):
            of_view.append(event)
    return by_view
