"""The aggregates: one line each. What an aggregate is and can do stands in its own package."""

from typing import Any, Final

from app.domain.account.aggregate import ACCOUNT
from app.domain.agent.aggregate import AGENT
from app.domain.aggregate_type import AggregateType, Decision
from app.domain.api_key.aggregate import API_KEY
from app.domain.budget.aggregate import BUDGET
from app.domain.contract.aggregate import CONTRACT
from app.domain.handover.aggregate import HANDOVER
from app.domain.incentive_statement.aggregate import INCENTIVE_STATEMENT
from app.domain.interaction.aggregate import INTERACTION
from app.domain.issuer.aggregate import ISSUER
from app.domain.kernel.command import Command
from app.domain.kpi_certificate.aggregate import KPI_CERTIFICATE
from app.domain.opportunity.aggregate import OPPORTUNITY
from app.domain.period_close.aggregate import PERIOD_CLOSE
from app.domain.policy.aggregate import POLICY
from app.domain.proposal.aggregate import PROPOSAL
from app.domain.renewal.aggregate import RENEWAL
from app.domain.scope_change.aggregate import SCOPE_CHANGE
from app.domain.suggestion.aggregate import SUGGESTION
from app.domain.team.aggregate import TEAM
from app.domain.tenant.aggregate import TENANT
from app.domain.user.aggregate import USER
from app.domain.webhook_endpoint.aggregate import WEBHOOK_ENDPOINT

AGGREGATES: Final[dict[str, AggregateType[Any]]] = {
    aggregate.name: aggregate
    for aggregate in (
        TENANT,
        API_KEY,
        USER,
        TEAM,
        ISSUER,
        AGENT,
        SUGGESTION,
        WEBHOOK_ENDPOINT,
        ACCOUNT,
        HANDOVER,
        INTERACTION,
        CONTRACT,
        RENEWAL,
        SCOPE_CHANGE,
        BUDGET,
        INCENTIVE_STATEMENT,
        KPI_CERTIFICATE,
        PERIOD_CLOSE,
        POLICY,
        PROPOSAL,
        OPPORTUNITY,
    )
}

DECISIONS: Final[dict[type[Command], Decision]] = {
    command: decision for aggregate in AGGREGATES.values() for command, decision in aggregate.decisions.items()
}

_BY_PREFIX: Final = {aggregate.id_prefix: aggregate for aggregate in AGGREGATES.values()}


def aggregate_of(stream_id: str) -> AggregateType[Any]:
    """The type of the aggregate whose stream this is."""
    return _BY_PREFIX[stream_id.partition("_")[0]]
