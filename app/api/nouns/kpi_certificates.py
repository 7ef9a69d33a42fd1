"""KPI certificates over HTTP: figures attested to third parties, and computed again to compare."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Computed, EachOf, From, InstantOf, Part, Sealed, SealedTexts
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.parameters import KpiMethod, KpiName
from app.api.http.presenter import Presenter
from app.api.http.problems import Refusal, answered, documented
from app.api.http.read_context import ReadContext, plain_read_context, read_context
from app.api.http.response_models import WRITTEN, PageBody, PeriodOfRow
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.api.kpis.kpis import FigureWarningBody
from app.api.kpis.parts import FigureScopeBody
from app.domain.kernel.errors import Invalid
from app.domain.kernel.period import Period
from app.domain.kernel.values import Day, Moment
from app.domain.kpi_certificate.commands import IssueKpiCertificate
from app.kpi_queries import KpiQuery, Scope, views_of
from app.kpi_queries.known_holdings import require_known
from app.services import kpi_certificates as certificates
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt
from projections.kpis.base import Unit
from projections.kpis.sharing import HELD
from projections.views import kpi_certificates
from projections.views.kpi_certificates import KpiCertificate

router = APIRouter(prefix="/v1/kpi-certificates", tags=["kpi_certificates"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["certificates:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["certificates:read"])]
Checking = Annotated[ReadContext, Security(plain_read_context, scopes=["certificates:read"])]


def _scope(row: KpiCertificate) -> dict[str, str]:
    """What narrowed the figure. Attribution is a part of it only where something is that accounts have, such as an owner."""
    attributed = any(row.scope.get(name) is not None for name in HELD)
    return {
        name: value for name, value in row.scope.items() if value is not None and (attributed or name != "attribution")
    }


def _options(row: KpiCertificate) -> dict[str, str]:
    return {option["name"]: option["value"] for option in row.options}


def _warning(warning: dict[str, Any], _row: KpiCertificate, _texts: SealedTexts) -> dict[str, Any]:
    return {"code": warning["code"], "count": warning.get("count")}


class KpiCertificateBody(BaseModel):
    """A certificate: a figure, its query, and what is needed to compute it again."""

    id: Annotated[str, From("kpi_certificate")] = Field(examples=["crt_01jd7z5m3xf8x9v0w1y2z3a4b5"])
    kpi: str = Field(examples=["net_revenue_retention"])
    method: str
    unit: Unit
    value: str | None
    null_reason: str | None
    numerator: str
    denominator: str | None
    currency: str | None
    period: Annotated[Period | None, Part(PeriodOfRow, when="start")]
    as_of: str = Field(description="the instant that the figure closes with")
    scope: Annotated[FigureScopeBody, Computed(_scope, reads=("scope",))]
    options: Annotated[dict[str, str], Computed(_options, reads=("options",))]
    known_at: Annotated[int, From("known_position")] = Field(
        description="the position up to which the figure was known"
    )
    policy: str | None = Field(description="the version that was requested by name")
    policy_version: str
    fx_version: str | None
    warnings: Annotated[list[FigureWarningBody], EachOf(_warning)]
    inputs_hash: str = Field(description="SHA-256 of every account's contribution, in exact integers")
    answer_hash: str = Field(description="SHA-256 of the answer's members about the figure")
    calculation: int = Field(description="the version of how the KPI was computed", examples=[1])
    code_digest: str | None = Field(
        description="SHA-256 over the source files; only of certificates of the first version"
    )
    note: Annotated[str | None, Sealed("event_id")]
    issued_at: Annotated[str, InstantOf("effective_at")]
    issued_by: Annotated[str, From("actor")]


class KpiCertificateDetailsBody(KpiCertificateBody):
    """A certificate with the position that it was read from."""

    position: int


class FigureTold(BaseModel):
    """What is compared of a figure."""

    value: str | None
    null_reason: str | None
    numerator: str
    denominator: str | None
    currency: str | None
    policy_version: str
    fx_version: str | None
    answer_hash: str
    inputs_hash: str


class CertificateDifference(BaseModel):
    """A member that is not as it was certified."""

    member: str
    certified: str | None
    recomputed: str | None


class KnownSince(BaseModel):
    """The same figure as it is by now."""

    value: str | None
    numerator: str
    denominator: str | None
    position: int
    restated: bool = Field(description="whether it is no longer what was certified")
    difference: str = Field(description="by how much; no value counts as 0")


class KpiVerificationBody(BaseModel):
    """A certificate computed again, at its position and by its rules."""

    id: str
    verified: bool
    certified: FigureTold
    recomputed: FigureTold
    differences: list[CertificateDifference]
    code_changed: bool = Field(description="whether it was computed by another calculation version than today's")
    known_since: KnownSince


present = Presenter(KpiCertificateBody, KpiCertificate, not_shown=("position", "account"))
LISTED: Final = ListOf(
    kpi_certificates.VIEW,
    present,
    filters={
        "kpi": Filter(KpiName),
        "method": Filter(KpiMethod),
        "issued_by": Filter(),
        "account": named("account"),
        "period.from": Filter(Day),
        "period.to": Filter(Day),
    },
    ranges={"period.from": Day, "period.to": Day, "issued_at": Moment},
    sorts=("issued_at", "kpi", "id"),
    default="-position",
)


@router.post(
    "",
    operation_id="kpi_certificates.issue",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 415, 422),
)
async def issue(command: IssueKpiCertificate, context: Writing) -> Response:
    """Certify a figure: it is computed as for a query, and recorded with what it was made from."""
    context.require_unmatched()
    return await context.compute(partial(_issue, command))


def _issue(command: IssueKpiCertificate, call: ServiceCall) -> Receipt:
    if (receipt := call.replayed()) is not None:
        return receipt
    narrowed, account = command.narrowed, None
    if narrowed.account is not None:
        account, _ = call.handler.load(call.tenant_id, "account", narrowed.account)
    call.require_account(account)
    query = KpiQuery(
        name=command.kpi,
        from_=command.from_,
        to=command.to,
        method=command.method,
        scope=Scope(
            owner=narrowed.owner,
            tier=narrowed.tier,
            industry=narrowed.industry,
            country=narrowed.country,
            account=account,
            currency=narrowed.currency,
            attribution=narrowed.attribution,
        ),
        options=tuple(sorted(command.options.items())),
        policy=command.policy,
        reporting_currency=narrowed.reporting_currency,
    )
    known_at = None if command.known_at is None else str(command.known_at)
    try:
        when = certificates.pin_clocks(call.reader, call.tenant_id, command.kpi, command.as_of, known_at)
        for member in ("owner", "tier", "industry"):
            if (value := getattr(narrowed, member)) is not None:
                require_known(call.reader, call.tenant_id, when, member, [value])
        certificate = certificates.compute(call.reader, call.tenant_id, query, when, command.note)
        if command.currency is not None and certificate.currency not in (None, command.currency):
            raise Invalid("other_currency", f"the figure is in {certificate.currency}, not in {command.currency}")
        return certificates.issue(call, certificate, command)
    except Invalid as error:  # in a body this is an invalid member, not an invalid query
        raise Refusal(error, 422) from error


@router.get("", operation_id="kpi_certificates.list", responses=answered(PageBody[KpiCertificateBody], 400, 404))
def list_certificates(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The certificates, latest first."""
    return page(context, asked)


@router.get(
    "/{kpi_certificate}", operation_id="kpi_certificates.get", responses=answered(KpiCertificateDetailsBody, 400, 404)
)
def get_certificate(kpi_certificate: str, context: Reading) -> Response:
    """A certificate."""
    key = context.find("kpi_certificate", kpi_certificate)
    row, position = context.reader.one(
        context.tenant_id, kpi_certificates.VIEW, key, context.when(kpi_certificates.VIEW)
    )
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=1)


@router.post(
    "/{kpi_certificate}/verification",
    operation_id="kpi_certificates.verify",
    responses=answered(KpiVerificationBody, 400, 404),
)
def verify(kpi_certificate: str, context: Checking) -> Response:
    """Compute a certificate again, at its position and by its rules, and compare; nothing is appended."""
    row, _ = context.one(kpi_certificates.VIEW, kpi_certificate)
    reader, key = context.runtime.reader, row.kpi_certificate  # as it was computed: from all that there is
    context.when(*views_of(row.kpi))
    verification = certificates.verify(reader, context.tenant_id, key)
    return context.answer(verification, verification["known_since"]["position"])


@router.post(
    "/{kpi_certificate}/verify",
    operation_id="kpi_certificates.verify_shortly",
    responses=answered(KpiVerificationBody, 400, 404),
)
def verify_shortly(kpi_certificate: str, context: Checking) -> Response:
    """The same as `verification`, under a shorter name."""
    return verify(kpi_certificate, context)
