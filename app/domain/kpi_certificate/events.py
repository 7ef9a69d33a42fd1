"""What can have happened to a KPI certificate: a figure that was handed out and can be computed again."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Commercial, FreeText, Public


class CertifiedScope(BaseModel):
    """Which accounts and contracts a certified figure counts; all of them where no filter is named.

    attribution: whose and what an account is: at the period's start or end. reporting_currency: where one was named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    account: Public[str | None] = None
    owner: Business[str | None] = None
    tier: Business[str | None] = None
    industry: Business[str | None] = None
    country: Public[str | None] = None
    currency: Public[str | None] = None
    reporting_currency: Public[str | None] = None
    attribution: Public[str] = "start"


class CertifiedOption(BaseModel):
    """A further option of the query."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Public[str]
    value: Commercial[str]


class CertifiedWarning(BaseModel):
    """What a reader had to know besides. count: of how many rows, none where it is about the figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: Public[str]
    count: Business[int | None] = None


class KpiCertificateIssued(Event):
    """A figure was certified as it was known at a position.

    start, end: days of its period, end exclusive; none of a point. as_of: the instant that it closes with. policy: the version
    that was named; without one the version in force counted. value, numerator, denominator: as written; null_reason: why
    there is no value. inputs_hash: SHA-256 of what every account contributed, in exact integers. answer_hash: of everything
    in the answer. calculation: the version of how the KPI was computed. code_digest: of the source files, only in
    certificates of the first version; these were all computed by calculation 1.
    """

    TOPIC = "kpi_certificate.issued"
    VERSION = 2
    kpi: Public[str]
    method: Public[str]
    unit: Public[str]
    scope: Business[CertifiedScope]
    options: Business[tuple[CertifiedOption, ...]] = ()
    start: Public[str | None] = None
    end: Public[str | None] = None
    as_of: Public[str]
    known_position: Public[int]
    policy: Public[str | None] = None
    policy_version: Public[str]
    fx_version: Public[str | None] = None
    value: Commercial[str | None] = None
    null_reason: Public[str | None] = None
    numerator: Commercial[str]
    denominator: Commercial[str | None] = None
    currency: Public[str | None] = None
    warnings: Business[tuple[CertifiedWarning, ...]] = ()
    answer_hash: Commercial[str]
    inputs_hash: Commercial[str]
    calculation: Public[int]
    code_digest: Public[str | None] = None
    note: FreeText[str | None] = None

    @staticmethod
    def upcast_v1(data: dict[str, Any]) -> dict[str, Any]:
        """Names the calculation that all certificates of the first version were computed by."""
        return {**data, "calculation": 1}


EVENTS = (KpiCertificateIssued,)
