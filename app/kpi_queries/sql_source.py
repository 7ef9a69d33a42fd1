"""Gathering: what the database sums up for a figure, all of one moment."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from app.domain.kernel.values import FOREVER
from app.kpi_queries.query import Scope, views
from app.kpi_queries.sql import Lasting, SqlQuery, Sum, churned, lasting, paid, shares, summed
from app.read_side.reader import Reader
from app.store.positions import followers
from projections.kpis.base import Kpi, Terms
from projections.kpis.calendar import month_start
from projections.kpis.cohorts import Paid
from projections.kpis.concentration import listed
from projections.kpis.lifetimes import months_of
from projections.kpis.options import cohort
from projections.kpis.presentation import Given

FIRST: Final = 12
"""The calendar's first month, counted from year 0."""
LIVES: Final = "lives"
"""What a figure reads that counts how long accounts stay."""


class Gathered(NamedTuple):
    """Sums at a position; None where the database cannot tell. given: what each account gives, where that was asked for.

    lasting: what became of accounts; churn: how many the last months lost, of how many; paid: all that was ever paid.
    """

    position: int
    told: Sum | None = None
    given: Sequence[Given] | None = None
    lasting: Lasting | None = None
    churn: Sequence[tuple[int, int]] | None = None
    paid: Mapping[str, Sequence[Paid]] | None = None


def gathered(
    reader: Reader,
    tenant_id: str,
    kpi: Kpi,
    method: str,
    scope: Scope,
    known_at: int | None,
    terms: Terms,
    *,
    explained: bool,
) -> Gathered:
    """The sums of a figure. Takes: whether what each account gives is wanted too. Raises: Invalid for an option that makes no sense."""
    read, options = views(kpi.name), terms.options
    top = listed(options) if kpi.reads == "weights" else 0
    joined = _joined(options, terms) if kpi.reads == LIVES else None
    while True:
        with reader.database.read(tenant_id) as connection:
            stored = followers(connection, tenant_id)
            reached = {view.name: stored[view.follower].position if view.follower in stored else 0 for view in read}
            position = min(reached.values()) if known_at is None else known_at
            if position <= min(reached.values()):
                asked = SqlQuery(
                    reader.database,
                    connection,
                    tenant_id,
                    kpi,
                    method,
                    terms.start,
                    terms.end,
                    position,
                    {name: position >= at for name, at in reached.items()},
                    scope.account,
                    scope.currency,
                    scope.owner,
                    scope.tier,
                    terms.start if scope.attribution == "start" else terms.end,
                    top,
                    joined,
                )
                if kpi.reads == LIVES:
                    return Gathered(position) if explained else _of_lives(asked, terms)
                if kpi.reads == "cohorts":
                    return Gathered(position, paid=None if explained else paid(asked))
                told = summed(asked)
                tells = explained and told is not None and kpi.reads == "contract_lines"
                return Gathered(position, told, shares(asked) if tells else None)
        reader.wait(tenant_id, read, position, 1.0, strict=True)


def _of_lives(asked: SqlQuery, terms: Terms) -> Gathered:
    if asked.method != "simple":
        return Gathered(asked.position, lasting=lasting(asked))
    if asked.joined is not None:  # who paid in a month is summed over all accounts, not over those of a cohort
        return Gathered(asked.position)
    return Gathered(asked.position, lasting=lasting(asked), churn=churned(asked, months_of(terms)))


def _joined(options: Mapping[str, str], terms: Terms) -> tuple[int, int] | None:
    """Within which instants the accounts of a cohort paid for the first time."""
    months = cohort(options)
    return None if months is None else (_begins(months.start, terms), _begins(months.stop, terms))


def _begins(month: int, terms: Terms) -> int:
    """The first instant of a month; before everything where the calendar begins later."""
    return -FOREVER if month <= FIRST else month_start(month, terms.where)
