"""StateCache: the states of aggregates that were used lately, so that most commands read nothing from the database."""

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple


class VersionedState(NamedTuple):
    """An aggregate's state and the version of its stream that led to it."""

    version: int
    state: Any


class StateCache:
    """States by tenant and stream; the least recently used ones are dropped. Takes: how many states to keep.

    Another process may have written since. An append notices that, because it compares versions; and the planner refuses
    nobody before it has read a cached state again. Each step below is one operation of the interpreter's own dictionary,
    so that threads need no lock.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._states: OrderedDict[tuple[str, str], VersionedState] = OrderedDict()
        self._size = size

    def get(self, tenant_id: str, stream_id: str) -> VersionedState | None:
        """The cached state, or None."""
        key = (tenant_id, stream_id)
        cached = self._states.get(key)
        if cached is not None:
            try:  # noqa: SIM105 - a context manager would cost more than the step
                self._states.move_to_end(key)
            except KeyError:  # another thread has just dropped it; the value is as good as it was a moment ago
                pass
        return cached

    def put(self, tenant_id: str, stream_id: str, versioned: VersionedState) -> None:
        """Caches a state."""
        key = (tenant_id, stream_id)
        self._states.pop(key, None)
        self._states[key] = versioned  # at the end, where the most recently used ones are
        if len(self._states) > self._size:
            with suppress(KeyError):  # another thread may have emptied the cache
                self._states.popitem(last=False)

    def drop(self, tenant_id: str, stream_ids: Iterable[str]) -> None:
        """Forgets states that may be out of date."""
        for stream_id in stream_ids:
            self._states.pop((tenant_id, stream_id), None)
