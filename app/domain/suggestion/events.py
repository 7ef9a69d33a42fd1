"""What can have happened to a suggestion."""

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, FreeText, Public


class RestsOn(BaseModel):
    """A stream that a suggestion was decided on, and its version then."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stream: Public[str]
    version: Public[int]


class SuggestionMade(Event):
    """Somebody prepared a write for somebody else to decide about.

    account: that it is about, none for a write about none. operation, path: the write as the contract names it. body: of the write,
    preview: what it would have done then, both JSON as a text. rests_on: the streams that this was decided on. cites: the events that
    speak for it. may: the roles that may approve it. person: for whom the author acts, where it is an agent. expires_at: instant.
    """

    TOPIC = "suggestion.made"
    account: Public[str | None] = None
    operation: Public[str]
    path: Business[str]
    body: FreeText[str]
    preview: FreeText[str]
    rests_on: Public[tuple[RestsOn, ...]] = ()
    cites: Public[tuple[str, ...]] = ()
    may: Public[tuple[str, ...]] = ()
    person: Public[str | None] = None
    expires_at: Public[str]
    reason: FreeText[str | None] = None


class SuggestionApproved(Event):
    """It was decided again and done, by who approved it. appended: the events of the write; edited: whether its body was another."""

    TOPIC = "suggestion.approved"
    appended: Public[tuple[str, ...]]
    edited: Public[bool] = False


class SuggestionRejected(Event):
    """It shall not be done."""

    TOPIC = "suggestion.rejected"
    reason: FreeText[str]


class SuggestionWithdrawn(Event):
    """Its author suggests it no more."""

    TOPIC = "suggestion.withdrawn"


class SuggestionExpired(Event):
    """Nobody had decided about it in time."""

    TOPIC = "suggestion.expired"


EVENTS = (SuggestionMade, SuggestionApproved, SuggestionRejected, SuggestionWithdrawn, SuggestionExpired)
