"""Receipts: the answers to writes, kept so that a request that is sent again gets the same answer."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, text

from app.domain.kernel.errors import Invalid
from app.store.engine import Database, keyed, keys


@dataclass(slots=True)
class Receipt:
    """The outcome of a write: the aggregate's id and version, the last position, and the events that were appended.

    Nobody changes one; it is not frozen only because every command makes one under the lock.
    """

    id: str
    version: int
    position: int
    events: tuple[tuple[str, str, int], ...]
    recorded_at: int = 0
    replayed: bool = False
    _encoded: str | None = field(default=None, repr=False, compare=False)

    def body(self) -> dict[str, Any]:
        """As it is answered: id, version, position and events of {id, type, position}."""
        listed = [{"id": event_id, "type": kind, "position": at} for event_id, kind, at in self.events]
        return {"id": self.id, "version": self.version, "position": self.position, "events": listed}

    @property
    def encoded(self) -> str:
        """The body as JSON text: the same that is stored and that is answered."""
        if self._encoded is None:
            self._encoded = orjson.dumps(self.body()).decode()
        return self._encoded


@dataclass(slots=True)
class Request:
    """What makes two requests the same: the key, and a fingerprint of the content."""

    key: str
    fingerprint: bytes
    fresh: bool = False
    """Whether the server made the key for this request, so that there can be no receipt for it yet."""


def fingerprint(*parts: bytes) -> bytes:
    """A digest of a request's parts, in order."""
    return hashlib.sha256(b"\x00".join(hashlib.sha256(part).digest() for part in parts)).digest()


class StoredReceipt(NamedTuple):
    """A receipt in the store, with the fingerprint of the request that it answered."""

    fingerprint: bytes
    receipt: Receipt


def find(
    connection: Connection, database: Database, tenant_id: str, request_keys: Iterable[str]
) -> dict[str, StoredReceipt]:
    """The stored receipts by key; a key without a receipt is missing."""
    sql = keyed(database, "receipts", "key", "f.key, f.fingerprint, f.response, f.recorded_at")
    rows = connection.execute(text(sql), {"tenant_id": tenant_id, "keys": keys(database, request_keys)})
    return {
        key: StoredReceipt(bytes(fingerprint_), read(response, recorded_at))
        for key, fingerprint_, response, recorded_at in rows
    }


def replay(request: Request, stored: StoredReceipt) -> Receipt:
    """The first answer again. Raises: Invalid when the key was used for a request with another content."""
    if stored.fingerprint != request.fingerprint:
        raise Invalid("idempotency_key_reused", "this key was used for a request with another content")
    return replace(stored.receipt, replayed=True)


def replay_or_refusal(request: Request, stored: StoredReceipt) -> Receipt | Invalid:
    """The same, with the refusal as a value."""
    try:
        return replay(request, stored)
    except Invalid as refusal:
        return refusal


def read(response: str, recorded_at: int) -> Receipt:
    """A receipt from its stored text and time."""
    body = orjson.loads(response)
    events = tuple((item["id"], item["type"], item["position"]) for item in body["events"])
    return Receipt(body["id"], body["version"], body["position"], events, recorded_at, _encoded=response)
