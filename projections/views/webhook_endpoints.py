"""Webhook endpoints: one row each, without the text of any secret."""

from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream

Status = Literal["open", "closed"]


class WebhookEndpoint(NamedTuple):
    """An endpoint. `secrets` are ids; `registered_at` and `latest_at` (of its events) are microseconds."""

    endpoint: str
    provider: str
    label: str | None
    status: str
    tolerance_seconds: int
    hash: str | None
    encoding: str | None
    header: str | None
    style: str | None
    signed_content_template: str | None
    id_header: str | None
    id_pointer: str | None
    secrets: list[str]
    public_keys: list[str]
    registered_at: int
    version: int
    latest_at: int


def _registered(_row: WebhookEndpoint | None, recorded: Recorded, _where: ZoneInfo) -> WebhookEndpoint:
    data, at = recorded.data, recorded.effective_at
    return WebhookEndpoint(
        endpoint=recorded.stream_id,
        provider=data["provider"],
        label=data.get("label"),
        status="open",
        tolerance_seconds=data["tolerance_seconds"],
        hash=data.get("hash"),
        encoding=data.get("encoding"),
        header=data.get("header"),
        style=data.get("style"),
        signed_content_template=data.get("signed_content_template"),
        id_header=data.get("id_header"),
        id_pointer=data.get("id_pointer"),
        secrets=list(data.get("secrets", ())),
        public_keys=list(data.get("public_keys", ())),
        registered_at=at,
        version=recorded.version,
        latest_at=at,
    )


def _changed(row: WebhookEndpoint | None, recorded: Recorded, _where: ZoneInfo) -> WebhookEndpoint | None:
    if row is None:
        return None
    secret, public_key = recorded.data.get("secret"), recorded.data.get("public_key")
    if recorded.type == "webhook_endpoint.closed":
        row = row._replace(status="closed")
    elif recorded.type == "webhook_endpoint.secret_added":
        row = row._replace(
            secrets=[*row.secrets, *([secret] if secret else [])],
            public_keys=[*row.public_keys, *([public_key] if public_key else [])],
        )
    else:
        row = row._replace(
            secrets=[each for each in row.secrets if each != secret],
            public_keys=[each for each in row.public_keys if each != public_key],
        )
    return row._replace(version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at))


VIEW = View(
    name="webhook_endpoints",
    version=2,
    row=WebhookEndpoint,
    keys=("endpoint",),
    on={
        "webhook_endpoint.registered": _registered,
        "webhook_endpoint.secret_added": _changed,
        "webhook_endpoint.secret_retired": _changed,
        "webhook_endpoint.closed": _changed,
    },
    group_of=stream,
    noun="webhook_endpoint",
)
