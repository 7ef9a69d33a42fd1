"""What checking a token needs to know of an issuer, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.issuer.events import IssuerClosed, IssuerRegistered
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class IssuerState:
    """Which tokens are taken of an issuer, as it was registered."""

    exists: bool = False
    issuer: str = ""
    audience: str = ""
    claim: str = "sub"
    algorithms: tuple[str, ...] = ()
    jwks_url: str | None = None
    plain_jwt: bool = False
    dpop_required: bool = False
    closed: bool = False
    account: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether its tokens let anybody in."""
        return self.exists and not self.closed


def evolve(state: IssuerState, recorded: Recorded) -> IssuerState:
    """The state after one more event."""
    match recorded.event:
        case IssuerRegistered() as registered:
            return IssuerState(exists=True, **registered.model_dump(exclude={"label"}))
        case IssuerClosed():
            return replace(state, closed=True)
        case _:
            return state
