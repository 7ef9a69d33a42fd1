"""The models that answers share: receipts, amounts, periods, pages."""

from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from app.api.http.answers import DecimalOf, From, InstantOf, MoneyOf, Part, PriceOf
from app.domain.kernel.period import Period

OR_NULL: Final[dict[str, Any]] = {"x-or-null": True}
"""Of a member that some answers leave out, and that is null in others."""
EXAMPLE_ACCOUNT: Final = "acct_01jd7z5m3qf8x9v0w1y2z3a4b5"


class AppendedEvent(BaseModel):
    """An event that a write appended."""

    id: str = Field(examples=["evt_01jd7z5m3sf8x9v0w1y2z3a4b5"])
    type: str = Field(examples=["account.opened"])
    position: int = Field(examples=[7])


class ReceiptBody(BaseModel):
    """What every write answers: it is on disk."""

    id: str = Field(examples=[EXAMPLE_ACCOUNT])
    version: int = Field(examples=[1])
    position: int = Field(examples=[7])
    events: list[AppendedEvent]


class MoneyBody(BaseModel):
    """An amount of money; of the same form in bodies and in answers."""

    model_config = ConfigDict(extra="forbid")
    amount: str = Field(examples=["1200.00"])
    currency: str = Field(examples=["EUR"])


class PeriodOfRow(BaseModel):
    """How a period is read from a row that keeps its days as `start` and `end`."""

    from_: Annotated[str, From("start")] = Field(alias="from")
    to: Annotated[str, From("end")]


AsInstant = Annotated[str, InstantOf()]
AsPeriod = Annotated[Period, Part(PeriodOfRow)]
AsMoney = Annotated[MoneyBody, MoneyOf()]
AsPrice = Annotated[MoneyBody, PriceOf()]
AsDecimal = Annotated[str, DecimalOf()]
Item = TypeVar("Item")


class PageBody(BaseModel, Generic[Item]):
    """A page of things."""

    data: list[Item]
    has_more: bool
    next_cursor: str | None
    position: int = Field(description="the position that the page was built from")


class PreviewedEvent(BaseModel):
    """An event that a write would append. What only an append gives, its id, its position and its time, is not known yet."""

    type: str = Field(examples=["contract.amended"])
    subject: str | None = Field(description="the account", examples=[EXAMPLE_ACCOUNT])
    time: str = Field(description="when it would be true in business")
    data: dict[str, Any]
    stream: str = Field(description="the thing that it would happen to")
    version: int = Field(description="of that thing, after the event")
    schema_: int = Field(alias="schema", description="the version of the event's shape")


class PreviewedFigure(BaseModel):
    """A figure that a write would move."""

    name: Literal["mrr", "margin"] = Field(
        description="`mrr`, as the KPI of this name answers it for the account and the currency; `margin`, the annual one of a proposal"
    )
    of: str = Field(description="the account, or the proposal", examples=[EXAMPLE_ACCOUNT])
    currency: str | None = Field(examples=["EUR"])
    as_of: str = Field(description="from when it moves: now, or the first instant later at which it does")
    before: str | None = Field(description="what it would be without the write", examples=["1000.00"])
    after: str | None = Field(description="what it would be with it", examples=["1200.00"])


class PreviewBody(BaseModel):
    """What a write would do. Nothing was appended, and no key was used up."""

    id: str = Field(
        description="the id that is answered: of something new another one, when it is written",
        examples=[EXAMPLE_ACCOUNT],
    )
    version: int = Field(examples=[2])
    events: list[PreviewedEvent]
    figures: list[PreviewedFigure] = Field(description="those that would move")
    position: int = Field(description="the head of the ledger on which it was decided", examples=[7])


WRITTEN: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": PreviewBody,
        "description": "What it would do, with `Prefer: preview` or `?preview=true`",
        "headers": {
            "Preference-Applied": {"description": "`preview`", "schema": {"type": "string"}},
        },
    },
    201: {
        "model": ReceiptBody,
        "description": "Appended, and on disk",
        "headers": {
            "Location": {"description": "the path of what was written", "schema": {"type": "string"}},
            "ETag": {"description": "its version", "schema": {"type": "string"}},
            "Event-Position": {"description": "wait for this with Min-Event-Position", "schema": {"type": "integer"}},
            "Idempotency-Key": {
                "description": "the key under which a retry gets the same answer",
                "schema": {"type": "string"},
            },
            "Idempotency-Replayed": {
                "description": "true when this is the first answer again",
                "schema": {"type": "string"},
            },
        },
    },
}
"""The good answer of every write, for the contract."""
