"""Lasting: how long accounts have been clients, counted by the database, and what they pay in the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sql.accounts import TABLE, binds_of, closing_rows, of_accounts, series
from app.kpi_queries.sql.sql_query import LOW, SqlQuery
from projections.kpis.cohorts import Paid
from projections.kpis.customer_lifetimes import ClientSpan
from projections.kpis.retention import CUSTOMER_CHURN_RATE
from projections.views.run_rates import ALL, LAPSED, SUMMED, VIEW


@dataclass
class Lasting:
    """What became of all accounts until an instant, or of those of a cohort.

    annual: what they pay a year, by each currency in which anybody ever paid; currencies: in which they did.
    accounts, paying: how many ever paid, and pay in the end. spells: the times without a lapse.
    """

    annual: dict[str, int] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)
    accounts: int = 0
    paying: int = 0
    spells: Counter[ClientSpan] = field(default_factory=Counter)


def lasting(asked: SqlQuery) -> Lasting | None:
    """All of it at the last instant; None where the database's integers, or rows by currency, do not suffice."""
    found = Lasting()
    told = [asked.currency] if asked.currency is not None else series(asked)
    if ALL in told and asked.joined is not None:  # an account joined with its first payment in any currency
        return None
    for currency in told:
        if not _add(found, asked, currency, whole=len(told) > 1):
            return None
    return found


def _add(found: Lasting, asked: SqlQuery, currency: str, *, whole: bool) -> bool:
    """Adds a series of accounts. Gives: whether its amounts were small enough."""
    own, binds = ("whole" if whole else "1 = 1"), binds_of(asked, currency)
    first, until = asked.joined or (-FOREVER, FOREVER)
    binds |= {"joined_from": first, "joined_to": until}
    joined = "paid_since >= :joined_from AND paid_since < :joined_to"
    client = f"{own} AND {joined} AND (annual > 0 OR held > 0)"
    named = {"annual": "annual", "since": f"CASE WHEN {client} AND since < {FOREVER} THEN since END"}
    flags = {
        "ever": joined,
        "once": f"paid_since < {FOREVER}",
        "account": f"{own} AND {joined}",
        "paying": f"{own} AND {joined} AND annual > 0",
        "beyond": "large",
    }
    given = ", ".join(
        [*(f"{value} AS {name}" for name, value in named.items())]
        + [f"CASE WHEN {rule} THEN 1 ELSE 0 END AS {name}" for name, rule in flags.items()]
    )
    rows = " UNION ALL ".join(f"SELECT {given} {one}" for one in closing_rows(asked))
    paid = "CASE WHEN ever = 1 THEN annual ELSE 0 END"
    sums = f"SUM({paid} >> {LOW}), SUM({paid} & {2**LOW - 1}), SUM(ever), MAX(once), SUM(account), SUM(paying), MAX(beyond)"
    sql = f"{asked.before()}SELECT since, COUNT(since), {sums} FROM ({rows}) AS given GROUP BY since"
    ever = 0
    for since, clients, high, low, have, once, accounts, paying, beyond in asked.rows(sql, binds):
        if beyond:
            return False
        if currency != ALL and once:
            found.annual[currency] = found.annual.get(currency, 0) + (int(high) << LOW) + int(low)
        ever += int(have)
        found.accounts, found.paying = found.accounts + int(accounts), found.paying + int(paying)
        if since is not None:
            found.spells[ClientSpan(since, None)] += int(clients)
    if ever and currency != ALL:
        found.currencies.add(currency)
    for since, ended, accounts in asked.rows(_lapses(asked, f"{own} AND {joined}"), binds):
        found.spells[ClientSpan(since, ended)] += int(accounts)
    return True


def _lapses(asked: SqlQuery, own: str) -> str:
    holds = " AND ".join([own, "valid_from < :end", *asked.within()])
    known = "" if asked.newest[VIEW.name] else " AND pos_from <= :known"
    rows = [f"FROM {TABLE} WHERE tenant_id = :tenant_id AND currency = :currency AND {LAPSED}{known} AND {holds}"]
    if not asked.newest[VIEW.name]:
        past = f"contract = '' AND currency = :currency AND tenant_id = :tenant_id AND pos_to < {FOREVER}"
        lapsed = f"annual = 0 AND held = 0 AND since < {FOREVER} AND {holds}"
        rows.append(asked.once(VIEW, SUMMED, past, lapsed))
    every = " UNION ALL ".join(f"SELECT since, valid_from {one}" for one in rows)
    return f"{asked.before()}SELECT since, valid_from, COUNT(*) FROM ({every}) AS given GROUP BY since, valid_from"


def paid(asked: SqlQuery) -> dict[str, list[Paid]] | None:
    """All that was ever paid until the last instant, by currency; None where rows by currency do not suffice."""
    told = [asked.currency] if asked.currency is not None else series(asked)
    if ALL in told:
        return None
    holds = " AND ".join(["valid_from < :end", "(annual > 0 OR large)", *asked.within()])
    known = "" if asked.newest[VIEW.name] else " AND pos_from <= :known"
    own = "tenant_id = :tenant_id AND contract = '' AND currency = :currency AND pos_to"
    froms = [f"FROM {TABLE} WHERE {own} = {FOREVER}{known} AND {holds}"]
    if not asked.newest[VIEW.name]:
        froms.append(asked.once(VIEW, SUMMED, f"{own} < {FOREVER}", holds))
    sql = " UNION ALL ".join(f"SELECT account, paid_since, valid_from, valid_to, annual {one}" for one in froms)
    found = {}
    for currency in told:
        rows = asked.rows(f"{asked.before()}{sql}", asked.binds(currency=currency))
        found[currency] = [Paid(*row) for row in rows]
        if any(not one.annual for one in found[currency]):  # too large for a column
            return None
    return found


def churned(asked: SqlQuery, months: Sequence[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """How many accounts each month lost, of how many that paid when it began; None where integers do not suffice."""
    found = []
    for start, end in months:
        month = replace(asked, kpi=CUSTOMER_CHURN_RATE, method="point_to_point", start=start, end=end)
        told = of_accounts(month)
        if told is None:
            return None
        found.append((told.numerator, told.denominator))
    return found
