"""What decisions need to know of a suggestion, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from app.domain.kernel.values import micros
from app.domain.recorded import Recorded
from app.domain.suggestion import events

Status = Literal["open", "approved", "rejected", "withdrawn", "expired"]


@dataclass(frozen=True)
class SuggestionState:
    """What is needed of a suggestion. author: who made it; person: for whom, where an agent did; rests_on: versions by stream;
    expires_at: microseconds.
    """

    account: str | None = None
    status: Status = "open"
    author: str = ""
    person: str | None = None
    operation: str = ""
    rests_on: Mapping[str, int] = field(default_factory=dict)
    may: tuple[str, ...] = ()
    expires_at: int = 0


def evolve(state: SuggestionState, recorded: Recorded) -> SuggestionState:
    """The state after one more event."""
    data = recorded.data  # plain: what is sealed is not needed here
    match recorded.type:
        case events.SuggestionMade.TOPIC:
            return SuggestionState(
                account=data.get("account"),
                author=recorded.actor,
                person=data.get("person"),
                operation=data["operation"],
                rests_on={each["stream"]: each["version"] for each in data["rests_on"]},
                may=tuple(data["may"]),
                expires_at=micros(data["expires_at"]),
            )
        case events.SuggestionApproved.TOPIC:
            return replace(state, status="approved")
        case events.SuggestionRejected.TOPIC:
            return replace(state, status="rejected")
        case events.SuggestionWithdrawn.TOPIC:
            return replace(state, status="withdrawn")
        case events.SuggestionExpired.TOPIC:
            return replace(state, status="expired")
        case _:
            return state
