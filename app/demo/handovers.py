"""Handovers of the demo: an account goes to somebody else, once with a no before the yes."""

from random import Random
from typing import Final

from app.demo.account_history import AccountHistory
from app.demo.scripted_command import CommandChain
from app.domain.handover import commands
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days

TEXTS: Final = {
    "commercial_facts": "The retainer is billed monthly; the discount ends with the term.",
    "stakeholders": "The head of marketing decides, procurement signs.",
    "success_criteria": "More bookings from the newsletter than the year before.",
    "risks": "A new managing director who wants to compare offers.",
    "open_items": "Two drafts wait for the client's answer.",
    "next_90_days": "The spring campaign, and then the renewal.",
}
PROMISES: Final = "Two promises are open."


def write_handover(history: AccountHistory, day: str, to: str, rng: Random, *, rejected: bool) -> None:
    """A handover over four weeks. Takes: a random of its own; whether the receiver said no at first, for a promise was missing."""
    handover = history.new_id("hnd", f"handover {day}")
    giver = history.owner_on(day)
    chain = CommandChain(rng, history.commands)

    def do(days: int, actor: str, command: Command, new_id: str | None = None) -> None:
        targets = {"account": history.account} if new_id else {"handover": handover}
        chain.add(add_days(day, days), actor, command, targets, new_id=new_id)

    do(0, giver, commands.StartHandover(receiver=to), handover)
    for section, text in TEXTS.items():
        do(1, giver, commands.FillSection.model_validate({"section": section, "text": text}))
    none = commands.FillSection(section="promises_made", text="None that I know of.")
    promises = (
        commands.PromiseMade(what="Three drafts to choose from", to="the head of marketing", due=add_days(day, 40)),
        commands.PromiseMade(what="A workshop without a bill", to="the brand manager"),
    )
    filled = commands.FillSection(section="promises_made", text=PROMISES, promises=promises)
    do(2, giver, none if rejected else filled)
    do(3, giver, commands.SubmitHandover())
    if rejected:
        do(5, to, commands.RejectHandover(reason="The client told me of a workshop that was promised."))
        do(6, giver, filled)
        do(7, giver, commands.SubmitHandover())
    do(9, to, commands.AcceptHandover())
    do(14, to, commands.IntroduceToClient())
