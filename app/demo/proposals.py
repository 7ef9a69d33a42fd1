"""Proposals in versions: which concessions are made and for what, who approves them, and how they end."""

from collections.abc import Sequence
from typing import Any, Final

from app.demo.account_history import AccountHistory
from app.demo.people import DIRECTOR, SENIOR
from app.demo.scripted_command import CommandChain, ScriptedCommand
from app.domain.contract import schedule as schedules
from app.domain.contract.commands import Line
from app.domain.kernel.command import Command
from app.domain.kernel.values import MICRO, add_days
from app.domain.proposal import commands as proposal

MANAGES: Final = 2_000
"""Up to which amount a year account managers make concessions by themselves; the approval policy has the same."""
SENIORS: Final = 12_000
"""Up to which amount the senior one approves it."""
POSITIONS: Final = (
    ("The quality is right, the price is not: procurement wants to see less than that.", ("a lower price",)),
    ("They would sign for longer if the fee stays fixed.", ("a fixed price", "a longer term")),
    ("Another agency offers the same for less; they would rather stay.", ("a lower price", "a dedicated contact")),
    ("The board has frozen budgets at last year's level.", ("no increase",)),
)
GETS: Final = (
    "a reference case with numbers",
    "payment within 14 days",
    "a named decider on their side",
    "two years at this price",
)
EVIDENCE: Final = (
    "leads up by a third",
    "cost per order down by a fifth",
    "three launches on time",
    "response time below a day",
)


class Negotiation(CommandChain):
    """The commands of one proposal. Takes: what it is about, by noun; each command has a day of its own."""

    def __init__(self, history: AccountHistory, title: str, contract: str, **about: str) -> None:
        super().__init__(history.rng, history.commands)
        self.history = history
        self.title = title
        self.about = {"contract": contract, **about}
        self.currency = history.paid_in[contract]
        self.id = history.new_id("prp")
        self.version = 0
        self.conceded = 0

    def do(self, day: str, command: Command, *, by: str = "", role: str = "account_manager", **members: Any) -> None:
        """A command by the account's owner unless somebody else is named."""
        self.add(day, by or self.history.owner_on(day), command, {"proposal": self.id}, role=role, **members)

    def draft(self, day: str, lines: Sequence[Line], *, valid_days: int = 45) -> None:
        """A version, sent to the client by the next day."""
        items = [
            proposal.Item.model_validate(one.model_dump(include=set(proposal.Item.model_fields)) | {"item": one.line})
            for one in lines
        ]
        annual_value = (
            sum(schedules.annual(one.quantity, one.unit_price, one.interval or "year") for one in items) // MICRO
        )
        members: dict[str, Any] = {
            "items": items,
            "cost": f"{annual_value * 6 // 10}.00",
            "terms": "Invoiced at the beginning of each interval, payable within 30 days.",
            "value_evidence": self.rng.sample(EVIDENCE, 2),
            "valid_until": add_days(day, valid_days - 1),
        }
        self.version, self.conceded = self.version + 1, 0
        if self.version > 1:
            self.do(day, proposal.ReviseProposal.model_validate(members))
            return
        draft = proposal.DraftProposal.model_validate(
            {"title": self.title, "currency": self.currency, **members, **self.about}
        )
        self.add(day, self.history.owner_on(day), draft, {"account": self.history.account}, new_id=self.id)

    def send(self, day: str) -> None:
        """To the client."""
        self.do(day, proposal.SubmitProposal())

    def record_position(self, day: str) -> None:
        """Where the client stands."""
        position, wants = self.rng.choice(POSITIONS)
        self.do(day, proposal.RecordClientPosition(position=position, wants=wants))

    def concede(self, day: str, kind: str, value: int, conceded: str, *, answered: bool = True) -> None:
        """A concession; beyond the owner's limit it is approved the next day, or rejected."""
        name = f"v{self.version}-{kind}"
        members = {"concession": name, "kind": kind, "value": f"{value}.00", "given": conceded}
        why = (
            {"in_exchange_for": self.rng.choice(GETS)}
            if kind == "price"
            else {"no_exchange_reason": "makes up for a late launch"}
        )
        self.do(day, proposal.OfferConcession.model_validate(members | why))
        self.conceded += value
        if self.conceded <= MANAGES:
            return
        next_day = add_days(day, 1)
        if not answered:
            no = proposal.RejectConcession(
                concession=name, reason="Not without a longer term; talk about scope instead."
            )
            self.do(next_day, no, by=DIRECTOR, role="director")
        elif self.conceded <= SENIORS:
            self.do(next_day, proposal.ApproveConcession(concession=name), by=SENIOR, role="senior_account_manager")
        else:
            self.do(next_day, proposal.ApproveConcession(concession=name), by=DIRECTOR, role="director")

    def accept(self, day: str) -> None:
        """The client accepts the current version."""
        self.do(day, proposal.AcceptProposal(version=self.version, by=self.history.client.contacts[0][0]))

    def contracted(self, day: str, scripted: ScriptedCommand, topic: str) -> None:
        """It became part of a contract, by this event."""
        self.do(day, proposal.ContractProposal(event="evt_"), cites=(scripted, topic))


# --- how they go ---


def agreed(
    history: AccountHistory, recorded_on: str, lines: Sequence[Line], renewed: ScriptedCommand, renewal: str
) -> None:
    """A renewal in two versions: the first is too dear, the second has concessions, and the contract is renewed on it."""
    price = history.prices["main"]
    less = max(price // 50 // 10 * 10, 10)
    negotiation = Negotiation(history, "The next term", contract=history.contract, renewal=renewal)
    negotiation.draft(add_days(recorded_on, -34), _dearer(lines, price + 2 * less))
    negotiation.send(add_days(recorded_on, -33))
    negotiation.record_position(add_days(recorded_on, -26))
    negotiation.draft(add_days(recorded_on, -20), _dearer(lines, price + less))
    if history.client.tier == "gold":
        negotiation.concede(add_days(recorded_on, -19), "service", 900, "a second workshop a year")
    negotiation.concede(add_days(recorded_on, -18), "price", less * 12, f"{less} a month off the retainer")
    negotiation.send(add_days(recorded_on, -15))
    negotiation.accept(add_days(recorded_on, -2))
    negotiation.contracted(add_days(recorded_on, 1), renewed, "contract.renewed")


def refused(history: AccountHistory, day: str, lines: Sequence[Line]) -> None:
    """A renewal that comes to nothing: the owner would concede much more than the director allows."""
    negotiation = Negotiation(history, "The next term", contract=history.contract, renewal=history.renewal)
    negotiation.draft(day, lines)
    negotiation.send(add_days(day, 1))
    negotiation.record_position(add_days(day, 9))
    much = max(history.annual() // 8, MANAGES + 500)
    if much < history.annual():
        negotiation.concede(add_days(day, 14), "price", much, "an eighth off everything", answered=False)
    negotiation.do(
        add_days(day, 35), proposal.DeclineProposal(reason=history.rng.choice(("price", "another agency", "no budget")))
    )


def unanswered(history: AccountHistory, day: str) -> None:
    """A proposal that nobody accepts while it is valid."""
    negotiation = Negotiation(history, "The next term", contract=history.contract, renewal=history.renewal)
    negotiation.draft(day, list(history.lines.values()), valid_days=40)
    negotiation.send(add_days(day, 2))
    negotiation.do(add_days(day, 42), proposal.ExpireProposal())


def _dearer(lines: Sequence[Line], price: int) -> list[Line]:
    """The lines with another price of the retainer."""
    return [one.model_copy(update={"unit_price": f"{price}.00"}) if one.line == "main" else one for one in lines]
