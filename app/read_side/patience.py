"""How a read waits for views: in its own thread, or, where somebody is patient for it, not in any thread."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from time import monotonic
from typing import Any, Final

from projections.view import View


class Behind(Exception):
    """Views have not read yet what is asked for, and whoever is patient for the read shall ask again once they have.

    views: of the tenant; position: which they are to reach; seconds: for how long it is worth waiting.
    """

    def __init__(self, tenant_id: str, views: Sequence[View[Any]], position: int, seconds: float) -> None:
        super().__init__(f"views are not at {position} yet")
        self.tenant_id = tenant_id
        self.views = tuple(views)
        self.position = position
        self.seconds = seconds


class Patience:
    """For how long one read may be asked again."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._over = False
        self._aim: int | None = None
        self._again = False

    def left(self, seconds: float) -> float:
        """How many of so many seconds are left since the read began."""
        return 0.0 if self._over else self._began + seconds - monotonic()

    def end(self) -> None:
        """From now on the read is answered with what there is."""
        self._over = True

    def ask_again(self) -> None:
        """The read begins anew."""
        self._again = True

    def aim(self, head: Callable[[], int]) -> int:
        """The position that the read is to be of; see `aim`."""
        if self._aim is None or not self._again:
            self._aim = head()
        self._again = False
        return self._aim


PATIENCE: Final[ContextVar[Patience | None]] = ContextVar("patience", default=None)
"""Whose read this is; None where it waits in its own thread."""


def aim(head: Callable[[], int]) -> int:
    """The position that a read of all that is known now is to be of: the ledger's head.

    Where the read is asked again, that of the time before: views that follow a busy ledger never arrive at its head.
    """
    patience = PATIENCE.get()
    return head() if patience is None else patience.aim(head)
