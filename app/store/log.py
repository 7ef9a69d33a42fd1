"""The log: the way into the store for everything else. Reads streams and positions, prepares and appends."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from eventsourcing.persistence import EventStore
from sqlalchemy import select

from app.domain.kernel.errors import DomainError
from app.domain.recorded import Recorded
from app.store import receipts, tables
from app.store.across import Heads, heads
from app.store.append import AppendRequest, Outcome
from app.store.engine import Database
from app.store.event_pages import read_events, read_page
from app.store.lookup import LookupResult, look_up
from app.store.mapper import EnvelopeMapper, SealedEvent, encoded, stored_of
from app.store.new_event import NewEvent
from app.store.opened import count
from app.store.receipts import Receipt, Request, StoredReceipt
from app.store.recorder import LedgerRecorder
from app.store.vault import DataKey, Vault, sealable, sealed_keys


class CacheMiss(Exception):
    """Something is not cached and would have to be read from the database, where the caller allows no reading."""


class Log:
    """Every tenant's ledger in one database.

    Takes: the database, the vault, when an event is recorded after one of some time, a maker of ids.
    """

    def __init__(
        self, database: Database, vault: Vault, time_after: Callable[[int], int], new_id: Callable[[str], str]
    ) -> None:
        self.database = database
        self.vault = vault
        self.time_after = time_after
        self.new_id = new_id

    def recorder(self, tenant_id: str) -> LedgerRecorder:
        """The tenant's recorder, for the library's toolkit."""
        return LedgerRecorder(self.database, tenant_id, self.time_after, self.new_id)

    def store(self, tenant_id: str) -> EventStore[str]:
        """The tenant's event store, for the library's toolkit."""
        return EventStore(EnvelopeMapper(tenant_id), self.recorder(tenant_id))

    # --- reading ---

    def stream(self, tenant_id: str, stream_id: str) -> Iterator[Recorded]:
        """A stream's events by version; none when there is no such stream."""
        return cast("Iterator[Recorded]", self.store(tenant_id).get(stream_id))

    def after(
        self,
        tenant_id: str,
        position: int,
        limit: int,
        *,
        until: int | None = None,
        types: Sequence[str] = (),
        account_id: str | None = None,
        stream_id: str | None = None,
        of_tenant: bool = False,
        accounts: Sequence[str] | None = None,
        intact: bool = False,
    ) -> list[Recorded]:
        """The events after a position, in order; see `read_page`."""
        with self.database.read(tenant_id) as connection:
            return read_page(
                connection,
                tenant_id,
                position,
                limit,
                until=until,
                types=types,
                account_id=account_id,
                stream_id=stream_id,
                of_tenant=of_tenant,
                accounts=accounts,
                intact=intact,
            )

    def events(self, tenant_id: str, event_ids: Sequence[str]) -> list[Recorded]:
        """The events of some ids, by position, without their leaves."""
        with self.database.read(tenant_id) as connection:
            return read_events(connection, self.database, tenant_id, event_ids)

    def head(self, tenant_id: str) -> int:
        """The last position, 0 for an empty ledger."""
        return self.recorder(tenant_id).max_notification_id() or 0

    def position_at(self, tenant_id: str, recorded_at: int) -> int:
        """The last position that was recorded at or before an instant."""
        query = (
            select(tables.events.c.position)
            .where(tables.events.c.tenant_id == tenant_id, tables.events.c.recorded_at <= recorded_at)
            .order_by(
                tables.events.c.recorded_at.desc(), tables.events.c.position.desc()
            )  # the order of the index: one probe
            .limit(1)
        )
        with self.database.read(tenant_id) as connection:
            return connection.execute(query).scalar_one_or_none() or 0

    def tenants(self) -> dict[str, int]:
        """Every tenant's head. Raises: Unavailable where one of them cannot be read."""
        heads = self.heads()
        for fault in heads.away.values():
            raise fault
        return dict(heads.known)

    def heads(self) -> Heads:
        """Every tenant's head, and which of them cannot be read now. Raises: Unavailable where none can."""
        return heads(self.database)

    def resolve(self, tenant_id: str, noun: str, ref: str) -> str | None:
        """The id that a caller's own reference names."""
        query = select(tables.refs.c.stream_id).where(
            tables.refs.c.tenant_id == tenant_id, tables.refs.c.noun == noun, tables.refs.c.ref == ref
        )
        with self.database.read(tenant_id) as connection:
            return connection.execute(query).scalar_one_or_none()

    def last_ref(self, tenant_id: str, noun: str) -> str | None:
        """The greatest reference of a noun whose references are digits, all of one length; none where there is none."""
        refs = tables.refs.c
        own = (refs.tenant_id == tenant_id, refs.noun == noun)
        query = select(refs.ref).where(*own).order_by(refs.ref.desc()).limit(1)
        with self.database.read(tenant_id) as connection:
            return connection.execute(query).scalar_one_or_none()

    def look_up(self, tenant_id: str, refs: Collection[tuple[str, str]], streams: Collection[str]) -> LookupResult:
        """Ids by reference as (noun, reference), and the streams of these and of other ids, in one transaction."""
        return look_up(self.database, tenant_id, refs, streams)

    # --- receipts ---

    def replay(self, tenant_id: str, request: Request) -> Receipt | None:
        """The receipt of the same request, if it was handled before. Raises: Invalid when its key had another content."""
        earlier = self.replays(tenant_id, [request])[0]
        if isinstance(earlier, DomainError):
            raise earlier
        return earlier

    def replays(self, tenant_id: str, requests: Sequence[Request]) -> list[Receipt | DomainError | None]:
        """The same for many requests in one look-up. Gives: for each its earlier receipt, a refusal, or None."""
        stored = self.receipts(tenant_id, [request.key for request in requests if not request.fresh])
        return [
            receipts.replay_or_refusal(request, stored[request.key]) if request.key in stored else None
            for request in requests
        ]

    def receipts(self, tenant_id: str, keys: Sequence[str]) -> dict[str, StoredReceipt]:
        """The stored receipts by key, whatever the request was; a key without a receipt is missing."""
        if not keys:
            return {}
        with self.database.read(tenant_id) as connection:
            return receipts.find(connection, self.database, tenant_id, keys)

    # --- sealed values ---

    def reveal(self, tenant_id: str, sealed: Sequence[tuple[str, Any]], path: str = "data") -> list[Any]:
        """Sealed JSON, opened; what was erased reads null. Takes: pairs of event id and JSON."""
        key_ids: set[str] = set().union(*(sealed_keys(data) for _, data in sealed)) if sealed else set()
        opened: dict[str, bytes] = {}
        if key_ids:
            with self.database.read(tenant_id) as connection:
                opened = self.vault.find(connection, self.database, tenant_id, sorted(key_ids))
            count(len(opened))
        return [self.vault.reveal(opened, tenant_id, event_id, data, path) for event_id, data in sealed]

    # --- writing ---

    def streams_of(self, tenant_id: str, account_id: str | None, topic: str) -> list[str]:
        """The streams of an account, or of none, that have an event of a topic."""
        log = tables.events.c
        condition = (log.tenant_id == tenant_id, log.account_id == account_id, log.type == topic)
        with self.database.read(tenant_id) as connection:
            return list(connection.scalars(select(log.stream_id).where(*condition).order_by(log.position)))

    def prepare(
        self,
        tenant_id: str,
        stream_id: str,
        new_events: Sequence[NewEvent],
        *,
        actor: str,
        meta: Mapping[str, Any],
        reason: str | None,
        expects: Mapping[str, int],
        request: Request,
        claims: Sequence[tuple[str, str]] = (),
        counts: Mapping[tuple[str, str], int] = MappingProxyType({}),
        known_keys: dict[str, bytes | None] | None = None,
        cache_only: bool = False,
    ) -> AppendRequest:
        """Seals and encodes what a command decided: everything that needs no lock.

        Takes: `known_keys`, persons' data keys that were read before, with None for a person who has none; the keys that are
        read here are added to it. Raises: CacheMiss where `cache_only` allows no reading and a key is missing.
        """
        dumped = [new.event.model_dump(mode="json", exclude_none=True) for new in new_events]
        to_seal = [sealable(type(new.event), data) for new, data in zip(new_events, dumped, strict=True)]
        persons = {person for members in to_seal for *_, person in members if person}
        known_keys = {} if known_keys is None else known_keys
        data_keys = self._keys_of(tenant_id, persons, known_keys, cache_only=cache_only) if persons else {}
        new_keys: list[DataKey] = []
        events = []
        for new, data, members in zip(new_events, dumped, to_seal, strict=True):
            if members:
                new_keys += self.vault.seal_all(tenant_id, new.event_id, members, data_keys)
            event_meta = dict(meta)
            if new.corrects:
                event_meta["corrects"] = new.corrects
            if reason:
                event_meta["reason"], key = self.vault.seal_note(tenant_id, new.event_id, reason)
                new_keys.append(key)
            events.append(encoded(tenant_id, SealedEvent(new, data, event_meta, actor)))
        return AppendRequest(
            tenant_id=tenant_id,
            stream_id=stream_id,
            events=tuple(events),
            expects=expects,
            request=request,
            claims=tuple(claims),
            data_keys=tuple(new_keys),
            counts=dict(counts),
        )

    def tell(self, tenant_id: str, events: Sequence[Recorded]) -> None:
        """Appends events of another ledger as they are, at the next positions of this one, which is a private one in memory."""
        self.recorder(tenant_id).insert_events([stored_of(event) for event in events])

    def append(self, tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        """Appends many commands of one tenant in one transaction."""
        return self.recorder(tenant_id).append(batch)

    def _keys_of(
        self, tenant_id: str, persons: set[str], known_keys: dict[str, bytes | None], *, cache_only: bool
    ) -> dict[str, bytes]:
        """The data keys of persons that exist already. What is read here is added to `known_keys`."""
        unread = sorted(persons - known_keys.keys())
        if unread and cache_only:
            raise CacheMiss
        if unread:
            with self.database.read(tenant_id) as connection:
                stored = self.vault.find(connection, self.database, tenant_id, unread)
            # A person without a key is noted too. If another command makes the key meanwhile, the append notices.
            known_keys.update((person, stored.get(person)) for person in unread)
        return {person: key for person in persons if (key := known_keys[person]) is not None}

    def erase(self, tenant_id: str, key_id: str) -> bool:
        """Destroys a data key: what was sealed under it reads null from now on. Gives: whether there was one."""
        with self.database.write(tenant_id) as connection:
            deleted = connection.execute(
                tables.data_keys.delete().where(
                    tables.data_keys.c.tenant_id == tenant_id, tables.data_keys.c.key_id == key_id
                )
            )
            return deleted.rowcount == 1
