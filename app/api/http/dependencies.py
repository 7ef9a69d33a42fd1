"""What every endpoint needs to know: the runtime, and the caller with the right scopes."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from fastapi.security.utils import get_authorization_scheme_param
from starlette.types import Scope

from app.api.http.failed_keys import KeyChecks
from app.api.http.fair_threads import WHOSE
from app.api.http.problems import READERS_SCOPES
from app.api.http.proofs import require_proof
from app.api.http.tenant_limits import TenantLimits
from app.auth.caller import Caller
from app.auth.credentials import Credentials
from app.domain.kernel.errors import Unauthenticated
from app.runtime import Runtime

bearer: Final = HTTPBearer(
    auto_error=False, description="an API key: `Authorization: Bearer stw_…`", scheme_name="ApiKey"
)
SCHEMES: Final = ("bearer", "dpop")
CALLER: Final = "steward.caller"
"""Under which name a request has its caller, once that is known."""


def runtime_of(request: Request) -> Runtime:
    """The application's runtime."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def caller(
    request: Request,
    scopes: SecurityScopes,
    _described: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Caller:
    """The caller, with the scopes that the endpoint's signature names. Raises: Unauthenticated, NotAllowed, Throttled."""
    return await caller_of(request.scope, request.headers.get("authorization"), scopes.scopes)


async def caller_of(request: Scope, authorization: str | None, scopes: Sequence[str]) -> Caller:
    """The caller by the header, with the scopes that are needed. Raises: Unauthenticated, NotAllowed, Throttled."""
    scheme, credential = get_authorization_scheme_param(authorization)
    if scheme.lower() not in SCHEMES or not credential:
        raise Unauthenticated("missing_key", "send an API key or an access token: Authorization: Bearer …")
    state = request["app"].state
    authenticator: Credentials = state.authenticator
    known = authenticator.cached(credential)
    if known is None:
        checks: KeyChecks = state.key_checks
        known = await checks.check(credential, (request.get("client") or ("",))[0])
    WHOSE.set(known.tenant_id)
    request[READERS_SCOPES] = known.scopes
    if known.signed_in.thumbprint is not None or scheme.lower() == "dpop":
        await require_proof(request, known, scheme, credential)
    request[CALLER] = known
    for scope in scopes:
        known.require(scope)
    limits: TenantLimits = state.limits
    limits.admit(request, known.tenant_id)
    return known
