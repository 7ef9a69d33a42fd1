"""What a contract is made of, as it is answered: terms, notice, end, amendments and corrections."""

from typing import Literal

from pydantic import BaseModel, Field

from app.domain.contract import commands


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


class AmendmentBody(BaseModel):
    """A change of lines."""

    no: int | None = Field(description="the number of the amendment; null for a correction")
    corrects: str | None = Field(description="the event that was wrong; null for an amendment")
    changes: list[commands.Change]
    scope_change: str | None
    effective_at: str
    event: str


class CorrectionBody(BaseModel):
    """What an earlier event should have said."""

    corrects: str = Field(description="the event that was wrong")
    changes: list[commands.Change] | None
    terms: commands.Terms | None = Field(description="the members of its terms that it should have had")
    recorded_at: str
    event: str
