"""An event as the log holds it: the envelope, and its members, which are parsed when they are needed."""

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from app.domain.catalogue import CATALOGUE
from app.domain.kernel.event import Event
from app.domain.kernel.rights import Authored

_NEWEST: Final = {topic: kind.VERSION for topic, kind in CATALOGUE.items()}


class UnknownTopic(LookupError):
    """A stored event whose topic this code does not know: newer code wrote it."""


@dataclass(slots=True)
class Recorded:
    """An event as the log holds it. It is never changed; it is not frozen because millions are made and that costs time.

    position: 1..n within the tenant, without gaps. version: 1..n within the stream. effective_at, recorded_at:
    microseconds. body: the stored bytes, canonical JSON of data, meta and salt. leaf: SHA-256(0x00 ‖ header).
    known, typed: the parsed body, where the maker has it already.
    schedule: the contract's schedule up to here, so that the first view of contracts computes it for all.
    """

    tenant_id: str
    position: int
    event_id: str
    stream_id: str
    version: int
    account_id: str | None
    type: str
    schema_version: int
    effective_at: int
    recorded_at: int
    actor: str
    body: bytes
    leaf: bytes = b""
    known: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    typed: Event | None = field(default=None, repr=False, compare=False)
    schedule: Any = field(default=None, repr=False, compare=False)

    @property
    def content(self) -> dict[str, Any]:
        """The body, parsed: data, meta, salt."""
        if self.known is None:
            self.known = orjson.loads(self.body)
        return self.known

    @property
    def meta(self) -> dict[str, Any]:
        """Reason, source, correlation and the like."""
        meta: dict[str, Any] = (self.known or self.content)["meta"]
        return meta

    @property
    def data(self) -> dict[str, Any]:
        """The event's members as plain JSON, brought to the newest version; sealed values stay sealed."""
        data: dict[str, Any] = (self.known or self.content)["data"]
        if self.schema_version == _NEWEST.get(self.type):
            return data
        kind = CATALOGUE.get(self.type)
        if kind is None:
            raise UnknownTopic(self.type)
        return kind.upcast(data, self.schema_version)

    @property
    def event(self) -> Event:
        """The event, typed."""
        if self.typed is None:
            self.typed = CATALOGUE[self.type].model_validate(self.data)
        return self.typed

    @property
    def authored(self) -> Authored:
        """Who appended it, for whoever wants to correct it."""
        return Authored(self.event_id, self.actor)

    @property
    def originator_id(self) -> str:
        """The stream, under the name that the `eventsourcing` toolkit uses."""
        return self.stream_id

    @property
    def originator_version(self) -> int:
        """The version, under the name that the `eventsourcing` toolkit uses."""
        return self.version
