"""The log: the cellar's only door. Reads streams and positions, prepares and appends."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from eventsourcing.persistence import EventStore
from sqlalchemy import select

from app.domain.kernel.errors import DomainError
from app.domain.kernel.event import Event
from app.domain.recorded import Recorded
from app.store import receipts
from app.store.append import AppendRequest, Outcome
from app.store.engine import Database
from app.store.event_pages import page
from app.store.lookup import LookupResult, look_up
from app.store.mapper import EnvelopeMapper, Proposed, encoded
from app.store.receipts import Receipt, Request, StoredReceipt
from app.store.recorder import LedgerRecorder
from app.store.tables import data_keys, events, ledgers, refs
from app.store.vault import DataKey, Vault, sealable, sealed_keys


class CacheMiss(Exception):
    """What is asked for would have to be read from the database, and only memory may be asked."""


@dataclass(frozen=True)
class NewEvent:
    """A decided event that wants to become the next of its stream."""

    event: Event
    event_id: str
    stream_id: str
    version: int
    account_id: str | None
    effective_at: int
    corrects: str | None = None


class Log:
    """Every tenant's ledger in one database. Takes: the database, the vault, a clock, a maker of ids."""

    def __init__(
        self, database: Database, vault: Vault, clock: Callable[[], int], new_id: Callable[[str], str]
    ) -> None:
        self.database = database
        self.vault = vault
        self.clock = clock
        self.new_id = new_id

    def recorder(self, tenant_id: str) -> LedgerRecorder:
        """The tenant's recorder, for the library's toolkit."""
        return LedgerRecorder(self.database, tenant_id, self.clock, self.new_id)

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
    ) -> list[Recorded]:
        """The events behind a position, in order, without their leaves."""
        with self.database.read(tenant_id) as connection:
            return page(
                connection, tenant_id, position, limit,
                until=until, types=types, account_id=account_id, stream_id=stream_id,
            )  # fmt: skip

    def head(self, tenant_id: str) -> int:
        """The last position, 0 for an empty ledger."""
        return self.recorder(tenant_id).max_notification_id() or 0

    def position_at(self, tenant_id: str, recorded_at: int) -> int:
        """The last position that was recorded at or before an instant."""
        query = (
            select(events.c.position)
            .where(events.c.tenant_id == tenant_id, events.c.recorded_at <= recorded_at)
            .order_by(events.c.recorded_at.desc(), events.c.position.desc())  # the order of the index: one probe
            .limit(1)
        )
        with self.database.read(tenant_id) as connection:
            return connection.execute(query).scalar_one_or_none() or 0

    def tenants(self) -> dict[str, int]:
        """Every tenant's head."""
        with self.database.directory() as connection:
            rows = connection.execute(select(ledgers.c.tenant_id, ledgers.c.head).order_by(ledgers.c.tenant_id))
            return {tenant_id: head for tenant_id, head in rows}  # noqa: C416 - rows are not pairs to mypy

    def resolve(self, tenant_id: str, noun: str, ref: str) -> str | None:
        """The id behind a caller's own reference."""
        query = select(refs.c.stream_id).where(refs.c.tenant_id == tenant_id, refs.c.noun == noun, refs.c.ref == ref)
        with self.database.read(tenant_id) as connection:
            return connection.execute(query).scalar_one_or_none()

    def look_up(self, tenant_id: str, refs: Collection[tuple[str, str]], streams: Collection[str]) -> LookupResult:
        """The things behind references as (noun, reference), and the streams of these and of ids, together."""
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

    def reveal(self, tenant_id: str, found: Sequence[tuple[str, Any]], path: str = "data") -> list[Any]:
        """Sealed JSON opened, as (event id, JSON) pairs; what was erased reads null."""
        wanted: set[str] = set().union(*(sealed_keys(data) for _, data in found)) if found else set()
        held: dict[str, bytes] = {}
        if wanted:
            with self.database.read(tenant_id) as connection:
                held = self.vault.find(connection, self.database, tenant_id, sorted(wanted))
        return [self.vault.reveal(held, tenant_id, event_id, data, path) for event_id, data in found]

    # --- writing ---

    def prepare(
        self,
        tenant_id: str,
        stream_id: str,
        drafts: Sequence[NewEvent],
        *,
        actor: str,
        meta: Mapping[str, Any],
        reason: str | None,
        expects: Mapping[str, int],
        request: Request,
        claims: Sequence[tuple[str, str]] = (),
        known_keys: dict[str, bytes | None] | None = None,
        cache_only: bool = False,
    ) -> AppendRequest:
        """Seals, encodes and gathers what a command decided: everything that needs no lock.

        Takes: `known_keys`, persons' data keys that were read before, with None for a person who has none; the keys that are
        read here are added to it. Raises: CacheMiss where `cache_only` allows no reading and a key is missing.
        """
        dumped = [draft.event.model_dump(mode="json", exclude_none=True) for draft in drafts]
        secret = [sealable(type(draft.event), data) for draft, data in zip(drafts, dumped, strict=True)]
        persons = {person for found in secret for *_, person in found if person}
        held = (
            self._held(tenant_id, persons, {} if known_keys is None else known_keys, cache_only=cache_only)
            if persons
            else {}
        )
        new_keys: list[DataKey] = []
        facts = []
        for draft, data, found in zip(drafts, dumped, secret, strict=True):
            if found:
                new_keys += self.vault.seal_all(tenant_id, draft.event_id, found, held)
            members = dict(meta)
            if draft.corrects:
                members["corrects"] = draft.corrects
            if reason:
                members["reason"], key = self.vault.seal_note(tenant_id, draft.event_id, reason)
                new_keys.append(key)
            proposed = Proposed(
                draft.event,
                data,
                members,
                draft.event_id,
                draft.stream_id,
                draft.version,
                draft.account_id,
                draft.effective_at,
                actor,
            )
            facts.append(encoded(tenant_id, proposed))
        return AppendRequest(tenant_id, stream_id, tuple(facts), expects, request, tuple(claims), tuple(new_keys))

    def append(self, tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        """Appends many commands of one tenant in one transaction."""
        return self.recorder(tenant_id).append(batch)

    def _held(
        self, tenant_id: str, persons: set[str], known: dict[str, bytes | None], *, cache_only: bool
    ) -> dict[str, bytes]:
        """The data keys of persons that exist already."""
        unread = sorted(persons - known.keys())
        if unread and cache_only:
            raise CacheMiss
        if unread:
            with self.database.read(tenant_id) as connection:
                found = self.vault.find(connection, self.database, tenant_id, unread)
            # That somebody has none yet is known, too: who makes one meanwhile is found out by the append.
            known.update((person, found.get(person)) for person in unread)
        return {person: key for person in persons if (key := known[person]) is not None}

    def erase(self, tenant_id: str, key_id: str) -> bool:
        """Destroys a data key: what was sealed under it reads null from now on. Gives: whether there was one."""
        with self.database.write(tenant_id) as connection:
            gone = connection.execute(
                data_keys.delete().where(data_keys.c.tenant_id == tenant_id, data_keys.c.key_id == key_id)
            )
            return gone.rowcount == 1
