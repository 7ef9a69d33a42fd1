"""PendingWrites: what a command sees on top of the log while the commands before it are not stored yet."""

from dataclasses import dataclass, field

from app.write_side.state_cache import VersionedState


@dataclass(slots=True)
class PendingWrites:
    """What the earlier commands of a batch will have changed, and what was looked up for the batch.

    batch: whether more commands follow. cache_only: whether nothing may be read from the database; then CacheMiss is
    raised instead. from_cache: the streams whose state the current command took from the cache and not from the log.
    states, refs: as the commands before leave them. last_event_ids: the last event that they add to a stream.
    new_streams: streams that begin in this batch. absent: ids and references that were looked up and do not exist.
    of_account: the streams to which they add an event of a topic, by (account, topic).
    data_keys: persons' data keys that were looked up, with None where a person has none.
    """

    batch: bool = False
    cache_only: bool = False
    from_cache: set[str] = field(default_factory=set)
    states: dict[str, VersionedState] = field(default_factory=dict)
    refs: dict[tuple[str, str], str] = field(default_factory=dict)
    last_event_ids: dict[str, str] = field(default_factory=dict)
    new_streams: set[str] = field(default_factory=set)
    absent: set[tuple[str, str]] = field(default_factory=set)
    of_account: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    data_keys: dict[str, bytes | None] = field(default_factory=dict, repr=False)
