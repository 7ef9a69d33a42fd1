"""Limits of a tenant: how much it may ask of a process in a time, so that one tenant's zeal stays its own.

Source: draft-ietf-httpapi-ratelimit-headers-10 for `RateLimit-Policy`, `RateLimit` and `violated-policies`; RFC 6585 section 4 for 429.
"""

from functools import lru_cache
from typing import Any, Final

from starlette.types import Scope

from app.api.http.quotas import Quota
from app.domain.kernel.errors import Throttled
from app.observe.logs import logger
from app.settings import Settings

Headers = tuple[tuple[bytes, bytes], ...]
TENANT: Final = "steward.tenant"
"""Under which name a request has its tenant, once that is known."""
HEADERS: Final = "steward.ratelimit"
"""Under which name a request has the headers that say what is left."""
MINUTE: Final = 60
SMALL: Final = 1024
"""Up to how many bytes a body is not counted: most commands are, and would take a microsecond longer."""


class TenantLimits:
    """The quotas of tenants in this process: where several processes serve, its share of each.

    Takes: settings; where one is 0, there is no such limit.
    """

    def __init__(self, settings: Settings) -> None:
        def quota(name: str, amount: int, seconds: int, unit: str = "requests") -> Quota | None:
            share = -(-amount // settings.workers)
            return Quota(name, share, seconds, unit=unit) if amount else None

        self._writes = quota("writes", settings.tenant_writes, 1)
        self._bytes = quota("body-bytes", settings.tenant_body_bytes, MINUTE, "content-bytes")
        self._rows = quota("rows", settings.tenant_rows, MINUTE, "rows")
        self._messages = quota("messages", settings.tenant_messages, 1)
        self._of_writes = _policies(self._writes, self._bytes)
        self._of_rows = _policies(self._rows)

    def admit(self, scope: Scope, tenant_id: str) -> None:
        """Lets a tenant's request in. Raises: Throttled where the tenant must wait."""
        scope[TENANT] = tenant_id
        if scope["method"] != "POST":
            if self._rows is not None and self._rows.is_overdrawn(tenant_id):
                raise _used_up(self._rows, scope, tenant_id, self._of_rows)
            return
        if self._bytes is not None and self._bytes.is_overdrawn(tenant_id):
            raise _used_up(self._bytes, scope, tenant_id, self._of_writes)
        if self._writes is None:
            return
        left = self._writes.take(tenant_id)
        if left < 0:
            self._writes.give_back(tenant_id)
            raise _used_up(self._writes, scope, tenant_id, self._of_writes, needed=1)
        scope[HEADERS] = (*self._of_writes, _left("writes", left, self._writes.pause))

    def count_body(self, scope: Scope, length: int) -> None:
        """Counts the body of a request, once it was read. Small ones are bounded by how many writes there may be."""
        if length > SMALL and self._bytes is not None and (tenant_id := scope.get(TENANT)) is not None:
            self._bytes.take(tenant_id, length)

    def count_rows(self, tenant_id: str, rows: int) -> dict[str, str]:
        """Counts the rows of an answer. Gives: the headers that say what is left."""
        if self._rows is None or not rows:
            return {}
        left = max(self._rows.take(tenant_id, rows), 0)
        return {"RateLimit-Policy": self._rows.policy, "RateLimit": f'"rows";r={left};t={self._rows.pause}'}

    def admit_message(self, scope: Scope, tenant_id: str) -> None:
        """Lets a sender's message in, for whatever endpoint of the tenant. Raises: Throttled, so that the sender sends it again."""
        if self._messages is not None and self._messages.left(tenant_id) < 1:
            raise _used_up(self._messages, scope, tenant_id, _policies(self._messages), needed=1)

    def count_message(self, tenant_id: str) -> None:
        """Counts a message with a good signature: what strangers send to an address costs its tenant nothing."""
        if self._messages is not None:
            self._messages.take(tenant_id)


def _policies(*quotas: Quota | None) -> Headers:
    policies = [quota.policy for quota in quotas if quota is not None]
    return ((b"ratelimit-policy", ", ".join(policies).encode()),) if policies else ()


@lru_cache(maxsize=4096)
def _left(name: str, left: int, seconds: int) -> tuple[bytes, bytes]:
    """The header that says how much is left, and in how many seconds there is more. Cached: of most tenants about as much is left."""
    return b"ratelimit", f'"{name}";r={left};t={seconds}'.encode()


def _used_up(quota: Quota, scope: Scope, tenant_id: str, policies: Headers, needed: int = 0) -> Throttled:
    """The refusal of a request, which stands in the log once a minute. Takes: how much must be left for the next one."""
    wait = quota.wait(tenant_id, needed)
    if quota.first(tenant_id):
        logger().warning("rate_limited", tenant_id=tenant_id, quota=quota.name)
    scope[HEADERS] = (*policies, _left(quota.name, 0, wait))
    members: dict[str, Any] = {"retry_after": wait, "violated_policies": [quota.name]}
    return Throttled("rate_limited", f"this tenant has used up its {quota.name} for now", **members)
