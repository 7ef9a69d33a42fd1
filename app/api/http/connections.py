"""Connections: how many there may be, and one timer that looks after all of them.

Where there are too many, the one that has waited longest for its client goes, so that nobody who sends nothing shuts others out.
"""

import asyncio
from collections.abc import Callable, Collection
from ipaddress import IPv6Address, IPv6Network
from typing import Final, Protocol

from app.observe.logs import logger
from app.settings import Settings

OTHER_FILES: Final = 128
"""How many open files are left to the database and the rest of the process."""
REFUSED_AT_ONCE: Final = 64
"""How many that are refused get an answer; the next ones are only ended."""
LONGEST_PAUSE: Final = 1.0
NETWORK_BITS: Final = 64
"""How much of an IPv6 address says whose it is: the rest is chosen by its owner."""


class Connection(Protocol):
    """What is looked after."""

    peer: str
    since: float
    """Since when it has waited for its client, or its client for the server."""

    def waits(self) -> bool:
        """Whether nothing is under way: it waits for a request, or for the rest of a head."""

    def look(self, now: float) -> None:
        """Ends it where its client has taken too long."""

    def end(self) -> None:
        """Ends it at once."""


class Connections:
    """The connections of a process. Takes: settings, and a maker of request ids for refusals that come before any request."""

    def __init__(self, settings: Settings, new_id: Callable[[str], str]) -> None:
        self.settings = settings
        self.new_id = new_id
        self.now = 0.0
        """The time by the loop's clock, as of the timer's last round: exact enough, and free to ask."""
        self._most = min(settings.connections, max(1, _open_files() - OTHER_FILES))
        if self._most < settings.connections:
            logger().warning("connections_bounded_by_open_files", connections=self._most)
        self._all: dict[Connection, None] = {}
        self._refused: dict[Connection, None] = {}
        self._by_peer: dict[str, dict[Connection, None]] = {}
        shortest = min(settings.head_seconds, settings.body_seconds, settings.answer_seconds)
        self._pause = min(LONGEST_PAUSE, shortest / 4)
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """Takes a new connection in. Gives: False where it must be refused, because all others are being answered."""
        if self._timer is None:
            self.now = loop.time()
            self._timer = loop.call_later(self._pause, self._look, loop)
        connection.since = self.now
        of_peer = self._by_peer.setdefault(connection.peer, {})
        bound = self.settings.connections_per_peer if connection.peer else 0
        taken_in = (not bound or len(of_peer) < bound or self._make_space(of_peer)) and (
            len(self._all) < self._most or self._make_space(self._all)
        )
        if taken_in:
            self._all[connection] = self._by_peer.setdefault(connection.peer, {})[connection] = None
        return taken_in

    def refuse(self, connection: Connection) -> bool:
        """Counts a connection no more, because it is refused. Gives: False where so many are that it must be ended without an answer."""
        self.leave(connection)
        answered = len(self._refused) < REFUSED_AT_ONCE
        if answered:
            self._refused[connection] = None
        return answered

    def leave(self, connection: Connection) -> None:
        """Forgets a connection."""
        self._all.pop(connection, None)
        self._refused.pop(connection, None)
        of_peer = self._by_peer.get(connection.peer, {})
        of_peer.pop(connection, None)
        if not of_peer:
            self._by_peer.pop(connection.peer, None)

    def _make_space(self, connections: Collection[Connection]) -> bool:
        waiting = [connection for connection in connections if connection.waits()]
        if not waiting:
            return False
        longest = min(waiting, key=lambda connection: connection.since)
        self.leave(longest)
        longest.end()
        return True

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """One round of the timer; it rests while there is no connection."""
        self.now = loop.time()
        for connection in [*self._all, *self._refused]:
            connection.look(self.now)
        left = self._all or self._refused
        self._timer = loop.call_later(self._pause, self._look, loop) if left else None


def peer_of(host: str) -> str:
    """Whose address it is: of IPv6 its network."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except ValueError:  # what a proxy says is any text
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, NETWORK_BITS), strict=False))


def _open_files() -> int:
    """How many files the process may have open."""
    try:
        import resource  # Windows has none
    except ImportError:
        return 8192
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft
