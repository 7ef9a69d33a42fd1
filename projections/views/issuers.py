"""Issuers: identity providers whose access tokens let users in."""

from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream

Status = Literal["open", "closed"]


class Issuer(NamedTuple):
    """An issuer. `registered_at` and `latest_at` (of its events) are microseconds."""

    issuer_id: str
    status: str
    issuer: str
    audience: str
    claim: str
    algorithms: list[str]
    jwks_url: str | None
    plain_jwt: bool
    dpop_required: bool
    label: str | None
    registered_at: int
    version: int
    latest_at: int


def _registered(_row: Issuer | None, recorded: Recorded, _where: ZoneInfo) -> Issuer:
    data, at = recorded.data, recorded.effective_at
    return Issuer(
        issuer_id=recorded.stream_id,
        status="open",
        issuer=data["issuer"],
        audience=data["audience"],
        claim=data["claim"],
        algorithms=list(data["algorithms"]),
        jwks_url=data.get("jwks_url"),
        plain_jwt=data["plain_jwt"],
        dpop_required=data["dpop_required"],
        label=data.get("label"),
        registered_at=at,
        version=recorded.version,
        latest_at=at,
    )


def _closed(row: Issuer | None, recorded: Recorded, _where: ZoneInfo) -> Issuer | None:
    if row is None:
        return None
    latest_at = max(row.latest_at, recorded.effective_at)
    return row._replace(status="closed", version=recorded.version, latest_at=latest_at)


VIEW = View(
    name="issuers",
    version=1,
    row=Issuer,
    keys=("issuer_id",),
    on={"issuer.registered": _registered, "issuer.closed": _closed},
    group_of=stream,
    noun="issuer",
)
