"""The commands of a period close; each is the body of its request."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.kernel.command import Command
from app.domain.kernel.period import OVER_PERIOD, Period, with_days
from app.domain.kernel.values import Currency, Day, Name, Note, Public
from app.domain.period_close.events import PeriodCloseClosed


class ClosePeriod(Command):
    """Certifies the figures of a period that has ended."""

    model_config = OVER_PERIOD
    period: Period | None = Field(None, description="the days that it covers; or say from and to")
    from_: Day = Field(alias="from", description="first day of the period")
    to: Day = Field(description="first day after the period")
    currency: Currency | None = Field(None, description="only contracts in it")
    kpis: tuple[Name, ...] = Field((), max_length=50, description="which figures; default: retention and revenue")

    @model_validator(mode="before")
    @classmethod
    def _over_its_days(cls, body: Any) -> Any:
        return with_days(body)


class RecordPeriodClose(Command):
    """The same with the certificates that were issued for it."""

    closed: PeriodCloseClosed


class RestatePeriod(Command):
    """Certifies anew the figures of a closed period that are no longer what they were."""

    reason: Note = Field(description="why the figures are restated; sealed like any free text")


class Restated(BaseModel):
    """A figure that was certified anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kpi: Public[str]
    from_cert: Public[str]
    to_cert: Public[str]
    known_position: Public[int]
    causes: Public[tuple[str, ...]]
    complete: Public[bool]


class RecordPeriodRestatement(Command):
    """The same with the certificates that take the place of others."""

    restated: tuple[Restated, ...] = Field(min_length=1)
