"""Intact: whether events of the log are the ones that were written. Each has a leaf, a hash over all its columns and its body."""

import hashlib
from binascii import b2a_base64
from collections.abc import Iterable
from typing import Final

import orjson
from sqlalchemy import Connection

from app.domain.kernel.errors import Unavailable
from app.domain.kernel.values import instant
from app.domain.recorded import Recorded
from app.store.mapper import envelope_version
from app.store.rows import fetch

DAMAGED: Final = "log_damaged"


def require_intact(events: Iterable[Recorded]) -> None:
    """Raises: Unavailable at the first event whose leaf is not that of what stands in its row. Takes: events read with their leaves."""
    for event in events:
        if not _is_intact(event):
            raise damage(event.position, f"the event at position {event.position} is not the one that was written")


def _is_intact(event: Recorded) -> bool:
    try:
        return computed_leaf(event) == event.leaf
    except (TypeError, ValueError, OverflowError):  # SQLite takes anything into any column
        return False


def damage(position: int, detail: str) -> Unavailable:
    """What is said of a log that somebody changed. Takes: the first position at which it is seen."""
    return Unavailable("log_damaged", detail, position=position)


def computed_leaf(event: Recorded) -> bytes:
    """The leaf of an event as it stands, SHA-256(0x00 ‖ header).

    The header is made apart from what writes it, from plain columns and in order already, because millions are checked.
    """
    digest = b2a_base64(hashlib.sha256(event.body).digest(), newline=False).decode()
    header = {
        "actor": event.actor,
        "body": digest,
        "effective_at": instant(event.effective_at),
        "id": event.event_id,
        "position": event.position,
        "recorded_at": instant(event.recorded_at),
        "schema": event.schema_version,
        "stream": event.stream_id,
        "tenant": event.tenant_id,
        "type": event.type,
        "v": (version := envelope_version(event.body)),
        "version": event.version,
    }
    if version > 1:
        header = {"account": event.account_id, **header}
    return hashlib.sha256(b"\x00" + orjson.dumps(header)).digest()


def require_whole(connection: Connection, tenant_id: str, head: int) -> None:
    """Raises: Unavailable where a position up to a ledger's head has no event, at the first such position."""
    counted = "SELECT count(*) FROM events WHERE tenant_id = ? AND position BETWEEN 1 AND ?"
    ((found,),) = fetch(connection, counted, (tenant_id, head))
    if found != head:
        position = _first_missing(connection, counted, tenant_id, head)
        raise damage(position, f"there is no event at position {position}, though the ledger goes on to {head}")


def _first_missing(connection: Connection, counted: str, tenant_id: str, head: int) -> int:
    """The first position without an event: half of what is left is looked into each time."""
    below, missing = 0, head  # all are there up to `below`, not all up to `missing`
    while missing - below > 1:
        middle = (below + missing) // 2
        ((found,),) = fetch(connection, counted, (tenant_id, middle))
        below, missing = (middle, missing) if found == middle else (below, middle)
    return missing
