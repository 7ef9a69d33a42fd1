"""How many sealed texts a request has opened: whoever shows the answer notes who has read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class Opened:
    """A count, of one request."""

    def __init__(self) -> None:
        self.texts = 0


OPENED: Final[ContextVar[Opened | None]] = ContextVar("opened", default=None)
"""The count of the request of the moment, in whatever thread it is answered; none where nobody notes it."""


def count(texts: int) -> None:
    """Counts texts that were opened."""
    opened = OPENED.get()
    if opened is not None:
        opened.texts += texts


@contextmanager
def uncounted() -> Iterator[None]:
    """For what is opened and shown to nobody but whom it is about."""
    before = OPENED.set(None)
    try:
        yield
    finally:
        OPENED.reset(before)
