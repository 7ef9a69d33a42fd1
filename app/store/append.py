"""What a command wants appended, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.kernel.errors import DomainError
from app.store.mapper import StoredEnvelope
from app.store.receipts import Receipt, Request
from app.store.vault import DataKey


@dataclass(slots=True)
class AppendRequest:
    """What one command wants to add to a tenant's log, all of it or nothing.

    stream_id: the thing that the command was about. expects: the version at which each stream was read.
    claims: references that become this thing's, as (noun, reference). rests_on: ids of events that it takes for stored
    because commands before it decided them: a version alone would not tell them from somebody else's.
    """

    tenant_id: str
    stream_id: str
    facts: tuple[StoredEnvelope, ...]
    expects: Mapping[str, int]
    request: Request
    claims: tuple[tuple[str, str], ...] = ()
    data_keys: tuple[DataKey, ...] = ()
    rests_on: tuple[str, ...] = ()


Outcome = Receipt | DomainError
"""The receipt, or why nothing of the command was appended."""
