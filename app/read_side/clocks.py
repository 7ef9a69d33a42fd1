"""The two clocks of a question: what was true at an instant, by what was known at a position of the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.kernel import values
from app.domain.kernel.errors import Invalid, Refused
from app.read_side.patience import aim
from app.store.log import Log

_DATE: Final = len("2026-01-31")


@dataclass(frozen=True)
class When:
    """Both clocks. as_of: microseconds of business time. known_at: a position; None is what is known now.

    now: whether the question is about the present, so that a table may answer it.
    """

    as_of: int
    known_at: int | None
    now: bool


class Clocks:
    """Reads clocks from text. Takes: the log, the tenant's zone, a clock of microseconds."""

    def __init__(self, log: Log, zone: Callable[[str], ZoneInfo], clock: Callable[[], int]) -> None:
        self.log = log
        self.zone = zone
        self.clock = clock

    def when(self, tenant_id: str, as_of: str | None = None, known_at: str | None = None) -> When:
        """The clocks of a question.

        Takes: `as_of`, a date (the end of that day in the tenant's zone) or an instant; `known_at`, a position, a date or an instant.
        Raises: Invalid for what is neither, or for knowledge that lies ahead: its answer would change.
        """
        position = None if known_at is None else self._position(tenant_id, known_at)
        if as_of is None:
            return When(self.clock(), position, now=True)
        return When(self._instant(tenant_id, as_of), position, now=False)

    def require_reached(self, tenant_id: str, position: int) -> int:
        """The ledger's head. Raises: Refused for a position that lies beyond it, as it may after a backup was restored."""
        head = self.log.head(tenant_id)
        if position > head:
            raise Refused("position_ahead", f"the ledger ends at {head}", head=head)
        return head

    def _instant(self, tenant_id: str, text: str) -> int:
        """The last microsecond of a date in the tenant's zone, or an instant. Raises: Invalid."""
        try:
            instant = self._end_of_day(tenant_id, text) if len(text) == _DATE else values.micros(text)
            values.instant(instant)
        except OverflowError as error:
            raise Invalid("invalid_as_of", "as_of is beyond the calendar") from error
        except ValueError as error:
            form = "as_of is a date or an RFC 3339 instant"
            raise Invalid("invalid_as_of", form if str(error).startswith("must") else f"as_of {error}") from error
        return instant

    def _end_of_day(self, tenant_id: str, day: str) -> int:
        return min(values.day_end(values.plain_day(day), self.zone(tenant_id)) - 1, values.LAST)

    def _position(self, tenant_id: str, known_at: str) -> int:
        if known_at.isascii() and known_at.isdigit() and len(known_at) < 19:
            position = int(known_at)
            self.require_reached(tenant_id, position)
            return position
        try:
            instant = self._instant(tenant_id, known_at)
        except Invalid as error:
            raise Invalid("invalid_known_at", "known_at is a position, a date or an RFC 3339 instant") from error
        now = self.clock()
        if instant > now and known_at == values.day_of(now, self.zone(tenant_id)):
            return aim(lambda: self.log.head(tenant_id))  # who picks today's date means now
        if instant > now:
            raise Invalid("known_at_ahead", "what will be known then is not known yet")
        return self.log.position_at(tenant_id, instant)
