"""The commands of a KPI certificate; each is the body of its request."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.domain.kernel.command import Command
from app.domain.kernel.values import CountryOrNone, Currency, Day, Instant, Label, Name, Note, Ref
from app.domain.kpi_certificate.events import KpiCertificateIssued

Position = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class IssueKpiCertificate(Command):
    """Certifies a figure as it is known now, or was known at a position."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    kpi: Name
    from_: Day | None = Field(None, alias="from", description="first day of the period")
    to: Day | None = Field(None, description="first day after the period")
    as_of: Day | Instant | None = Field(None, description="of a point in time; a date means its end")
    method: Label | None = Field(None, description="one of the KPI's methods; default: its first")
    account: Ref | None = Field(None, description="one account, by id or ref:…")
    owner: Label | None = None
    tier: Label | None = None
    industry: Label | None = None
    country: CountryOrNone | None = Field(None, examples=["DE"])
    currency: Currency | None = Field(None, description="only contracts in it")
    reporting_currency: Currency | None = Field(None, description="the currency into which amounts are converted")
    attribution: Literal["start", "end"] = "start"
    options: dict[Label, Label] = Field({}, max_length=20, description="further options of the KPI")
    policy: Name | None = Field(None, description="the version of a metric policy to count by")
    known_at: Position | Day | Instant | None = Field(None, description="a position or an instant; default: all")
    note: Note | None = Field(None, description="for whom and what for; sealed like any free text")


class RecordKpiCertificate(Command):
    """The same with the computed figure."""

    issued: KpiCertificateIssued
    account: Ref | None = None
