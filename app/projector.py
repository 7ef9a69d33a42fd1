"""The projector: the only place where the log and the views meet. Catches up, rebuilds, replays; one fold for all three."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.recorded import Recorded
from app.domain.values import FOREVER
from app.store.engine import Database, keyed, keys
from app.store.log import Log
from app.store.positions import advance, followers, park
from app.store.schema import protect
from projections import VIEWS
from projections.base import Key, View

BATCH: Final = 2000
REBUILD_BATCH: Final = 5000


class LostRace(Exception):
    """Another worker moved a view meanwhile; nothing was written, and nothing need be."""


def create_tables(owner: Database, views: Iterable[View[Any]] = VIEWS) -> None:
    """Makes the tables of views that have none yet. Takes: a database opened as owner."""
    with owner.administer() as connection:
        for view in views:
            _create(connection, view.table)


def _create(connection: Connection, table: Table) -> None:
    if not connection.dialect.has_table(connection, table.name):
        table.create(connection)
        protect(connection, table.name, rewritable=True)


# --- growing: rows of one view in one transaction ---


@dataclass
class Grower:
    """Folds events into one view's table: loads the rows that a batch touches, folds, writes once."""

    database: Database
    connection: Connection
    view: View[Any]
    table: Table
    tenant_id: str
    where: ZoneInfo
    groups: dict[str, dict[Key, Any]] = field(default_factory=dict)
    since: dict[Key, int] = field(default_factory=dict)
    opened: dict[tuple[Key, int], tuple[Any, int]] = field(default_factory=dict)
    closed: list[tuple[Key, int, int]] = field(default_factory=list)
    dirty: set[Key] = field(default_factory=set)
    stored: set[Key] = field(default_factory=set)

    def apply(self, events: Sequence[Recorded]) -> tuple[int, str] | None:
        """Folds a batch and writes it.

        Gives: None, or the position of a poison event and its error's name; the events before it are written.
        """
        wanted = [(group, event) for event in events if event.type in self.view.on
                  and (group := self.view.group_of(event)) is not None]
        self._load({group for group, _ in wanted})
        poison = None
        for group, event in wanted:
            before = self.groups.setdefault(group, {})
            try:
                after = dict(self.view.fold(before, event, self.where))
            except Exception as fault:  # noqa: BLE001 - whatever a fold raises, the view stands still there
                poison = (event.position, type(fault).__name__)
                break
            self._note(before, after, event.position)
            self.groups[group] = after
        self._write()
        return poison

    def _load(self, groups: set[str]) -> None:
        if not groups or self.view.facts:
            return
        condition = f"pos_to = {FOREVER}" if self.view.history else ""
        names = [column.name for column in self.table.columns]
        sql = keyed(self.database, self.table.name, self.view.group, ", ".join(f"f.{name}" for name in names), condition)
        statement = text(sql).columns(*self.table.columns)
        for stored in self.connection.execute(statement, {"tenant_id": self.tenant_id, "keys": keys(self.database, sorted(groups))}):
            row = row_of(self.view, stored)
            key = self.view.key(row)
            self.groups.setdefault(key[0], {})[key] = row
            self.stored.add(key)
            if self.view.history:
                self.since[key] = stored.pos_from

    def _note(self, before: Mapping[Key, Any], after: Mapping[Key, Any], position: int) -> None:
        changed = [key for key, row in after.items() if before.get(key) != row]
        gone = [key for key in before if key not in after]
        if not self.view.history:
            self.dirty.update(changed, gone)
            return
        for key in [*gone, *(key for key in changed if key in before)]:
            since = self.since.pop(key)
            if (key, since) in self.opened:
                row, _ = self.opened[(key, since)]
                self.opened[(key, since)] = (row, position)
            else:
                self.closed.append((key, since, position))
        for key in changed:
            self.opened[(key, position)] = (after[key], FOREVER)
            self.since[key] = position

    def _write(self) -> None:
        table, view = self.table, self.view
        if view.history:
            self._close()
            rows = [self._values(row) | {"pos_from": since, "pos_to": until} for (_, since), (row, until) in self.opened.items()]
            if rows:
                self.connection.execute(insert(table), rows)
            return
        kept = {key: row for group in self.groups.values() for key, row in group.items()}
        rows = [self._values(kept[key]) for key in self.dirty if key in kept]
        gone = [key for key in self.dirty if key not in kept and key in self.stored]
        if rows:
            self._upsert(rows)
        if gone:
            matches = [table.c.tenant_id == self.tenant_id, *(table.c[name] == bindparam(f"k_{name}") for name in view.keys)]
            self.connection.execute(
                delete(table).where(*matches), [{f"k_{name}": part for name, part in zip(view.keys, key, strict=True)} for key in gone])

    def _close(self) -> None:
        if not self.closed:
            return
        table = self.table
        names = (*self.view.keys, "pos_from")
        matches = [table.c.tenant_id == self.tenant_id, *(table.c[name] == bindparam(f"k_{name}") for name in names)]
        self.connection.execute(
            update(table).where(*matches).values(pos_to=bindparam("until")),
            [{**{f"k_{name}": part for name, part in zip(names, (*key, since), strict=True)}, "until": until}
             for key, since, until in self.closed])

    def _upsert(self, rows: list[dict[str, Any]]) -> None:
        dialect = postgresql if self.database.postgres else sqlite
        statement = dialect.insert(self.table)
        leading = ["tenant_id", *self.view.keys]
        rest = {name: statement.excluded[name] for name in self.view.members if name not in self.view.keys}
        upsert = (statement.on_conflict_do_update(index_elements=leading, set_=rest) if rest
                  else statement.on_conflict_do_nothing(index_elements=leading))
        self.connection.execute(upsert, rows)

    def _values(self, row: Any) -> dict[str, Any]:
        return {"tenant_id": self.tenant_id, **{name: getattr(row, name) for name in self.view.members}}


def row_of(view: View[Any], stored: Any) -> Any:
    """A view's row of a table's row."""
    return view.row(**{name: getattr(stored, name) for name in view.members})


# --- the projector ---


@dataclass(frozen=True)
class Comparison:
    """What a rebuild found: rows now and rows grown anew, and how many stand on one side only."""

    view: str
    tenant_id: str
    position: int
    rows: int
    missing: int
    surplus: int
    swapped: bool

    @property
    def equal(self) -> bool:
        """Whether both are the same, row for row."""
        return self.missing == 0 and self.surplus == 0

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "equal": self.equal}


class Projector:
    """Keeps views. Takes: the database, the log, the tenant's zone, a clock; `owner` where tables may be made."""

    def __init__(self, database: Database, log: Log, zone: Callable[[str], ZoneInfo], clock: Callable[[], int],
                 views: Sequence[View[Any]] = VIEWS) -> None:
        self.database = database
        self.log = log
        self.zone = zone
        self.clock = clock
        self.views = tuple(views)
        self._given_up: dict[tuple[str, str], int] = {}

    # --- catching up ---

    def catch_up(self, tenant_id: str, *, until: int | None = None) -> int:
        """Folds what is new into every view. Gives: how many events were read."""
        done = 0
        while (read := self.step(tenant_id, until=until)) > 0:
            done += read
        return done

    def step(self, tenant_id: str, *, until: int | None = None) -> int:
        """One batch for the views that are furthest behind. Gives: how many events it had, 0 at the head."""
        reached = self._reached(tenant_id)
        if not reached:
            return 0
        start = min(reached.values())
        ahead = [position for position in reached.values() if position > start]
        stop = min([*ahead, *([until] if until is not None else [])], default=None)
        events = self.log.after(tenant_id, start, BATCH, until=stop)
        if not events:
            return 0
        if events[0].position != start + 1:
            raise RuntimeError(f"the log of {tenant_id} has a gap behind {start}")
        group = [view for view in self.views if reached.get(view.follower) == start]
        try:
            self._advance(tenant_id, group, start, events)
        except LostRace:
            pass
        return len(events)

    def _reached(self, tenant_id: str) -> dict[str, int]:
        """Where each view stands, those aside that stand still here."""
        with self.database.read(tenant_id) as connection:
            stored = followers(connection, tenant_id)
        reached = {}
        for view in self.views:
            row = stored.get(view.follower)
            if row is not None and row.parked_at is not None and self._given_up.get((tenant_id, view.follower)) == row.parked_at:
                continue
            reached[view.follower] = row.position if row is not None else 0
        return reached

    def _advance(self, tenant_id: str, group: Sequence[View[Any]], start: int, events: Sequence[Recorded]) -> None:
        where = self.zone(tenant_id)
        now = self.clock()
        with self.database.grow(tenant_id) as connection:
            for view in group:
                poison = Grower(self.database, connection, view, view.table, tenant_id, where).apply(events)
                reached = poison[0] - 1 if poison else events[-1].position
                self._move(connection, tenant_id, view, start, reached, now)
                if poison:
                    park(connection, tenant_id, view.follower, poison[0], poison[1], now)
                    self._given_up[(tenant_id, view.follower)] = poison[0]

    def _move(self, connection: Connection, tenant_id: str, view: View[Any], start: int, reached: int, now: int) -> None:
        known = followers(connection, tenant_id).get(view.follower) if start == 0 else True
        if not advance(connection, tenant_id, view.follower, start if known else None, reached, now):
            raise LostRace

    # --- asking ---

    def positions(self, tenant_id: str) -> dict[str, int]:
        """How far each view has read."""
        with self.database.read(tenant_id) as connection:
            stored = followers(connection, tenant_id)
        return {view.name: stored[view.follower].position if view.follower in stored else 0 for view in self.views}

    def parked(self, tenant_id: str) -> dict[str, tuple[int, str]]:
        """The views that stand still: the poison event's position and the error's name."""
        with self.database.read(tenant_id) as connection:
            stored = followers(connection, tenant_id)
        return {view.name: (row.parked_at, row.fault) for view in self.views
                if (row := stored.get(view.follower)) is not None and row.parked_at is not None}

    # --- replaying ---

    def replay(self, tenant_id: str, views: Sequence[View[Any]], position: int, *, as_of: int | None = None,
               account_id: str | None = None, stream_id: str | None = None) -> Database:
        """The same views grown in a private database in memory, up to a position.

        Takes: `as_of`, microseconds: events effective later are left out, except in views of schedules.
        """
        memory = Database("sqlite://")
        create_tables(memory, views)
        where, at = self.zone(tenant_id), 0
        types = sorted({topic for view in views for topic in view.on})
        while events := self.log.after(tenant_id, at, REBUILD_BATCH, until=position, types=types, account_id=account_id,
                                       stream_id=stream_id):
            at = events[-1].position
            with memory.grow(tenant_id) as connection:
                for view in views:
                    told = events if as_of is None or view.schedule else [event for event in events if event.effective_at <= as_of]
                    poison = Grower(memory, connection, view, view.table, tenant_id, where).apply(told)
                    if poison:
                        raise RuntimeError(f"{view.name} cannot be grown past position {poison[0]}: {poison[1]}")
        return memory

    # --- rebuilding ---

    def rebuild(self, owner: Database, tenant_id: str, view: View[Any], *, verify: bool = False,
                progress: Callable[[int], None] = lambda _read: None) -> Comparison:
        """Grows a view anew beside the serving one, compares both at one position, and puts the new in its place.

        Takes: `verify`: an unequal one is reported and never put in place.
        """
        side = view.table_named(f"{view.follower}_new")
        with owner.administer() as connection:
            _create(connection, side)
        with self.database.grow(tenant_id) as connection:
            connection.execute(delete(side).where(side.c.tenant_id == tenant_id))
        grown = 0
        while True:
            serving = self.positions(tenant_id)[view.name]
            if grown < serving:
                grown = self._grow_side(tenant_id, view, side, grown, serving, progress)
            with self.database.grow(tenant_id) as connection:
                compared = self._swap(connection, tenant_id, view, side, grown, verify=verify)
            if compared is not None:
                return compared

    def _grow_side(self, tenant_id: str, view: View[Any], side: Table, grown: int, until: int, progress: Callable[[int], None]) -> int:
        where = self.zone(tenant_id)
        while grown < until:
            events = self.log.after(tenant_id, grown, REBUILD_BATCH, until=until)
            with self.database.grow(tenant_id) as connection:
                poison = Grower(self.database, connection, view, side, tenant_id, where).apply(events)
            if poison:
                raise RuntimeError(f"{view.name} cannot be grown past position {poison[0]}: {poison[1]}")
            progress(len(events))
            grown = events[-1].position
        return grown

    def _swap(self, connection: Connection, tenant_id: str, view: View[Any], side: Table, grown: int, *, verify: bool
              ) -> Comparison | None:
        """Compares and swaps while the view's position is held; None when it moved on meanwhile."""
        if grown and not advance(connection, tenant_id, view.follower, grown, grown, self.clock()):
            return None
        live = view.table
        columns = [column.name if not _is_json(column) else f"CAST({column.name} AS TEXT)" for column in live.columns]
        listed = ", ".join(columns)

        def only_in(left: Table, right: Table) -> int:
            sql = (f"SELECT count(*) FROM (SELECT {listed} FROM {left.name} WHERE tenant_id = :tenant "
                   f"EXCEPT SELECT {listed} FROM {right.name} WHERE tenant_id = :tenant) AS d")
            return int(connection.execute(text(sql), {"tenant": tenant_id}).scalar_one())

        rows = int(connection.execute(text(f"SELECT count(*) FROM {side.name} WHERE tenant_id = :tenant"), {"tenant": tenant_id}).scalar_one())
        missing, surplus = only_in(side, live), only_in(live, side)
        swap = not (verify and (missing or surplus))
        if swap and (missing or surplus):
            connection.execute(delete(live).where(live.c.tenant_id == tenant_id))
            connection.execute(insert(live).from_select([c.name for c in live.columns], select(*side.columns).where(side.c.tenant_id == tenant_id)))
        connection.execute(delete(side).where(side.c.tenant_id == tenant_id))
        return Comparison(view.name, tenant_id, grown, rows, missing, surplus, swap)


def _is_json(column: Any) -> bool:
    return type(column.type).__name__ == "JSON"
