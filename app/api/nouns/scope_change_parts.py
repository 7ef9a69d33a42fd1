"""What a scope change is made of, as it is answered: consults, assessment, response, decision and work."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.api.http.answers import DecimalOf, From, MoneyOf, Sealed
from app.api.http.response_models import OR_NULL, AsDecimal, AsInstant, AsMoney, MoneyBody
from app.domain.scope_change.commands import Kind, Team


class ConsultBody(BaseModel):
    """A team that was asked, and what it answered."""

    team: Team
    status: Literal["asked", "answered", "waived"]
    mandatory: bool = Field(description="whether no acceptance goes out before its answer or a waiver")
    question: str | None = Field(description="what it was asked; null once erased")
    due: str | None = Field(None, description="the day by which it should answer", json_schema_extra=OR_NULL)
    asked_at: str
    feasible: bool | None = None
    effort_hours: str | None = Field(None, json_schema_extra=OR_NULL)
    earliest: str | None = Field(None, description="the first possible day", json_schema_extra=OR_NULL)
    capacity_note: str | None = Field(description="what it has time for; null once erased")
    risk: str | None = Field(description="what could go wrong; null once erased")
    reason: str | None = Field(None, description="why it was waived")
    settled_at: str | None = Field(description="when it answered, or was waived; null until then")


class AssessmentBody(BaseModel):
    """What it takes."""

    assessed_at: AsInstant
    effort_hours: AsDecimal | None
    currency: str | None = Field(description="of cost and price; null where neither was named")
    cost: AsMoney | None
    price: AsMoney | None
    timeline_shift_days: Annotated[int | None, From("shift_days")] = Field(description="by how many days all is later")
    margin_effect: AsDecimal | None
    scope_delta: list[str] | None = Field(description="what is added or taken out")
    approval_needed: bool = Field(description="whether somebody else must approve it")
    approved: bool = Field(description="whether somebody did")
    risk: Annotated[str | None, Sealed()] = Field(description="what could go wrong; null once erased")


class AnswerOptionBody(BaseModel):
    """A way in which the agency can do it."""

    option: str
    description: str | None = Field(None, description="in a few words; null once erased", json_schema_extra=OR_NULL)
    price: MoneyBody | None = Field(
        None,
        description="what it costs once, in the currency of the assessment or else the account's",
        json_schema_extra=OR_NULL,
    )
    shift_days: int | None = Field(None, json_schema_extra=OR_NULL)


class AnswerBody(BaseModel):
    """What the client was answered."""

    kind: Kind
    options: list[AnswerOptionBody] | None = Field(None, description="what the client may choose from")
    alternative: str | None = Field(
        None, description="what would still reach the goal; null once erased", json_schema_extra=OR_NULL
    )
    no_alternative_reason: str | None = Field(
        None, description="why there is no alternative", json_schema_extra=OR_NULL
    )
    message: str | None = Field(
        None, description="what the client was told; null once erased", json_schema_extra=OR_NULL
    )
    interaction: str | None = Field(None, description="the interaction in which it was told", json_schema_extra=OR_NULL)
    responded_at: str


class DecisionBody(BaseModel):
    """What the client chose."""

    accepted: bool | None
    option: str | None
    decided_at: AsInstant
    by: Annotated[str | None, Sealed("decision_event", member="decided_by")] = Field(
        description="who decided at the client; null once erased"
    )


class AbsorptionBody(BaseModel):
    """Work that the agency did unpaid."""

    absorbed_at: AsInstant
    hours: Annotated[str | None, DecimalOf("absorbed_hours")]
    currency: Annotated[str | None, From("absorbed_currency")] = Field(
        description="of the cost; null where none was named"
    )
    cost: Annotated[MoneyBody | None, MoneyOf("absorbed_cost", currency="absorbed_currency")]
    cause: Annotated[str | None, From("absorbed_cause")] = Field(description="why the agency paid for it")
    approved_by: Annotated[str | None, From("absorption_approved_by")] = Field(description="who approved it")


class ScopeAmendmentBody(BaseModel):
    """How it became a part of a contract."""

    amended_at: AsInstant
    contract: str | None
    contract_event: str | None = Field(description="the event that amended the contract")
    amendment_no: int | None = Field(description="the number of the amendment")
    mrr_delta: Annotated[MoneyBody | None, MoneyOf(currency="contract_currency")] = Field(
        description="by how much monthly recurring revenue changed"
    )
    one_off: Annotated[MoneyBody | None, MoneyOf(currency="contract_currency")]


class DeliveryBody(BaseModel):
    """That the work was done."""

    delivered_at: AsInstant
    hours: Annotated[str | None, DecimalOf("delivered_hours")]
