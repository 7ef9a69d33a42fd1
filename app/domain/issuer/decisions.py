"""The issuer: whose access tokens let users in. Only an admin says so, for whoever says it can make a token of anybody."""

from collections.abc import Mapping
from typing import Final

from app.domain.issuer.commands import CloseIssuer, RecordIssuer
from app.domain.issuer.events import IssuerClosed, IssuerRegistered
from app.domain.issuer.state import IssuerState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.roles import ADMIN, require_level

SCOPE: Final = "api_keys:write"
NOW: Final = "an issuer counts from now on"


def register(_state: IssuerState, command: RecordIssuer, context: Context) -> tuple[Event, ...]:
    """A new issuer. Raises: NotAllowed to anybody but an admin; Refused for one that the tenant has with this audience."""
    require_level(context.role, ADMIN, SCOPE)
    context.require_now(NOW)
    if len(set(command.algorithms)) != len(command.algorithms):
        raise Invalid("algorithm_twice", "the same algorithm was named twice")
    issuers: Mapping[str, IssuerState] = context.states["issuers"]
    for issuer_id, other in issuers.items():
        if other.is_open and (other.issuer, other.audience) == (command.issuer, command.audience):
            raise Refused("issuer_registered", f"{issuer_id} is this issuer with this audience; close it first")
    return (IssuerRegistered(**command.model_dump(exclude={"effective_at", "reason", "visibility"})),)


def close(state: IssuerState, _command: CloseIssuer, context: Context) -> tuple[Event, ...]:
    """The end of an issuer. Raises: NotAllowed to anybody but an admin; Refused when it was closed before."""
    require_level(context.role, ADMIN, SCOPE)
    context.require_now(NOW)
    if state.closed:
        raise Refused("issuer_closed", "the issuer is closed")
    return (IssuerClosed(),)
