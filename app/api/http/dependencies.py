"""What every endpoint needs to know: the runtime, and the caller with the right scopes."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from fastapi.security.utils import get_authorization_scheme_param

from app.api.http.fair_threads import WHOSE
from app.auth.keys import ApiKeyAuthenticator, tenant_named_in
from app.auth.roles import Caller
from app.domain.kernel.errors import Unauthenticated
from app.runtime import Runtime

bearer: Final = HTTPBearer(
    auto_error=False, description="an API key: `Authorization: Bearer stw_…`", scheme_name="ApiKey"
)


def runtime_of(request: Request) -> Runtime:
    """The application's runtime."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def caller(
    request: Request,
    scopes: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Caller:
    """The caller, with the scopes that the endpoint's signature names. Raises: Unauthenticated, NotAllowed."""
    return await _authenticated(request.app, credentials.credentials if credentials else None, scopes.scopes)


async def caller_of(app: Any, authorization: str | None, scopes: Sequence[str]) -> Caller:
    """The caller by the header, with the scopes that are needed. Raises: Unauthenticated, NotAllowed."""
    scheme, key = get_authorization_scheme_param(authorization)
    return await _authenticated(app, key if scheme.lower() == "bearer" else None, scopes)


async def _authenticated(app: Any, key: str | None, scopes: Sequence[str]) -> Caller:
    if not key:
        raise Unauthenticated("missing_key", "send an API key: Authorization: Bearer …")
    authenticator: ApiKeyAuthenticator = app.state.authenticator
    known = authenticator.cached(key)
    if known is None:
        WHOSE.set(f"key of {tenant_named_in(key)}")  # whose it is must be found out first
        known = await asyncio.to_thread(authenticator.check, key)
    WHOSE.set(known.tenant_id)
    for scope in scopes:
        known.require(scope)
    return known
