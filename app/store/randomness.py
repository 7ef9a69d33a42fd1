"""Randomness of the system, fetched in big blocks: a call for every few bytes costs more than the bytes."""

import os
from threading import Lock
from typing import Final

BLOCK: Final = 16_384


class Randomness:
    """Gives unpredictable bytes, none of them twice. Threads may share it; a forked child begins a block of its own."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock, self._block, self._at = Lock(), b"", 0

    def __call__(self, count: int) -> bytes:
        """So many bytes, at most a block."""
        with self._lock:
            begins, ends = self._at, self._at + count
            if ends > len(self._block):
                self._block, begins, ends = os.urandom(BLOCK), 0, count
            self._at = ends
            return self._block[begins:ends]


random_bytes: Final = Randomness()
