"""Sums: the figures of `projections.kpis` added up by the database, so that a figure costs what its answer is worth.

Lives here: for each method of a KPI its share once more in SQL (`twins`), and the statements that gather the rows which
shares are made of: of accounts (`accounts`), of renewals and scope changes (`cases`). The pure functions stay the
definition: what is here must give the same to the last millionth, and where it cannot (amounts beyond a database's
integers), says so, and the rows are summed in Python.
May import: the store, the views' tables, `projections.kpis`.
To add a sum: the twin of a method's share, one entry in `twins`.
"""

from app.kpi_queries.sql.accounts import of_accounts, shares
from app.kpi_queries.sql.cases import of_renewals, of_scope_changes
from app.kpi_queries.sql.expressions import TWINS
from app.kpi_queries.sql.lifetimes import Lasting, churned, lasting, paid
from app.kpi_queries.sql.rule_dependencies import indifferent
from app.kpi_queries.sql.sql_query import SqlQuery, Sum

__all__ = ["Lasting", "SqlQuery", "Sum", "churned", "indifferent", "lasting", "paid", "shares", "summed"]


def summed(asked: SqlQuery) -> Sum | None:
    """The figure that is asked for; None where it has no twin, or the database's integers do not suffice."""
    if (asked.kpi.name, asked.method) not in TWINS:
        return None
    gather = {
        "contract_lines": of_accounts,
        "weights": of_accounts,
        "renewals": of_renewals,
        "scope_changes": of_scope_changes,
    }
    return gather[asked.kpi.reads](asked)
