"""What a proposal is made of, as it is answered: versions, positions and concessions."""

from typing import Literal

from pydantic import BaseModel, Field

from app.api.http.response_models import OR_NULL, MoneyBody
from app.domain.contract.commands import BillingInterval


class OfferedItemBody(BaseModel):
    """A thing that is offered."""

    item: str = Field(description="its name within the version")
    product: str
    kind: Literal["recurring", "one_off", "usage_commit"]
    quantity: str
    unit_price: MoneyBody
    interval: BillingInterval | None = Field(None, description="how often it is paid", json_schema_extra=OR_NULL)
    interval_count: int | None = Field(
        None, description="how many intervals the price is for; null for one", json_schema_extra=OR_NULL
    )


class ProposalVersionBody(BaseModel):
    """A version of a proposal."""

    number: int
    status: Literal["drafted", "submitted", "accepted", "declined", "expired", "superseded"]
    made_at: str = Field(description="when it was made")
    made_by: str = Field(description="who made it")
    submitted_at: str | None
    items: list[OfferedItemBody]
    value: MoneyBody = Field(description="what it lists a year")
    one_off: MoneyBody
    cost: MoneyBody | None
    terms: str | None = Field(description="what else it says; null once erased")
    value_evidence: list[str] = Field(description="what shows that it is worth its price")
    valid_until: str = Field(description="the last day on which the client can accept it")
    margin_awaits_approval: bool = Field(description="whether its margin is so low that somebody must approve it")


class ClientPositionBody(BaseModel):
    """Where a client stood."""

    version: int = Field(description="the number of the version that it was about")
    recorded_at: str
    position: str | None = Field(description="in the client's words; null once erased")
    wants: list[str]
    stakeholder: str | None


class ConcessionBody(BaseModel):
    """What was given, is offered, or was refused."""

    concession: str
    version: int = Field(description="the number of the version that it is on")
    kind: Literal["price", "term", "scope", "service"]
    value: MoneyBody = Field(description="what it is worth a year")
    given: str = Field(description="what is given, in words")
    in_exchange_for: str | None = Field(description="what the client gives for it")
    no_exchange_reason: str | None = Field(description="why nothing is given for it")
    status: Literal["awaiting_approval", "binding", "rejected", "superseded", "lapsed"] = Field(
        description="superseded and lapsed: it waited for approval when another version, or the end of the proposal, came"
    )
    needs: list[str] = Field(description="the roles that may approve it; none where none needs to")
    limit: MoneyBody | None = Field(description="up to which the offering role may concede; null for no limit")
    role: str = Field(description="in which it was offered")
    offered_by: str = Field(description="who offered it")
    offered_at: str
    settled_by: str | None = Field(description="who approved or rejected it")
    settled_at: str | None
    limit_rule: str | None = Field(description="the rule by which it was approved")
    rejected_because: str | None = Field(description="why it was rejected; null once erased")
