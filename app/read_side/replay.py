"""Replay: views folded once more into a private database in memory, up to a position, and a few such databases kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from app.domain.recorded import Recorded
from app.read_side.view_tables import create_tables
from app.read_side.view_writer import ViewWriter, events_by_view, group_events
from app.store.engine import Database
from app.store.event_pages import read_page
from projections.view import View

BATCH: Final = 5000
KEPT: Final = 4
"""How many replays are kept: an answer known at a position never changes, so they never go stale."""
MOVED: Final = 1000
GROUPS: Final = 100
"""How many events, of how many groups, may have come since a list's first page for its next to be read from the table."""
Answer = TypeVar("Answer")


class ReplayKey(NamedTuple):
    """What a replay holds: a view of a tenant up to a position.

    as_of: microseconds; events effective later are left out; None leaves none out. group: only the events of this
    account or stream; None for all.
    """

    tenant_id: str
    view: View[Any]
    position: int
    as_of: int | None
    group: str | None


def replay(
    log: Database,
    tenant_id: str,
    views: Sequence[View[Any]],
    where: ZoneInfo,
    position: int,
    *,
    as_of: int | None = None,
    account_id: str | None = None,
    stream_id: str | None = None,
    memory: Database | None = None,
) -> Database:
    """The same views in a private database in memory, up to a position.

    Takes: the database of the log; `as_of`, microseconds: events effective later are left out, except in views of schedules;
    `memory`, a database to add another account or stream to.
    Raises: RuntimeError where a fold fails; Unavailable, log_damaged, for an event that is not the one that was written.
    """
    memory = memory or Database("sqlite://")
    create_tables(memory, views)
    last = 0
    types = sorted({topic for view in views for topic in view.on})
    with log.read(tenant_id) as reading, memory.write_views(tenant_id) as writing:

        def writer_of(view: View[Any]) -> ViewWriter:
            def events_of(group: str, until: int) -> Iterator[Recorded]:
                events = group_events(reading, view, tenant_id, group, until)
                return (event for event in events if as_of is None or event.effective_at <= as_of)

            return ViewWriter(memory, view, tenant_id, where, events_of=events_of)

        writers = [writer_of(view) for view in views]
        while events := read_page(
            reading,
            tenant_id,
            last,
            BATCH,
            until=position,
            types=types,
            account_id=account_id,
            stream_id=stream_id,
            intact=True,
        ):
            last = events[-1].position
            by_view = events_by_view(views, events)
            for writer in writers:
                own = by_view[writer.view.name]
                if as_of is not None and not writer.view.schedule:
                    own = [event for event in own if event.effective_at <= as_of]
                poison = writer.fold(writing, own)
                writer.write(writing)
                if poison:
                    raise RuntimeError(f"{writer.view.name} cannot be rebuilt past position {poison[0]}: {poison[1]}")
    return memory


def moved_since(connection: Connection, tenant_id: str, view: View[Any], position: int) -> list[str] | None:
    """The groups of a view whose rows have changed since a position; None for more than are worth folding one by one."""
    events = read_page(connection, tenant_id, position, MOVED + 1, types=sorted(view.on))
    groups = {group for event in events if (group := view.group_of(event)) is not None}
    return sorted(groups) if len(events) <= MOVED and len(groups) <= GROUPS else None


class Replays:
    """The replays that were asked for last. Takes: the database of the log, the tenant's zone."""

    def __init__(self, log: Database, zone: Callable[[str], ZoneInfo]) -> None:
        self.log = log
        self.zone = zone
        self._kept: OrderedDict[tuple[Any, ...], Database] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, key: ReplayKey, question: Callable[[Connection], Answer]) -> Answer:
        """What a replay answers; it is kept for the next question of the same kind.

        A replay is asked under the lock, so that nobody closes it meanwhile.
        """
        kind = (key.tenant_id, key.view.follower, key.position, key.as_of, key.group)
        with self._lock:
            kept = self._kept.get(kind)
            if kept is not None:
                self._kept.move_to_end(kind)
                with kept.read(key.tenant_id) as connection:
                    return question(connection)
        memory = self.make(key)
        with self._lock:
            if (same := self._kept.pop(kind, None)) is not None:  # another request made it meanwhile
                same.close()
            elif len(self._kept) == KEPT:
                self._kept.popitem(last=False)[1].close()
            self._kept[kind] = memory
            with memory.read(key.tenant_id) as connection:
                return question(connection)

    def of_groups(
        self, tenant_id: str, view: View[Any], groups: Iterable[str], position: int, as_of: int | None = None
    ) -> Database:
        """The rows of some groups in memory; the caller closes it."""
        memory = Database("sqlite://")
        create_tables(memory, [view])
        for group in groups:
            self.make(ReplayKey(tenant_id, view, position, as_of, group), memory)
        return memory

    def make(self, key: ReplayKey, memory: Database | None = None) -> Database:
        """The view in memory, of one group's events where one is named."""
        of_account = key.group is not None and key.group.startswith("acct_")
        return replay(
            self.log,
            key.tenant_id,
            [key.view],
            self.zone(key.tenant_id),
            key.position,
            as_of=key.as_of,
            account_id=key.group if of_account else None,
            stream_id=None if of_account else key.group,
            memory=memory,
        )
