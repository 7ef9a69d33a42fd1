"""Lifetimes: how long accounts have been clients, counted by the database, and what they pay in the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sql.run_rates import TABLE, binds_of, closing_rows, currencies_of, of_accounts
from app.kpi_queries.sql.sql_query import LOW, SqlQuery
from projections.kpis.cohorts import Paid
from projections.kpis.customer_lifetimes import ClientSpan
from projections.kpis.retention import CUSTOMER_CHURN_RATE
from projections.views.run_rates import ALL, LAPSED, SUMMED, VIEW


@dataclass
class LifetimeTally:
    """Lifetimes of all accounts until an instant, or of those of a cohort, counted.

    annual: what they pay a year, by each currency in which anybody ever paid; currencies: in which they did.
    accounts, paying: how many ever paid, and pay in the end. spans: the times without a lapse.
    """

    annual: dict[str, int] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)
    accounts: int = 0
    paying: int = 0
    spans: Counter[ClientSpan] = field(default_factory=Counter)


def lifetime_tally(query: SqlQuery, joined: tuple[int, int] | None) -> LifetimeTally | None:
    """All of it at the last instant; None where the database's integers, or rows by currency, do not suffice.

    Takes: between which instants the accounts of a cohort paid for the first time; None for all accounts.
    """
    tally, own = LifetimeTally(), query.scope.currency
    series = [own] if own is not None else currencies_of(query)
    if ALL in series and joined is not None:  # an account joined with its first payment in any currency
        return None
    for currency in series:
        if not _add(tally, query, currency, joined, whole=len(series) > 1):
            return None
    return tally


def _add(tally: LifetimeTally, query: SqlQuery, currency: str, joined: tuple[int, int] | None, *, whole: bool) -> bool:
    """Adds a series of accounts. Gives: whether its amounts were small enough."""
    own, binds = ("whole" if whole else "1 = 1"), binds_of(query, currency)
    first, until = joined or (-FOREVER, FOREVER)
    binds |= {"joined_from": first, "joined_to": until}
    member = "paid_since >= :joined_from AND paid_since < :joined_to"
    client = f"{own} AND {member} AND (annual > 0 OR held > 0)"
    named = {"annual": "annual", "since": f"CASE WHEN {client} AND since < {FOREVER} THEN since END"}
    flags = {
        "ever": member,
        "once": f"paid_since < {FOREVER}",
        "account": f"{own} AND {member}",
        "paying": f"{own} AND {member} AND annual > 0",
        "beyond": "large",
    }
    columns = ", ".join(
        [*(f"{value} AS {name}" for name, value in named.items())]
        + [f"CASE WHEN {rule} THEN 1 ELSE 0 END AS {name}" for name, rule in flags.items()]
    )
    rows = " UNION ALL ".join(f"SELECT {columns} {from_}" for from_ in closing_rows(query))
    paid = "CASE WHEN ever = 1 THEN annual ELSE 0 END"
    sums = f"SUM({paid} >> {LOW}), SUM({paid} & {2**LOW - 1}), SUM(ever), MAX(once), SUM(account), SUM(paying), MAX(beyond)"
    sql = f"{query.before()}SELECT since, COUNT(since), {sums} FROM ({rows}) AS counted GROUP BY since"
    ever = 0
    for since, clients, high, low, have, once, accounts, paying, beyond in query.rows(sql, binds):
        if beyond:
            return False
        if currency != ALL and once:
            tally.annual[currency] = tally.annual.get(currency, 0) + (int(high) << LOW) + int(low)
        ever += int(have)
        tally.accounts, tally.paying = tally.accounts + int(accounts), tally.paying + int(paying)
        if since is not None:
            tally.spans[ClientSpan(since, None)] += int(clients)
    if ever and currency != ALL:
        tally.currencies.add(currency)
    for since, ended, accounts in query.rows(_lapses(query, f"{own} AND {member}"), binds):
        tally.spans[ClientSpan(since, ended)] += int(accounts)
    return True


def _lapses(query: SqlQuery, own: str) -> str:
    holds = " AND ".join([own, "valid_from < :end", *query.within()])
    known = "" if query.newest[VIEW.name] else " AND pos_from <= :known"
    rows = [f"FROM {TABLE} WHERE tenant_id = :tenant_id AND currency = :currency AND {LAPSED}{known} AND {holds}"]
    if not query.newest[VIEW.name]:
        past = f"contract = '' AND currency = :currency AND tenant_id = :tenant_id AND pos_to < {FOREVER}"
        lapsed = f"annual = 0 AND held = 0 AND since < {FOREVER} AND {holds}"
        rows.append(query.once(VIEW, SUMMED, past, lapsed))
    every = " UNION ALL ".join(f"SELECT since, valid_from {from_}" for from_ in rows)
    return f"{query.before()}SELECT since, valid_from, COUNT(*) FROM ({every}) AS counted GROUP BY since, valid_from"


def paid_spans(query: SqlQuery) -> dict[str, list[Paid]] | None:
    """All that was ever paid until the last instant, by currency; None where rows by currency do not suffice."""
    own_currency = query.scope.currency
    series = [own_currency] if own_currency is not None else currencies_of(query)
    if ALL in series:
        return None
    holds = " AND ".join(["valid_from < :end", "(annual > 0 OR large)", *query.within()])
    known = "" if query.newest[VIEW.name] else " AND pos_from <= :known"
    own = "tenant_id = :tenant_id AND contract = '' AND currency = :currency AND pos_to"
    froms = [f"FROM {TABLE} WHERE {own} = {FOREVER}{known} AND {holds}"]
    if not query.newest[VIEW.name]:
        froms.append(query.once(VIEW, SUMMED, f"{own} < {FOREVER}", holds))
    sql = " UNION ALL ".join(f"SELECT account, paid_since, valid_from, valid_to, annual {row}" for row in froms)
    by_currency = {}
    for currency in series:
        rows = query.rows(f"{query.before()}{sql}", query.binds(currency=currency))
        by_currency[currency] = [Paid(*row) for row in rows]
        if any(not row.annual for row in by_currency[currency]):  # too large for a column
            return None
    return by_currency


def churned(query: SqlQuery, months: Sequence[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """How many accounts each month lost, of how many that paid when it began; None where integers do not suffice."""
    method, months_lost = CUSTOMER_CHURN_RATE.methods["point_to_point"], []
    for start, end in months:
        sums = of_accounts(replace(query, method=method, context=replace(query.context, start=start, end=end)))
        if sums is None:
            return None
        months_lost.append((sums.numerator, sums.denominator))
    return months_lost
