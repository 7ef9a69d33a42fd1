"""The account filter: the parameters that narrow figures and boards to some accounts, declared once."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query

from app.api.http.read_context import ReadContext
from app.domain.kernel.values import Classification, CountryOrNone
from app.kpi_queries import KpiQuery, Scope, kpi_of
from app.kpi_queries.query import method_of


@dataclass(frozen=True)
class AccountFilter:
    """Whose and what accounts are; FastAPI reads the parameters from the members."""

    owner: Annotated[str | None, Query(description="only this owner's accounts; none: those without one")] = None
    tier: Annotated[str | None, Query(description="only accounts of this tier; none: those without one")] = None
    industry: Annotated[str | None, Query(description="only accounts in this industry; none: those without one")] = None
    country: Annotated[
        CountryOrNone | None,
        Query(description="only accounts that have their seat there; none: those of which it is not known"),
    ] = None

    def scope(self, context: ReadContext, account: str | None = None, **more: Any) -> Scope:
        """The scope of a figure.

        Takes: an account by id or `ref:`, and what else narrows the figure. Raises: Invalid for an owner, a tier or an industry that no
        account ever had; NotFound for an account that there is none of.
        """
        for member in ("owner", "tier", "industry"):
            if (value := getattr(self, member)) is not None:
                context.known(member, value)
        return Scope(
            owner=self.owner,
            tier=self.tier,
            industry=self.industry,
            country=self.country,
            account=context.existing("account", account),
            **more,
        )


def require_readable_figure(context: ReadContext, query: KpiQuery) -> KpiQuery:
    """The query, where the caller may read its figure. Raises: NotAllowed for one that sums or divides amounts, NotFound, Invalid."""
    if Classification.COMMERCIAL in context.caller.lacking:
        kpi = kpi_of(query.name)
        if kpi.methods[method_of(kpi, query)].money:
            context.caller.require_readable([kpi.name], [Classification.COMMERCIAL])
    return query


Filtered = Annotated[AccountFilter, Depends()]
