"""The projector: where the log and the views meet. Catches up, rebuilds, replays; one fold for all three."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Connection, Select, Table, Text, cast, delete, except_, func, insert, select
from sqlalchemy.exc import OperationalError

from app.domain.errors import DomainError
from app.domain.recorded import Recorded
from app.grower import Grower
from app.store.engine import Database, said_no
from app.store.log import Log
from app.store.positions import advance, followers, hold, park, restart
from app.store.schema import protect
from projections import VIEWS
from projections.base import View

BATCH: Final = 2000
REBUILD_BATCH: Final = 5000


class LostRace(Exception):
    """Another worker moved a view meanwhile; nothing was written, and nothing need be."""


class RebuildLost(RuntimeError):
    """Another rebuild of the same view began meanwhile and goes on in this one's place."""


def create_tables(owner: Database, views: Iterable[View[Any]] = VIEWS) -> None:
    """Makes the tables of views that have none yet. Takes: a database opened as owner."""
    with owner.administer() as connection:
        for view in views:
            _create(connection, view.table)


def _create(connection: Connection, table: Table) -> None:
    if not connection.dialect.has_table(connection, table.name):
        table.create(connection)
        protect(connection, table.name, rewritable=True)


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

    def __init__(
        self,
        database: Database,
        log: Log,
        zone: Callable[[str], ZoneInfo],
        clock: Callable[[], int],
        views: Sequence[View[Any]] = VIEWS,
    ) -> None:
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
        with suppress(LostRace):
            self._advance(tenant_id, group, start, events)
        return len(events)

    def _reached(self, tenant_id: str) -> dict[str, int]:
        """Where each view stands, those aside that stand still here."""
        with self.database.read(tenant_id) as connection:
            stored = followers(connection, tenant_id)
        reached = {}
        for view in self.views:
            row = stored.get(view.follower)
            if (
                row is not None
                and row.parked_at is not None
                and self._given_up.get((tenant_id, view.follower)) == row.parked_at
            ):
                continue
            reached[view.follower] = row.position if row is not None else 0
        return reached

    def _fold(
        self, connection: Connection, view: View[Any], tenant_id: str, events: Sequence[Recorded]
    ) -> tuple[int, str] | None:
        return Grower(self.database, connection, view, view.table, tenant_id, self.zone(tenant_id)).apply(events)

    def _fold_carefully(
        self, connection: Connection, view: View[Any], tenant_id: str, events: Sequence[Recorded]
    ) -> tuple[int, str] | None:
        """The same in halves and halves again, until the event is found whose row the table refuses."""
        try:
            with connection.begin_nested():
                return self._fold(connection, view, tenant_id, events)
        except Exception as fault:
            if isinstance(fault, OperationalError) and not said_no(fault):
                raise
            if len(events) == 1:
                return events[0].position, type(fault).__name__
        middle = len(events) // 2
        return self._fold_carefully(connection, view, tenant_id, events[:middle]) or self._fold_carefully(
            connection, view, tenant_id, events[middle:]
        )

    def _advance(self, tenant_id: str, group: Sequence[View[Any]], start: int, events: Sequence[Recorded]) -> None:
        try:
            self._move(tenant_id, group, start, events, self._fold)
        except (DomainError, LostRace):
            raise
        except Exception:  # noqa: BLE001 - a table refused a row: find out whose, so that only that view stands still
            self._move(tenant_id, group, start, events, self._fold_carefully)

    def _move(
        self,
        tenant_id: str,
        group: Sequence[View[Any]],
        start: int,
        events: Sequence[Recorded],
        fold: Callable[[Connection, View[Any], str, Sequence[Recorded]], tuple[int, str] | None],
    ) -> None:
        now = self.clock()
        with self.database.grow(tenant_id) as connection:
            # First the positions, all of them in one order: whoever is second waits here, before it touches a row.
            for view in group:
                if hold(connection, tenant_id, view.follower, now) != start:
                    raise LostRace
            for view in group:
                poison = fold(connection, view, tenant_id, events)
                reached = poison[0] - 1 if poison else events[-1].position
                advance(connection, tenant_id, view.follower, start, reached, now)
                if poison:
                    park(connection, tenant_id, view.follower, poison[0], poison[1], now)
                    self._given_up[(tenant_id, view.follower)] = poison[0]

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
        return {
            view.name: (row.parked_at, row.fault)
            for view in self.views
            if (row := stored.get(view.follower)) is not None and row.parked_at is not None
        }

    # --- replaying ---

    def replay(
        self,
        tenant_id: str,
        views: Sequence[View[Any]],
        position: int,
        *,
        as_of: int | None = None,
        account_id: str | None = None,
        stream_id: str | None = None,
        memory: Database | None = None,
    ) -> Database:
        """The same views grown in a private database in memory, up to a position.

        Takes: `as_of`, microseconds: events effective later are left out, except in views of schedules; `memory`, to grow
        another account or stream beside those that it holds.
        """
        memory = memory or Database("sqlite://")
        create_tables(memory, views)
        where, at = self.zone(tenant_id), 0
        types = sorted({topic for view in views for topic in view.on})
        while events := self.log.after(
            tenant_id, at, REBUILD_BATCH, until=position, types=types, account_id=account_id, stream_id=stream_id
        ):
            at = events[-1].position
            with memory.grow(tenant_id) as connection:
                for view in views:
                    told = (
                        events
                        if as_of is None or view.schedule
                        else [event for event in events if event.effective_at <= as_of]
                    )
                    poison = Grower(memory, connection, view, view.table, tenant_id, where).apply(told)
                    if poison:
                        raise RuntimeError(f"{view.name} cannot be grown past position {poison[0]}: {poison[1]}")
        return memory

    # --- rebuilding ---

    def rebuild(
        self,
        owner: Database,
        tenant_id: str,
        view: View[Any],
        *,
        verify: bool = False,
        progress: Callable[[int], None] = lambda _read: None,
    ) -> Comparison:
        """Grows a view anew beside the serving one, compares both at one position, and puts the new in its place.

        Takes: `verify`: an unequal one is reported and never put in place.
        Raises: RebuildLost when another one began; RuntimeError when the view cannot be grown.
        """
        side = view.table_named(f"{view.follower}_new")
        with owner.administer() as connection:
            _create(connection, side)
        with self.database.grow(tenant_id) as connection:
            restart(connection, tenant_id, side.name, self.clock())
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

    def _grow_side(
        self, tenant_id: str, view: View[Any], side: Table, grown: int, until: int, progress: Callable[[int], None]
    ) -> int:
        where, types = self.zone(tenant_id), sorted(view.on)
        while grown < until:
            events = self.log.after(tenant_id, grown, REBUILD_BATCH, until=until, types=types)
            reached = events[-1].position if len(events) == REBUILD_BATCH else until
            with self.database.grow(tenant_id) as connection:
                self._require(connection, tenant_id, side, grown)
                poison = Grower(self.database, connection, view, side, tenant_id, where).apply(events)
                if poison:
                    raise RuntimeError(f"{view.name} cannot be grown past position {poison[0]}: {poison[1]}")
                advance(connection, tenant_id, side.name, grown, reached, self.clock())
            progress(reached - grown)
            grown = reached
        return grown

    def _require(self, connection: Connection, tenant_id: str, side: Table, grown: int) -> None:
        if hold(connection, tenant_id, side.name, self.clock()) != grown:
            raise RebuildLost(f"another rebuild of {side.name} began meanwhile")

    def _swap(
        self, connection: Connection, tenant_id: str, view: View[Any], side: Table, grown: int, *, verify: bool
    ) -> Comparison | None:
        """Compares and swaps while the view's position is held; None when it moved on meanwhile."""
        if hold(connection, tenant_id, view.follower, self.clock()) != grown:
            return None
        self._require(connection, tenant_id, side, grown)
        live = view.table

        def rows_of(table: Table) -> Select[Any]:
            columns = [cast(column, Text) if isinstance(column.type, JSON) else column for column in table.columns]
            return select(*columns).where(table.c.tenant_id == tenant_id)

        def only_in(left: Table, right: Table) -> int:
            alone = except_(rows_of(left), rows_of(right)).subquery()
            return connection.execute(select(func.count()).select_from(alone)).scalar_one()

        rows = connection.execute(select(func.count()).select_from(rows_of(side).subquery())).scalar_one()
        missing, surplus = only_in(side, live), only_in(live, side)
        swap = not (verify and (missing or surplus))
        if swap and (missing or surplus):
            connection.execute(delete(live).where(live.c.tenant_id == tenant_id))
            connection.execute(
                insert(live).from_select(
                    [c.name for c in live.columns], select(*side.columns).where(side.c.tenant_id == tenant_id)
                )
            )
        connection.execute(delete(side).where(side.c.tenant_id == tenant_id))
        restart(connection, tenant_id, side.name, self.clock())
        return Comparison(view.name, tenant_id, grown, rows, missing, surplus, swap)
