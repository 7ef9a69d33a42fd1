"""API keys: their roles, scopes and end, without the keys themselves."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream


class ApiKey(NamedTuple):
    """A key. Instants are microseconds."""

    api_key: str
    role: str | None
    scopes: list[str]
    user: str | None
    agent: str | None
    label: str | None
    issued_at: int
    expires_at: str | None
    revoked_at: int | None
    version: int
    latest_at: int


def _issued(_row: ApiKey | None, recorded: Recorded, _where: ZoneInfo) -> ApiKey:
    data, at = recorded.data, recorded.effective_at
    return ApiKey(
        api_key=recorded.stream_id,
        role=data.get("role"),
        scopes=list(data.get("scopes", ())),
        user=data.get("user"),
        agent=data.get("agent"),
        label=data.get("label"),
        issued_at=at,
        expires_at=data.get("expires_at"),
        revoked_at=None,
        version=recorded.version,
        latest_at=at,
    )


def _revoked(row: ApiKey | None, recorded: Recorded, _where: ZoneInfo) -> ApiKey | None:
    if row is None:
        return None
    at = recorded.effective_at
    return row._replace(revoked_at=at, version=recorded.version, latest_at=max(row.latest_at, at))


VIEW = View(
    name="api_keys",
    version=3,
    row=ApiKey,
    keys=("api_key",),
    on={"api_key.issued": _issued, "api_key.revoked": _revoked},
    group_of=stream,
    noun="api_key",
)
