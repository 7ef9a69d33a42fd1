"""The doors: the only room that knows FastAPI.

Lives here: one router per noun, four-line endpoints, and what they share: bodies, paging, problems, shapes.
May import: `app.bootstrap`'s Runtime and everything below it; never SQLAlchemy.
To add an endpoint: a function in its noun's file and, for a body, an example in `examples.py`; then `make openapi`, for the
contract is committed.
"""

from typing import Final

from fastapi import APIRouter

from app.api import (
    accounts,
    api_keys,
    boards_pipeline,
    boards_renewals,
    boards_revenue,
    budgets,
    contracts,
    events,
    incentives,
    interactions,
    kpi_certificates,
    kpis,
    kpis_over_time,
    opportunities,
    period_closes,
    policies,
    proposals,
    renewals,
    scope_changes,
    system,
    timeline,
    webhooks,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    accounts.router,
    timeline.router,
    interactions.router,
    contracts.router,
    renewals.router,
    scope_changes.router,
    kpis.router,
    events.router,
    api_keys.router,
    webhooks.router,
    system.router,
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
