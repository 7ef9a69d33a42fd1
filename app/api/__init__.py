"""The HTTP API: the only package that knows FastAPI.

Lives here: a router for each aggregate, board and family of KPIs, and in `http` what they share.
May import: `app.bootstrap`'s Runtime and everything below it; never SQLAlchemy.
To add an endpoint: see the table of CONTRIBUTING.
"""

from typing import Final

from fastapi import APIRouter

from app.api.boards import pipeline as boards_pipeline
from app.api.boards import renewals as boards_renewals
from app.api.boards import revenue as boards_revenue
from app.api.http import reference, system
from app.api.kpis import kpis
from app.api.kpis import over_time as kpis_over_time
from app.api.ledger import access, events, reads, timeline
from app.api.nouns import (
    accounts,
    agents,
    api_keys,
    budgets,
    contracts,
    handovers,
    interactions,
    issuers,
    kpi_certificates,
    me,
    opportunities,
    period_closes,
    policies,
    proposals,
    renewals,
    scope_changes,
    suggestions,
    teams,
    users,
)
from app.api.nouns import incentive_statements as incentives
from app.api.nouns import webhook_endpoints as webhooks

ROUTERS: Final[tuple[APIRouter, ...]] = (
    accounts.router,
    handovers.router,
    timeline.router,
    access.router,
    reads.router,
    interactions.router,
    contracts.router,
    renewals.router,
    scope_changes.router,
    kpis.router,
    events.router,
    api_keys.router,
    users.router,
    me.router,
    teams.router,
    issuers.router,
    agents.router,
    suggestions.router,
    webhooks.router,
    system.router,
    reference.router,
    budgets.router,
    incentives.router,
    kpi_certificates.router,
    period_closes.router,
    kpis_over_time.router,
    boards_revenue.router,
    policies.router,
    proposals.router,
    opportunities.router,
    boards_pipeline.router,
    boards_renewals.router,
)
