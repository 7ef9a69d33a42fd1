"""The offers: proposals in versions, what is given way on them and for what, who says yes to it, and how they end."""

from collections.abc import Sequence
from typing import Any, Final

from app.demo.account_history import Life
from app.demo.people import DIRECTOR, SENIOR
from app.demo.scripted_command import Step, Thread
from app.domain.contract import schedule as schedules
from app.domain.contract.commands import Line
from app.domain.kernel.command import Command
from app.domain.kernel.values import MICRO, add_days
from app.domain.proposal import commands as proposal

MANAGES: Final = 2_000
"""Up to which amount a year account managers give way by themselves; the approval policy says so, too."""
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


class Talks(Thread):
    """A proposal on its way. Takes: what it is about, by noun; each step is told on a day of its own."""

    def __init__(self, life: Life, title: str, contract: str, **about: str) -> None:
        super().__init__(life.rng, life.steps)
        self.life = life
        self.title = title
        self.about = {"contract": contract, **about}
        self.currency = life.paid_in[contract]
        self.id = life.new_id("prp")
        self.version = 0
        self.given = 0

    def do(self, day: str, command: Command, *, by: str = "", role: str = "manager", **said: Any) -> None:
        """A step, by the account's owner unless somebody else is named."""
        self.tell(day, by or self.life.owner_on(day), command, {"proposal": self.id}, role=role, **said)

    def offer(self, day: str, lines: Sequence[Line], *, valid_days: int = 45) -> None:
        """A version, sent to the client by the next day."""
        items = [
            proposal.Item.model_validate(one.model_dump(include=set(proposal.Item.model_fields)) | {"item": one.line})
            for one in lines
        ]
        worth = sum(schedules.annual(one.quantity, one.unit_price, one.interval or "year") for one in items) // MICRO
        said: dict[str, Any] = {
            "items": items,
            "cost": f"{worth * 6 // 10}.00",
            "terms": "Invoiced at the beginning of each interval, payable within 30 days.",
            "value_evidence": self.rng.sample(EVIDENCE, 2),
            "valid_until": add_days(day, valid_days),
        }
        self.version, self.given = self.version + 1, 0
        if self.version > 1:
            self.do(day, proposal.ReviseProposal.model_validate(said))
            return
        draft = proposal.DraftProposal.model_validate(
            {"title": self.title, "currency": self.currency, **said, **self.about}
        )
        self.tell(day, self.life.owner_on(day), draft, {"account": self.life.account}, new_id=self.id)

    def send(self, day: str) -> None:
        """To the client."""
        self.do(day, proposal.SubmitProposal())

    def listen(self, day: str) -> None:
        """Where the client stands."""
        position, wants = self.rng.choice(POSITIONS)
        self.do(day, proposal.RecordClientPosition(position=position, wants=wants))

    def give(self, day: str, kind: str, value: int, given: str, *, answered: bool = True) -> None:
        """Way given; what goes beyond the owner's limit is approved the next day, or rejected."""
        name = f"v{self.version}-{kind}"
        said = {"concession": name, "kind": kind, "value": f"{value}.00", "given": given}
        why = (
            {"in_exchange_for": self.rng.choice(GETS)}
            if kind == "price"
            else {"no_exchange_reason": "makes up for a late launch"}
        )
        self.do(day, proposal.OfferConcession.model_validate(said | why))
        self.given += value
        if self.given <= MANAGES:
            return
        next_day = add_days(day, 1)
        if not answered:
            no = proposal.RejectConcession(
                concession=name, reason="Not without a longer term; talk about scope instead."
            )
            self.do(next_day, no, by=DIRECTOR, role="director")
        elif self.given <= SENIORS:
            self.do(next_day, proposal.ApproveConcession(concession=name), by=SENIOR, role="senior_manager")
        else:
            self.do(next_day, proposal.ApproveConcession(concession=name), by=DIRECTOR, role="director")

    def take(self, day: str) -> None:
        """The client says yes to the live version."""
        self.do(day, proposal.AcceptProposal(version=self.version, by=self.life.client.contacts[0][0]))

    def contracted(self, day: str, step: Step, topic: str) -> None:
        """A contract's event takes it over."""
        self.do(day, proposal.ContractProposal(event="evt_"), cites=(step, topic))


# --- how they go ---


def agreed(life: Life, told: str, lines: Sequence[Line], renewed: Step, cycle: str) -> None:
    """A renewal in two versions: the first is too dear, on the second way is given, and the contract takes that over."""
    price = life.prices["main"]
    less = max(price // 50 // 10 * 10, 10)
    talks = Talks(life, "The next term", contract=life.contract, renewal=cycle)
    talks.offer(add_days(told, -34), _dearer(lines, price + 2 * less))
    talks.send(add_days(told, -33))
    talks.listen(add_days(told, -26))
    talks.offer(add_days(told, -20), _dearer(lines, price + less))
    if life.client.tier == "gold":
        talks.give(add_days(told, -19), "service", 900, "a second workshop a year")
    talks.give(add_days(told, -18), "price", less * 12, f"{less} a month off the retainer")
    talks.send(add_days(told, -15))
    talks.take(add_days(told, -2))
    talks.contracted(add_days(told, 1), renewed, "contract.renewed")


def refused(life: Life, day: str, lines: Sequence[Line]) -> None:
    """A renewal that comes to nothing: the owner would give much more than the director lets."""
    talks = Talks(life, "The next term", contract=life.contract, renewal=life.cycle)
    talks.offer(day, lines)
    talks.send(add_days(day, 1))
    talks.listen(add_days(day, 9))
    much = max(life.annual() // 8, MANAGES + 500)
    if much < life.annual():
        talks.give(add_days(day, 14), "price", much, "an eighth off everything", answered=False)
    talks.do(
        add_days(day, 35), proposal.DeclineProposal(reason=life.rng.choice(("price", "another agency", "no budget")))
    )


def unanswered(life: Life, day: str) -> None:
    """An offer that nobody takes while it is valid."""
    talks = Talks(life, "The next term", contract=life.contract, renewal=life.cycle)
    talks.offer(day, list(life.lines.values()), valid_days=40)
    talks.send(add_days(day, 2))
    talks.do(add_days(day, 42), proposal.ExpireProposal())


def _dearer(lines: Sequence[Line], price: int) -> list[Line]:
    """The lines with another price of the retainer."""
    return [one.model_copy(update={"unit_price": f"{price}.00"}) if one.line == "main" else one for one in lines]
