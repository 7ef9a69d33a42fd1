"""The projector: where the log and the views meet. Catches up, rebuilds, replays; one fold for all three."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from app.domain.kernel.errors import DomainError, Unavailable
from app.domain.recorded import Recorded
from app.observe.logs import logger
from app.read_side.rebuilder import Comparison, Rebuilder
from app.read_side.replay import replay
from app.read_side.view_writer import Poison, ViewWriter, events_by_view
from app.store.across import followers_of_all
from app.store.engine import Database
from app.store.event_pages import read_page
from app.store.log import Log
from app.store.positions import (
    UNNOTICED,
    Follower,
    advance_locked,
    followers,
    grow_to,
    has_grown,
    head_of,
    lock_followers,
    position_of,
)
from projections import VIEWS
from projections.view import View

BATCH: Final = 2000
"""How many events are read at a time."""
TURN: Final = 500
"""For how many events a tenant has a turn before another one does: a quarter of a second, and a fifth dearer than in batches."""


MOMENTS: Final = 8
MOMENT_SECONDS: Final = 0.03
"""How often and after which pause a turn looks whether another worker is done with the views."""


class Turn(NamedTuple):
    """A tenant's turn: how many events were read, and whether there is more for its views to read."""

    read: int
    more: bool


class Batch(NamedTuple):
    """What to fold next: the position before it, the views that stand there, and the events.

    stored: the tenant's followers; others: whether other views have events to read, too, which stand elsewhere.
    """

    start: int
    views: list[View[Any]]
    events: list[Recorded]
    stored: dict[str, Follower]
    others: bool


@dataclass(frozen=True)
class FoldedView:
    """A view's rows after a batch, not yet written. poison: where its fold stopped, if it did."""

    view: View[Any]
    writer: ViewWriter
    reached: int
    poison: Poison | None


class Projector:
    """Keeps views up to date. Takes: the database, the log, the tenant's zone, a clock of microseconds."""

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
        self._parked: dict[tuple[str, str], int] = {}
        """By tenant and view, the event at which the view stands still."""
        self._lost_races: dict[str, int] = {}
        """By tenant, how often another worker was first since the views were last at the head."""

    # --- catching up ---

    def catch_up(self, tenant_id: str, *, until: int | None = None) -> int:
        """Folds what is new into every view, up to a position or else to the head as it is now. Gives: how many events were read.

        What is appended meanwhile is left to the next call, so that it ends however fast others write.
        """
        head = self.log.head(tenant_id) if until is None else until
        read, more = 0, True
        while more:
            batch, more = self._advance(tenant_id, head, BATCH)
            read += len(batch.events) if batch is not None else 0
        return read

    def turn(self, tenant_id: str, until: int) -> Turn:
        """The same for about as many events as all views read in a turn, so that other tenants have theirs soon.

        Raises: Unavailable where another worker has taken all views and does not go on with them.
        """
        read, shares, more = 0, 0, True
        while more and shares < TURN * len(self.views):
            batch, more = self._advance(tenant_id, until, TURN, wait=False)
            if batch is not None:
                read, shares = read + len(batch.events), shares + len(batch.events) * len(batch.views)
        return Turn(read, more)

    def step(self, tenant_id: str, *, until: int | None = None) -> int:
        """One batch for the views that are furthest behind. Gives: how many events it had, 0 at the head."""
        batch, _ = self._advance(tenant_id, until, BATCH)
        return 0 if batch is None else len(batch.events)

    def _advance(self, tenant_id: str, until: int | None, most: int, *, wait: bool = True) -> tuple[Batch | None, bool]:
        """One batch of so many events at most. Gives: the same, None where there is nothing to read; and whether there may be more.

        All reading and folding is done at one moment before the transaction that writes, so that nobody waits for it.
        """
        batch: Batch | None = None
        try:
            with self.database.read(tenant_id) as connection:
                batch = self._next_batch(connection, tenant_id, until, most)
                if batch is None:
                    return None, False
                start, views, events = batch.start, batch.views, batch.events
                by_view, reached = events_by_view(views, events), events[-1].position
                folded = [self._fold(connection, tenant_id, view, by_view[view.name], reached) for view in views]
                behind = self._grown_but_behind(connection, tenant_id, batch, reached)
            fault = self._write(tenant_id, start, folded, *behind, wait=wait)
        except DomainError:
            raise
        except Exception as unforeseen:
            if batch is None:
                raise
            fault = unforeseen
        if fault is not None:
            for view in views:  # find out whose it is, so that only that view stands still
                self._write_by_itself(tenant_id, view, start, by_view[view.name], reached, wait=wait)
        whole = fault is None and tenant_id not in self._lost_races and not batch.others
        return batch, not whole or (len(events) == most if until is None else reached < until)

    def _next_batch(self, connection: Connection, tenant_id: str, until: int | None, most: int) -> Batch | None:
        """What to fold next, None when there is nothing: always for the views that are furthest behind.

        Where no other worker is about, one reading of the log serves all of these. A worker that lost a race takes them one by
        one to the head instead, beginning with another one each time it loses, so that no work is done twice.
        """
        stored = followers(connection, tenant_id)
        reached = self._reached(tenant_id, stored)
        if not reached:
            return None
        start = min(reached.values())
        views = [view for view in self.views if reached.get(view.follower) == start]
        if lost := self._lost_races.get(tenant_id):
            events = read_page(connection, tenant_id, start, most, until=until, intact=True)
            if not events:
                self._lost_races.pop(tenant_id, None)  # another thread of this process may have been first
                return None
            return _checked(tenant_id, Batch(start, [views[lost % len(views)]], events, stored, others=True))
        ahead = [position for position in reached.values() if position > start]
        stop = min([*ahead, *([until] if until is not None else [])], default=None)
        events = read_page(connection, tenant_id, start, most, until=stop, intact=True)
        if not events:
            return None
        return _checked(tenant_id, Batch(start, views, events, stored, others=len(views) < len(reached)))

    def _reached(self, tenant_id: str, stored: Mapping[str, Follower]) -> dict[str, int]:
        """How far each view has read, without those that stand still at an event that this process has tried."""
        reached = {}
        for view in self.views:
            follower = stored.get(view.follower)
            parked_at = None if follower is None else follower.parked_at
            if parked_at is None or self._parked.get((tenant_id, view.follower)) != parked_at:
                reached[view.follower] = 0 if follower is None else follower.position
        return reached

    def _grown_but_behind(
        self, connection: Connection, tenant_id: str, batch: Batch, reached: int
    ) -> tuple[list[str], int]:
        """The views that have read what the ledger held when their tables were made, and lack much that was written since.

        Another version's views have it, and serve: these do not yet. Gives: also the ledger's head, to which they grow.
        """
        names = [view.follower for view in batch.views if not has_grown(batch.stored, view.follower)]
        arrived = [name for name in names if name not in batch.stored or reached >= (batch.stored[name].grows_to or 0)]
        if not arrived:
            return [], 0
        head = head_of(connection, tenant_id)
        return (arrived if head - reached > UNNOTICED else []), head

    def _fold(
        self, connection: Connection, tenant_id: str, view: View[Any], events: Sequence[Recorded], reached: int
    ) -> FoldedView:
        writer = ViewWriter(self.database, view, tenant_id, self.zone(tenant_id))
        poison = writer.fold(connection, events)
        return FoldedView(view, writer, poison[0] - 1 if poison else reached, poison)

    def _write(
        self,
        tenant_id: str,
        start: int,
        folded: Sequence[FoldedView],
        behind: Sequence[str] = (),
        head: int = 0,
        *,
        wait: bool = True,
    ) -> Exception | None:
        """Writes views, without those that another worker moved meanwhile. Gives: why a table refused a row.

        Takes: those which answer only once they have read up to `head`.
        """
        now = self.clock()
        try:
            with self.database.write_views(tenant_id) as connection:
                # First the positions, all of them in one order: whoever is second waits here, before it touches a row.
                positions = self._lock(connection, tenant_id, [each.view.follower for each in folded], now, wait=wait)
                unmoved = [each for each in folded if positions.get(each.view.follower) == start]
                for each in unmoved:
                    each.writer.write(connection)
                reached = {each.view.follower: (each.reached, *(each.poison or (None, None))) for each in unmoved}
                advance_locked(connection, tenant_id, reached, now)
                grow_to(connection, tenant_id, [name for name in behind if name in reached], head)
        except DomainError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever the driver says, it is looked into view by view
            return fault
        if len(unmoved) < len(folded):
            self._lost_races[tenant_id] = self._lost_races.get(tenant_id, 0) + 1
        for each in unmoved:
            if each.poison:
                self._park(tenant_id, each.view, *each.poison)
        return None

    def _lock(
        self, connection: Connection, tenant_id: str, names: Sequence[str], now: int, *, wait: bool
    ) -> dict[str, int]:
        """Positions, locked. Without `wait` those that another worker holds for longer than a moment are left to it."""
        if wait:
            return lock_followers(connection, tenant_id, names, now)
        for _ in range(MOMENTS):
            if locked := lock_followers(connection, tenant_id, names, now, wait=False):
                return locked
            sleep(MOMENT_SECONDS)
        raise Unavailable("views_held", "another worker holds the views of this tenant", retry_after=1)

    def _park(self, tenant_id: str, view: View[Any], position: int, error: str) -> None:
        """Remembers that a view stands still at an event, so that it is tried once only; and says so."""
        if self._parked.get((tenant_id, view.follower)) != position:
            logger().error("view_parked", tenant_id=tenant_id, view=view.name, position=position, error=error)
        self._parked[tenant_id, view.follower] = position

    def _write_by_itself(
        self, tenant_id: str, view: View[Any], start: int, events: Sequence[Recorded], reached: int, *, wait: bool
    ) -> None:
        """Folds and writes one view, in halves and halves again, until the event is found that it cannot go beyond.

        That is one whose rows the table refuses, or whose rows cannot be read from it any more.
        """
        try:
            with self.database.read(tenant_id) as connection:
                if (position_of(connection, tenant_id, view.follower) or 0) != start:
                    return
                folded = self._fold(connection, tenant_id, view, events, reached)
            fault = self._write(tenant_id, start, [folded], wait=wait)
        except DomainError:
            raise
        except Exception as unforeseen:  # noqa: BLE001 - whatever it is, it is looked for event by event
            fault = unforeseen
        if fault is None:
            return
        if not events:
            raise fault
        if len(events) == 1:
            position, nothing = events[0].position, ViewWriter(self.database, view, tenant_id, self.zone(tenant_id))
            poison = (position, type(fault).__name__)
            fault = self._write(tenant_id, start, [FoldedView(view, nothing, position - 1, poison)], wait=wait)
            if fault is not None:
                raise fault
            return
        middle = len(events) // 2
        before = events[middle].position - 1
        self._write_by_itself(tenant_id, view, start, events[:middle], before, wait=wait)
        self._write_by_itself(tenant_id, view, before, events[middle:], reached, wait=wait)

    # --- how far it is ---

    def standings(self, tenant_id: str) -> dict[str, Follower]:
        """Where each view stands."""
        with self.database.read(tenant_id) as connection:
            stored = followers(connection, tenant_id)
        return {view.name: stored.get(view.follower, Follower(0, None, None, None)) for view in self.views}

    def positions(self, tenant_id: str) -> dict[str, int]:
        """How far each view has read."""
        return {name: standing.position for name, standing in self.standings(tenant_id).items()}

    def parked(self, tenant_id: str) -> dict[str, tuple[int, str]]:
        """The views that stand still: the poison event's position and the error's name."""
        standings = self.standings(tenant_id).items()
        return {name: (at.parked_at, at.fault or "") for name, at in standings if at.parked_at is not None}

    def everybody(self) -> dict[tuple[str, str], tuple[int, bool]]:
        """By tenant and view, how many events it has not read yet, and whether it stands still: one reading for all tenants.

        Tenants whose part of the database does not answer are missing.
        """
        heads = self.log.heads().known
        stored = followers_of_all(self.database)
        figures = {}
        for tenant_id, head in heads.items():
            for view in self.views:
                position, parked = stored.get((tenant_id, view.follower), (0, False))
                figures[tenant_id, view.name] = (max(0, head - position), parked)
        return figures

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
        """The same views in a private database in memory, up to a position; see `replay.replay`."""
        return replay(
            self.database,
            tenant_id,
            views,
            self.zone(tenant_id),
            position,
            as_of=as_of,
            account_id=account_id,
            stream_id=stream_id,
            memory=memory,
        )

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
        """Rebuilds one view; see `rebuild_all`."""
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
        """Rebuilds views in shadow tables and compares them with those that serve; replaces unequal ones.

        Takes: a database opened as owner; `verify`: an unequal one is reported and never replaced; `workers`: how many
        processes, this one among them; `progress`, which is called with how many events were read.
        Raises: RuntimeError when a view cannot be rebuilt.
        """
        rebuilder = Rebuilder(owner, tenant_id, self.zone(tenant_id), self.clock)
        return rebuilder.rebuild(views, verify=verify, workers=workers, progress=progress)


def _checked(tenant_id: str, batch: Batch) -> Batch:
    """The batch. Raises: RuntimeError where an event before it is missing."""
    if batch.events[0].position != batch.start + 1:
        raise RuntimeError(f"the log of {tenant_id} has a gap behind {batch.start}")
    return batch
