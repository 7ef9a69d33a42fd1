"""Allowed actions: the last part of the path of each call that the state of an aggregate and the caller's role allow.

A frontend shows buttons by them. The decision still judges each call: it may refuse a body, or the state may have changed.
"""

from collections.abc import Iterable
from typing import Final

from pydantic import Field

from app.auth.caller import Caller
from app.domain.aggregates import DECISIONS
from app.domain.budget import commands as budget
from app.domain.kernel import rights
from app.domain.kernel.command import Command
from app.domain.opportunity import commands as opportunity
from app.domain.policy.rules import DIRECTING, SENIORITY
from app.domain.proposal import commands as proposal
from app.domain.renewal import commands as renewal
from projections.views.budgets import Budget
from projections.views.opportunities import Opportunity
from projections.views.proposals import Proposal
from projections.views.renewals import Renewal

COMMANDS: Final[dict[str, dict[str, type[Command]]]] = {
    "proposals": {
        "versions": proposal.ReviseProposal, "client-positions": proposal.RecordClientPosition,
        "concessions": proposal.OfferConcession, "decline": proposal.DeclineProposal, "submission": proposal.SubmitProposal,
        "acceptance": proposal.AcceptProposal, "expiry": proposal.ExpireProposal, "approvals": proposal.ApproveConcession,
        "rejections": proposal.RejectConcession, "contract": proposal.ContractProposal,
    },
    "opportunities": {
        "qualification": opportunity.QualifyOpportunity, "estimate": opportunity.EstimateOpportunity,
        "stage": opportunity.AdvanceOpportunity, "parking": opportunity.ParkOpportunity, "win": opportunity.WinOpportunity,
        "loss": opportunity.LoseOpportunity,
    },
    "budgets": {
        "revisions": budget.ReviseBudget, "spend": budget.RecordSpend, "spend-corrections": budget.CorrectSpend,
        "forecasts": budget.RecordForecast, "closure": budget.CloseBudget,
    },
    "renewals": {"risk": renewal.SetRenewalRisk, "forecasts": renewal.SubmitForecast, "deferral": renewal.DeferRenewal},
}  # fmt: skip
"""The command of each action, by the nouns that it is offered on."""
ACTIONS: Final = Field(
    description="calls that its state and your role allow, by the last part of their path",
    examples=[["risk", "deferral"]],
)


def of_proposal(row: Proposal, caller: Caller, *, lapsed: bool) -> list[str]:
    """The actions on a proposal. Takes: whether the live version is no longer valid."""
    if row.state in ("declined", "expired"):
        return []
    if row.state == "accepted":
        return _allowed("proposals", caller, ["contract"] if row.contracted_at is None else [])
    actions = ["versions", "client-positions", "concessions", "decline"]
    if not row.awaiting and not lapsed and row.submitted_at is None:
        actions.append("submission")
    if not row.awaiting and row.submitted_at is not None:
        actions.append("acceptance")
    if lapsed:
        actions.append("expiry")
    return _allowed("proposals", caller, [*actions, *_answers(row, caller)])


def _allowed(nouns: str, caller: Caller, actions: Iterable[str]) -> list[str]:
    """Those of some actions that the caller's scopes and rights allow."""
    if f"{nouns}:write" not in caller.scopes:
        return []
    return [action for action in actions if _right_to(nouns, action, caller) is not None]


def _right_to(nouns: str, action: str, caller: Caller) -> rights.Authorisation | None:
    return rights.could(caller.principal, DECISIONS[COMMANDS[nouns][action]].capability)


def _answers(row: Proposal, caller: Caller) -> list[str]:
    """What the caller may do about what awaits approval: a more senior role approves; whoever offered it may also reject."""
    approves, rejects = (_right_to("proposals", action, caller) for action in ("approvals", "rejections"))
    role = approves.role if approves is not None else ""
    awaiting = [
        concession
        for concession in row.concessions or []
        if concession["version"] == row.number and concession["state"] == "awaiting"
    ]
    own = any(concession["offered_by"] == caller.principal.actor for concession in awaiting)
    above = any(
        concession["offered_by"] != caller.principal.actor and _rank(role) > _rank(concession["role"])
        for concession in awaiting
    )
    veto = bool(awaiting) and rejects is not None and rejects.limit == "veto"
    version = (row.versions or [{}])[-1]
    margin = bool(version.get("margin_awaits")) and role in DIRECTING and version["by"] != caller.principal.actor
    return ["approvals"] * (above or margin) + ["rejections"] * (above or own or veto)


def _rank(role: str) -> int:
    return SENIORITY.index(role) if role in SENIORITY else -1


def of_opportunity(row: Opportunity, caller: Caller) -> list[str]:
    """The actions on an opportunity. One that is parked is first put at a stage again, or lost."""
    if row.outcome in ("won", "lost"):
        return []
    if row.outcome == "parked":
        return _allowed("opportunities", caller, ["stage", "parking", "loss"])
    return _allowed("opportunities", caller, ["qualification", "estimate", "stage", "parking", "win", "loss"])


def of_budget(row: Budget, caller: Caller) -> list[str]:
    """The actions on a budget. One that is closed does not change."""
    if row.closed_at is not None:
        return []
    actions = ["revisions", "spend", *["spend-corrections"] * bool(row.documents), "forecasts", "closure"]
    return _allowed("budgets", caller, actions)


def of_renewal(row: Renewal, caller: Caller) -> list[str]:
    """The actions on a renewal cycle. One that is decided does not change; its contract decides it."""
    return _allowed("renewals", caller, ["risk", "forecasts", "deferral"] if row.outcome == "open" else [])
