"""Rows of the forecast: terms that fall due, with whose they are, or with the forecast that stood before."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.domain.kernel.values import day_start, days_earlier, nearest_day
from app.read_side.reader import Reader, When
from projections.kpis.forecast import Outlook, Predicted, days_before, stood
from projections.views import forecasts, portfolios
from projections.views.forecasts import Forecast
from projections.views.renewals import Renewal

if TYPE_CHECKING:
    from app.kpi_queries.row_source import Load


def outlooks(load: "Load", terms: Iterable[Renewal]) -> list[Outlook]:
    """Terms with the owner and the tier of their accounts, where they are asked for."""
    if load.options.get("by") not in ("owner", "tier"):
        return [Outlook(term.account, term) for term in terms]
    held = _holdings(load)
    return [Outlook(term.account, term, *held.get(term.account, (None, None))) for term in terms]


def _holdings(load: "Load") -> dict[str, tuple[str | None, str | None]]:
    at = load.start if load.scope.attribution == "start" else load.end
    return holdings(load.reader, load.tenant_id, load.position, at)


def holdings(reader: Reader, tenant_id: str, position: int, at: int) -> dict[str, tuple[str | None, str | None]]:
    """Owner and tier by account: at the last instant before `at`, or the first ones where there were none yet."""
    clauses = [portfolios.VIEW.table.c.valid_to >= at]
    rows, _ = reader.select(tenant_id, portfolios.VIEW, clauses, When(at, position, now=True))
    first: dict[str, portfolios.Holding] = {}
    for row in rows:
        if row.account not in first or row.valid_from < first[row.account].valid_from:
            first[row.account] = row
    return {account: (row.owner, row.tier) for account, row in first.items()}


def predictions(load: "Load", terms: Iterable[Renewal]) -> list[Predicted]:
    """Terms with the forecast that stood at the end of the day so many days before the due day."""
    where, days = load.reader.projector.zone(load.tenant_id), days_before(load.options)
    table = forecasts.VIEW.table
    due = [table.c.due >= nearest_day(load.start, where), table.c.due <= nearest_day(load.end, where)]
    told: dict[tuple[str, str], list[Forecast]] = {}
    for one in load.reader.select(load.tenant_id, forecasts.VIEW, due, load.clocks)[0]:
        told.setdefault((one.contract, one.due), []).append(one)
    return [
        Predicted(
            term.account,
            term,
            stood(told.get((term.contract, term.due), ()), day_start(days_earlier(term.due, days - 1), where)),
        )
        for term in terms
    ]
