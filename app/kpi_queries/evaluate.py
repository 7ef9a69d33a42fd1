"""Answers: a figure summed by the database, or by the pure functions where it is explained row by row."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import instant
from app.domain.policy.rules import MetricRules
from app.domain.recorded import Recorded
from app.kpi_queries.concentration import weighed
from app.kpi_queries.counting_policies import Counting, counting
from app.kpi_queries.currency_conversion import converted, linear
from app.kpi_queries.lifetimes import counted, followed
from app.kpi_queries.query import (
    KpiQuery,
    KpiResult,
    Scope,
    closing_day,
    currency_of,
    exchange_of,
    kpi_of,
    options_of,
    period_of,
)
from app.kpi_queries.row_source import Load, account_of, converted_of, lines_of, rows_of
from app.kpi_queries.sql import Sum, indifferent
from app.kpi_queries.sql_source import gathered
from app.read_side.reader import Reader, When
from projections.kpis.base import Kpi, Measure, Terms, Warnings, measure
from projections.kpis.causes import causes, streams
from projections.kpis.conversion import Exchange
from projections.kpis.counting_rules import plain
from projections.kpis.presentation import Given, breakdown, contributions, detailed, figure
from projections.views.contract_lines import ContractLine


def answer(reader: Reader, tenant_id: str, question: KpiQuery, when: When) -> dict[str, Any]:
    """A figure as it is answered.

    Raises: NotFound for an unknown KPI or account; Invalid for a period, method or currency that does not fit.
    """
    return _answer(question, when, _find(reader, tenant_id, question, when, explained=False))


def explain(
    reader: Reader, tenant_id: str, question: KpiQuery, when: When, *, limit: int, after: str | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]], str | None]:
    """A figure, a page of the account rows that sum to it with the events behind each, and where the next page begins.

    Takes: `after`, the last account of the page before. Raises: as `answer`.
    """
    found = _find(reader, tenant_id, question, when, explained=True)
    if found.given is None:
        rows, last = breakdown(found.measure, found.currency, limit=limit, after=after)
        behind: Sequence[Any] = [row for row, _ in found.measure.shares]
        lines: Sequence[ContractLine] = found.lines
    else:
        page_, last = contributions(found.measure.method, found.given, found.currency, limit=limit, after=after)
        names, span = [one["account"] for one in page_], (found.position, found.start, found.end)
        behind, lines = lines_of(reader, tenant_id, question.scope, *span, names)
        standing = {row.account: row for row in behind}
        rows = [detailed(one, [standing[one["account"]]], found.currency) for one in page_]
    named = {row["account"] for row in rows}
    of_account, lines_by = _by_account(behind, named), _by_account(lines, named)
    own = {account: streams(of_account[account], lines_by[account]) for account in named}
    told = reader.log.look_up(tenant_id, (), named.union(*own.values())).streams
    where = reader.projector.zone(tenant_id)
    page = [
        {
            "account": account,
            "name": account_of(told[account], found.position, where).name,
            **row,
            "events": _events(
                (event for stream in own[account] for event in told[stream]),
                causes(of_account[account], lines_by[account], found.start, found.end, where),
                found.position,
            ),
        }
        for row in rows
        for account in [row["account"]]
    ]
    return _answer(question, when, found), page, last


def _by_account(rows: Iterable[Any], named: Collection[str]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {account: [] for account in named}
    for row in rows:
        if row.account in named:
            grouped[row.account].append(row)
    return grouped


def exactly(
    reader: Reader, tenant_id: str, question: KpiQuery, when: When, *, explained: bool = False
) -> tuple[KpiResult, dict[str, Any]]:
    """A figure before it is written, and as it is answered. Takes: `explained`, whether to tell what each account gives.

    Raises: as `answer`.
    """
    found = _find(reader, tenant_id, question, when, explained=explained)
    return found, _answer(question, when, found)


# --- asking ---


def _find(reader: Reader, tenant_id: str, question: KpiQuery, when: When, *, explained: bool) -> KpiResult:
    kpi, scope = kpi_of(question.name), question.scope
    method = question.method or kpi.default
    if method not in kpi.methods:
        raise Invalid("unknown_method", f"{kpi.name} knows {', '.join(kpi.methods)}")
    if (scope.currency or question.reporting_currency) and kpi.reads == "scope_changes":
        raise Invalid("currency_not_allowed", "this figure counts no money")
    if scope.currency is not None and question.reporting_currency is not None:
        raise Invalid(
            "currency_twice", "name currency to narrow a figure or reporting_currency to convert it, not both"
        )
    start, end, cut = period_of(kpi, question, when, reader.projector.zone(tenant_id))
    options = options_of(kpi, question)
    terms = Terms(start, end, reader.projector.zone(tenant_id), options=options)
    sums = gathered(reader, tenant_id, kpi, method, scope, when.known_at, terms, explained=explained)
    told, given, position = sums.told, sums.given, sums.position
    if scope.account is not None:
        account_of(reader.log.stream(tenant_id, scope.account), position, terms.where)
    rules = counting(reader, tenant_id, closing_day(end, terms.where), position, question.policy)
    terms = replace(terms, rules=rules.metric)
    found = KpiResult(
        kpi, method, Measure(kpi.methods[method], 0, 0), terms, cut, position, policy_version=rules.version
    )
    exchange = exchange_of(kpi, method, question, rules, terms)
    load = Load(reader, tenant_id, scope, position, start, end, options, rules.metric)
    if not _suffices(kpi, method, rules.metric, given, explained=explained):
        return _of_rows(found, load, rules, exchange)
    if sums.lasting is not None and (staying := counted(sums, kpi.methods[method], terms, exchange)):
        if exchange is not None:
            return _in_one(found, staying, rules, exchange)
        currency = currency_of(kpi.methods[method], scope, sums.lasting.currencies)
        return replace(found, measure=staying, terms=replace(terms, currency=currency))
    if sums.paid is not None and (cohorts := followed(sums, kpi.methods[method], terms, exchange)):
        if exchange is not None:
            return _in_one(found, cohorts, rules, exchange)
        currency = currency_of(kpi.methods[method], scope, [name for name, rows in sums.paid.items() if rows])
        return replace(found, measure=cohorts, terms=replace(terms, currency=currency))
    if told is not None and kpi.reads == "weights":
        return _of_weights(found, load, told, rules, exchange)
    if told is not None:
        if exchange is None or told.currencies <= {exchange.currency}:
            return _of_sums(found, scope, told, given, exchange)
        if not explained and linear(kpi, rules.metric):
            return _in_one(found, converted(told, kpi, kpi.methods[method], load, exchange), rules, exchange)
    return _of_rows(found, load, rules, exchange)


def _suffices(kpi: Kpi, method: str, rules: MetricRules, given: Sequence[Given] | None, *, explained: bool) -> bool:
    """Whether sums of the database are the figure: its rules count as the house's own do, for what it counts."""
    if kpi.reads not in ("contract_lines", "cohorts", "lives", "weights"):
        return not explained
    return (given is not None and plain(rules)) if explained else plain(rules, besides=indifferent(kpi.name, method))


def _of_weights(found: KpiResult, load: Load, told: Sum, rules: Counting, exchange: Exchange | None) -> KpiResult:
    method = found.measure.method
    if exchange is None or told.currencies <= {exchange.currency}:
        currency = exchange.currency if exchange else currency_of(method, load.scope, told.currencies)
        weights = weighed(told, found.kpi, method, load, None)
        return replace(found, measure=weights, terms=replace(found.terms, currency=currency))
    return _in_one(found, weighed(told, found.kpi, method, load, exchange), rules, exchange)


def _in_one(found: KpiResult, told: Measure, rules: Counting, exchange: Exchange) -> KpiResult:
    """A figure that was converted, with the rates that it was converted by."""
    rates = exchange.used()
    return replace(
        found,
        measure=told,
        terms=replace(found.terms, currency=exchange.currency),
        fx_version=rules.fx_version if rates else None,
        rates=rates or None,
    )


def _of_sums(
    found: KpiResult, scope: Scope, told: Sum, given: Sequence[Given] | None, exchange: Exchange | None
) -> KpiResult:
    method = found.measure.method
    notes: Warnings = {code: count for code, count in told.notes.items() if count}
    summed_ = Measure(method, told.numerator, told.denominator, (), told.parts, notes)
    currency = exchange.currency if exchange else currency_of(method, scope, told.currencies)
    return replace(found, measure=summed_, terms=replace(found.terms, currency=currency), given=given)


def _of_rows(found: KpiResult, load: Load, rules: Counting, exchange: Exchange | None) -> KpiResult:
    method = found.measure.method
    if exchange is None:
        rows, lines, currencies = rows_of(load, found.kpi)
        terms = replace(found.terms, currency=currency_of(method, load.scope, currencies))
        return replace(found, measure=measure(method, rows), terms=terms, lines=lines)
    rows, lines, per = converted_of(load, found.kpi, exchange)
    return replace(_in_one(found, measure(method, rows, per), rules, exchange), lines=lines)


# --- answering ---


def _answer(question: KpiQuery, when: When, found: KpiResult) -> dict[str, Any]:
    kpi, scope = found.kpi, question.scope
    period = None if kpi.kind == "point" else {"from": question.from_, "to": question.to}
    closing = instant(found.end - 1)
    asked: dict[str, str] = {
        "method": found.method,
        **scope.told(),
        **dict(question.options),
        **({"policy": question.policy} if question.policy else {}),
        **({"reporting_currency": question.reporting_currency} if question.reporting_currency else {}),
        "known_at": str(found.position),
    }
    if period:
        asked |= {"from": str(question.from_), "to": str(question.to)}
    if not period or not when.now:
        asked["as_of"] = closing
    told = figure(kpi, found.measure, found.terms)
    if period and found.cut:
        told["warnings"].append({"code": "period_cut_at_as_of", "count": None})
    return {
        "name": kpi.name,
        "value": told.pop("value"),
        "unit": kpi.unit,
        "currency": found.currency if found.measure.method.money else None,
        **told,
        "period": period,
        "scope": scope.told(),
        "method": found.method,
        "calculation": kpi.calculation,
        "as_of": closing,
        "known_at": when.known_at,
        "position": found.position,
        "policy_version": found.policy_version,
        "fx_version": found.fx_version,
        **({"fx_rates": found.rates} if found.rates is not None else {}),
        "coverage": "1",
        "explain_url": f"/v1/kpis/{kpi.name}/explain?{urlencode(asked)}",
    }


def _events(told: Iterable[Recorded], behind: Callable[[Recorded], bool], position: int) -> list[dict[str, Any]]:
    """The events among some that made an account's rows what they are, as far as they were known."""
    return [
        {"id": one.event_id, "type": one.type, "position": one.position, "effective_at": instant(one.effective_at)}
        for one in sorted(told, key=lambda event: event.position)
        if one.position <= position and behind(one)
    ]
