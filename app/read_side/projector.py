"""The projector: where the log and the views meet. Catches up, rebuilds, replays; one fold for all three."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table

from app.domain.kernel.errors import DomainError
from app.domain.recorded import Recorded
from app.read_side.rebuilder import Comparison, Rebuilder
from app.read_side.view_writer import Poison, ViewWriter, by_view
from app.store.engine import Database
from app.store.event_pages import page
from app.store.log import Log
from app.store.positions import followers, hold, move, position_of
from app.store.schema import protect
from projections import VIEWS
from projections.view import View

BATCH: Final = 2000
REPLAY_BATCH: Final = 5000


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
class Grown:
    """A view's rows after a batch, on their way into its table. poison: where its fold stopped, if it did."""

    view: View[Any]
    grower: ViewWriter
    reached: int
    poison: Poison | None


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
        self._lost: dict[str, int] = {}

    # --- catching up ---

    def catch_up(self, tenant_id: str, *, until: int | None = None) -> int:
        """Folds what is new into every view. Gives: how many events were read."""
        done, more = 0, True
        while more:
            read, more = self._advance(tenant_id, until)
            done += read
        return done

    def step(self, tenant_id: str, *, until: int | None = None) -> int:
        """One batch for the views that are furthest behind. Gives: how many events it had, 0 at the head."""
        return self._advance(tenant_id, until)[0]

    def _advance(self, tenant_id: str, until: int | None) -> tuple[int, bool]:
        """One batch. Gives: how many events it had, and whether there may be more.

        All reading and folding is done at one moment before the transaction that writes, so that nobody waits for it.
        """
        with self.database.read(tenant_id) as connection:
            turn = self._turn(connection, tenant_id, until)
            if turn is None:
                return 0, False
            start, group, events = turn
            if events[0].position != start + 1:
                raise RuntimeError(f"the log of {tenant_id} has a gap behind {start}")
            wanted, reached = by_view(group, events), events[-1].position
            grown = [self._fold(connection, tenant_id, view, wanted[view.name], reached) for view in group]
        faulty = self._write(tenant_id, start, grown) is not None
        if faulty:
            for view in group:  # a table refused a row: find out whose, so that only that view stands still
                self._alone(tenant_id, view, start, wanted[view.name], reached)
        alone = not self._lost.get(tenant_id)
        return len(events), faulty or not alone or len(events) == BATCH or len(group) < len(self.views)

    def _turn(
        self, connection: Connection, tenant_id: str, until: int | None
    ) -> tuple[int, list[View[Any]], list[Recorded]] | None:
        """What to do next: from where, for which views, with what; None when there is nothing.

        Alone, one reading of the log serves all views that are furthest behind. Who lost a race to another worker takes view
        by view to the head instead, each time it loses in another order, so that both do work that is of use.
        """
        reached = self._reached(connection, tenant_id)
        lost = self._lost.get(tenant_id)
        if lost:
            turned = [*self.views[lost % len(self.views) :], *self.views[: lost % len(self.views)]]
            for view in turned:
                start = reached.get(view.follower)
                if start is not None and (events := page(connection, tenant_id, start, BATCH, until=until)):
                    return start, [view], events
            self._lost.pop(tenant_id, None)  # a watcher that catches up beside may have been first
            return None
        if not reached:
            return None
        start = min(reached.values())
        ahead = [position for position in reached.values() if position > start]
        stop = min([*ahead, *([until] if until is not None else [])], default=None)
        events = page(connection, tenant_id, start, BATCH, until=stop)
        return (start, [view for view in self.views if reached.get(view.follower) == start], events) if events else None

    def _reached(self, connection: Connection, tenant_id: str) -> dict[str, int]:
        """Where each view stands, those aside that stand still here."""
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
        self, connection: Connection, tenant_id: str, view: View[Any], events: Sequence[Recorded], reached: int
    ) -> Grown:
        grower = ViewWriter(self.database, view, tenant_id, self.zone(tenant_id))
        poison = grower.fold(connection, events)
        return Grown(view, grower, poison[0] - 1 if poison else reached, poison)

    def _write(self, tenant_id: str, start: int, grown: Sequence[Grown]) -> Exception | None:
        """Writes what views have become, those aside that somebody else moved meanwhile. Gives: why a table refused a row."""
        now = self.clock()
        try:
            with self.database.grow(tenant_id) as connection:
                # First the positions, all of them in one order: whoever is second waits here, before it touches a row.
                held = hold(connection, tenant_id, [one.view.follower for one in grown], now)
                won = [one for one in grown if held[one.view.follower] == start]
                for one in won:
                    one.grower.write(connection)
                moved = {one.view.follower: (one.reached, *(one.poison or (None, None))) for one in won}
                move(connection, tenant_id, moved, now)
        except DomainError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever the driver says, it is looked into view by view
            return fault
        if len(won) < len(grown):
            self._lost[tenant_id] = self._lost.get(tenant_id, 0) + 1
        self._given_up.update({(tenant_id, one.view.follower): one.poison[0] for one in won if one.poison})
        return None

    def _alone(self, tenant_id: str, view: View[Any], start: int, events: Sequence[Recorded], reached: int) -> None:
        """One view by itself, in halves and halves again, until the event is found whose row its table refuses."""
        with self.database.read(tenant_id) as connection:
            if (position_of(connection, tenant_id, view.follower) or 0) != start:
                return
            grown = self._fold(connection, tenant_id, view, events, reached)
        fault = self._write(tenant_id, start, [grown])
        if fault is None:
            return
        if not events:
            raise fault
        if len(events) == 1:
            nothing, at = ViewWriter(self.database, view, tenant_id, grown.grower.where), events[0].position
            fault = self._write(tenant_id, start, [Grown(view, nothing, at - 1, (at, type(fault).__name__))])
            if fault is not None:
                raise fault
            return
        middle = len(events) // 2
        before = events[middle].position - 1
        self._alone(tenant_id, view, start, events[:middle], before)
        self._alone(tenant_id, view, before, events[middle:], reached)

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
            view.name: (row.parked_at, row.fault or "")
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
        growers = [ViewWriter(memory, view, tenant_id, where) for view in views]
        with self.database.read(tenant_id) as log, memory.grow(tenant_id) as connection:
            while events := page(
                log,
                tenant_id,
                at,
                REPLAY_BATCH,
                until=position,
                types=types,
                account_id=account_id,
                stream_id=stream_id,
            ):
                at = events[-1].position
                wanted = by_view(views, events)
                for grower in growers:
                    told = wanted[grower.view.name]
                    if as_of is not None and not grower.view.schedule:
                        told = [event for event in told if event.effective_at <= as_of]
                    poison = grower.fold(connection, told)
                    grower.write(connection)
                    if poison:
                        raise RuntimeError(f"{grower.view.name} cannot be grown past position {poison[0]}: {poison[1]}")
        return memory

    # --- rebuilding ---

    def rebuild(
        self,
        owner: Database,
        tenant_id: str,
        view: View[Any],
        *,
        verify: bool = False,
        progress: Callable[[float], None] = lambda _read: None,
    ) -> Comparison:
        """Grows one view anew; see `rebuild_all`."""
        return self.rebuild_all(owner, tenant_id, [view], verify=verify, progress=progress)[0]

    def rebuild_all(
        self,
        owner: Database,
        tenant_id: str,
        views: Sequence[View[Any]],
        *,
        verify: bool = False,
        workers: int = 1,
        progress: Callable[[float], None] = lambda _read: None,
    ) -> list[Comparison]:
        """Grows views anew beside those that serve and compares them; puts unequal ones in place.

        Takes: a database opened as owner; `verify`: an unequal one is reported and never put in place; `workers`: how many
        processes, this one among them; whom to tell how many events were read.
        Raises: RuntimeError when a view cannot be grown.
        """
        rebuilder = Rebuilder(owner, tenant_id, self.zone(tenant_id), self.clock)
        return rebuilder.rebuild(views, verify=verify, workers=workers, progress=progress)
