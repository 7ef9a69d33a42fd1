"""Opportunities of an account: won with an amendment, lost, parked, or still open when the story ends."""

from typing import Any, Final

from app.demo.account_history import AccountHistory, line
from app.demo.people import EXTRAS, share
from app.demo.proposals import Negotiation
from app.demo.scripted_command import CommandChain, ScriptedCommand
from app.domain.contract import schedule as schedules
from app.domain.contract.commands import AmendContract, Line
from app.domain.kernel.command import Command
from app.domain.kernel.values import MICRO, add_days
from app.domain.opportunity import commands as opportunity

EVERY: Final = {"gold": 240, "silver": 340, "bronze": 480}
"""How many days lie between two opportunities of a client of a tier, about, besides those of its scenario."""
LONGEST: Final = 190
"""How many days one takes at the most."""
IDEAS: Final = (
    ("A second market", "cross_sell", "review", "The same campaign in two more countries."),
    ("Video for every product", "upsell", "request", "Short films for the shop; today they have photographs only."),
    (
        "The parent company's site",
        "cross_sell",
        "recommendation",
        "Their parent company saw the relaunch and asked who made it.",
    ),
    ("Always-on social media", "upsell", "usage", "They use up their hours by the middle of every month."),
    ("A shop in the app", "cross_sell", "review", "Half of the visits come from telephones, few of the orders."),
)
LOSSES: Final = (
    ("no budget", None),
    ("another agency", "Northlight Collective"),
    ("built in-house", "an in-house team"),
    ("no decision", None),
)


class Deal(CommandChain):
    """The commands of one opportunity."""

    def __init__(self, history: AccountHistory, day: str, contract: str, **members: Any) -> None:
        super().__init__(history.rng, history.commands)
        self.history = history
        self.currency = history.paid_in[contract]
        self.id = history.new_id("opp")
        identify = opportunity.IdentifyOpportunity.model_validate({"contract": contract, **members})
        self.add(day, history.owner_on(day), identify, {"account": history.account}, new_id=self.id)

    def do(self, day: str, command: Command, *, cites: tuple[ScriptedCommand, str] | None = None) -> None:
        """A command by the account's owner."""
        self.add(day, self.history.owner_on(day), command, {"opportunity": self.id}, cites=cites)

    def qualify(self, day: str, need: str, value: int, probability: str) -> None:
        """It is real, and may bring so much a year."""
        self.do(
            day, opportunity.QualifyOpportunity(need=need, budget_known=True, decider_known=self.rng.random() < 0.7)
        )
        self.estimate(add_days(day, 2), value, probability)

    def estimate(self, day: str, value: int, probability: str) -> None:
        """What it may bring."""
        members = {"annual_value": f"{value}.00", "currency": self.currency, "probability": probability}
        self.do(day, opportunity.EstimateOpportunity.model_validate({**members, "close_by": add_days(day, 60)}))

    def advance(self, day: str, stage: opportunity.Stage) -> None:
        """At another stage."""
        self.do(day, opportunity.AdvanceOpportunity(stage=stage))


def won(history: AccountHistory, recorded_on: str, contract: str, more: Line, amended: ScriptedCommand) -> None:
    """An opportunity that became one more service: proposed in writing, with the value of the contract's amendment."""
    source = history.rng.choice(("review", "request", "recommendation"))
    deal = Deal(history, add_days(recorded_on, -70), contract, title=f"More: {more.product}", kind="upsell", source=source,
                    product=more.product)  # fmt: skip
    value = schedules.annual(more.quantity, more.unit_price, more.interval or "year") // MICRO
    deal.qualify(
        add_days(recorded_on, -62), "They would rather have it from us than do it themselves.", value * 12 // 10, "0.5"
    )
    deal.advance(add_days(recorded_on, -40), "proposed")
    deal.estimate(add_days(recorded_on, -24), value, "0.8")
    deal.advance(add_days(recorded_on, -23), "negotiation")
    deal.do(add_days(recorded_on, 1), opportunity.WinOpportunity(event="evt_"), cites=(amended, "contract.amended"))
    negotiation = Negotiation(history, f"More: {more.product}", contract=contract, opportunity=deal.id)
    negotiation.draft(add_days(recorded_on, -38), [more])
    negotiation.send(add_days(recorded_on, -37))
    negotiation.record_position(add_days(recorded_on, -30))
    negotiation.accept(add_days(recorded_on, -3))
    negotiation.contracted(add_days(recorded_on, 1), amended, "contract.amended")


def write_opportunities(history: AccountHistory) -> None:
    """Writes the opportunities beside the scenario; those of the last months are still open when the story ends."""
    number = history.client.number
    for contract, start, end in history.active:
        until = history.end if end >= history.end else add_days(end, -LONGEST)
        day = add_days(start, history.rng.randrange(40, EVERY[history.client.tier]))
        while day < until:
            if number % 5 < 2 and not history.is_suspended(add_days(day, 80)):
                _won_with_amendment(history, day, contract)
            else:
                _not_won(history, day, contract, number)
            number += 1
            day = add_days(day, EVERY[history.client.tier] + history.rng.randrange(-40, 40))


def _won_with_amendment(history: AccountHistory, day: str, contract: str) -> None:
    """One more service, requested on a day and part of the contract eighty days later."""
    product = history.rng.choice(EXTRAS)
    more = line(f"chance-{day}", product, share(history.client.fee, product))
    change = {"op": "add_line", **more.model_dump(include={"line", "product", "unit_price", "interval"})}
    command = AmendContract.model_validate({"effective_at": add_days(day, 80), "changes": [change]})
    recorded_on = add_days(day, 75)
    history.add_increase(contract, add_days(day, 80), more.unit_price, product.interval)
    amended = CommandChain(history.rng, history.commands).add(
        recorded_on, history.owner_on(recorded_on), command, {"contract": contract}
    )
    won(history, recorded_on, contract, more, amended)


def _not_won(history: AccountHistory, day: str, contract: str, number: int) -> None:
    title, kind, source, need = IDEAS[number % len(IDEAS)]
    value = history.client.fee * history.rng.randrange(2, 6)
    deal = Deal(history, day, contract, title=title, kind=kind, source=source)
    deal.qualify(add_days(day, 9), need, value, "0.3")
    deal.advance(add_days(day, 25), "proposed")
    if number % 3 == 1:
        rest = opportunity.ParkOpportunity(until=add_days(day, 120), reason="waits for the next budget")
        deal.do(add_days(day, 40), rest)
        deal.advance(add_days(day, 121), "negotiation")
    else:
        deal.estimate(add_days(day, 50), value, "0.45")
        deal.advance(add_days(day, 60), "negotiation")
    reason, competitor = LOSSES[number % len(LOSSES)]
    deal.do(add_days(day, 140), opportunity.LoseOpportunity(reason=reason, competitor=competitor))
