"""The rebuilder: views grown once more from the log beside those that serve, compared, and put in place where they differ.

A share of the tenant's accounts is grown and compared at one moment of the database, at the position at which the view
stands there: nothing waits, nothing is locked, and an equal view is not written to. Shares go to several processes.
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
from app.read_side.shadow_tables import ShadowConnection, ShadowTable, beside
from app.read_side.view_writer import ViewWriter, by_view
from app.store.engine import Database
from app.store.event_pages import EVERYTHING, Share, page
from app.store.positions import followers, hold
from projections import VIEWS
from projections.view import View

PAGE: Final = 1000
PENDING: Final = 4000
"""How many rows of a view wait in memory before they are written: what ends meanwhile is written once."""
GROUPS: Final = 3000
"""How many groups of a view stay in memory; others are read again from where they were written."""
SHARE_EVENTS: Final = 75_000
"""How many events make a share: so many accounts that all their groups fit into memory."""
FEW: Final = 20_000
"""So few events are grown before another process has begun."""
CLOSE: Final = 200
"""How far behind a rebuild may be when it holds the view to catch up with the rest."""
Progress = Callable[[float], None]
"""Is told how many events more were read."""


@dataclass(frozen=True)
class Comparison:
    """What a rebuild found: rows grown anew, how many of them are missing where it serves, and how many are surplus there.

    position: at which both were compared; where several processes did, the lowest.
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
        """Two shares of a view as one."""
        return Comparison(
            self.view,
            self.tenant_id,
            min(self.position, other.position),
            self.rows + other.rows,
            self.missing + other.missing,
            self.surplus + other.surplus,
            self.swapped or other.swapped,
        )


@dataclass
class _Growing:
    """A view on its way: how far, and into what."""

    view: View[Any]
    grower: ViewWriter
    twin: ShadowTable
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
        """Compares all, then puts the unequal ones in place, unless they are only to be verified."""
        found = self._compared(views, workers, progress)
        return [
            one if one.equal or verify else self._put_in_place(view, one, progress)
            for view, one in zip(views, found, strict=True)
        ]

    def compare(self, views: Sequence[View[Any]], share: Share, progress: Progress) -> list[Comparison]:
        """Grows a share of views and compares it, all at one moment."""
        with _without_collections(), beside(self.database, self.tenant_id) as side:
            growing = self._begin(side, views)
            with side.moment() as connection:
                self._grow(connection, growing, self._positions(connection), share, progress)
                return [self._comparison(one, share) for one in growing]

    # --- growing ---

    def _begin(self, side: ShadowConnection, views: Sequence[View[Any]]) -> list[_Growing]:
        growing = []
        for view in views:
            twin = side.twin(view.table)
            growing.append(_Growing(view, ViewWriter(self.database, view, self.tenant_id, self.where, twin.name), twin))
        return growing

    def _positions(self, connection: Connection) -> dict[str, int]:
        return {name: row.position for name, row in followers(connection, self.tenant_id).items()}

    def _grow(
        self,
        connection: Connection,
        growing: Sequence[_Growing],
        until: dict[str, int],
        share: Share,
        progress: Progress,
    ) -> None:
        """Grows views from where they are to where those that serve are."""
        topics = sorted({topic for one in growing for topic in one.view.on})
        types = topics if len(topics) * 2 < len(CATALOGUE) else ()  # few of many are worth asking for
        ends = {one.view.name: until.get(one.view.follower, 0) for one in growing}
        at, last = min(one.reached for one in growing), max(ends.values())
        while at < last:
            events = page(connection, self.tenant_id, at, PAGE, until=last, types=types, share=share)
            reached = events[-1].position if len(events) == PAGE else last
            wanted = by_view([one.view for one in growing], events)
            for one in growing:
                end = ends[one.view.name]
                told = wanted[one.view.name]
                if at < one.reached or reached > end:
                    told = [event for event in told if one.reached < event.position <= end]
                self._fold(connection, one, told, min(reached, end))
            progress((reached - at) / share.of)
            at = reached
        for one in growing:
            one.grower.write(connection, copying=True)

    def _fold(self, connection: Connection, one: _Growing, events: Sequence[Any], reached: int) -> None:
        poison = one.grower.fold(connection, events)
        if poison:
            raise RuntimeError(f"{one.view.name} cannot be grown past position {poison[0]}: {poison[1]}")
        one.reached = max(one.reached, reached)
        if one.grower.pending > PENDING:
            one.grower.write(connection, copying=True)
            one.grower.forget(GROUPS)

    def _comparison(self, one: _Growing, share: Share) -> Comparison:
        twin, view = one.twin, one.view
        equal, grown = twin.equal(), twin.grown()
        serving = twin.serving("account" if "account" in view.members else view.group, share)
        return Comparison(view.name, self.tenant_id, one.reached, grown, grown - equal, serving - equal)

    # --- sharing the work ---

    def _compared(self, views: Sequence[View[Any]], workers: int, progress: Progress) -> list[Comparison]:
        with self.database.read(self.tenant_id) as connection:
            positions = self._positions(connection)
        head = max(positions.get(view.follower, 0) for view in views)
        workers = max(1, min(workers, head // FEW))
        count = max(workers, math.ceil(head / SHARE_EVENTS / workers) * workers)
        shares = [Share(number, count) for number in range(count)]
        found = self._in_processes(views, shares, workers, head, progress)
        return [sum(of_view[1:], start=of_view[0]) for of_view in zip(*found, strict=True)]

    def _in_processes(
        self, views: Sequence[View[Any]], shares: Sequence[Share], workers: int, head: int, progress: Progress
    ) -> Iterator[list[Comparison]]:
        """The shares, each by whoever is free: the others take them from the front, this process from the back."""
        if workers == 1:
            for share in shares:
                yield self.compare(views, share, progress)
            return
        url, names = self.database.url.render_as_string(hide_password=False), [view.name for view in views]
        context = multiprocessing.get_context("spawn")  # a connection does not survive a fork
        with ProcessPoolExecutor(workers - 1, mp_context=context) as others:
            given = [others.submit(_compare, url, self.tenant_id, self.where, names, share) for share in shares]
            for future, share in zip(reversed(given), reversed(shares), strict=True):
                if future.cancel():  # nobody has begun with it, and now nobody will
                    yield self.compare(views, share, progress)
            for future in given:
                if not future.cancelled():
                    yield future.result()
                    progress(head / len(shares))

    # --- putting in place ---

    def _put_in_place(self, view: View[Any], told: Comparison, progress: Progress) -> Comparison:
        """Grows a view whole and replaces the groups that differ, in one transaction that holds the view's position.

        Groups that are equal at one position stay so: the same folds take the same events further on both sides.
        Takes: what the comparison of the shares told.
        """
        with _without_collections(), beside(self.database, self.tenant_id) as side:
            growing = self._begin(side, [view])
            one = growing[0]
            with side.moment() as connection:
                self._grow(connection, growing, self._positions(connection), EVERYTHING, progress)
                if self._comparison(one, EVERYTHING).equal:
                    return told  # somebody else has put it right meanwhile
                one.twin.note_differing(view.group)
            behind = CLOSE
            while behind >= CLOSE:
                before = one.reached
                with side.moment() as connection:
                    self._grow(connection, growing, self._positions(connection), EVERYTHING, progress)
                behind = one.reached - before
            with side.change() as connection:
                held = hold(connection, self.tenant_id, [view.follower], self.clock())
                self._grow(connection, growing, held, EVERYTHING, progress)
                one.twin.replace_differing(view.group)
        return replace(told, swapped=True)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Without the collector of cycles, of which a fold makes none: going through all rows in memory again and again took it
    two fifths of a rebuild."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _compare(url: str, tenant_id: str, where: ZoneInfo, names: Sequence[str], share: Share) -> list[Comparison]:
    """A share in a process of its own."""
    database = Database(url, owner=True)
    try:
        rebuilder = Rebuilder(database, tenant_id, where, lambda: 0)  # nothing is written, so that no time is asked for
        return rebuilder.compare([view for view in VIEWS if view.name in names], share, lambda _read: None)
    finally:
        database.close()
