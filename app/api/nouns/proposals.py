"""Proposals over HTTP: versions of an offer, what is given way on the live one, and how it ends."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.dependencies import ReadContext, WriteContext, door, picked, question
from app.api.http.paging import Paging, page, paging
from app.api.http.problems import answered, documented
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AmountBody, PageBody, at, money
from app.api.http.strict_json_route import StrictRoute
from app.domain.kernel.values import MICRO, Day, day_start, half_up, scaled, unscaled
from app.domain.proposal import commands
from projections.views import proposals
from projections.views.proposals import Proposal

router = APIRouter(prefix="/v1", tags=["proposals"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(door, scopes=["proposals:write"])]
Reading = Annotated[ReadContext, Security(question, scopes=["proposals:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class ProposalBody(BaseModel):
    """A proposal: the live version's figures, and all versions, positions and concessions, oldest first."""

    id: str = Field(examples=["prp_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    contract: str | None
    renewal: str | None
    opportunity: str | None
    title: str | None
    external_ref: str | None
    currency: str
    drafted_at: str
    state: str = Field(examples=["submitted"], description="drafted, submitted, accepted, declined or expired")
    live_version: int
    valid_until: str
    value: AmountBody = Field(description="what the live version lists a year")
    one_off: AmountBody
    cost: AmountBody | None
    conceded: AmountBody = Field(description="what binds of what was given way, a year")
    value_after_concessions: AmountBody = Field(description="the value less all that binds")
    annual_value: AmountBody = Field(
        description="what would be paid a year: the value less what was conceded of the price"
    )
    effective_margin: str | None = Field(
        description="(value - conceded - cost) / value; null for a value of 0, or where the cost is not said",
        examples=["0.35"],
    )
    awaiting_approval: bool
    submitted_at: str | None
    decided_at: str | None
    accepted_by: str | None = Field(description="who decided at the client; null once erased")
    declined_because: str | None
    contracted_at: str | None
    contract_event: str | None
    basis: str | None = Field(description="whether the contract's event is worth it in whole, or by its change")
    versions: list[dict[str, Any]]
    positions: list[dict[str, Any]]
    concessions: list[dict[str, Any]]
    version: int


class ProposalPage(ProposalBody):
    """A proposal with the position that it was read from, and what may be done next."""

    position: int
    actions: list[str] = ACTIONS


# --- how one is answered ---


def present(asked: ReadContext, rows: Sequence[Proposal]) -> list[dict[str, Any]]:
    """Proposals as they are answered: what is sealed is opened, what was erased reads null."""
    sealed = [_sealed(row) for row in rows]
    opened = iter(asked.runtime.log.reveal(asked.tenant_id, [part for parts in sealed for part in parts]))
    return [_body(row, iter([next(opened) for _ in parts])) for row, parts in zip(rows, sealed, strict=True)]


def _sealed(row: Proposal) -> list[tuple[str, dict[str, Any]]]:
    """What is sealed in a row, each part with the id of its event."""
    parts = [(row.accepted_event or "", {"by": row.accepted_by})]
    parts += [(one["event"], {"terms": one["terms"]}) for one in row.versions or []]
    parts += [(one["event"], {"position": one["position"]}) for one in row.positions or []]
    refused = [one["rejection"] for one in row.concessions or [] if one["rejection"]]
    return [*parts, *((one["event"], {"reason": one["reason"]}) for one in refused)]


def _body(row: Proposal, opened: Iterator[dict[str, Any]]) -> dict[str, Any]:
    margin = None
    if row.value and row.cost is not None:
        margin = unscaled(half_up((row.value - row.conceded - row.cost) * MICRO, row.value))
    return {
        "id": row.proposal,
        "account": row.account,
        "contract": row.contract,
        "renewal": row.renewal,
        "opportunity": row.opportunity,
        "title": row.title,
        "external_ref": row.external_ref,
        "currency": row.currency,
        "drafted_at": at(row.drafted_at),
        "state": row.state,
        "live_version": row.number,
        "valid_until": row.valid_until,
        "value": money(row.value, row.currency),
        "one_off": money(row.one_off, row.currency),
        "cost": None if row.cost is None else money(row.cost, row.currency),
        "conceded": money(row.conceded, row.currency),
        "value_after_concessions": money(row.value - row.conceded, row.currency),
        "annual_value": money(row.value - row.price_conceded, row.currency),
        "effective_margin": margin,
        "awaiting_approval": row.awaiting,
        "submitted_at": at(row.submitted_at),
        "decided_at": at(row.decided_at),
        "accepted_by": next(opened)["by"],
        "declined_because": row.declined_because,
        "contracted_at": at(row.contracted_at),
        "contract_event": row.contract_event,
        "basis": row.basis,
        "versions": [_version(one, row, next(opened)) for one in row.versions or []],
        "positions": [_position(one, next(opened)) for one in row.positions or []],
        "concessions": [_concession(one, row, opened) for one in row.concessions or []],
        "version": row.version,
    }


def _version(one: dict[str, Any], row: Proposal, opened: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": one["number"],
        "state": row.state if one["number"] == row.number else "superseded",
        "made_at": at(one["at"]),
        "made_by": one["by"],
        "submitted_at": at(one["submitted_at"]),
        "items": one["items"],
        **{name: _money(one[name], row.currency) for name in ("value", "one_off", "cost")},
        **opened,
        "value_evidence": one["value_evidence"],
        "valid_until": one["valid_until"],
        "margin_awaits_approval": one["margin_awaits"],
    }


def _position(one: dict[str, Any], opened: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": one["version"],
        "recorded_at": at(one["at"]),
        **opened,
        "wants": one["wants"],
        "stakeholder": one.get("stakeholder"),
    }


def _concession(one: dict[str, Any], row: Proposal, opened: Iterator[dict[str, Any]]) -> dict[str, Any]:
    state = "superseded" if one["version"] != row.number and one["state"] == "awaiting" else one["state"]
    return {
        "concession": one["concession"],
        "version": one["version"],
        "kind": one["kind"],
        "value": _money(one["value"], one["currency"]),
        "given": one["given"],
        "in_exchange_for": one.get("in_exchange_for"),
        "no_exchange_reason": one.get("no_exchange_reason"),
        "state": "awaiting_approval" if state == "awaiting" else state,
        "needs": one["needs"],
        "limit": _money(one.get("limit"), one["currency"]),
        "role": one["role"],
        "offered_by": one["offered_by"],
        "offered_at": at(one["offered_at"]),
        "settled_by": one["settled_by"],
        "settled_at": at(one["settled_at"]),
        "limit_rule": one.get("limit_rule"),
        "rejected_because": next(opened)["reason"] if one["rejection"] else None,
    }


def _money(amount: str | None, currency: str) -> dict[str, str] | None:
    return None if amount is None else money(scaled(amount), currency)


# --- writing ---


@router.post("/accounts/{account}/proposals", operation_id="proposals.draft", status_code=201, responses=_ANSWERS)
async def draft(account: str, command: commands.DraftProposal, to: Writing) -> Response:
    """Put an offer on paper, as version 1."""
    return await to.write(command, account=account)


@router.post("/proposals/{proposal}/versions", operation_id="proposals.revise", status_code=201, responses=_ANSWERS)
async def revise(proposal: str, command: commands.ReviseProposal, to: Writing) -> Response:
    """Put another version in the place of the live one; what was conceded on that one is gone with it."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/submission", operation_id="proposals.submit", status_code=201, responses=_ANSWERS)
async def submit(proposal: str, command: commands.SubmitProposal, to: Writing) -> Response:
    """Send the live version to the client."""
    return await to.write(command, proposal=proposal)


@router.post(
    "/proposals/{proposal}/client-positions",
    operation_id="proposals.record_client_position",
    status_code=201,
    responses=_ANSWERS,
)
async def record_client_position(proposal: str, command: commands.RecordClientPosition, to: Writing) -> Response:
    """Write down where the client stands."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/concessions", operation_id="proposals.concede", status_code=201, responses=_ANSWERS)
async def concede(proposal: str, command: commands.OfferConcession, to: Writing) -> Response:
    """Give way on something; above the limit of the key's role, or below the margin floor, it waits for approval."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/approvals", operation_id="proposals.approve", status_code=201, responses=_ANSWERS)
async def approve(proposal: str, command: commands.ApproveConcession, to: Writing) -> Response:
    """Approve a concession that somebody less senior offered, or the margin of a version."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/rejections", operation_id="proposals.reject", status_code=201, responses=_ANSWERS)
async def reject(proposal: str, command: commands.RejectConcession, to: Writing) -> Response:
    """Say no to a concession that waits, or take back one's own."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/acceptance", operation_id="proposals.accept", status_code=201, responses=_ANSWERS)
async def accept(proposal: str, command: commands.AcceptProposal, to: Writing) -> Response:
    """Say that the client took the live version, which is frozen from here on."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/decline", operation_id="proposals.decline", status_code=201, responses=_ANSWERS)
async def decline(proposal: str, command: commands.DeclineProposal, to: Writing) -> Response:
    """Say that there will be no deal on it."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/expiry", operation_id="proposals.expire", status_code=201, responses=_ANSWERS)
async def expire(proposal: str, command: commands.ExpireProposal, to: Writing) -> Response:
    """Say that nobody took it while it was valid."""
    return await to.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/contract", operation_id="proposals.take_over", status_code=201, responses=_ANSWERS)
async def take_over(proposal: str, command: commands.ContractProposal, to: Writing) -> Response:
    """Name the event by which a contract took the accepted version over; refused unless it is worth the same."""
    return await to.write(command, proposal=proposal)


# --- reading ---


@router.get("/proposals", operation_id="proposals.list", responses=answered(PageBody[ProposalBody], 400, 404))
def list_proposals(
    asked: Reading,
    paged: Annotated[Paging, Depends(paging)],
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    contract: Annotated[str | None, Query(description="a contract's id or ref:…")] = None,
    opportunity: Annotated[str | None, Query(description="an opportunity's id or ref:…")] = None,
    state: Annotated[list[str] | None, Query(description="drafted, submitted, accepted, declined or expired")] = None,
    awaiting_approval: Annotated[bool | None, Query(description="whether something waits for approval")] = None,
    valid_before: Annotated[Day | None, Query(description="the first day that is not wanted")] = None,
    external_ref: Annotated[list[str] | None, Query()] = None,
    sort: Annotated[
        str | None, Query(description="drafted_at, valid_until, value or proposal; - for descending")
    ] = None,
) -> Response:
    """Proposals, oldest first."""
    conditions = [] if valid_before is None else [proposals.VIEW.table.c.valid_until < valid_before]
    filters = picked(
        account=asked.existing("account", account),
        contract=asked.existing("contract", contract),
        opportunity=asked.existing("opportunity", opportunity),
        state=state,
        awaiting=awaiting_approval,
        external_ref=external_ref,
    )
    return page(
        asked,
        paged,
        proposals.VIEW,
        lambda rows: present(asked, rows),
        filters=filters,
        conditions=conditions,
        sort=sort,
    )


@router.get(
    "/accounts/{account}/proposals",
    operation_id="accounts.proposals",
    responses=answered(PageBody[ProposalBody], 400, 404),
)
def list_of_account(account: str, asked: Reading, paged: Annotated[Paging, Depends(paging)]) -> Response:
    """An account's proposals, oldest first."""
    filters = picked(account=asked.existing("account", account))
    return page(asked, paged, proposals.VIEW, lambda rows: present(asked, rows), filters=filters)


@router.get("/proposals/{proposal}", operation_id="proposals.get", responses=answered(ProposalPage, 400, 404))
def get_proposal(proposal: str, asked: Reading) -> Response:
    """A proposal with its versions, the client's positions and the concessions."""
    key = asked.find("proposal", proposal)
    when = asked.when(proposals.VIEW)
    row, position = asked.runtime.reader.one(asked.tenant_id, proposals.VIEW, key, when)
    lapsed = day_start(row.valid_until, asked.runtime.handler.zone(asked.tenant_id)) <= when.as_of
    more = {"position": position, "actions": actions.of_proposal(row, asked.principal, lapsed=lapsed)}
    return asked.answer(present(asked, [row])[0] | more, position, version=row.version)
