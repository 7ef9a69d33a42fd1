"""Between what is decided and what is stored: bodies, headers and leaves, byte for byte."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, cast

from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from app.domain.events.base import Event
from app.domain.recorded import Recorded
from app.domain.values import instant
from app.store.canonical import canonical

LEAF_VERSION = 1


@dataclass(frozen=True, eq=False)
class Fact(StoredEvent):
    """A stored event of the library with the rest of our envelope; `state` is the body, byte for byte.

    `position`, `recorded_at` and `leaf` are known once it is in the log.
    """

    event_id: str
    account_id: str | None
    schema_version: int
    effective_at: int
    actor: str
    position: int = 0
    recorded_at: int = 0
    leaf: bytes = b""

    def __eq__(self, other: object) -> bool:
        """Equal to any stored event of the library with the same four members."""
        return isinstance(other, StoredEvent) and (
            (self.originator_id, self.originator_version, self.topic, self.state)
            == (other.originator_id, other.originator_version, other.topic, other.state)
        )

    def __hash__(self) -> int:
        return hash((self.originator_id, self.originator_version))


@dataclass(frozen=True)
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

    def to_stored_event(self, domain_event: Any) -> Fact:
        """A proposed event as bytes. The salt keeps its digest from telling anything once the body is gone."""
        proposed = cast("Proposed", domain_event)
        salt = base64.b64encode(secrets.token_bytes(16)).decode()
        return Fact(
            originator_id=proposed.originator_id,
            originator_version=proposed.originator_version,
            topic=proposed.event.TOPIC,
            state=canonical({"data": proposed.data, "meta": proposed.meta, "salt": salt}),
            event_id=proposed.event_id,
            account_id=proposed.account_id,
            schema_version=proposed.event.VERSION,
            effective_at=proposed.effective_at,
            actor=proposed.actor,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """A stored event as the house reads it; its members are decoded when somebody asks."""
        return recorded_of(self.tenant_id, cast("Fact", stored_event))


def recorded_of(tenant_id: str, fact: Fact) -> Recorded:
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


def header(tenant_id: str, fact: Fact, position: int, recorded_at: int) -> bytes:
    """What a leaf is the hash of. Every member is a column, so it can be made again without the body's text."""
    return canonical(
        {
            "actor": fact.actor,
            "body": base64.b64encode(hashlib.sha256(fact.state).digest()).decode(),
            "effective_at": instant(fact.effective_at),
            "id": fact.event_id,
            "position": position,
            "recorded_at": instant(recorded_at),
            "schema": fact.schema_version,
            "stream": str(fact.originator_id),
            "tenant": tenant_id,
            "type": fact.topic,
            "v": LEAF_VERSION,
            "version": fact.originator_version,
        }
    )


def leaf(tenant_id: str, fact: Fact, position: int, recorded_at: int) -> bytes:
    """The leaf of the tenant's tree. Source: RFC 6962 section 2.1, SHA-256(0x00 ‖ header)."""
    return hashlib.sha256(b"\x00" + header(tenant_id, fact, position, recorded_at)).digest()
