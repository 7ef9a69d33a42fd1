"""What may be done next with a thing: the last part of the path of each call that its state and the caller's role allow.

For buttons. Whether the call then goes through is for the decision to say: a body may be refused, and time goes on.
"""

from typing import Final

from pydantic import Field

from app.auth.roles import Principal
from app.domain.policy.rules import DIRECTING, SENIORITY
from projections.views.budgets import Budget
from projections.views.opportunities import Opportunity
from projections.views.proposals import Proposal
from projections.views.renewals import Renewal

ACTIONS: Final = Field(
    description="calls that its state and your role allow, by the last part of their path",
    examples=[["risk", "deferral"]],
)


def of_proposal(row: Proposal, caller: Principal, *, lapsed: bool) -> list[str]:
    """Takes: whether the live version is not valid any more."""
    if "proposals:write" not in caller.scopes or row.state in ("declined", "expired"):
        return []
    if row.state == "accepted":
        return ["contract"] if row.contracted_at is None else []
    found = ["versions", "client-positions", "concessions", "decline"]
    if not row.awaiting and not lapsed and row.submitted_at is None:
        found.append("submission")
    if not row.awaiting and row.submitted_at is not None:
        found.append("acceptance")
    if lapsed:
        found.append("expiry")
    return [*found, *_answers(row, caller)]


def _answers(row: Proposal, caller: Principal) -> list[str]:
    """What the caller may say to what waits: yes is for who is more senior, no also for who offered it."""
    live = [one for one in row.concessions or [] if one["version"] == row.number and one["state"] == "awaiting"]
    own = any(one["offered_by"] == caller.key_id for one in live)
    above = any(one["offered_by"] != caller.key_id and _rank(caller.role) > _rank(one["role"]) for one in live)
    version = (row.versions or [{}])[-1]
    margin = bool(version.get("margin_awaits")) and caller.role in DIRECTING and version["by"] != caller.key_id
    return ["approvals"] * (above or margin) + ["rejections"] * (above or own)


def _rank(role: str) -> int:
    return SENIORITY.index(role) if role in SENIORITY else -1


def of_opportunity(row: Opportunity, caller: Principal) -> list[str]:
    """One that rests is first put at a stage again, or lost."""
    if "opportunities:write" not in caller.scopes or row.outcome in ("won", "lost"):
        return []
    if row.outcome == "parked":
        return ["stage", "parking", "loss"]
    return ["qualification", "estimate", "stage", "parking", "win", "loss"]


def of_budget(row: Budget, caller: Principal) -> list[str]:
    """A budget that is closed stays as it is."""
    if "budgets:write" not in caller.scopes or row.closed_at is not None:
        return []
    return ["revisions", "spend", *["spend-corrections"] * bool(row.documents), "forecasts", "closure"]


def of_renewal(row: Renewal, caller: Principal) -> list[str]:
    """A cycle that is decided stays as it is; its contract decides it."""
    if "renewals:write" not in caller.scopes or row.outcome != "open":
        return []
    return ["risk", "forecasts", "deferral"]
