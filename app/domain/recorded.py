"""An event as it stands in the log: the envelope, and its members read late."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.domain.events import CATALOGUE
from app.domain.events.base import Event


class UnknownTopic(LookupError):
    """A stored event whose topic this code does not know: newer code wrote it."""


@dataclass(frozen=True)
class Recorded:
    """An event as it stands in the log.

    position: 1..n within the tenant, without gaps. version: 1..n within the stream. effective_at, recorded_at:
    microseconds. body: the stored bytes, canonical JSON of data, meta and salt. leaf: SHA-256(0x00 ‖ header).
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

    @cached_property
    def content(self) -> dict[str, Any]:
        """The body, parsed: data, meta, salt."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def meta(self) -> dict[str, Any]:
        """Reason, source, correlation and the like."""
        meta: dict[str, Any] = self.content["meta"]
        return meta

    @cached_property
    def data(self) -> dict[str, Any]:
        """The event's members as plain JSON, brought to the newest version; sealed values stay sealed."""
        kind = CATALOGUE.get(self.type)
        if kind is None:
            raise UnknownTopic(self.type)
        return kind.upcast(self.content["data"], self.schema_version)

    @cached_property
    def event(self) -> Event:
        """The event, typed."""
        return CATALOGUE[self.type].model_validate(self.data)

    @property
    def originator_id(self) -> str:
        """The stream, under the name that the `eventsourcing` toolkit uses."""
        return self.stream_id

    @property
    def originator_version(self) -> int:
        """The version, under the name that the `eventsourcing` toolkit uses."""
        return self.version
