"""Reading what a batch of commands needs in one transaction: ids by reference, and streams by id."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from app.domain.recorded import Recorded
from app.store.engine import Database, keyed, keys
from app.store.mapper import recorded_of
from app.store.recorder import COLUMNS, envelope_of


@dataclass
class LookupResult:
    """What was read. refs: ids by noun and reference. streams: events by stream, the oldest first."""

    refs: dict[tuple[str, str], str] = field(default_factory=dict)
    streams: dict[str, list[Recorded]] = field(default_factory=dict)


def look_up(
    database: Database, tenant_id: str, refs: Collection[tuple[str, str]], streams: Collection[str]
) -> LookupResult:
    """Ids by reference as (noun, reference), and the streams of these and of other ids; one index probe each."""
    result = LookupResult()
    if not refs and not streams:
        return result
    with database.read(tenant_id) as connection:
        for noun in sorted({noun for noun, _ in refs}):
            names = sorted(ref for ref_noun, ref in refs if ref_noun == noun)
            result.refs.update(_refs(connection, database, tenant_id, noun, names))
        result.streams.update(_streams(connection, database, tenant_id, {*streams, *result.refs.values()}))
    return result


def _refs(
    connection: Connection, database: Database, tenant_id: str, noun: str, names: list[str]
) -> dict[tuple[str, str], str]:
    sql = keyed(database, "refs", "ref", "f.ref, f.stream_id", "noun = :noun")
    binds = {"tenant_id": tenant_id, "noun": noun, "keys": keys(database, names)}
    return {(noun, ref): stream_id for ref, stream_id in connection.execute(text(sql), binds)}


def _streams(
    connection: Connection, database: Database, tenant_id: str, stream_ids: Collection[str]
) -> dict[str, list[Recorded]]:
    if not stream_ids:
        return {}
    sql = keyed(database, "events", "stream_id", ", ".join(f"f.{column.name}" for column in COLUMNS))
    streams: dict[str, list[Recorded]] = defaultdict(list)
    for row in connection.execute(text(sql), {"tenant_id": tenant_id, "keys": keys(database, sorted(stream_ids))}):
        recorded = recorded_of(tenant_id, envelope_of(row))
        streams[recorded.stream_id].append(recorded)
    for events in streams.values():
        events.sort(key=lambda recorded: recorded.version)
    return streams
