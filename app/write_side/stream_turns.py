"""StreamTurns: whose turn it is to decide on a stream that many write to at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

DECIDED_FOR: Final = 10.0
"""Seconds for which a command is decided again when other writers are faster."""
PAUSE: Final = 0.005
"""Seconds before a thread decides again."""

Key = tuple[asyncio.AbstractEventLoop, str, str]


class StreamTurns:
    """Coroutines that were overtaken on a stream, one after another in the order in which they came."""

    def __init__(self) -> None:
        self._locks: dict[Key, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, tenant_id: str, stream_id: str, deadline: float) -> AsyncIterator[None]:
        """A turn on a stream. Takes: until when to wait for it, by the monotonic clock. Raises: TimeoutError."""
        key = (asyncio.get_running_loop(), tenant_id, stream_id)
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, waiting + 1
        try:
            async with asyncio.timeout(max(deadline - monotonic(), 0)):
                await lock.acquire()
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, waiting = self._locks.pop(key)
            if waiting > 1:
                self._locks[key] = lock, waiting - 1
