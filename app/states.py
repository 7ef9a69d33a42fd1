"""What is remembered between commands: states lately used, what a batch lays over them, and requests in flight."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import DomainError


@dataclass(frozen=True)
class Held:
    """A thing's state at a version."""

    version: int
    state: Any


class States:
    """States lately used, by tenant and stream.

    Another process may have moved on: an append finds that out by comparing versions, and nobody is refused before
    what was remembered has been read again.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._held: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._size = size
        self._lock = threading.Lock()

    def get(self, tenant_id: str, stream_id: str) -> Held | None:
        """The state, if it was used lately."""
        with self._lock:
            held = self._held.get((tenant_id, stream_id))
            if held is not None:
                self._held.move_to_end((tenant_id, stream_id))
            return held

    def put(self, tenant_id: str, stream_id: str, held: Held) -> None:
        """Remembers a state."""
        with self._lock:
            self._held[(tenant_id, stream_id)] = held
            self._held.move_to_end((tenant_id, stream_id))
            if len(self._held) > self._size:
                self._held.popitem(last=False)

    def drop(self, tenant_id: str, streams: Iterable[str]) -> None:
        """Forgets states that may be stale."""
        with self._lock:
            for stream_id in streams:
                self._held.pop((tenant_id, stream_id), None)


@dataclass
class Overlay:
    """What earlier commands of a batch will have changed, before any of it is in the log.

    batch: whether more commands follow. remembered: the streams whose state the command at hand has from memory and not
    from the log.
    """

    batch: bool = False
    states: dict[str, Held] = field(default_factory=dict)
    refs: dict[tuple[str, str], str] = field(default_factory=dict)
    remembered: set[str] = field(default_factory=set)


class InFlight(DomainError):
    """The same request is being handled right now."""


class Flights:
    """The requests that are being handled, by tenant and key: a twin is told to wait."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def board(self, key: tuple[str, str]) -> Iterator[None]:
        """Holds a key while its request is handled. Raises: InFlight when it is held already."""
        with self._lock:
            if key in self._keys:
                raise InFlight("request_in_flight", "the same request is being handled right now", retry_after=1)
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)
