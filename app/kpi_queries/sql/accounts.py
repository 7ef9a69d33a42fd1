"""Sums over accounts: of their run rates when a period closed, and of those when it opened."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sql.expressions import PAID, PAID_AT_START, Part, SqlExpression
from app.kpi_queries.sql.sql_query import SqlQuery, Sum, columns, read, totals
from projections.interval_index import nodes_containing
from projections.kpis.account_movements import GAINS, LOSSES
from projections.kpis.presentation import Given
from projections.views.run_rates import ALL, SUMMED, VIEW

TABLE: Final = VIEW.follower
_ALIVE: Final = f"contract = '' AND currency = :currency AND tenant_id = :tenant_id AND pos_to = {FOREVER}"
_PAST: Final = f"contract = '' AND currency = :currency AND tenant_id = :tenant_id AND pos_to < {FOREVER}"
INSTANTS: Final = {"closing": "last", "opening": "before"}
"""The last instant of the period, and the last one before it."""


def of_accounts(asked: SqlQuery) -> Sum | None:
    """A figure over accounts; None where there are amounts too large for columns."""
    if asked.currency is not None:
        return _of_series(asked, asked.currency, whole=False)
    told_in = series(asked)
    found, each = Sum.nothing(asked.twin), {}
    for currency in told_in:
        told = _of_series(asked, currency, whole=len(told_in) > 1)
        if told is None:
            return None
        found += told
        each[currency] = told
    mixed = each.pop(ALL, None) is not None and asked.kpi.methods[asked.method].money
    return replace(found, each=each, several=_several(asked) if mixed else ())


def _of_series(asked: SqlQuery, currency: str, *, whole: bool) -> Sum | None:
    """Takes: `whole`, whether only rows count that count where currencies are not told apart."""
    binds = binds_of(asked, currency)
    sql = _least(asked, whole=whole) if asked.twin.least else statement(asked, asked.twin, whole=whole)
    row = asked.one(sql, binds)
    if row["large"]:
        return None
    found = read(row)

    def moved(*, whole: bool) -> bool:
        if asked.start == asked.end:
            return False
        return read(asked.one(statement(asked, PAID, whole=whole), binds)).numerator > 0

    named = bool(row["most"]) or moved(whole=False)
    paid = named and (bool(row["paid"]) or moved(whole=whole))
    largest = _largest(asked, binds, whole=whole) if asked.top else ()
    found = replace(found, paid=paid, pays=bool(row["pays"]), largest=largest)
    return found.of(currency) if named and currency != ALL else found


def _largest(asked: SqlQuery, binds: Mapping[str, Any], *, whole: bool) -> tuple[tuple[int, str], ...]:
    """The accounts of a series that pay most when the period closes; equals by id."""
    rows = _given(asked, {"account": _both("account"), "annual": _counted(Part("annual"), whole=whole)})
    most = f"SELECT annual, account FROM ({rows}) AS given WHERE annual > 0 ORDER BY annual DESC, account LIMIT {asked.top}"
    return tuple((annual, account) for annual, account in asked.rows(f"{asked.before()}{most}", binds))


def _several(asked: SqlQuery) -> Sequence[str]:
    """The accounts that have had several currencies."""
    holds = " AND ".join(asked.within()) or "1 = 1"
    known = "" if asked.newest[VIEW.name] else " AND pos_from <= :known"
    rows = [f"FROM {TABLE} WHERE {_ALIVE}{known} AND {holds}"]
    if not asked.newest[VIEW.name]:
        rows.append(asked.once(VIEW, SUMMED, _PAST, holds))
    sql = " UNION ".join(f"SELECT account {one}" for one in rows)
    return sorted(asked.all(f"{asked.before()}{sql}", asked.binds(currency=ALL)))


def binds_of(asked: SqlQuery, currency: str) -> dict[str, Any]:
    """What a statement names: the period, whose accounts, and the nodes whose stretches contain both instants."""
    binds = asked.binds(currency=currency)
    for instant in INSTANTS.values():
        for name, nodes in zip(("upto", "behind"), nodes_containing(binds[instant]), strict=True):
            binds[f"{instant}_{name}"] = nodes if asked.database.postgres else str(nodes)
    return binds


def series(asked: SqlQuery) -> Sequence[str]:
    """The currencies that there ever were: one look into an index for each."""
    found: set[str] = set()
    for state in (f"pos_to = {FOREVER}", *([] if asked.newest[VIEW.name] else [f"pos_to < {FOREVER}"])):
        least = f"SELECT MIN(currency) FROM {TABLE} WHERE tenant_id = :tenant_id AND contract = '' AND {state}"
        sql = (
            f"WITH RECURSIVE found(currency) AS (SELECT ({least}) UNION ALL "
            f"SELECT ({least} AND currency > found.currency) FROM found WHERE found.currency IS NOT NULL) "
            "SELECT currency FROM found WHERE currency IS NOT NULL"
        )
        found.update(asked.all(sql, asked.binds()))
    return sorted(found)


def shares(asked: SqlQuery) -> list[Given]:
    """What every account gives that has something to do with a figure, by id."""
    told_in = [asked.currency] if asked.currency is not None else series(asked)
    found: dict[str, Given] = {}
    for currency in told_in:
        sql = _by_account(asked, whole=asked.currency is None and len(told_in) > 1)
        for account, numerator, denominator, matters in asked.rows(sql, binds_of(asked, currency)):
            if matters:
                found[account] = Given(account, int(numerator), int(denominator))
    return [found[account] for account in sorted(found)]


# --- statements ---


_LARGE: Final = "CASE WHEN large THEN 1 ELSE 0 END"
_LESSER: Final = "CASE WHEN MAX(closing) < MAX(opening) THEN MAX(closing) ELSE MAX(opening) END"


def statement(asked: SqlQuery, twin: SqlExpression, *, whole: bool) -> str:
    """One row of sums over the accounts of a series."""
    notes = {f"note_{name}": Part(f"CASE WHEN {rule} THEN 1 ELSE 0 END") for name, rule in twin.notes.items()}
    given = {name: _counted(part, whole=whole) for name, part in {**totals(twin), **notes}.items()}
    paid = {"paid": _counted(_both("annual"), whole=whole), "pays": _counted(Part("annual"), whole=whole)}
    rows = _given(asked, {**given, "most": _both("annual"), **paid, "large": _both(_LARGE)})
    most = ", ".join(f"MAX({name}) AS {name}" for name in ("most", *paid, "large"))
    return f"{asked.before()}SELECT {columns(twin)}, {most} FROM ({rows}) AS given"


def _least(asked: SqlQuery, *, whole: bool) -> str:
    """The same of what each account paid both at the opening and at the closing, which takes both of its rows at once."""
    state = "CASE WHEN large THEN 2 WHEN annual = 0 AND held > 0 THEN 1 ELSE 0 END"  # one number: each costs by account
    amounts = {"closing": Part("annual"), "opening": Part(opening="annual"), "state": Part(state, f"2 * ({_LARGE})")}
    given = {name: _counted(part, whole=whole) for name, part in amounts.items()}
    both = "SELECT MAX(closing) AS closing, MAX(opening) AS opening, MAX(state) AS state FROM ({}) AS given GROUP BY account"
    accounts = both.format(_given(asked, {"account": _both("account"), **given}))
    held = "".join(
        f", CASE WHEN opening > 0 AND state = 1 THEN 1 ELSE 0 END AS note_{name}" for name in asked.twin.notes
    )
    told = (
        "CASE WHEN closing < opening THEN closing ELSE opening END AS numerator, opening AS denominator, "
        f"closing + opening AS most, closing AS pays, state > 1 AS large{held}"
    )
    return (
        f"{asked.before()}SELECT {columns(asked.twin)}, MAX(most) AS most, MAX(most) AS paid, MAX(pays) AS pays, "
        f"MAX({_LARGE}) AS large "
        f"FROM (SELECT {told} FROM ({accounts}) AS account) AS given"
    )


def _by_account(asked: SqlQuery, *, whole: bool) -> str:
    """What each account of a series gives, and by which it has something to do with the figure."""
    twin = asked.twin
    moved = " + ".join(f"total_{name}" for name in (*GAINS, *LOSSES))
    amounts = {
        "numerator": twin.numerator,
        "denominator": twin.denominator,
        "matters": Part(f"annual + {moved}", f"annual - ({moved})") if asked.start != asked.end else Part("annual"),
        "closing": Part("annual"),
        "opening": Part(opening="annual"),
    }
    rows = _given(asked, {"account": _both("account"), "whole": _both("whole"), **amounts})
    numerator = _LESSER if twin.least else "SUM(numerator)"
    only = "WHERE whole " if whole else ""
    return (
        f"{asked.before()}SELECT account, {numerator}, SUM(denominator), SUM(matters) FROM ({rows}) AS given {only}"
        "GROUP BY account ORDER BY account"
    )


def _given(asked: SqlQuery, given: Mapping[str, Part]) -> str:
    """Rows of the closing and, in a period, of the opening, each with what it gives."""
    selects = []
    for side in ("closing", "opening") if asked.start != asked.end else ("closing",):
        listed = ", ".join(f"{getattr(part, side)} AS {name}" for name, part in given.items())
        listed = re.sub(rf"\b{PAID_AT_START}\b", _paid_at_start(asked), listed)
        selects += [f"SELECT {listed} {rows}" for rows in _rows(asked, side)]
    return " UNION ALL ".join(selects)


def _both(value: str) -> Part:
    return Part(value, value)


def _counted(part: Part, *, whole: bool) -> Part:
    return Part(*(f"CASE WHEN whole THEN {value} ELSE 0 END" for value in part)) if whole else part


def _paid_at_start(asked: SqlQuery) -> str:
    """Whether the account of a closing paid at the opening; only who lapsed meanwhile need be looked up.

    One probe each: of an EXISTS a planner may make a table of all accounts.
    """
    then = (
        f"SELECT 1 FROM {TABLE} AS then_ WHERE then_.tenant_id = :tenant_id AND then_.account = rate.account "
        f"AND then_.contract = '' AND then_.currency = :currency AND then_.valid_from <= :before "
        f"AND then_.valid_to > :before AND then_.annual > 0 AND {asked.true(VIEW, 'then_.')}"
    )
    return (
        "(CASE WHEN paying_since < :start THEN 1 = 1 WHEN paid_since >= :start OR valid_from < :start THEN 1 = 0 "
        f"ELSE ({then} LIMIT 1) IS NOT NULL END)"
    )


# --- which rows ---


def closing_rows(asked: SqlQuery) -> list[str]:
    """The same of the last instant."""
    return _rows(asked, "closing")


def _rows(asked: SqlQuery, side: str) -> list[str]:
    """The FROM of every account's row that holds at an instant of the period; together they have each exactly once."""
    at = INSTANTS[side]
    holds = [f"+valid_from <= :{at}", f"+valid_to > :{at}", *asked.within()]
    if asked.account is not None:
        own = f"tenant_id = :tenant_id AND contract = '' AND currency = :currency AND {asked.true(VIEW)}"
        return [f"FROM {TABLE} AS rate WHERE {own} AND {' AND '.join(holds)}"]
    known = [] if asked.newest[VIEW.name] else ["pos_from <= :known"]
    probes = {"upto": f"valid_to > :{at}", "behind": f"valid_from <= :{at}"}
    found = [_probed(asked, f"{at}_{name}", probe, " AND ".join([*holds, *known])) for name, probe in probes.items()]
    return found if asked.newest[VIEW.name] else [*found, asked.once(VIEW, SUMMED, _PAST, " AND ".join(holds))]


def _probed(asked: SqlQuery, nodes: str, probe: str, holds: str) -> str:
    """One range of an index for each root. A sign before a column keeps it from being taken for a better one."""
    if asked.database.postgres:
        rows = f"SELECT {', '.join(SUMMED)} FROM {TABLE} WHERE {_ALIVE} AND node = root.node AND {probe} OFFSET 0"
        return (
            f"FROM unnest(CAST(:{nodes} AS bigint[])) AS root(node) CROSS JOIN LATERAL ({rows}) AS rate WHERE {holds}"
        )
    roots_ = f"(SELECT value AS root FROM json_each(:{nodes}))"
    return f"FROM {roots_} CROSS JOIN {TABLE} AS rate ON {_ALIVE} AND node = root AND {probe} AND {holds}"
