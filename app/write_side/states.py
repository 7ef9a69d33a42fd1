"""What is remembered between commands: states lately used, what a batch lays over them, and requests in flight."""

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.domain.kernel.errors import DomainError


class VersionedState(NamedTuple):
    """A thing's state at a version."""

    version: int
    state: Any


class StateCache:
    """StateCache lately used, by tenant and stream.

    Another process may have moved on: an append finds that out by comparing versions, and nobody is refused before
    what was remembered has been read again. Each step below is one operation of the interpreter's own dictionary, so
    that threads need no lock among them.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._held: OrderedDict[tuple[str, str], VersionedState] = OrderedDict()
        self._size = size

    def get(self, tenant_id: str, stream_id: str) -> VersionedState | None:
        """The state, if it was used lately."""
        key = (tenant_id, stream_id)
        held = self._held.get(key)
        if held is not None:
            try:  # noqa: SIM105 - a context manager would cost more than the step
                self._held.move_to_end(key)
            except KeyError:  # dropped by another thread just now; what it was is as good as a moment ago
                pass
        return held

    def put(self, tenant_id: str, stream_id: str, held: VersionedState) -> None:
        """Remembers a state."""
        key = (tenant_id, stream_id)
        self._held.pop(key, None)
        self._held[key] = held  # at the end, where the latest are
        if len(self._held) > self._size:
            with suppress(KeyError):  # another thread may have emptied it
                self._held.popitem(last=False)

    def drop(self, tenant_id: str, streams: Iterable[str]) -> None:
        """Forgets states that may be stale."""
        for stream_id in streams:
            self._held.pop((tenant_id, stream_id), None)


@dataclass(slots=True)
class PendingWrites:
    """What a plan sees over the log: what earlier commands of a batch will have changed, and what was looked up for them.

    batch: whether more commands follow. at_hand: whether only memory may be asked; else `Cold` is raised. remembered: the
    streams whose state the command at hand has from memory and not from the log. states, refs: as the commands before
    leave them. planned: the last event that they add to a stream. begun: things that begin in this batch. absent: ids and
    references that were looked up and are not there. keys: persons' data keys that were looked up, or that there is none.
    """

    batch: bool = False
    at_hand: bool = False
    remembered: set[str] = field(default_factory=set)
    states: dict[str, VersionedState] = field(default_factory=dict)
    refs: dict[tuple[str, str], str] = field(default_factory=dict)
    planned: dict[str, str] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    absent: set[tuple[str, str]] = field(default_factory=set)
    keys: dict[str, bytes | None] = field(default_factory=dict, repr=False)


class InFlight(DomainError):
    """The same request is being handled right now."""


class InFlightRequests:
    """The requests that are being handled, by tenant and key: a twin is told to wait."""

    def __init__(self) -> None:
        self._aboard: dict[tuple[str, str], object] = {}

    def board(self, key: tuple[str, str]) -> None:
        """Holds a key while its request is handled, until `land`. Raises: InFlight when it is held already."""
        mine = object()
        if self._aboard.setdefault(key, mine) is not mine:  # one operation of the interpreter: no lock is needed
            raise InFlight("request_in_flight", "the same request is being handled right now", retry_after=1)

    def land(self, key: tuple[str, str]) -> None:
        """Lets go of a key."""
        del self._aboard[key]
