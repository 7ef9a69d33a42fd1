"""Sums over accounts: of their run rates when a period closed, and of those when it opened."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sql.sql_query import SqlQuery, SqlSum, columns, sum_of, totals
from projections.interval_index import nodes_containing
from projections.kpis.account_movements import GAINS, LOSSES
from projections.kpis.presentation import Contribution
from projections.kpis.sql_expression import PAID, PAID_AT_START, Part, SqlExpression
from projections.views.run_rates import ALL, SUMMED, VIEW

TABLE: Final = VIEW.follower
_ALIVE: Final = f"contract = '' AND currency = :currency AND tenant_id = :tenant_id AND pos_to = {FOREVER}"
_PAST: Final = f"contract = '' AND currency = :currency AND tenant_id = :tenant_id AND pos_to < {FOREVER}"
INSTANTS: Final = {"closing": "last", "opening": "before"}
"""The last instant of the period, and the last one before it."""


def of_accounts(query: SqlQuery, *, largest: int = 0) -> SqlSum | None:
    """A figure over accounts; None where there are amounts too large for columns. Takes: how many of the largest accounts to name."""
    if query.scope.currency is not None:
        return _of_series(query, query.scope.currency, whole=False, largest=largest)
    series = currencies_of(query)
    total, by_currency = SqlSum.nothing(query.expression), {}
    for currency in series:
        sums = _of_series(query, currency, whole=len(series) > 1, largest=largest)
        if sums is None:
            return None
        total += sums
        by_currency[currency] = sums
    mixed = by_currency.pop(ALL, None) is not None and query.method.money
    return replace(total, by_currency=by_currency, several=_several(query) if mixed else ())


def _of_series(query: SqlQuery, currency: str, *, whole: bool, largest: int) -> SqlSum | None:
    """Takes: `whole`, whether to leave out rows that only count where currencies are counted separately."""
    binds, expression = binds_of(query, currency), query.expression
    sql = _lesser(query, whole=whole) if expression.lesser else statement(query, expression, whole=whole)
    row = query.one(sql, binds)
    if row["large"]:
        return None

    def moved(*, whole: bool) -> bool:
        if query.is_point:
            return False
        return sum_of(query.one(statement(query, PAID, whole=whole), binds)).numerator > 0

    named = bool(row["most"]) or moved(whole=False)
    paid = named and (bool(row["paid"]) or moved(whole=whole))
    most = _largest(query, binds, largest, whole=whole) if largest else ()
    sums = replace(sum_of(row), paid=paid, pays=bool(row["pays"]), largest=most)
    return sums.of(currency) if named and currency != ALL else sums


def _largest(query: SqlQuery, binds: Mapping[str, Any], number: int, *, whole: bool) -> tuple[tuple[int, str], ...]:
    """The accounts of a series that pay most when the period closes; equals by id."""
    rows = _selected(query, {"account": _both("account"), "annual": _counted(Part("annual"), whole=whole)})
    most = (
        f"SELECT annual, account FROM ({rows}) AS counted WHERE annual > 0 ORDER BY annual DESC, account LIMIT {number}"
    )
    return tuple((annual, account) for annual, account in query.rows(f"{query.before()}{most}", binds))


def _several(query: SqlQuery) -> Sequence[str]:
    """The accounts that have had several currencies."""
    holds = " AND ".join(query.within()) or "1 = 1"
    known = "" if query.newest[VIEW.name] else " AND pos_from <= :known"
    rows = [f"FROM {TABLE} WHERE {_ALIVE}{known} AND {holds}"]
    if not query.newest[VIEW.name]:
        rows.append(query.once(VIEW, SUMMED, _PAST, holds))
    sql = " UNION ".join(f"SELECT account {from_}" for from_ in rows)
    return sorted(query.first_column(f"{query.before()}{sql}", query.binds(currency=ALL)))


def binds_of(query: SqlQuery, currency: str) -> dict[str, Any]:
    """What a statement names: the period, whose accounts, and the nodes whose stretches contain both instants."""
    binds = query.binds(currency=currency)
    for instant in INSTANTS.values():
        for name, nodes in zip(("upto", "behind"), nodes_containing(binds[instant]), strict=True):
            binds[f"{instant}_{name}"] = nodes if query.database.postgres else str(nodes)
    return binds


def currencies_of(query: SqlQuery) -> Sequence[str]:
    """Every currency that occurs: one index probe for each."""
    currencies: set[str] = set()
    for state in (f"pos_to = {FOREVER}", *([] if query.newest[VIEW.name] else [f"pos_to < {FOREVER}"])):
        least = f"SELECT MIN(currency) FROM {TABLE} WHERE tenant_id = :tenant_id AND contract = '' AND {state}"
        sql = (
            f"WITH RECURSIVE named(currency) AS (SELECT ({least}) UNION ALL "
            f"SELECT ({least} AND currency > named.currency) FROM named WHERE named.currency IS NOT NULL) "
            "SELECT currency FROM named WHERE currency IS NOT NULL"
        )
        currencies.update(query.first_column(sql, query.binds()))
    return sorted(currencies)


def contributions_of(query: SqlQuery) -> list[Contribution]:
    """What every account gives that has something to do with a figure, by id."""
    own = query.scope.currency
    series = [own] if own is not None else currencies_of(query)
    contributions: dict[str, Contribution] = {}
    for currency in series:
        sql = _by_account(query, whole=own is None and len(series) > 1)
        for account, numerator, denominator, matters in query.rows(sql, binds_of(query, currency)):
            if matters:
                contributions[account] = Contribution(account, int(numerator), int(denominator))
    return [contributions[account] for account in sorted(contributions)]


# --- statements ---


_LARGE: Final = "CASE WHEN large THEN 1 ELSE 0 END"
_LESSER: Final = "CASE WHEN MAX(closing) < MAX(opening) THEN MAX(closing) ELSE MAX(opening) END"


def statement(query: SqlQuery, expression: SqlExpression, *, whole: bool) -> str:
    """One row of sums over the accounts of a series."""
    notes = {f"note_{name}": Part(f"CASE WHEN {rule} THEN 1 ELSE 0 END") for name, rule in expression.notes.items()}
    amounts = {name: _counted(part, whole=whole) for name, part in {**totals(expression), **notes}.items()}
    paid = {"paid": _counted(_both("annual"), whole=whole), "pays": _counted(Part("annual"), whole=whole)}
    rows = _selected(query, {**amounts, "most": _both("annual"), **paid, "large": _both(_LARGE)})
    most = ", ".join(f"MAX({name}) AS {name}" for name in ("most", *paid, "large"))
    return f"{query.before()}SELECT {columns(expression)}, {most} FROM ({rows}) AS counted"


def _lesser(query: SqlQuery, *, whole: bool) -> str:
    """The same of what each account paid both at the opening and at the closing, which takes both of its rows at once."""
    state = "CASE WHEN large THEN 2 WHEN annual = 0 AND held > 0 THEN 1 ELSE 0 END"  # one number, since each column costs time per account
    amounts = {"closing": Part("annual"), "opening": Part(opening="annual"), "state": Part(state, f"2 * ({_LARGE})")}
    counted = {name: _counted(part, whole=whole) for name, part in amounts.items()}
    both = "SELECT MAX(closing) AS closing, MAX(opening) AS opening, MAX(state) AS state FROM ({}) AS counted GROUP BY account"
    accounts = both.format(_selected(query, {"account": _both("account"), **counted}))
    held = "".join(
        f", CASE WHEN opening > 0 AND state = 1 THEN 1 ELSE 0 END AS note_{name}" for name in query.expression.notes
    )
    members = (
        "CASE WHEN closing < opening THEN closing ELSE opening END AS numerator, opening AS denominator, "
        f"closing + opening AS most, closing AS pays, state > 1 AS large{held}"
    )
    return (
        f"{query.before()}SELECT {columns(query.expression)}, MAX(most) AS most, MAX(most) AS paid, MAX(pays) AS pays, "
        f"MAX({_LARGE}) AS large "
        f"FROM (SELECT {members} FROM ({accounts}) AS account) AS counted"
    )


def _by_account(query: SqlQuery, *, whole: bool) -> str:
    """What each account of a series gives, and by which it has something to do with the figure."""
    expression = query.expression
    moved = " + ".join(f"total_{name}" for name in (*GAINS, *LOSSES))
    amounts = {
        "numerator": expression.numerator,
        "denominator": expression.denominator,
        "matters": Part(f"annual + {moved}", f"annual - ({moved})") if not query.is_point else Part("annual"),
        "closing": Part("annual"),
        "opening": Part(opening="annual"),
    }
    rows = _selected(query, {"account": _both("account"), "whole": _both("whole"), **amounts})
    numerator = _LESSER if expression.lesser else "SUM(numerator)"
    only = "WHERE whole " if whole else ""
    return (
        f"{query.before()}SELECT account, {numerator}, SUM(denominator), SUM(matters) FROM ({rows}) AS counted {only}"
        "GROUP BY account ORDER BY account"
    )


def _selected(query: SqlQuery, amounts: Mapping[str, Part]) -> str:
    """Rows of the closing and, in a period, of the opening, each with what it gives."""
    selects = []
    for side in ("closing", "opening") if not query.is_point else ("closing",):
        listed = ", ".join(f"{getattr(part, side)} AS {name}" for name, part in amounts.items())
        listed = re.sub(rf"\b{PAID_AT_START}\b", _paid_at_start(query), listed)
        selects += [f"SELECT {listed} {rows}" for rows in _rows(query, side)]
    return " UNION ALL ".join(selects)


def _both(value: str) -> Part:
    return Part(value, value)


def _counted(part: Part, *, whole: bool) -> Part:
    return Part(*(f"CASE WHEN whole THEN {value} ELSE 0 END" for value in part)) if whole else part


def _paid_at_start(query: SqlQuery) -> str:
    """Whether the account of a closing paid at the opening; only accounts that lapsed meanwhile need a lookup.

    One probe each: of an EXISTS a planner may make a table of all accounts.
    """
    then = (
        f"SELECT 1 FROM {TABLE} AS then_ WHERE then_.tenant_id = :tenant_id AND then_.account = rate.account "
        f"AND then_.contract = '' AND then_.currency = :currency AND then_.valid_from <= :before "
        f"AND then_.valid_to > :before AND then_.annual > 0 AND {query.true(VIEW, 'then_.')}"
    )
    return (
        "(CASE WHEN paying_since < :start THEN 1 = 1 WHEN paid_since >= :start OR valid_from < :start THEN 1 = 0 "
        f"ELSE ({then} LIMIT 1) IS NOT NULL END)"
    )


# --- which rows ---


def closing_rows(query: SqlQuery) -> list[str]:
    """The same of the last instant."""
    return _rows(query, "closing")


def _rows(query: SqlQuery, side: str) -> list[str]:
    """The FROM of every account's row that holds at an instant of the period; together they contain each exactly once."""
    at = INSTANTS[side]
    holds = [f"+valid_from <= :{at}", f"+valid_to > :{at}", *query.within()]
    if query.scope.account is not None:
        own = f"tenant_id = :tenant_id AND contract = '' AND currency = :currency AND {query.true(VIEW)}"
        return [f"FROM {TABLE} AS rate WHERE {own} AND {' AND '.join(holds)}"]
    known = [] if query.newest[VIEW.name] else ["pos_from <= :known"]
    probes = {"upto": f"valid_to > :{at}", "behind": f"valid_from <= :{at}"}
    froms = [_probed(query, f"{at}_{name}", probe, " AND ".join([*holds, *known])) for name, probe in probes.items()]
    return froms if query.newest[VIEW.name] else [*froms, query.once(VIEW, SUMMED, _PAST, " AND ".join(holds))]


def _probed(query: SqlQuery, nodes: str, probe: str, holds: str) -> str:
    """One range of an index for each root. A sign before a column keeps it from being taken for a better one."""
    if query.database.postgres:
        rows = f"SELECT {', '.join(SUMMED)} FROM {TABLE} WHERE {_ALIVE} AND node = root.node AND {probe} OFFSET 0"
        return (
            f"FROM unnest(CAST(:{nodes} AS bigint[])) AS root(node) CROSS JOIN LATERAL ({rows}) AS rate WHERE {holds}"
        )
    roots_ = f"(SELECT value AS root FROM json_each(:{nodes}))"
    return f"FROM {roots_} CROSS JOIN {TABLE} AS rate ON {_ALIVE} AND node = root AND {probe} AND {holds}"
