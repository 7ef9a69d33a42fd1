"""The recorder: one tenant's log on a table, with the library's interface.

The head row's lock orders the log: positions are 1..n without gaps, and commit order is position order.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
)
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError as UniqueViolation

from app.store.append import AppendRequest, Outcome
from app.store.batch import Batch, LookupKeys
from app.store.engine import Database
from app.store.event_pages import read_page
from app.store.mapper import StoredEnvelope
from app.store.positions import advance, position_of
from app.store.statements import STATEMENTS
from app.store.subscription import LogSubscription
from app.store.tables import events, ledgers

COLUMNS = (events.c.stream_id, events.c.version, events.c.type, events.c.body, events.c.event_id, events.c.account_id,
           events.c.schema_version, events.c.effective_at, events.c.actor, events.c.position, events.c.recorded_at,
           events.c.leaf)  # fmt: skip
"""The columns of a `StoredEnvelope`, in the order of its members."""


class LedgerRecorder(ProcessRecorder):
    """Records one tenant's events. Takes: the database, the tenant, a clock of microseconds, a maker of ids."""

    def __init__(
        self, database: Database, tenant_id: str, time_after: Callable[[int], int], new_id: Callable[[str], str]
    ) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self.time_after = time_after
        self.new_id = new_id

    # --- appending ---

    def append(self, requests: Sequence[AppendRequest]) -> list[Outcome]:
        """Appends many commands in one transaction; one that is refused or out of date drops alone.

        Gives: for each command its receipt or the reason why nothing of it was appended, in order.
        Raises: Unavailable when nothing could be committed.
        """
        if any(request.tenant_id != self.tenant_id for request in requests):
            raise ValueError("a command of another tenant")
        statements = STATEMENTS[self.database.postgres]
        with self.database.append(self.tenant_id) as cursor:
            head, recorded_at, existing = statements.lock(cursor, self.tenant_id, LookupKeys.of(requests))
            batch = Batch(self.tenant_id, head, self.time_after(recorded_at), existing)
            outcomes = [batch.add(request) for request in requests]
            if batch.receipts:
                statements.insert(cursor, batch)
        return outcomes

    # --- the library's interface ---

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Appends events as they are, without a receipt. Raises: IntegrityError when a version is taken."""
        tracking: Tracking | None = kwargs.get("tracking")
        if not stored_events and tracking is None:
            return []
        statements = STATEMENTS[self.database.postgres]
        try:
            with self.database.write(self.tenant_id) as connection:
                with self.database.bare(connection) as cursor:
                    head, recorded_at, existing = statements.lock(cursor, self.tenant_id, LookupKeys())
                    batch = Batch(self.tenant_id, head, self.time_after(recorded_at), existing)
                    for stored in stored_events:
                        batch.add_event(
                            stored if isinstance(stored, StoredEnvelope) else self._envelope(stored, batch.recorded_at)
                        )
                    statements.insert(cursor, batch)
                if tracking is not None:
                    self._track(connection, tracking)
        except UniqueViolation as error:
            raise IntegrityError("a version of the stream is taken") from error
        return list(range(head + 1, batch.head + 1))

    def _envelope(self, stored: StoredEvent, now: int) -> StoredEnvelope:
        """A plain stored event of the library, with the rest of our envelope."""
        return StoredEnvelope(
            originator_id=str(stored.originator_id),
            originator_version=stored.originator_version,
            topic=stored.topic,
            state=stored.state,
            event_id=self.new_id("evt"),
            account_id=None,
            schema_version=1,
            effective_at=now,
            actor="system",
        )

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """A stream's events by version."""
        query = select(*COLUMNS).where(events.c.tenant_id == self.tenant_id, events.c.stream_id == str(originator_id))
        if gt is not None:
            query = query.where(events.c.version > gt)
        if lte is not None:
            query = query.where(events.c.version <= lte)
        query = query.order_by(events.c.version.desc() if desc else events.c.version).limit(limit)
        with self.database.read(self.tenant_id) as connection:
            return [cast("StoredEvent", envelope_of(row)) for row in connection.execute(query)]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """The log by position."""
        first = (start or 0) - (1 if inclusive_of_start and start is not None else 0)
        with self.database.read(self.tenant_id) as connection:
            page = read_page(connection, self.tenant_id, first, limit, until=stop, types=topics)
        return [
            Notification(
                originator_id=recorded.stream_id,
                originator_version=recorded.version,
                topic=recorded.type,
                state=recorded.body,
                id=recorded.position,
            )
            for recorded in page
        ]

    def max_notification_id(self) -> int | None:
        """The head, or None while nothing was recorded."""
        with self.database.read(self.tenant_id) as connection:
            head = connection.execute(
                select(ledgers.c.head).where(ledgers.c.tenant_id == self.tenant_id)
            ).scalar_one_or_none()
        return head or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """An endless iterator over the log, by polling."""
        return LogSubscription(self, gt=gt, topics=topics)

    def insert_tracking(self, tracking: Tracking) -> None:
        """Remembers how far a follower has read. Raises: IntegrityError unless it is further than before."""
        with self.database.write(self.tenant_id) as connection:
            self._track(connection, tracking)

    def _track(self, connection: Connection, tracking: Tracking) -> None:
        reached = position_of(connection, self.tenant_id, tracking.application_name)
        if reached is not None and reached >= tracking.notification_id:
            raise IntegrityError("the follower is at this position already")
        if not advance(
            connection,
            self.tenant_id,
            tracking.application_name,
            reached=reached,
            position=tracking.notification_id,
            now=self.time_after(0),
        ):
            raise IntegrityError("another follower was faster")

    def max_tracking_id(self, application_name: str) -> int | None:
        """How far a follower has read, or None."""
        with self.database.read(self.tenant_id) as connection:
            return position_of(connection, self.tenant_id, application_name)

    def count(self) -> int:
        """How many events there are: always equal to the head."""
        with self.database.read(self.tenant_id) as connection:
            query = select(func.count()).select_from(events).where(events.c.tenant_id == self.tenant_id)
            return connection.execute(query).scalar_one()


def envelope_of(row: Any) -> StoredEnvelope:
    """A stored event from a row of `COLUMNS`. Positional, because every event of a stream is read so; a test holds the order."""
    stored = StoredEnvelope(*row)
    return (
        stored if type(stored.state) is bytes else replace(stored, state=bytes(stored.state), leaf=bytes(stored.leaf))
    )
