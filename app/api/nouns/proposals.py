"""Proposals over HTTP: versions of an offer, the concessions on the live one, and how it ends."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.answers import Computed, EachOf, From, Sealed, SealedTexts
from app.api.http.formatting import at, money
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, AsMoney, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.api.nouns.contract_parts import priced
from app.api.nouns.proposal_parts import ClientPositionBody, ConcessionBody, ProposalVersionBody
from app.domain.kernel.values import MICRO, Currency, Day, Moment, day_end, half_up, scaled, unscaled
from app.domain.proposal import commands
from projections.views import proposals
from projections.views.proposals import Proposal

router = APIRouter(prefix="/v1", tags=["proposals"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["proposals:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["proposals:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


def _value_after_concessions(row: Proposal) -> dict[str, str]:
    return money(row.value - row.conceded, row.currency)


def _annual_value(row: Proposal) -> dict[str, str]:
    return money(row.value - row.price_conceded, row.currency)


def _effective_margin(row: Proposal) -> str | None:
    if row.cost is None or not row.value:
        return None
    return unscaled(half_up((row.value - row.conceded - row.cost) * MICRO, row.value))


def _version(version: dict[str, Any], row: Proposal, texts: SealedTexts) -> dict[str, Any]:
    answer = {
        "number": version["number"],
        "status": row.state if version["number"] == row.number else "superseded",
        "made_at": at(version["at"]),
        "made_by": version["by"],
        "submitted_at": at(version["submitted_at"]),
        "items": [priced(item, row.currency) for item in version["items"]],
        **{name: _money(version[name], row.currency) for name in ("value", "one_off", "cost")},
        "terms": None,
        "value_evidence": version["value_evidence"],
        "valid_until": version["valid_until"],
        "margin_awaits_approval": version["margin_awaits"] and row.awaiting and version["number"] == row.number,
    }
    texts.add(answer, "terms", {"terms": version["terms"]}, version["event"])
    return answer


def _position(position: dict[str, Any], _row: Proposal, texts: SealedTexts) -> dict[str, Any]:
    answer = {
        "version": position["version"],
        "recorded_at": at(position["at"]),
        "position": None,
        "wants": position["wants"],
        "stakeholder": position.get("stakeholder"),
    }
    texts.add(answer, "position", {"position": position["position"]}, position["event"])
    return answer


def _concession(concession: dict[str, Any], row: Proposal, texts: SealedTexts) -> dict[str, Any]:
    awaiting = concession["state"] == "awaiting"
    superseded = concession["version"] != row.number
    left = "superseded" if superseded else "awaiting_approval" if row.awaiting else "lapsed"
    answer = {
        "concession": concession["concession"],
        "version": concession["version"],
        "kind": concession["kind"],
        "value": _money(concession["value"], concession["currency"]),
        "given": concession["given"],
        "in_exchange_for": concession.get("in_exchange_for"),
        "no_exchange_reason": concession.get("no_exchange_reason"),
        "status": left if awaiting else concession["state"],
        "needs": concession["needs"],
        "limit": _money(concession.get("limit"), concession["currency"]),
        "role": concession["role"],
        "offered_by": concession["offered_by"],
        "offered_at": at(concession["offered_at"]),
        "settled_by": concession["settled_by"],
        "settled_at": at(concession["settled_at"]),
        "limit_rule": concession.get("limit_rule"),
        "rejected_because": None,
    }
    if rejection := concession["rejection"]:
        texts.add(answer, "rejected_because", {"reason": rejection["reason"]}, rejection["event"])
    return answer


def _money(amount: str | None, currency: str) -> dict[str, str] | None:
    return None if amount is None else money(scaled(amount), currency)


class ProposalBody(BaseModel):
    """A proposal: the live version's figures, and all versions, positions and concessions, oldest first."""

    id: Annotated[str, From("proposal")] = Field(examples=["prp_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    contract: str | None
    renewal: str | None
    opportunity: str | None
    title: str | None
    external_ref: str | None
    currency: str
    drafted_at: AsInstant
    status: Annotated[proposals.State, From("state")] = Field(examples=["submitted"])
    live_version: Annotated[int, From("number")]
    valid_until: str
    value: AsMoney = Field(description="what the live version lists a year")
    one_off: AsMoney
    cost: AsMoney | None
    conceded: AsMoney = Field(description="the concessions that bind, a year")
    value_after_concessions: Annotated[MoneyBody, Computed(_value_after_concessions)] = Field(
        description="the value less all that binds"
    )
    annual_value: Annotated[MoneyBody, Computed(_annual_value, reads=("price_conceded",))] = Field(
        description="what would be paid a year: the value less what was conceded of the price"
    )
    effective_margin: Annotated[str | None, Computed(_effective_margin)] = Field(
        description="(value - conceded - cost) / value; null for a value of 0, or where the cost is not known",
        examples=["0.35"],
    )
    awaiting_approval: Annotated[bool, From("awaiting")]
    submitted_at: AsInstant | None
    decided_at: AsInstant | None
    accepted_by: Annotated[str | None, Sealed("accepted_event", name="by")] = Field(
        description="who decided at the client; null once erased"
    )
    declined_because: str | None
    contracted_at: AsInstant | None
    contract_event: str | None
    basis: str | None = Field(description="whether the contract's event is worth it in whole, or by its change")
    versions: Annotated[list[ProposalVersionBody], EachOf(_version)]
    positions: Annotated[list[ClientPositionBody], EachOf(_position)]
    concessions: Annotated[list[ConcessionBody], EachOf(_concession)]
    version: int


class ProposalDetailsBody(ProposalBody):
    """A proposal with the position that it was read from, and what may be done next."""

    position: int
    actions: list[str] = ACTIONS


present = Presenter(ProposalBody, Proposal, not_shown=("latest_at", "agreed"))
LISTED: Final = ListOf(
    proposals.VIEW,
    present,
    filters={
        "account": named("account"),
        "contract": named("contract"),
        "opportunity": named("opportunity"),
        "renewal": named("renewal"),
        "status": Filter(proposals.State),
        "awaiting_approval": Filter(bool, several=False),
        "currency": Filter(Currency),
        "external_ref": Filter(),
    },
    ranges={"drafted_at": Moment, "valid_until": Day},
    sorts=("drafted_at", "valid_until", "value", "id"),
    default="drafted_at",
)


# --- writing ---


@router.post("/accounts/{account}/proposals", operation_id="proposals.draft", status_code=201, responses=_ANSWERS)
async def draft(account: str, command: commands.DraftProposal, context: Writing) -> Response:
    """Put an offer on paper, as version 1."""
    return await context.write(command, account=account)


@router.post("/proposals/{proposal}/versions", operation_id="proposals.revise", status_code=201, responses=_ANSWERS)
async def revise(proposal: str, command: commands.ReviseProposal, context: Writing) -> Response:
    """Put another version in the place of the live one; what was conceded on that one is gone with it."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/submission", operation_id="proposals.submit", status_code=201, responses=_ANSWERS)
async def submit(proposal: str, command: commands.SubmitProposal, context: Writing) -> Response:
    """Send the live version to the client."""
    return await context.write(command, proposal=proposal)


@router.post(
    "/proposals/{proposal}/client-positions",
    operation_id="proposals.record_client_position",
    status_code=201,
    responses=_ANSWERS,
)
async def record_client_position(proposal: str, command: commands.RecordClientPosition, context: Writing) -> Response:
    """Write down where the client stands."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/concessions", operation_id="proposals.concede", status_code=201, responses=_ANSWERS)
async def concede(proposal: str, command: commands.OfferConcession, context: Writing) -> Response:
    """Give way on something; above the limit of the key's role, or below the margin floor, it waits for approval."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/approvals", operation_id="proposals.approve", status_code=201, responses=_ANSWERS)
async def approve(proposal: str, command: commands.ApproveConcession, context: Writing) -> Response:
    """Approve a concession that somebody less senior offered, or the margin of a version."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/rejections", operation_id="proposals.reject", status_code=201, responses=_ANSWERS)
async def reject(proposal: str, command: commands.RejectConcession, context: Writing) -> Response:
    """Say no to a concession that waits, or take back one's own."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/acceptance", operation_id="proposals.accept", status_code=201, responses=_ANSWERS)
async def accept(proposal: str, command: commands.AcceptProposal, context: Writing) -> Response:
    """Say that the client took the live version, which is frozen from here on."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/decline", operation_id="proposals.decline", status_code=201, responses=_ANSWERS)
async def decline(proposal: str, command: commands.DeclineProposal, context: Writing) -> Response:
    """Say that there will be no deal on it."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/expiry", operation_id="proposals.expire", status_code=201, responses=_ANSWERS)
async def expire(proposal: str, command: commands.ExpireProposal, context: Writing) -> Response:
    """Say that nobody took it while it was valid."""
    return await context.write(command, proposal=proposal)


@router.post("/proposals/{proposal}/contract", operation_id="proposals.take_over", status_code=201, responses=_ANSWERS)
async def take_over(proposal: str, command: commands.ContractProposal, context: Writing) -> Response:
    """Name the event by which a contract took the accepted version over; refused unless it is worth the same."""
    return await context.write(command, proposal=proposal)


# --- reading ---


@router.get("/proposals", operation_id="proposals.list", responses=answered(PageBody[ProposalBody], 400, 404))
def list_proposals(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """Proposals, oldest first."""
    return page(context, asked)


@router.get(
    "/accounts/{account}/proposals",
    operation_id="accounts.proposals",
    responses=answered(PageBody[ProposalBody], 400, 404),
)
def list_of_account(
    account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED.without("account"))]
) -> Response:
    """An account's proposals, oldest first."""
    return page(context, asked, account=context.existing("account", account))


@router.get("/proposals/{proposal}", operation_id="proposals.get", responses=answered(ProposalDetailsBody, 400, 404))
def get_proposal(proposal: str, context: Reading) -> Response:
    """A proposal with its versions, the client's positions and the concessions."""
    key = context.find("proposal", proposal)
    when = context.when(proposals.VIEW)
    row, position = context.reader.one(context.tenant_id, proposals.VIEW, key, when)
    lapsed = day_end(row.valid_until, context.runtime.handler.zone(context.tenant_id)) <= when.as_of
    more = {"position": position, "actions": actions.of_proposal(row, context.caller, lapsed=lapsed)}
    return context.answer(present(context, [row])[0] | more, position, version=row.version)
