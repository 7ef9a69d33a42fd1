"""What can have happened to an interaction, one contact with a client."""

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, FreeText, Personal, Public


class Participant(BaseModel):
    """Somebody who took part. stakeholder: the person's id, when known; role: client, account_manager and the like."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Personal[str | None] = None
    email: Personal[str | None] = None
    stakeholder: Public[str | None] = None
    role: Business[str | None] = None


class InteractionLogged(Event):
    """A contact took place.

    channel: call, mail, meeting, chat, visit or portal. direction: inbound, outbound or internal. occurred_at: when.
    sentiment: -1 to 1. topics: labels. duration_seconds: how long. subject, summary: sealed under the note's own key.
    """

    TOPIC = "interaction.logged"
    account: Public[str]
    channel: Public[str]
    direction: Public[str]
    occurred_at: Public[str]
    subject: FreeText[str | None] = None
    summary: FreeText[str | None] = None
    participants: Business[tuple[Participant, ...]] = ()
    sentiment: Business[str | None] = None
    topics: Business[tuple[str, ...]] = ()
    duration_seconds: Business[int | None] = None
    external_ref: Business[str | None] = None


class InteractionVoided(Event):
    """The entry was wrong; it stays visible to auditors."""

    TOPIC = "interaction.voided"


EVENTS = (InteractionLogged, InteractionVoided)
