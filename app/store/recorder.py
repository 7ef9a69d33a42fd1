"""The recorder: one tenant's log on a table, with the library's interface.

The head row's lock orders the log: positions are 1..n without gaps, and commit order is position order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
)
from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError as UniqueViolation

from app.domain.errors import Conflict, DomainError, Refused
from app.store import receipts
from app.store.append import Append, Outcome
from app.store.engine import Database, keyed, keys
from app.store.mapper import Fact, leaf
from app.store.positions import advance, position_of
from app.store.receipts import Receipt
from app.store.subscription import LogSubscription
from app.store.tables import data_keys, events, ledgers, refs
from app.store.tables import receipts as receipts_table

COLUMNS = (events.c.stream_id, events.c.version, events.c.type, events.c.body, events.c.event_id, events.c.account_id,
           events.c.schema_version, events.c.effective_at, events.c.actor, events.c.position, events.c.recorded_at,
           events.c.leaf)  # fmt: skip
"""The columns of a `Fact`, in its order."""


@dataclass
class _Batch:
    """What a batch adds, gathered while its commands are looked at one after another."""

    head: int
    recorded_at: int
    facts: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    refs: list[dict[str, Any]] = field(default_factory=list)
    data_keys: list[dict[str, Any]] = field(default_factory=list)


class LedgerRecorder(ProcessRecorder):
    """Records one tenant's events. Takes: the database, the tenant, a clock of microseconds, a maker of ids."""

    def __init__(
        self, database: Database, tenant_id: str, clock: Callable[[], int], new_id: Callable[[str], str]
    ) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self.clock = clock
        self.new_id = new_id

    # --- appending ---

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Appends many commands in one transaction; one that is refused or out of date drops alone.

        Gives: for each command its receipt or the reason why nothing of it was appended, in order.
        Raises: Unavailable when nothing could be committed.
        """
        with self.database.write(self.tenant_id) as connection:
            head, recorded_at = self._lock(connection)
            known = receipts.find(connection, self.database, self.tenant_id, [a.request.key for a in batch])
            versions = self._versions(connection, {stream for a in batch for stream in a.expects})
            claimed = self._claimed(connection, {claim for a in batch for claim in a.claims})
            sealing = self._existing_keys(connection, {key.key_id for a in batch for key in a.data_keys})
            gathered = _Batch(head, recorded_at)
            outcomes = [self._decide(one, gathered, known, versions, claimed, sealing) for one in batch]
            self._write(connection, gathered)
        return outcomes

    def _lock(self, connection: Connection) -> tuple[int, int]:
        """The head row, locked: its position, and the time that this batch will bear."""
        query = select(ledgers.c.head, ledgers.c.recorded_at).where(ledgers.c.tenant_id == self.tenant_id)
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            begin = "INSERT INTO ledgers (tenant_id, head, recorded_at) VALUES (:tenant_id, 0, 0)"
            connection.execute(text(f"{begin} ON CONFLICT DO NOTHING"), {"tenant_id": self.tenant_id})
            row = connection.execute(query.with_for_update()).one()
        return row.head, max(self.clock(), row.recorded_at)

    def _decide(
        self,
        one: Append,
        gathered: _Batch,
        known: dict[str, tuple[bytes, Receipt]],
        versions: dict[str, int],
        claimed: dict[tuple[str, str], str],
        sealing: set[str],
    ) -> Outcome:
        found = known.get(one.request.key)
        try:
            if found:
                return receipts.replay(one.request, found)
            for stream_id, expected in one.expects.items():
                if versions.get(stream_id, 0) != expected:
                    raise Conflict(
                        "version_conflict", "the stream moved on", current_version=versions.get(stream_id, 0)
                    )
            for claim in one.claims:
                if claimed.get(claim, one.stream_id) != one.stream_id:
                    raise Refused("external_ref_taken", f"another {claim[0]} has this reference already")
            if any(key.key_id in sealing for key in one.data_keys):
                raise Conflict("data_key_exists", "the person's key was made by somebody else just now")
        except DomainError as refusal:
            return refusal
        receipt = self._take(one, gathered, versions)
        known[one.request.key] = (one.request.fingerprint, receipt)
        claimed.update(dict.fromkeys(one.claims, one.stream_id))
        sealing.update(key.key_id for key in one.data_keys)
        return receipt

    def _take(self, one: Append, gathered: _Batch, versions: dict[str, int]) -> Receipt:
        appended = []
        for fact in one.facts:
            gathered.head += 1
            gathered.facts.append(self._row(fact, gathered.head, gathered.recorded_at))
            versions[str(fact.originator_id)] = fact.originator_version
            appended.append((fact.event_id, fact.topic, gathered.head))
        receipt = Receipt(
            one.stream_id, versions.get(one.stream_id, 0), gathered.head, tuple(appended), gathered.recorded_at
        )
        gathered.receipts.append(receipts.row(self.tenant_id, one.request, receipt))
        gathered.refs += [
            {"tenant_id": self.tenant_id, "noun": noun, "ref": ref, "stream_id": one.stream_id}
            for noun, ref in one.claims
        ]
        gathered.data_keys += [
            {
                "tenant_id": self.tenant_id,
                "key_id": key.key_id,
                "wrapped": key.wrapped,
                "created_at": gathered.recorded_at,
            }
            for key in one.data_keys
        ]
        return receipt

    def _row(self, fact: Fact, position: int, recorded_at: int) -> dict[str, Any]:
        return {
            "tenant_id": self.tenant_id,
            "position": position,
            "event_id": fact.event_id,
            "stream_id": fact.originator_id,
            "version": fact.originator_version,
            "account_id": fact.account_id,
            "type": fact.topic,
            "schema_version": fact.schema_version,
            "effective_at": fact.effective_at,
            "recorded_at": recorded_at,
            "actor": fact.actor,
            "body": fact.state,
            "leaf": leaf(self.tenant_id, fact, position, recorded_at),
        }

    def _write(self, connection: Connection, gathered: _Batch) -> None:
        for table, rows in (
            (events, gathered.facts),
            (receipts_table, gathered.receipts),
            (refs, gathered.refs),
            (data_keys, gathered.data_keys),
        ):
            if rows:
                connection.execute(insert(table), rows)
        if gathered.facts:
            connection.execute(
                update(ledgers)
                .where(ledgers.c.tenant_id == self.tenant_id)
                .values(head=gathered.head, recorded_at=gathered.recorded_at)
            )

    # --- looking up, under the lock ---

    def _versions(self, connection: Connection, streams: set[str]) -> dict[str, int]:
        if not streams:
            return {}
        source = (
            "unnest(CAST(:keys AS text[])) AS k(key)"
            if self.database.postgres
            else "(SELECT value AS key FROM json_each(:keys)) AS k"
        )
        newest = "SELECT max(version) FROM events WHERE tenant_id = :tenant_id AND stream_id = k.key"
        rows = connection.execute(text(f"SELECT k.key, ({newest}) FROM {source}"), self._binds(streams))
        return {stream_id: version or 0 for stream_id, version in rows}

    def _claimed(self, connection: Connection, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        claimed: dict[tuple[str, str], str] = {}
        sql = text(keyed(self.database, "refs", "ref", "f.ref, f.stream_id", "noun = :noun"))
        for noun in sorted({noun for noun, _ in wanted}):
            rows = connection.execute(sql, self._binds({ref for of, ref in wanted if of == noun}) | {"noun": noun})
            claimed.update({(noun, ref): stream_id for ref, stream_id in rows})
        return claimed

    def _existing_keys(self, connection: Connection, wanted: set[str]) -> set[str]:
        if not wanted:
            return set()
        rows = connection.execute(text(keyed(self.database, "data_keys", "key_id", "k.key")), self._binds(wanted))
        return {key_id for (key_id,) in rows}

    def _binds(self, wanted: set[str]) -> dict[str, object]:
        return {"tenant_id": self.tenant_id, "keys": keys(self.database, sorted(wanted))}

    # --- the library's interface ---

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Appends events as they are, without a receipt. Raises: IntegrityError when a version is taken."""
        tracking: Tracking | None = kwargs.get("tracking")
        if not stored_events and tracking is None:
            return []
        try:
            with self.database.write(self.tenant_id) as connection:
                head, recorded_at = self._lock(connection)
                gathered = _Batch(head, recorded_at)
                for stored in stored_events:
                    gathered.head += 1
                    fact = stored if isinstance(stored, Fact) else self._bare(stored, recorded_at)
                    gathered.facts.append(self._row(fact, gathered.head, recorded_at))
                self._write(connection, gathered)
                if tracking is not None:
                    self._track(connection, tracking)
        except UniqueViolation as error:
            raise IntegrityError("a version of the stream is taken") from error
        return [row["position"] for row in gathered.facts]

    def _bare(self, stored: StoredEvent, now: int) -> Fact:
        return Fact(
            str(stored.originator_id),
            stored.originator_version,
            stored.topic,
            stored.state,
            self.new_id("evt"),
            None,
            1,
            now,
            "system",
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
            return [cast("StoredEvent", fact_of(row)) for row in connection.execute(query)]

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
        facts = self.select_after(first, limit, until=stop, types=topics)
        return [
            Notification(fact.originator_id, fact.originator_version, fact.topic, fact.state, fact.position)
            for fact in facts
        ]

    def select_after(
        self,
        position: int,
        limit: int,
        *,
        until: int | None = None,
        types: Sequence[str] = (),
        account_id: str | None = None,
        stream_id: str | None = None,
    ) -> list[Fact]:
        """The facts behind a position, at most `limit`, in order."""
        narrow = account_id is not None or stream_id is not None
        # A bare bound on the position would tempt SQLite to walk the whole log where an index leads to a few rows.
        at = events.c.position + 0 if narrow else events.c.position
        query = select(*COLUMNS).where(events.c.tenant_id == self.tenant_id, at > position)
        if until is not None:
            query = query.where(at <= until)
        if types:
            query = query.where(events.c.type.in_(types))
        if account_id is not None:
            query = query.where(events.c.account_id == account_id)
        if stream_id is not None:
            query = query.where(events.c.stream_id == stream_id)
        with self.database.read(self.tenant_id) as connection:
            return [fact_of(row) for row in connection.execute(query.order_by(at).limit(limit))]

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
            raise IntegrityError("the follower has been there already")
        if not advance(
            connection, self.tenant_id, tracking.application_name, reached, tracking.notification_id, self.clock()
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


def fact_of(row: Any) -> Fact:
    """A fact of a row of `COLUMNS`."""
    fact = Fact(*row)
    return fact if type(fact.state) is bytes else replace(fact, state=bytes(fact.state), leaf=bytes(fact.leaf))
