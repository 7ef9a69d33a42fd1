"""Challenges: what an answer says in WWW-Authenticate, so that a client learns what to bring, and where to get it.

Source: RFC 6750 section 3, RFC 9449 section 7.1, RFC 9728 section 5.1.
"""

from typing import Final

from starlette.requests import Request

from app.auth import dpop
from app.domain.kernel.errors import DomainError, NotAllowed, Unauthenticated

METADATA: Final = "/.well-known/oauth-protected-resource"
PROOFS: Final = frozenset({"dpop_required", "invalid_dpop_proof"})
TOKENS: Final = frozenset(
    {"invalid_key", "invalid_token", "token_expired", "issuer_unknown", "audience_ambiguous", "user_suspended"}
)
NOTHING: Final = "missing_key"


def challenge(request: Request, error: DomainError) -> str | None:
    """What a refusal asks for; None where it is about no credential."""
    if isinstance(error, NotAllowed) and "scope" in error.members:
        return f'Bearer error="insufficient_scope", scope="{error.members["scope"]}"'
    if not isinstance(error, Unauthenticated):
        return None
    where = f'resource_metadata="{_metadata(request, error.tenant_id)}"'
    if error.code in PROOFS:
        return f'DPoP {where}, error="invalid_dpop_proof", algs="{" ".join(dpop.ALGORITHMS)}"'
    if error.code in TOKENS:
        return f'Bearer {where}, error="invalid_token"'
    return f"Bearer {where}" if error.code == NOTHING else "Bearer"


def _metadata(request: Request, tenant_id: str | None) -> str:
    address = request.app.state.runtime.settings.address.rstrip("/")
    return f"{address}{METADATA}{'' if tenant_id is None else f'/tenants/{tenant_id}'}"
