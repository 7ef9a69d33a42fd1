"""Between what is decided and what is stored: bodies, headers and leaves, byte for byte."""

import hashlib
from binascii import b2a_base64
from dataclasses import dataclass, field
from typing import Any, Final, cast

from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from app.domain.kernel.event import Event
from app.domain.kernel.values import instant
from app.domain.recorded import Recorded
from app.store.canonical import canonical
from app.store.randomness import random_bytes

LEAF_VERSION: Final = 1


@dataclass(frozen=True, eq=False, init=False)
class StoredEnvelope(StoredEvent):
    """A stored event of the library with the rest of our envelope; `state` is the body, byte for byte.

    `position`, `recorded_at` and `leaf` are known once it is in the log. `header` is its header without the two, before
    and behind the gaps, so that under the lock only a hash is left to do.
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
        # The frozen class of the library would set each member by a call of its own.
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


@dataclass(slots=True)
class Proposed:
    """An event on its way into the log, its members sealed already."""

    event: Event
    data: dict[str, Any]
    meta: dict[str, Any]
    event_id: str
    originator_id: str
    originator_version: int
    account_id: str | None
    effective_at: int
    actor: str


class EnvelopeMapper(Mapper[str]):
    """The library's mapper for our envelope. Takes: the tenant whose log it serves."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__(JSONTranscoder())
        self.tenant_id = tenant_id

    def to_stored_event(self, domain_event: Any) -> StoredEnvelope:
        """A proposed event as bytes."""
        return encoded(self.tenant_id, cast("Proposed", domain_event))

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """A stored event as the house reads it; its members are decoded when somebody asks."""
        return recorded_of(self.tenant_id, cast("StoredEnvelope", stored_event))


def encoded(tenant_id: str, proposed: Proposed) -> StoredEnvelope:
    """A proposed event as bytes. The salt keeps its digest from telling anything once the body is gone."""
    salt = b2a_base64(random_bytes(16), newline=False).decode()
    body = canonical({"data": proposed.data, "meta": proposed.meta, "salt": salt})
    event = proposed.event
    stream_id, version, effective_at = proposed.originator_id, proposed.originator_version, proposed.effective_at
    header = _around(
        tenant_id, proposed.actor, body, effective_at, proposed.event_id, event.VERSION, stream_id, event.TOPIC, version
    )
    return StoredEnvelope(
        stream_id, version, event.TOPIC, body, proposed.event_id, proposed.account_id, event.VERSION, effective_at,
        proposed.actor, header=header,
    )  # fmt: skip


def recorded_of(tenant_id: str, fact: StoredEnvelope) -> Recorded:
    """The envelope of a fact that is in the log."""
    return Recorded(
        tenant_id=tenant_id,
        position=fact.position,
        event_id=fact.event_id,
        stream_id=str(fact.originator_id),
        version=fact.originator_version,
        account_id=fact.account_id,
        type=fact.topic,
        schema_version=fact.schema_version,
        effective_at=fact.effective_at,
        recorded_at=fact.recorded_at,
        actor=fact.actor,
        body=fact.state,
        leaf=fact.leaf,
    )


def header(tenant_id: str, fact: StoredEnvelope, position: int, recorded_at: int) -> bytes:
    """What a leaf is the hash of. Every member is a column, so it can be made again without the body's text."""
    return _filled(_header_of(tenant_id, fact), position, instant(recorded_at).encode())


def leaf(tenant_id: str, fact: StoredEnvelope, position: int, recorded_at: bytes) -> bytes:
    """The leaf of the tenant's tree. Takes: the instant as text. Source: RFC 6962 section 2.1, SHA-256(0x00 ‖ header)."""
    return hashlib.sha256(b"\x00" + _filled(_header_of(tenant_id, fact), position, recorded_at)).digest()


def _filled(around: tuple[bytes, bytes], position: int, recorded_at: bytes) -> bytes:
    return b'%b,"position":%d,"recorded_at":"%b",%b' % (around[0], position, recorded_at, around[1])


def _header_of(tenant_id: str, fact: StoredEnvelope) -> tuple[bytes, bytes]:
    """The header around position and time. What came through the library has none yet."""
    return fact.header or _around(
        tenant_id, fact.actor, fact.state, fact.effective_at, fact.event_id, fact.schema_version,
        str(fact.originator_id), fact.topic, fact.originator_version,
    )  # fmt: skip


def _around(
    tenant_id: str, actor: str, body: bytes, effective_at: int, event_id: str, schema: int, stream_id: str, topic: str,
    version: int,
) -> tuple[bytes, bytes]:  # fmt: skip
    digest = b2a_base64(hashlib.sha256(body).digest(), newline=False).decode()
    before = {"actor": actor, "body": digest, "effective_at": instant(effective_at), "id": event_id}
    behind = {
        "schema": schema,
        "stream": stream_id,
        "tenant": tenant_id,
        "type": topic,
        "v": LEAF_VERSION,
        "version": version,
    }
    return canonical(before)[:-1], canonical(behind)[1:]
