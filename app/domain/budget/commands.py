"""The commands of a budget; each is the body of its request."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import (
    Currency,
    Day,
    Label,
    Moment,
    Money,
    Name,
    Note,
    Ref,
    scaled,
)


def _positive(text: str) -> str:
    if scaled(text) == 0:
        raise ValueError("must be more than 0")
    return text


Positive = Annotated[Money, AfterValidator(_positive)]
Threshold = Annotated[int, Field(ge=1, le=1000, strict=True)]


class SetBudget(Creation):
    """Records what a client sets aside."""

    title: Name = Field(examples=["Spring campaign"])
    currency: Currency
    amount: Positive
    start: Day
    end: Day = Field(description="the first day after")
    contract: Ref | None = Field(None, description="the contract that it pays for, by id or ref:")
    thresholds: tuple[Threshold, ...] = Field(
        (50, 80, 100), max_length=20, description="percent of the amount; each is recorded once when it is reached"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.start >= self.end:
            raise ValueError("end must be after start")
        if any(low >= high for low, high in pairwise(self.thresholds)):
            raise ValueError("thresholds rise from the first to the last")
        return self


class ReviseBudget(Command):
    """Changes its amount."""

    amount: Positive
    reason: Note = Field(description="why; sealed like any free text")


class RecordSpend(Command):
    """Records what was spent."""

    amount: Positive
    document: Name = Field(description="the source document, once in a budget", examples=["INV-2026-0042"])
    spent_at: Moment
    category: Label | None = None
    late: bool = Field(
        False, strict=True, description="whether it came after the budget's end, which is refused otherwise"
    )


class CorrectSpend(Command):
    """Corrects the amount of a document, from when it was spent; 0 for what was never spent."""

    document: Name
    amount: Money


class RecordForecast(Command):
    """Forecasts what will have been spent in all."""

    at_completion: Money


class CloseBudget(Command):
    """Closes it."""
