"""Forecasts: terms that fall due, with what is expected of them, or with the forecast that stood some days before."""

from typing import Final

from app.domain.kernel.values import day_start, days_earlier, nearest_day
from app.kpi_queries.sources import renewals as renewal_rows
from app.kpi_queries.sources.base import LoadedRows, RowRequest, RowSource, holdings_at
from projections.kpis.forecast import Outlook, Predicted, days_before, stood
from projections.views import forecasts, renewals
from projections.views.forecasts import Forecast
from projections.views.portfolios import Holding
from projections.views.renewals import Renewal


class OutlookRows(RowSource):
    """Terms with the owner and the tier of their accounts, where the figure is grouped by them."""

    views = (renewals.VIEW,)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each term that falls due within the period."""
        terms, lines, currencies = renewal_rows.SOURCE.load(request)
        holdings: dict[str, Holding] = {}
        if request.context.options.get("by") in ("owner", "tier"):
            at = request.context.start if request.scope.attribution == "start" else request.context.end
            holdings = holdings_at(request.reader, request.tenant_id, request.position, at)
        return LoadedRows([_outlook(term, holdings.get(term.account)) for term in terms], lines, currencies)


class PredictionRows(RowSource):
    """Terms with the forecast that stood at the end of the day so many days before the due day."""

    views = (renewals.VIEW, forecasts.VIEW)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each term that falls due within the period."""
        terms, lines, currencies = renewal_rows.SOURCE.load(request)
        context, table, days = request.context, forecasts.VIEW.table, days_before(request.context.options)
        first, last = nearest_day(context.start, context.zone), nearest_day(context.end, context.zone)
        of_term: dict[tuple[str, str], list[Forecast]] = {}
        for forecast in request.select(forecasts.VIEW, [table.c.due >= first, table.c.due <= last]):
            of_term.setdefault((forecast.contract, forecast.due), []).append(forecast)
        rows = []
        for term in terms:
            until = day_start(days_earlier(term.due, days - 1), context.zone)
            rows.append(Predicted(term.account, term, stood(of_term.get((term.contract, term.due), ()), until)))
        return LoadedRows(rows, lines, currencies)


OUTLOOKS: Final = OutlookRows()
PREDICTIONS: Final = PredictionRows()


def _outlook(term: Renewal, holding: Holding | None) -> Outlook:
    owner, tier = (None, None) if holding is None else (holding.owner, holding.tier)
    return Outlook(account=term.account, term=term, owner=owner, tier=tier)
