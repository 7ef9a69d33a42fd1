"""Allowed actions: the last part of the path of each call that the state of an aggregate and the caller's role allow.

A frontend shows buttons by them. The decision still judges each call: it may refuse a body, or the state may have changed.
"""

from typing import Final

from pydantic import Field

from app.auth.caller import Caller
from app.domain.policy.rules import DIRECTING, SENIORITY
from projections.views.budgets import Budget
from projections.views.opportunities import Opportunity
from projections.views.proposals import Proposal
from projections.views.renewals import Renewal

ACTIONS: Final = Field(
    description="calls that its state and your role allow, by the last part of their path",
    examples=[["risk", "deferral"]],
)


def of_proposal(row: Proposal, caller: Caller, *, lapsed: bool) -> list[str]:
    """The actions on a proposal. Takes: whether the live version is no longer valid."""
    if "proposals:write" not in caller.scopes or row.state in ("declined", "expired"):
        return []
    if row.state == "accepted":
        return ["contract"] if row.contracted_at is None else []
    actions = ["versions", "client-positions", "concessions", "decline"]
    if not row.awaiting and not lapsed and row.submitted_at is None:
        actions.append("submission")
    if not row.awaiting and row.submitted_at is not None:
        actions.append("acceptance")
    if lapsed:
        actions.append("expiry")
    return [*actions, *_answers(row, caller)]


def _answers(row: Proposal, caller: Caller) -> list[str]:
    """What the caller may do about what awaits approval: a more senior role approves; whoever offered it may also reject."""
    awaiting = [
        concession
        for concession in row.concessions or []
        if concession["version"] == row.number and concession["state"] == "awaiting"
    ]
    own = any(concession["offered_by"] == caller.principal.actor for concession in awaiting)
    above = any(
        concession["offered_by"] != caller.principal.actor and _rank(caller.principal.role) > _rank(concession["role"])
        for concession in awaiting
    )
    version = (row.versions or [{}])[-1]
    margin = (
        bool(version.get("margin_awaits"))
        and caller.principal.role in DIRECTING
        and version["by"] != caller.principal.actor
    )
    return ["approvals"] * (above or margin) + ["rejections"] * (above or own)


def _rank(role: str) -> int:
    return SENIORITY.index(role) if role in SENIORITY else -1


def of_opportunity(row: Opportunity, caller: Caller) -> list[str]:
    """The actions on an opportunity. One that is parked is first put at a stage again, or lost."""
    if "opportunities:write" not in caller.scopes or row.outcome in ("won", "lost"):
        return []
    if row.outcome == "parked":
        return ["stage", "parking", "loss"]
    return ["qualification", "estimate", "stage", "parking", "win", "loss"]


def of_budget(row: Budget, caller: Caller) -> list[str]:
    """The actions on a budget. One that is closed does not change."""
    if "budgets:write" not in caller.scopes or row.closed_at is not None:
        return []
    return ["revisions", "spend", *["spend-corrections"] * bool(row.documents), "forecasts", "closure"]


def of_renewal(row: Renewal, caller: Caller) -> list[str]:
    """The actions on a renewal cycle. One that is decided does not change; its contract decides it."""
    if "renewals:write" not in caller.scopes or row.outcome != "open":
        return []
    return ["risk", "forecasts", "deferral"]
