"""The mapper: new events to stored bytes and back. Bodies, headers and leaves, byte for byte."""

import hashlib
from binascii import b2a_base64
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from app.domain.kernel.values import instant
from app.domain.recorded import Recorded
from app.store.canonical import canonical
from app.store.new_event import NewEvent
from app.store.randomness import random_bytes

ENVELOPE_VERSION: Final = 2
"""The version of the envelope that is written: `v` in the body and, because the leaf covers it, `v` in the header.

1: the header does not name the account, `meta` not the client. 2: the header names the account.
"""
_END_OF_BODY: Final = b',"v":%d}' % ENVELOPE_VERSION
"""How a body of this version ends: `v` is its last member in canonical form, and what stood last before is a text."""


@dataclass(frozen=True, eq=False, init=False)
class StoredEnvelope(StoredEvent):
    """A stored event of the library with the rest of our envelope; `state` is the body, byte for byte.

    `position`, `recorded_at` and `leaf` are known once it is in the log. `header` is the header's text before and after
    position and time, so that only a hash is left to compute while the head row is locked.
    """

    event_id: str
    account_id: str | None
    schema_version: int
    effective_at: int
    actor: str
    position: int = 0
    recorded_at: int = 0
    leaf: bytes = b""
    header: tuple[bytes, bytes] | None = field(default=None, repr=False)

    def __init__(
        self,
        originator_id: str,
        originator_version: int,
        topic: str,
        state: bytes,
        event_id: str,
        account_id: str | None,
        schema_version: int,
        effective_at: int,
        actor: str,
        position: int = 0,
        recorded_at: int = 0,
        leaf: bytes = b"",
        header: tuple[bytes, bytes] | None = None,
    ) -> None:
        # The frozen class of the library would set each member by a call of its own, which takes three times as long.
        self.__dict__.update(
            originator_id=originator_id,
            originator_version=originator_version,
            topic=topic,
            state=state,
            event_id=event_id,
            account_id=account_id,
            schema_version=schema_version,
            effective_at=effective_at,
            actor=actor,
            position=position,
            recorded_at=recorded_at,
            leaf=leaf,
            header=header,
        )

    def __eq__(self, other: object) -> bool:
        """Equal to any stored event of the library with the same four members."""
        return isinstance(other, StoredEvent) and (
            (self.originator_id, self.originator_version, self.topic, self.state)
            == (other.originator_id, other.originator_version, other.topic, other.state)
        )

    def __hash__(self) -> int:
        return hash((self.originator_id, self.originator_version))


class SealedEvent(NamedTuple):
    """A new event ready to be stored: its members as JSON, the personal ones sealed, and what is written beside them."""

    new: NewEvent
    data: dict[str, Any]
    meta: dict[str, Any]
    actor: str


class EnvelopeMapper(Mapper[str]):
    """The library's mapper for our envelope. Takes: the tenant whose log it serves."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__(JSONTranscoder())
        self.tenant_id = tenant_id

    def to_stored_event(self, domain_event: Any) -> StoredEnvelope:
        """A sealed event as bytes."""
        return encoded(self.tenant_id, cast("SealedEvent", domain_event))

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """A stored event as Steward reads it; its members are decoded when they are used."""
        return recorded_of(self.tenant_id, cast("StoredEnvelope", stored_event))


def encoded(tenant_id: str, sealed: SealedEvent) -> StoredEnvelope:
    """A sealed event as bytes. The salt keeps anybody from guessing the body from its digest after the body is erased."""
    salt = b2a_base64(random_bytes(16), newline=False).decode()
    body = canonical({"data": sealed.data, "meta": sealed.meta, "salt": salt, "v": ENVELOPE_VERSION})
    new = sealed.new
    event = new.event
    header = _header_parts(
        tenant_id=tenant_id,
        account_id=new.account_id,
        actor=sealed.actor,
        body=body,
        effective_at=new.effective_at,
        event_id=new.event_id,
        schema_version=event.VERSION,
        stream_id=new.stream_id,
        topic=event.TOPIC,
        version=new.version,
    )
    return StoredEnvelope(
        originator_id=new.stream_id,
        originator_version=new.version,
        topic=event.TOPIC,
        state=body,
        event_id=new.event_id,
        account_id=new.account_id,
        schema_version=event.VERSION,
        effective_at=new.effective_at,
        actor=sealed.actor,
        header=header,
    )


def recorded_of(tenant_id: str, stored: StoredEnvelope) -> Recorded:
    """A stored event as Steward reads it."""
    return Recorded(
        tenant_id=tenant_id,
        position=stored.position,
        event_id=stored.event_id,
        stream_id=str(stored.originator_id),
        version=stored.originator_version,
        account_id=stored.account_id,
        type=stored.topic,
        schema_version=stored.schema_version,
        effective_at=stored.effective_at,
        recorded_at=stored.recorded_at,
        actor=stored.actor,
        body=stored.state,
        leaf=stored.leaf,
    )


def stored_of(recorded: Recorded) -> StoredEnvelope:
    """An event as it is stored, without what it gets where it is stored: position, time and leaf."""
    return StoredEnvelope(
        originator_id=recorded.stream_id,
        originator_version=recorded.version,
        topic=recorded.type,
        state=recorded.body,
        event_id=recorded.event_id,
        account_id=recorded.account_id,
        schema_version=recorded.schema_version,
        effective_at=recorded.effective_at,
        actor=recorded.actor,
    )


def envelope_version(body: bytes) -> int:
    """The version of an event's envelope. Only the body says it, which the leaf covers: nobody passes one off as another."""
    return ENVELOPE_VERSION if body.endswith(_END_OF_BODY) else 1


def header(tenant_id: str, stored: StoredEnvelope, position: int, recorded_at: int) -> bytes:
    """The header that a leaf is the hash of. Every member is a column, so it can be made again when the body is erased."""
    return _filled(_parts_of(tenant_id, stored), position, instant(recorded_at).encode())


def leaf(tenant_id: str, stored: StoredEnvelope, position: int, recorded_at: bytes) -> bytes:
    """The leaf of the tenant's tree. Takes: the instant as text. Source: RFC 6962 section 2.1, SHA-256(0x00 ‖ header)."""
    return hashlib.sha256(b"\x00" + _filled(_parts_of(tenant_id, stored), position, recorded_at)).digest()


def _filled(parts: tuple[bytes, bytes], position: int, recorded_at: bytes) -> bytes:
    return b'%b,"position":%d,"recorded_at":"%b",%b' % (parts[0], position, recorded_at, parts[1])


def _parts_of(tenant_id: str, stored: StoredEnvelope) -> tuple[bytes, bytes]:
    """The parts of the header. An event that came through the library's interface has none yet."""
    return stored.header or _header_parts(
        tenant_id=tenant_id,
        account_id=stored.account_id,
        actor=stored.actor,
        body=stored.state,
        effective_at=stored.effective_at,
        event_id=stored.event_id,
        schema_version=stored.schema_version,
        stream_id=str(stored.originator_id),
        topic=stored.topic,
        version=stored.originator_version,
    )


def _header_parts(
    *,
    tenant_id: str,
    account_id: str | None,
    actor: str,
    body: bytes,
    effective_at: int,
    event_id: str,
    schema_version: int,
    stream_id: str,
    topic: str,
    version: int,
) -> tuple[bytes, bytes]:
    """The header's text before and after position and time, which are known only under the lock."""
    digest = b2a_base64(hashlib.sha256(body).digest(), newline=False).decode()
    v = envelope_version(body)
    before: dict[str, Any] = {"actor": actor, "body": digest, "effective_at": instant(effective_at), "id": event_id}
    if v > 1:
        before["account"] = account_id
    after = {
        "schema": schema_version,
        "stream": stream_id,
        "tenant": tenant_id,
        "type": topic,
        "v": v,
        "version": version,
    }
    return canonical(before)[:-1], canonical(after)[1:]
