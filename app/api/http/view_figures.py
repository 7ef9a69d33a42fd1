"""How far views have read, for Prometheus: worked out for all tenants together, and kept for a while."""

import threading
from time import monotonic

from app.domain.kernel.errors import DomainError
from app.observe.logs import logger
from app.observe.metrics import views_exposition
from app.read_side.projector import Projector


class ViewFigures:
    """The figures of views as text. Takes: the projector; `of_tenants`, whether tenants are named; for how many seconds a text is kept."""

    def __init__(self, projector: Projector, *, of_tenants: bool, seconds: float) -> None:
        self._projector = projector
        self._of_tenants = of_tenants
        self._seconds = seconds
        self._lock = threading.Lock()
        self._text = b""
        self._made: float | None = None

    def text(self) -> bytes:
        """By view the worst lag of any tenant and for how many it is parked; or the same of each tenant.

        Nothing while the database is away: the figures of the process itself tell of that.
        """
        with self._lock:
            if self._made is None or monotonic() - self._made >= self._seconds:
                self._text = self._new()
                self._made = monotonic()
            return self._text

    def _new(self) -> bytes:
        try:
            everybody = self._projector.everybody()
        except DomainError as fault:
            logger().warning("view_figures_missing", code=fault.code)
            return b""
        figures: dict[tuple[str, ...], tuple[int, int]] = {} if self._of_tenants else self._none()
        for (tenant_id, view), (lag, parked) in everybody.items():
            names = (tenant_id, view) if self._of_tenants else (view,)
            worst, count = figures.get(names, (0, 0))
            figures[names] = (max(worst, lag), count + parked)
        return views_exposition(figures, of_tenants=self._of_tenants)

    def _none(self) -> dict[tuple[str, ...], tuple[int, int]]:
        """Every view, before any tenant was looked at."""
        return {(view.name,): (0, 0) for view in self._projector.views}
