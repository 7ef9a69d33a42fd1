"""Evaluation: a KPI under both clocks, in five steps: period, source, rules, currency, value.

Series, explanations, certificates, restatements and boards take the same steps; none computes a figure in another way.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection

from app.domain.kernel.values import instant
from app.domain.policy.rules import MetricRules
from app.kpi_queries.counting_policies import closing_day, policies_in_force
from app.kpi_queries.currency import check_currencies, currency_of, exchange_of
from app.kpi_queries.groups import group_by, groups_of, suffice
from app.kpi_queries.open_periods import sums_ahead, views_ahead, warned
from app.kpi_queries.query import KpiQuery, KpiResult, kpi_of, method_of, options_of, period_of
from app.kpi_queries.sources import SOURCES, views_of
from app.kpi_queries.sources.base import RowRequest, RowSource, SummedFigure, account_of
from app.kpi_queries.sql.sql_query import SqlQuery
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.read_side.view_tables import require_grown
from app.store.positions import followers
from projections.kpis.base import KpiContext, Method, measure
from projections.kpis.conversion import Exchange
from projections.kpis.groups import groups_body
from projections.kpis.presentation import figure
from projections.kpis.rule_sets import ROW_RULES, differing
from projections.kpis.sharing import OPTION
from projections.view import View
from projections.views.contract_lines import ContractLine


def evaluate(reader: Reader, tenant_id: str, query: KpiQuery, when: When) -> dict[str, Any]:
    """A figure as it is answered.

    Raises: NotFound for an unknown KPI or account; Invalid for a period, method or currency that does not fit.
    """
    return answer(query, when, compute(reader, tenant_id, query, when))


def evaluate_exactly(
    reader: Reader, tenant_id: str, query: KpiQuery, when: When, *, explained: bool = False
) -> tuple[KpiResult, dict[str, Any]]:
    """A figure before it is rounded, and as it is answered. Takes and raises: as `compute`."""
    result = compute(reader, tenant_id, query, when, explained=explained)
    return result, answer(query, when, result)


def compute(reader: Reader, tenant_id: str, query: KpiQuery, when: When, *, explained: bool = False) -> KpiResult:
    """A figure before it is rounded. Takes: `explained`, whether what each account gives is needed. Raises: as `evaluate`."""
    kpi, zone, scope = kpi_of(query.name), reader.projector.zone(tenant_id), query.scope
    name, source = method_of(kpi, query), SOURCES[kpi.reads]
    method = kpi.methods[name]
    check_currencies(query, has_currency=source.has_currency)

    # 1. Period: from which instant to which.
    start, end, cut, over = period_of(kpi, query, when, zone)
    context = KpiContext(start=start, end=end, zone=zone, options=options_of(kpi, query), as_of=when.as_of)
    grouped = OPTION in context.options

    # 2. Source: the position, and what the database sums of the rows at it, both of one moment.
    views = views_of(kpi.name) if over else (*views_of(kpi.name), *views_ahead(kpi))
    with connected_at(reader, tenant_id, views, when.known_at) as (connection, position, newest):
        sql_query = SqlQuery(
            database=reader.database,
            connection=connection,
            tenant_id=tenant_id,
            method=method,
            scope=scope,
            context=context,
            position=position,
            newest=newest,
            owned_at=scope.attributed_at(start, end, zone),
            reach=reader.reach,
            reached_at=reader.clock(),
        )
        sums = source.sums(sql_query, explained=explained or grouped)
        ahead = None if over else sums_ahead(sql_query, kpi, when.as_of)
    if scope.account is not None:
        reader.require_in_reach(tenant_id, scope.account)
        account_of(reader.log.stream(tenant_id, scope.account), position, zone)

    # 3. Rules: those in force on the closing day, as they were known.
    policies = policies_in_force(reader, tenant_id, closing_day(end, zone), position, query.policy)
    context = replace(context, rules=policies.metric)

    # 4. Currency: what amounts are converted by, if at all.
    exchange = exchange_of(method, query, policies, context)

    # 5. Value: from the sums where they are the figure by these rules and in this currency, else from rows.
    request = RowRequest(
        reader=reader,
        tenant_id=tenant_id,
        kpi=kpi,
        method=method,
        scope=scope,
        position=position,
        context=context,
    )
    summed, lines = None, list[ContractLine]()
    by = group_by(request)
    if sums is not None and sums_suffice(method, policies.metric, explained=explained or grouped):
        summed = sums.figure(request, exchange)
    if summed is None or (by is not None and not suffice(request, summed, by)):
        summed, lines = _from_rows(source, request, exchange)
    rates = exchange.used() if exchange is not None else []
    currency = exchange.currency if exchange is not None else currency_of(method, scope, summed.currencies)
    return KpiResult(
        kpi=kpi,
        method=name,
        measure=summed.measure,
        context=replace(context, currency=currency),
        cut=cut,
        ahead={} if over else warned(request, ahead, when.as_of),
        position=position,
        reach=reader.reach,
        lines=lines,
        contributions=summed.contributions,
        policy_version=policies.version,
        fx_version=policies.fx_version if rates else None,
        rates=rates or None,
        groups=None if by is None else groups_of(source, request, exchange, summed, by),
    )


def sums_suffice(method: Method, rules: MetricRules, *, explained: bool) -> bool:
    """Whether the database's sums are the figure: no rule that the method depends on differs from the default.

    Accounts are explained by the default rules, so that for an explanation no rule of rows may differ at all.
    """
    relevant = method.depends_on | ROW_RULES if explained else method.depends_on
    return relevant.isdisjoint(differing(rules))


def _from_rows(
    source: RowSource, request: RowRequest, exchange: Exchange | None
) -> tuple[SummedFigure, list[ContractLine]]:
    """The figure by the pure functions, and the contract lines behind its rows."""
    if exchange is None:
        rows, lines, currencies = source.load(request)
        measured = measure(request.method, rows)
    else:
        rows, lines, scale_factor = source.convert(request, exchange)
        measured, currencies = measure(request.method, rows, scale_factor), {exchange.currency}
    return SummedFigure(replace(measured, tally=source.tally(request)), currencies), lines


@contextmanager
def connected_at(
    reader: Reader, tenant_id: str, views: Sequence[View[Any]], known_at: int | None
) -> Iterator[tuple[Connection, int, Mapping[str, bool]]]:
    """A connection, the position that is meant, and of which views it is the newest state. Waits until the views have read it."""
    while True:
        with reader.database.read(tenant_id) as connection:
            stored = followers(connection, tenant_id)
            if known_at is None:
                require_grown(views, stored)
            reached = {view.name: stored[view.follower].position if view.follower in stored else 0 for view in views}
            position = min(reached.values()) if known_at is None else known_at
            if position <= min(reached.values()):
                yield connection, position, {name: position >= at for name, at in reached.items()}
                return
        reader.wait(tenant_id, views, position, 1.0, strict=True)


def answer(query: KpiQuery, when: When, result: KpiResult) -> dict[str, Any]:
    """A computed figure as JSON, with everything that it takes to ask again and get the same."""
    kpi, scope = result.kpi, query.scope
    period = None if kpi.kind == "point" else {"from": query.from_, "to": query.to}
    closing = instant(result.context.stands_at if kpi.stands else result.context.end - 1)
    parameters: dict[str, str] = {
        "method": result.method,
        **scope.members(),
        **dict(query.options),
        **({"policy": query.policy} if query.policy else {}),
        **({"reporting_currency": query.reporting_currency} if query.reporting_currency else {}),
        "known_at": str(result.position),
    }
    if period:
        parameters |= {"from": str(query.from_), "to": str(query.to)}
    if not period or kpi.stands or not when.now:
        parameters["as_of"] = closing
    body = figure(kpi, result.measure, result.context)
    warnings = {**({"period_cut_at_as_of": None} if result.cut else {}), **result.ahead}
    body["warnings"] += [{"code": code, "count": count} for code, count in warnings.items()]
    if result.groups is not None:
        body["groups"] = groups_body(kpi, result.measure, result.groups, result.context.currency)
    return {
        "name": kpi.name,
        "value": body.pop("value"),
        "unit": kpi.unit,
        "currency": result.context.currency if result.measure.method.money else None,
        **body,
        "period": period,
        "scope": {**scope.members(), **result.reach.said()},
        "method": result.method,
        "calculation": kpi.calculation,
        "as_of": closing,
        "known_at": when.known_at,
        "position": result.position,
        "policy_version": result.policy_version,
        "fx_version": result.fx_version,
        **({"fx_rates": result.rates} if result.rates is not None else {}),
        "coverage": "1",
        "explain_url": f"/v1/kpis/{kpi.name}/explain?{urlencode(parameters)}",
    }
