"""What a command appends, and the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.kernel.errors import DomainError, Unavailable
from app.store.mapper import StoredEnvelope
from app.store.receipts import Receipt, Request
from app.store.vault import DataKey


@dataclass(slots=True)
class AppendRequest:
    """What one command adds to a tenant's log, all of it or nothing.

    stream_id: the aggregate that the command was about. expects: the version at which each stream was read.
    claims: references that will name this aggregate, as (noun, reference). depends_on: ids of events that commands before
    it decided and that must have been stored: a version alone would not tell them from another writer's events.
    counts: how many events of a topic an account has, by (account, topic), where nobody may have added one meanwhile.
    """

    tenant_id: str
    stream_id: str
    events: tuple[StoredEnvelope, ...]
    expects: Mapping[str, int]
    request: Request
    claims: tuple[tuple[str, str], ...] = ()
    data_keys: tuple[DataKey, ...] = ()
    depends_on: tuple[str, ...] = ()
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Overtaken(Unavailable):
    """Another writer was faster: nothing was stored, and the command has to be decided again. stream: what moved on."""

    stream: str


def overtaken(stream: str) -> Overtaken:
    """That another writer was faster on a stream."""
    error = Overtaken("stream_busy", "many others write to the same thing; try again", retry_after=1)
    error.stream = stream
    return error


Outcome = Receipt | DomainError
"""The receipt, or the reason why nothing of the command was appended."""
