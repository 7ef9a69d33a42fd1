"""Explanations: the account rows that sum to a figure, and the events behind each."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from app.domain.kernel.values import instant
from app.domain.recorded import Recorded
from app.kpi_queries.evaluate import answer, compute
from app.kpi_queries.query import KpiQuery, KpiResult
from app.kpi_queries.sources.account_movements import rows_behind
from app.kpi_queries.sources.base import RowRequest, account_of
from app.read_side.clocks import When
from app.read_side.reader import Reader
from projections.kpis.causes import causes, streams
from projections.kpis.presentation import breakdown, contributions, detailed
from projections.views.contract_lines import ContractLine

Page = tuple[list[dict[str, Any]], str | None]
"""Account rows, and the last of the page when there are more."""


def explain(
    reader: Reader, tenant_id: str, query: KpiQuery, when: When, *, limit: int, after: str | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]], str | None]:
    """A figure, a page of the account rows that sum to it with the events behind each, and where the next page begins.

    Takes: `after`, the last account of the page before. Raises: as `evaluate`.
    """
    result = compute(reader, tenant_id, query, when, explained=True)
    (rows, last), behind, lines = _page(reader, tenant_id, query, result, limit, after)
    accounts = {row["account"] for row in rows}
    rows_by, lines_by = _by_account(behind, accounts), _by_account(lines, accounts)
    own = {account: streams(rows_by[account], lines_by[account]) for account in accounts}
    events = reader.log.look_up(tenant_id, (), accounts.union(*own.values())).streams
    context, position = result.context, result.position
    page = [
        {
            "account": account,
            "name": account_of(events[account], position, context.zone, when.as_of).name,
            **row,
            "events": _events(
                (event for stream in own[account] for event in events[stream]),
                causes(rows_by[account], lines_by[account], context.start, context.end, context.zone),
                position,
            ),
        }
        for row in rows
        for account in [row["account"]]
    ]
    return answer(query, when, result), page, last


def _page(
    reader: Reader, tenant_id: str, query: KpiQuery, result: KpiResult, limit: int, after: str | None
) -> tuple[Page, Sequence[Any], Sequence[ContractLine]]:
    """A page of account rows, the rows that they are made of, and the contract lines behind those."""
    measure, currency = result.measure, result.context.currency
    if result.contributions is None:
        return breakdown(measure, currency, limit=limit, after=after), [row for row, _ in measure.shares], result.lines
    page, last = contributions(measure.method, result.contributions, currency, limit=limit, after=after)
    request = RowRequest(
        reader=reader,
        tenant_id=tenant_id,
        kpi=result.kpi,
        method=measure.method,
        scope=query.scope,
        position=result.position,
        context=result.context,
    )
    rows, lines = rows_behind(request, [one["account"] for one in page])
    by_account = {row.account: row for row in rows}
    return ([detailed(one, [by_account[one["account"]]], currency) for one in page], last), rows, lines


def _by_account(rows: Iterable[Any], accounts: Collection[str]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {account: [] for account in accounts}
    for row in rows:
        if row.account in accounts:
            grouped[row.account].append(row)
    return grouped


def _events(events: Iterable[Recorded], behind: Callable[[Recorded], bool], position: int) -> list[dict[str, Any]]:
    """The events among some that made an account's rows what they are, as far as they were known."""
    return [
        {"id": one.event_id, "type": one.type, "position": one.position, "effective_at": instant(one.effective_at)}
        for one in sorted(events, key=lambda event: event.position)
        if one.position <= position and behind(one)
    ]
