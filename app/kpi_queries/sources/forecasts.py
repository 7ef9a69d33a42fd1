"""Forecasts: terms that fall due, with what is expected of them, or with the forecast that stood some days before."""

from typing import Final

from sqlalchemy import or_

from app.domain.kernel.values import LAST, day_start, days_earlier, nearest_day
from app.kpi_queries.sources import renewals as renewal_rows
from app.kpi_queries.sources.base import LoadedRows, RowRequest, RowSource, holdings_at
from app.read_side.clocks import When
from projections.kpis.forecast import Outlook, Predicted, days_before, stood
from projections.kpis.sharing import HELD
from projections.views import forecasts, renewals
from projections.views.forecasts import Forecast
from projections.views.portfolios import Holding
from projections.views.renewals import Renewal

MOST_CYCLES: Final = 5_000
"""Of how many cycles forecasts are read at once."""


class OutlookRows(RowSource):
    """Terms with what their accounts have, such as an owner, where the figure is grouped by it."""

    views = (renewals.VIEW,)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each term that falls due within the period."""
        terms, lines, currencies = renewal_rows.SOURCE.load(request)
        holdings: dict[str, Holding] = {}
        if request.context.options.get("group_by") in HELD:
            at = request.held_at
            holdings = holdings_at(request.reader, request.tenant_id, request.position, at)
        return LoadedRows([_outlook(term, holdings.get(term.account)) for term in terms], lines, currencies)


class PredictionRows(RowSource):
    """Terms with the forecast that stood at the end of the day so many days before the due day."""

    views = (renewals.VIEW, forecasts.VIEW)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each term that falls due within the period."""
        terms, lines, currencies = renewal_rows.SOURCE.load(request)
        context, table, days = request.context, forecasts.VIEW.table, days_before(request.context.options)
        at, when = context.stands_at, When(LAST, request.position, now=False)
        decided = or_(table.c.effective_at <= at, table.c.recorded_at <= at)
        cycles = [term.renewal for term in terms if term.renewal]
        of_cycle: dict[str | None, list[Forecast]] = {}
        for first in range(0, len(cycles), MOST_CYCLES):
            named = [table.c.renewal.in_(cycles[first : first + MOST_CYCLES]), decided]
            for forecast in request.reader.select(request.tenant_id, forecasts.VIEW, named, when)[0]:
                of_cycle.setdefault(forecast.renewal, []).append(forecast)
        rows = []
        for term in terms:
            due = nearest_day(term.due_at, context.zone)
            until = day_start(days_earlier(due, days - 1), context.zone)
            rows.append(Predicted(term.account, term, stood(of_cycle.get(term.renewal, ()), until)))
        return LoadedRows(rows, lines, currencies)


OUTLOOKS: Final = OutlookRows()
PREDICTIONS: Final = PredictionRows()


def _outlook(term: Renewal, holding: Holding | None) -> Outlook:
    held = {} if holding is None else {name: getattr(holding, name) for name in HELD}
    return Outlook(account=term.account, term=term, native=term.currency, **held)
