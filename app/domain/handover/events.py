"""What can have happened to a handover of an account."""

from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, FreeText, Public

Section = Literal[
    "commercial_facts", "stakeholders", "why_they_bought", "success_criteria", "promises_made", "risks", "open_items", "next_90_days",
]  # fmt: skip
SECTIONS: Final[tuple[str, ...]] = get_args(Section)
"""What the next owner must know. Source: the handover of the domain model."""
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "sales": SECTIONS,
    "account_manager": tuple(section for section in SECTIONS if section != "why_they_bought"),
}
"""The sections without which a handover of a kind is not ready."""


class Promise(BaseModel):
    """What the client was promised. to: to whom; due: the day by which."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    what: FreeText[str]
    to: FreeText[str | None] = None
    due: Public[str | None] = None


class HandoverStarted(Event):
    """An account is to go to somebody else. kind: from sales, or from account manager to account manager.

    giver: who owns it, receiver: who is to, both by a name of theirs.
    """

    TOPIC = "handover.started"
    account: Public[str]
    kind: Public[str]
    giver: Business[str | None] = None
    receiver: Business[str]
    external_ref: Business[str | None] = None


class HandoverSectionFilled(Event):
    """What the next one must know about one thing. promises: those that are open, in their section; they go on with the account."""

    TOPIC = "handover.section_filled"
    section: Public[str]
    text: FreeText[str]
    promises: Business[tuple[Promise, ...]] = ()


class HandoverSubmitted(Event):
    """All that is needed is there, and the receiver is asked. assigned: whether they work for the account from now on to see it."""

    TOPIC = "handover.submitted"
    assigned: Public[bool] = False


class HandoverAccepted(Event):
    """The receiver took the account over."""

    TOPIC = "handover.accepted"
    receiver: Business[str]


class HandoverRejected(Event):
    """The receiver did not take the account over, for a reason; the giver may fill in more, and submit again."""

    TOPIC = "handover.rejected"
    reason: FreeText[str]


class HandoverClientIntroduced(Event):
    """The client met the new owner, on a day. interaction: in which contact, where that was logged."""

    TOPIC = "handover.client_introduced"
    day: Public[str]
    interaction: Public[str | None] = None


EVENTS = (
    HandoverStarted,
    HandoverSectionFilled,
    HandoverSubmitted,
    HandoverAccepted,
    HandoverRejected,
    HandoverClientIntroduced,
)
