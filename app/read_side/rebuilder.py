"""The rebuilder: views made once more from the log in shadow tables, compared with those that serve, and swapped in where they differ.

A share of the tenant's accounts is rebuilt and compared in one snapshot of the database, at the position that the view
has reached there: nothing waits, nothing is locked, and an equal view is not written to. Shares go to several processes.
"""

import gc
import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from app.domain.catalogue import CATALOGUE
from app.domain.recorded import Recorded
from app.read_side.shadow_tables import ShadowConnection, ShadowTable, open_shadow
from app.read_side.view_writer import ViewWriter, events_by_view
from app.store.engine import Database
from app.store.event_pages import EVERYTHING, Share, read_page
from app.store.intact import require_whole
from app.store.positions import advance_locked, followers, head_of, lock_followers
from app.store.rows import named
from projections import VIEWS
from projections.view import View

PAGE: Final = 1000
PENDING: Final = 4000
"""How many rows of a view wait in memory before they are written: a row that ends meanwhile is written once."""
GROUPS: Final = 3000
"""How many groups of a view stay in memory; others are read again from where they were written."""
SHARE_EVENTS: Final = 75_000
"""How many events a share has, about: so few accounts that all their groups fit into memory."""
WORKER_EVENTS: Final = 20_000
"""For fewer events than this another process is not worth its start."""
CLOSE: Final = 200
"""How many events a rebuild may be behind when it locks the view to fold the rest."""
Progress = Callable[[float], None]
"""Called with how many more events were read."""


@dataclass(frozen=True)
class Comparison:
    """A rebuilt view beside the one that serves: how many rows were rebuilt, how many of them are missing in the serving table, and
    how many are surplus there.

    position: at which both were compared; where several processes did, the lowest. swapped: whether the rebuilt rows serve now.
    """

    view: str
    tenant_id: str
    position: int
    rows: int
    missing: int
    surplus: int
    swapped: bool = False

    @property
    def equal(self) -> bool:
        """Whether both are the same, row for row."""
        return self.missing == 0 and self.surplus == 0

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "equal": self.equal}

    def __add__(self, other: "Comparison") -> "Comparison":
        """Two shares of a view together."""
        return replace(
            self,
            position=min(self.position, other.position),
            rows=self.rows + other.rows,
            missing=self.missing + other.missing,
            surplus=self.surplus + other.surplus,
            swapped=self.swapped or other.swapped,
        )


@dataclass
class _Rebuild:
    """A view that is being rebuilt: into which table, and up to which position so far."""

    view: View[Any]
    writer: ViewWriter
    shadow: ShadowTable
    reached: int = 0


class Rebuilder:
    """Rebuilds one tenant's views. Takes: a database opened as owner, the tenant's zone, a clock of microseconds."""

    def __init__(self, database: Database, tenant_id: str, where: ZoneInfo, clock: Callable[[], int]) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self.where = where
        self.clock = clock

    def rebuild(
        self, views: Sequence[View[Any]], *, verify: bool, workers: int, progress: Progress
    ) -> list[Comparison]:
        """Compares all, then swaps the unequal ones in, unless they are only to be verified.

        A view that stands still is tried again afterwards: what it could not read may have been a row that is replaced now.
        """
        comparisons = self._compare_shares(views, workers, progress)
        if verify:
            return comparisons
        parked = self._parked()
        return [
            self._swap_in(view, comparison, progress) if not comparison.equal or view.follower in parked else comparison
            for view, comparison in zip(views, comparisons, strict=True)
        ]

    def compare(self, views: Sequence[View[Any]], share: Share, progress: Progress) -> list[Comparison]:
        """Rebuilds a share of views and compares it, all in one snapshot."""
        with _without_collections(), open_shadow(self.database, self.tenant_id) as shadow:
            rebuilds = self._begin(shadow, views)
            with shadow.snapshot() as connection:
                self._fold_up_to(connection, rebuilds, self._positions(connection), share, progress)
                return [self._comparison(rebuild, share) for rebuild in rebuilds]

    # --- folding ---

    def _begin(self, shadow: ShadowConnection, views: Sequence[View[Any]]) -> list[_Rebuild]:
        rebuilds = []
        for view in views:
            table = shadow.create_table(view.table)
            writer = ViewWriter(self.database, view, self.tenant_id, self.where, table.name)
            rebuilds.append(_Rebuild(view, writer, table))
        return rebuilds

    def _positions(self, connection: Connection) -> dict[str, int]:
        return {name: row.position for name, row in followers(connection, self.tenant_id).items()}

    def _parked(self) -> set[str]:
        with self.database.read(self.tenant_id) as connection:
            return {name for name, row in followers(connection, self.tenant_id).items() if row.parked_at is not None}

    def _fold_up_to(
        self,
        connection: Connection,
        rebuilds: Sequence[_Rebuild],
        positions: dict[str, int],
        share: Share,
        progress: Progress,
    ) -> None:
        """Folds views from the position that each has reached to that of the serving one."""
        topics = sorted({topic for rebuild in rebuilds for topic in rebuild.view.on})
        types = (
            topics if len(topics) * 2 < len(CATALOGUE) else ()
        )  # a condition pays only where it leaves out most topics
        ends = {rebuild.view.name: positions.get(rebuild.view.follower, 0) for rebuild in rebuilds}
        read, last = min(rebuild.reached for rebuild in rebuilds), max(ends.values())
        while read < last:
            events = read_page(
                connection, self.tenant_id, read, PAGE, until=last, types=types, share=share, intact=True
            )
            reached = events[-1].position if len(events) == PAGE else last
            by_view = events_by_view([rebuild.view for rebuild in rebuilds], events)
            for rebuild in rebuilds:
                end, own = ends[rebuild.view.name], by_view[rebuild.view.name]
                if read < rebuild.reached or reached > end:
                    own = [event for event in own if rebuild.reached < event.position <= end]
                self._fold(connection, rebuild, own, min(reached, end))
            progress((reached - read) / share.of)
            read = reached
        for rebuild in rebuilds:
            rebuild.writer.write(connection, copying=True)

    def _fold(self, connection: Connection, rebuild: _Rebuild, events: Sequence[Recorded], reached: int) -> None:
        poison = rebuild.writer.fold(connection, events)
        if poison:
            raise RuntimeError(f"{rebuild.view.name} cannot be rebuilt past position {poison[0]}: {poison[1]}")
        rebuild.reached = max(rebuild.reached, reached)
        if rebuild.writer.pending > PENDING:
            rebuild.writer.write(connection, copying=True)
            rebuild.writer.forget(GROUPS)

    def _comparison(self, rebuild: _Rebuild, share: Share) -> Comparison:
        view, shadow = rebuild.view, rebuild.shadow
        owner = named(["account" if "account" in view.members else view.group])
        if view.facts and "stream_id" in view.members:  # a row of an event without an account is its stream's
            owner = "coalesce(nullif(account, ''), stream_id)"
        equal, rows, serving = shadow.count_equal(owner, share), shadow.count(), shadow.count_serving(owner, share)
        return Comparison(
            view=view.name,
            tenant_id=self.tenant_id,
            position=rebuild.reached,
            rows=rows,
            missing=rows - equal,
            surplus=serving - equal,
        )

    # --- sharing the work ---

    def _compare_shares(self, views: Sequence[View[Any]], workers: int, progress: Progress) -> list[Comparison]:
        with self.database.read(self.tenant_id) as connection:
            positions = self._positions(connection)
            require_whole(connection, self.tenant_id, head_of(connection, self.tenant_id))
        head = max(positions.get(view.follower, 0) for view in views)
        workers = max(1, min(workers, head // WORKER_EVENTS))
        count = max(workers, math.ceil(head / SHARE_EVENTS / workers) * workers)
        shares = [Share(number, count) for number in range(count)]
        by_share = self._in_processes(views, shares, workers, head, progress)
        return [sum(of_view[1:], start=of_view[0]) for of_view in zip(*by_share, strict=True)]

    def _in_processes(
        self, views: Sequence[View[Any]], shares: Sequence[Share], workers: int, head: int, progress: Progress
    ) -> Iterator[list[Comparison]]:
        """The comparisons, share by share: the other processes take shares from the front, this one from the back."""
        if workers == 1:
            for share in shares:
                yield self.compare(views, share, progress)
            return
        url, names = self.database.url.render_as_string(hide_password=False), [view.name for view in views]
        context = multiprocessing.get_context("spawn")  # a connection does not survive a fork
        with ProcessPoolExecutor(workers - 1, mp_context=context) as others:
            futures = [others.submit(_compare, url, self.tenant_id, self.where, names, share) for share in shares]
            for future, share in zip(reversed(futures), reversed(shares), strict=True):
                if future.cancel():  # no other process has begun it, and now none will
                    yield self.compare(views, share, progress)
            for future in futures:
                if not future.cancelled():
                    yield future.result()
                    progress(head / len(shares))

    # --- swapping in ---

    def _swap_in(self, view: View[Any], comparison: Comparison, progress: Progress) -> Comparison:
        """Rebuilds all of a view and replaces the groups that differ, in one transaction that locks the view's position.

        Groups that are equal at one position stay so: the same folds take the same events further on both sides.
        Takes: the comparison of all shares.
        """
        with _without_collections(), open_shadow(self.database, self.tenant_id) as shadow:
            (rebuild,) = self._begin(shadow, [view])
            with shadow.snapshot() as connection:
                self._fold_up_to(connection, [rebuild], self._positions(connection), EVERYTHING, progress)
                equal = self._comparison(rebuild, EVERYTHING).equal  # or another worker has put it right meanwhile
                if not equal:
                    rebuild.shadow.note_differing(view.group)
            behind, last = rebuild.reached, 2 * rebuild.reached + 1
            while behind >= CLOSE and 2 * behind < last:  # as long as each time less than half of the last time is left
                before, last = rebuild.reached, behind
                with shadow.snapshot() as connection:
                    self._fold_up_to(connection, [rebuild], self._positions(connection), EVERYTHING, progress)
                behind = rebuild.reached - before
            with shadow.change() as connection:
                locked = lock_followers(connection, self.tenant_id, [view.follower], self.clock())
                self._fold_up_to(connection, [rebuild], locked, EVERYTHING, progress)
                rebuild.shadow.replace_differing(view.group)
                advance_locked(connection, self.tenant_id, {view.follower: (rebuild.reached, None, None)}, self.clock())
        return replace(comparison, swapped=not equal)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Without the collector of cycles: a fold makes none, and walking all rows in memory again and again took two fifths of a rebuild."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _compare(url: str, tenant_id: str, where: ZoneInfo, names: Sequence[str], share: Share) -> list[Comparison]:
    """Compares a share in a process of its own."""
    database = Database(url, owner=True)
    try:
        rebuilder = Rebuilder(database, tenant_id, where, lambda: 0)  # nothing is written, so that no time is asked for
        return rebuilder.compare([view for view in VIEWS if view.name in names], share, lambda _read: None)
    finally:
        database.close()
