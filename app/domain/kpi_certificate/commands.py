"""The commands of a KPI certificate; each is the body of its request."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.kernel.command import Command
from app.domain.kernel.period import OVER_PERIOD, Period, with_days
from app.domain.kernel.values import CountryOrNone, Currency, Day, Instant, Label, Name, Note, Ref
from app.domain.kpi_certificate.events import KpiCertificateIssued

Position = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class CertificateScope(BaseModel):
    """What narrows a figure; a member that is left out does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    account: Ref | None = Field(None, description="one account, by id or ref:…")
    owner: Label | None = None
    tier: Label | None = None
    industry: Label | None = None
    country: CountryOrNone | None = Field(None, examples=["DE"])
    currency: Currency | None = Field(None, description="only contracts in it")
    reporting_currency: Currency | None = Field(None, description="the currency into which amounts are converted")
    attribution: Literal["start", "end"] | Day = "start"


class IssueKpiCertificate(CertificateScope, Command):
    """Certifies a figure as it is known now, or was known at a position.

    What narrows it stands in `scope`, as it is answered, or among the other members, as in a query.
    """

    model_config = OVER_PERIOD
    kpi: Name
    period: Period | None = Field(None, description="the days that it covers; or say from and to")
    from_: Day | None = Field(None, alias="from", description="first day of the period")
    to: Day | None = Field(None, description="first day after the period")
    as_of: Day | Instant | None = Field(None, description="of a point in time; a date means its end")
    method: Label | None = Field(None, description="one of the KPI's methods; default: its first")
    scope: CertificateScope | None = Field(None, description="what narrows it; or say its members beside it")
    currency: Currency | None = Field(
        None, description="only contracts in it; beside scope: the one that the figure must be in"
    )
    options: dict[Label, Label] = Field({}, max_length=20, description="further options of the KPI")
    policy: Name | None = Field(None, description="the version of a metric policy to count by")
    known_at: Position | Day | Instant | None = Field(None, description="a position or an instant; default: all")
    note: Note | None = Field(None, description="for whom and what for; sealed like any free text")

    @model_validator(mode="before")
    @classmethod
    def _over_its_days(cls, body: Any) -> Any:
        return with_days(body)

    @model_validator(mode="after")
    def _narrowed_once(self) -> Self:
        if self.scope is not None and self._beside != CertificateScope(currency=self.currency):
            raise ValueError("what narrows the figure is said once: in scope, or beside it")
        return self

    @property
    def narrowed(self) -> CertificateScope:
        """What narrows the figure, whichever way it was said."""
        return self._beside if self.scope is None else self.scope

    @property
    def _beside(self) -> CertificateScope:
        return CertificateScope(**{name: getattr(self, name) for name in CertificateScope.model_fields})


class RecordKpiCertificate(Command):
    """The same with the computed figure."""

    issued: KpiCertificateIssued
    account: Ref | None = None
