"""Renewals: the ends of terms that fall due within a period, as they stood at the instant of the question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.domain.kernel.values import FOREVER, day_start, days_earlier
from app.kpi_queries.currency import at_spot_rates
from app.kpi_queries.currency_conversion import converted_figure
from app.kpi_queries.renewal_policies import passed, passed_by, renewal_rules, rules_among, rules_on
from app.kpi_queries.sources.base import LoadedRows, RowRequest, RowSource, SummedFigure
from app.kpi_queries.sql.sql_query import SqlQuery, SqlSum, columns, row_columns, sum_of
from app.read_side.clocks import When
from projections.kpis.conversion import Exchange
from projections.kpis.renewals import FROZEN, due
from projections.kpis.sql_expression import SqlExpression
from projections.views import renewals
from projections.views.renewals import Renewal


@dataclass(frozen=True)
class RenewalSums:
    """The sums over renewals."""

    total: SqlSum

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure | None:
        """The figure, by currency at the rates of the last instant before the period."""
        total = self.total
        if exchange is None or total.currencies <= {exchange.currency}:
            return SummedFigure(self.total.measure(request.method), total.currencies)
        if at_spot_rates(request.kpi, request.context):
            return None
        return SummedFigure(converted_figure(total, request, exchange), total.currencies)


class RenewalRows(RowSource):
    """What falls due, from the renewals view."""

    views = (renewals.VIEW,)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each term that falls due within the period."""
        table, context = renewals.VIEW.table, request.context
        own = request.narrowed(table, "account", "currency")
        when = When(context.stands_at, request.position, now=True)
        conditions = [*own, *renewals.falling_due(context.start, context.end)]
        terms, _ = request.reader.select(request.tenant_id, renewals.VIEW, conditions, when)
        within = request.within()
        read = passed(request.reader, request.tenant_id, context.stands_at, request.position).read
        rows = [read(row) for row in due(terms, context.start, context.end) if within(row.account)]
        if request.method is request.kpi.methods.get(FROZEN):
            rows = _frozen(request, rows)
        return LoadedRows(rows, [], {row.currency for row in rows})

    def sums(self, query: SqlQuery, *, explained: bool) -> RenewalSums | None:
        """The sums of the method's SQL expression; None where automatic terms have to be worked out first."""
        if explained or not isinstance(query.method.sql, SqlExpression) or _unknown(query):
            return None
        return RenewalSums(_summed(query))


SOURCE: Final = RenewalRows()


def _frozen(request: RowRequest, rows: Sequence[Renewal]) -> list[Renewal]:
    """Rows with what expired by the facts of so many days before their due days as the rules in force on these say."""
    reader, zone = request.reader, request.context.zone
    spans = renewal_rules(reader, request.tenant_id, request.position)
    heads = reader.heads(
        request.tenant_id, renewals.VIEW, [renewals.VIEW.table.c.account.in_({row.account for row in rows})]
    )
    timelines = renewals.timelines(heads, request.position, zone)
    frozen = []
    for row in rows:
        rules = rules_on(spans, row.due)
        days = rules.lead_days[0] if rules.frozen_days is None else rules.frozen_days
        at = day_start(days_earlier(row.due, days), zone)
        asked_at = request.context.stands_at
        amount = timelines[row.contract].amount_at(row, min(at, asked_at), asked_at)
        frozen.append(row._replace(atr=amount))
    return frozen


def _unknown(query: SqlQuery) -> bool:
    """Whether the view has not worked out automatic terms of some contract until the instant of the question."""
    view, at = renewals.VIEW, query.context.stands_at
    sql = (
        f"SELECT 1 FROM {view.follower} WHERE tenant_id = :tenant_id AND due = '' AND valid_from >= 0 "
        f"AND valid_from <= :as_of AND {query.true(view)} LIMIT 1"
    )
    return bool(query.rows(sql, query.binds(as_of=at)))


def _summed(query: SqlQuery) -> SqlSum:
    view, own, expression = renewals.VIEW, "tenant_id = :tenant_id AND due <> ''", query.expression
    time = passed_by(rules_among(query.select), query.context.stands_at, query.context.zone)
    conditions = " AND ".join(
        ["due_at >= :start", "due_at < :end", "valid_from <= :as_of", "valid_to > :as_of", *query.within()]
    )
    conditions += " AND currency = :currency" if query.scope.currency is not None else ""
    known = "" if query.newest[view.name] else " AND pos_from <= :known"
    read = ", ".join(name for name in renewals.SUMMED if name != "outcome")
    froms = [f"FROM {view.follower} WHERE {own} AND pos_to = {FOREVER}{known} AND {conditions}"]
    if not query.newest[view.name]:
        past = f"{own} AND pos_to < {FOREVER}"
        froms.append(query.once(view, ("due_at", *renewals.SUMMED), past, conditions))
    binds = query.binds(currency=query.scope.currency, **time.binds())
    stood = " UNION ALL ".join(f"SELECT {read}, {time.sql()} AS outcome {one}" for one in froms)
    rows = f"SELECT {row_columns(expression)}, currency FROM ({stood}) AS stood"
    sums = f"{columns(expression)}, MIN(currency) AS first, MAX(currency) AS last"
    row = query.one(f"{query.before()}SELECT {sums} FROM ({rows}) AS given", binds)
    currencies = frozenset(name for name in (row["first"], row["last"]) if name is not None)
    if len(currencies) < 2:
        total = replace(sum_of(row).of(*currencies), paid=bool(currencies))
        return replace(total, by_currency=dict.fromkeys(currencies, total))
    sql = f"{query.before()}SELECT currency, {columns(expression)} FROM ({rows}) AS given GROUP BY currency"
    by_currency = {one["currency"]: replace(sum_of(one), paid=True) for one in query.mappings(sql, binds)}
    return replace(sum_of(row).of(*by_currency), by_currency=by_currency)
