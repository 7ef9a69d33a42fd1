"""The catalogue: every event that has ever been possible, by topic. An aggregate lists its own in its `events`."""

from typing import Final

from app.domain.account import events as account
from app.domain.agent import events as agent
from app.domain.api_key import events as api_key
from app.domain.budget import events as budget
from app.domain.contract import events as contract
from app.domain.handover import events as handover
from app.domain.incentive_statement import events as incentive_statement
from app.domain.interaction import events as interaction
from app.domain.issuer import events as issuer
from app.domain.kernel.event import Event
from app.domain.kpi_certificate import events as kpi_certificate
from app.domain.opportunity import events as opportunity
from app.domain.period_close import events as period_close
from app.domain.policy import events as policy
from app.domain.proposal import events as proposal
from app.domain.renewal import events as renewal
from app.domain.scope_change import events as scope_change
from app.domain.suggestion import events as suggestion
from app.domain.team import events as team
from app.domain.tenant import events as tenant
from app.domain.user import events as user
from app.domain.webhook_endpoint import events as webhook

CATALOGUE: Final[dict[str, type[Event]]] = {
    kind.TOPIC: kind
    for aggregate in (
        tenant,
        api_key,
        user,
        team,
        issuer,
        agent,
        suggestion,
        account,
        handover,
        interaction,
        contract,
        renewal,
        scope_change,
        webhook,
        policy,
        proposal,
        opportunity,
        budget,
        incentive_statement,
        kpi_certificate,
        period_close,
    )
    for kind in aggregate.EVENTS
}
