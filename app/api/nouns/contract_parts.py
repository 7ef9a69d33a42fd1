"""What a contract is made of, as it is answered: lines, terms, notice, end, amendments and corrections."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field

from app.api.http.answers import Added, From, MoneyOf
from app.api.http.formatting import price
from app.api.http.response_models import OR_NULL, AsPrice, MoneyBody
from app.domain.contract import commands
from app.domain.contract.events import Cause


class NoticeBody(BaseModel):
    """That a contract will end, as somebody said."""

    by: Literal["client", "us"] = Field(description="who gave it")
    given_at: str
    effective_end: str
    late: bool = Field(description="whether it came after the last day on which notice could be given for that end")


class TerminationBody(BaseModel):
    """How a contract ended."""

    effective_end: str
    reason: str = Field(description="a short label")
    voluntary: bool
    competitor: str | None


class TermBody(BaseModel):
    """A term that was agreed."""

    start: str
    end: str | None
    event: str
    timing: Literal["early", "on_time", "late"] | None = None
    retroactive: bool | None = Field(None, description="whether it closed a gap that it began before")
    automatic: bool | None = Field(None, description="whether it went on by its own terms")


class AgreedStepBody(BaseModel):
    """What a line's quantity or price becomes on a day, as agreed when the line was."""

    start: str = Field(description="the day from which on")
    quantity: str | None = Field(None, json_schema_extra=OR_NULL)
    unit_price: MoneyBody | None = Field(None, json_schema_extra=OR_NULL)
    cause: Cause


class LineSetBody(BaseModel):
    """A line's quantity, price or discount changed."""

    op: Literal["set_line"]
    line: str
    quantity: str | None = None
    unit_price: MoneyBody | None = None
    discount_percent: str | None = Field(None, description='lasting, unless it ends; "0" takes it away')
    discount_end: str | None = Field(None, description="alone: when the discount in force ends")
    cause: Cause | None = None


class LineAddedBody(BaseModel):
    """A line joined the contract."""

    op: Literal["add_line"]
    line: str
    product: str
    kind: Literal["recurring", "one_off", "usage_commit"] = Field(description="how it is paid")
    quantity: str
    unit_price: MoneyBody
    interval: commands.BillingInterval | None = Field(None, description="how often it is paid; left out for one_off")
    interval_count: int | None = Field(None, description="how many intervals the price is for; left out for one")
    start: str | None = None
    end: str | None = None
    discount_percent: str | None = Field(None, description="lasting, unless it ends")
    discount_end: str | None = Field(None, description="the first day without the discount")
    ramp: list[AgreedStepBody] | None = Field(None, description="what its quantity or price becomes later")


class LineRemovedBody(BaseModel):
    """A line left the contract."""

    op: Literal["remove_line"]
    line: str


LineChange = Annotated[LineSetBody | LineAddedBody | LineRemovedBody, Discriminator("op")]


def priced(part: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """A line, an item, a step or a change as it is answered. Takes: it as its event says it, with plain prices."""
    answer = dict(part)
    if "unit_price" in part:
        answer["unit_price"] = price(part["unit_price"], currency)
    if part.get("ramp"):
        answer["ramp"] = [priced(step, currency) for step in part["ramp"]]
    return answer


class AmendmentBody(BaseModel):
    """A change of lines."""

    no: int | None = Field(description="the number of the amendment; null for a correction")
    corrects: str | None = Field(description="the event that was wrong; null for an amendment")
    changes: list[LineChange]
    scope_change: str | None
    effective_at: str
    event: str


class CorrectionBody(BaseModel):
    """What an earlier event should have said."""

    corrects: str = Field(description="the event that was wrong")
    changes: list[LineChange] | None
    terms: commands.Terms | None = Field(description="the members of its terms that it should have had")
    recorded_at: str
    event: str


class ContractLineBody(BaseModel):
    """A line in force at the query's instant, with the members that a draft writes."""

    line: str = Field(examples=["main"])
    product: str = Field(examples=["retainer"])
    kind: Literal["recurring", "one_off", "usage_commit"]
    quantity: str = Field(examples=["1"])
    unit_price: AsPrice
    interval: Annotated[commands.BillingInterval | None, Added()] = Field(
        description="how often it is paid; null for one_off"
    )
    interval_count: Annotated[int | None, Added()] = Field(
        description="how many intervals the price is for; null for one"
    )
    arr: Annotated[MoneyBody, MoneyOf("annual")]
    gross_arr: Annotated[MoneyBody, MoneyOf("gross")] = Field(description="before any discount")
    discount_percent: Annotated[str | None, Added()] = Field(description="of a discount in force, lasting or not")
    discount_end: Annotated[str | None, Added()] = Field(description="the first day without it")
    discount_counts: Annotated[bool | None, Added()] = Field(
        description="whether recurring revenue is less by it: it lasts a year or more, or nothing has been paid for the line yet"
    )
    suspended: Annotated[bool, From("held")]
    start: Annotated[str, Added(("valid_from",))] = Field(description="the first day on which it is so")
    end: Annotated[str | None, Added(("valid_to",))] = Field(
        description="the first day without the line; null where it goes on with the contract"
    )
    ramp: Annotated[list[AgreedStepBody] | None, Added()] = Field(
        description="what its quantity or price becomes later; null where nothing is agreed"
    )
    event: Annotated[str, From("source")] = Field(description="the event that set it so")


class ContractStepBody(BaseModel):
    """What a line is over [start, end) behind the query's instant, as agreed so far."""

    line: str = Field(examples=["main"])
    start: str
    end: str | None
    quantity: str
    unit_price: MoneyBody
    mrr: MoneyBody
    suspended: bool
    cause: Literal["new", "renewal", "negotiation", "escalator", "correction", "discount_end"] = Field(
        examples=["escalator"]
    )
    event: str = Field(description="the event that set it so")
