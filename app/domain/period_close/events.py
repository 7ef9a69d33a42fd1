"""What can have happened to a period that was closed: its figures certified, and restated where they have changed."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Public


class PeriodCloseClosed(Event):
    """A period was closed. start, end: its days, end exclusive. known_position: up to which its figures were known.

    currency: of the contracts that count, where not all do. certificates: of its figures.
    """

    TOPIC = "period_close.closed"
    start: Public[str]
    end: Public[str]
    currency: Public[str | None] = None
    known_position: Public[int]
    certificates: Public[tuple[str, ...]]


class PeriodCloseRestated(Event):
    """A figure of a closed period was certified anew. from_cert, to_cert: the certificate until then, and from now on.

    causes: the events that moved it in between. complete: whether these are all of them.
    """

    TOPIC = "period_close.restated"
    kpi: Public[str]
    from_cert: Public[str]
    to_cert: Public[str]
    known_position: Public[int]
    causes: Public[tuple[str, ...]] = ()
    complete: Public[bool] = True


EVENTS = (PeriodCloseClosed, PeriodCloseRestated)
