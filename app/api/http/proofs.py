"""Proofs of DPoP with a request: its method, by which addresses it may have been asked, and the header that has the proof."""

import asyncio

from starlette.types import Scope

from app.auth.caller import Caller
from app.auth.dpop import Proofs
from app.domain.kernel.errors import Unauthenticated
from app.runtime import Runtime


async def require_proof(request: Scope, known: Caller, scheme: str, token: str) -> None:
    """Raises: Unauthenticated unless a request with a token that is bound to a key brings the proof of it. RFC 9449 section 7.1."""
    thumbprint = known.signed_in.thumbprint
    if thumbprint is None:
        raise Unauthenticated(
            "invalid_dpop_proof", "the credential is bound to no key; send it as Authorization: Bearer …"
        )
    if scheme.lower() != "dpop":
        raise Unauthenticated(
            "dpop_required", "the token is bound to a key; send it as Authorization: DPoP …, with a proof"
        )
    headers = [value for name, value in request["headers"] if name == b"dpop"]
    if len(headers) > 1:
        raise Unauthenticated("invalid_dpop_proof", "a request has one proof")
    proofs: Proofs = request["app"].state.proofs
    proof = headers[0].decode("latin-1") if headers else None
    await asyncio.to_thread(
        proofs.require,
        known.tenant_id,
        thumbprint,
        token,
        proof,
        method=_asked_method(request),
        urls=_addresses(request),
    )


def _asked_method(request: Scope) -> str:
    """The method that was asked: a HEAD is answered as a GET."""
    return str(request.get("steward.method") or request["method"])


def _addresses(request: Scope) -> tuple[str, ...]:
    """By which addresses the request may have been asked: the public one where it is set, else the one in its own Host."""
    settings = _runtime(request).settings
    path = (request.get("raw_path") or request["path"].encode()).decode("latin-1").partition("?")[0]
    if settings.public_url is not None:
        return (settings.public_url.rstrip("/") + path,)
    host = next((value.decode("latin-1") for name, value in request["headers"] if name == b"host"), "")
    return (f"{request['scheme']}://{host}{path}",)


def _runtime(request: Scope) -> Runtime:
    runtime: Runtime = request["app"].state.runtime
    return runtime
