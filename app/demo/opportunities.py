"""The chances: opportunities of an account, won with an amendment, lost, put to rest, or still open when the story ends."""

from typing import Any, Final

from app.demo.account_history import Life, line
from app.demo.people import EXTRAS, share
from app.demo.proposals import Talks
from app.demo.scripted_command import Step, Thread
from app.domain.contract import schedule as schedules
from app.domain.contract.commands import AmendContract, Line
from app.domain.kernel.command import Command
from app.domain.kernel.values import MICRO, add_days
from app.domain.opportunity import commands as opportunity

EVERY: Final = {"gold": 240, "silver": 340, "bronze": 480}
"""How many days lie between two chances of a client of a tier, about, besides those of the plot."""
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


class Chance(Thread):
    """An opportunity on its way."""

    def __init__(self, life: Life, day: str, contract: str, **said: Any) -> None:
        super().__init__(life.rng, life.steps)
        self.life = life
        self.currency = life.paid_in[contract]
        self.id = life.new_id("opp")
        identify = opportunity.IdentifyOpportunity.model_validate({"contract": contract, **said})
        self.tell(day, life.owner_on(day), identify, {"account": life.account}, new_id=self.id)

    def do(self, day: str, command: Command, *, cites: tuple[Step, str] | None = None) -> None:
        """A step, by the account's owner."""
        self.tell(day, self.life.owner_on(day), command, {"opportunity": self.id}, cites=cites)

    def qualify(self, day: str, need: str, value: int, probability: str) -> None:
        """It is real, and may bring so much a year."""
        self.do(
            day, opportunity.QualifyOpportunity(need=need, budget_known=True, decider_known=self.rng.random() < 0.7)
        )
        self.estimate(add_days(day, 2), value, probability)

    def estimate(self, day: str, value: int, probability: str) -> None:
        """What it may bring."""
        said = {"annual_value": f"{value}.00", "currency": self.currency, "probability": probability}
        self.do(day, opportunity.EstimateOpportunity.model_validate({**said, "close_by": add_days(day, 60)}))

    def advance(self, day: str, stage: opportunity.Stage) -> None:
        """At another stage."""
        self.do(day, opportunity.AdvanceOpportunity(stage=stage))


def won(life: Life, told: str, contract: str, more: Line, amended: Step) -> None:
    """A chance that became one more service: offered on paper, and worth what the contract's amendment says."""
    source = life.rng.choice(("review", "request", "recommendation"))
    chance = Chance(life, add_days(told, -70), contract, title=f"More: {more.product}", kind="upsell", source=source,
                    product=more.product)  # fmt: skip
    value = schedules.annual(more.quantity, more.unit_price, more.interval or "year") // MICRO
    chance.qualify(
        add_days(told, -62), "They would rather have it from us than do it themselves.", value * 12 // 10, "0.5"
    )
    chance.advance(add_days(told, -40), "proposed")
    chance.estimate(add_days(told, -24), value, "0.8")
    chance.advance(add_days(told, -23), "negotiation")
    chance.do(add_days(told, 1), opportunity.WinOpportunity(event="evt_"), cites=(amended, "contract.amended"))
    talks = Talks(life, f"More: {more.product}", contract=contract, opportunity=chance.id)
    talks.offer(add_days(told, -38), [more])
    talks.send(add_days(told, -37))
    talks.listen(add_days(told, -30))
    talks.take(add_days(told, -3))
    talks.contracted(add_days(told, 1), amended, "contract.amended")


def write_chances(life: Life) -> None:
    """Writes the chances beside the plot; those of the last months are still open when the story ends."""
    number = life.client.number
    for contract, start, end in life.live:
        until = life.end if end >= life.end else add_days(end, -LONGEST)
        day = add_days(start, life.rng.randrange(40, EVERY[life.client.tier]))
        while day < until:
            if number % 5 < 2 and not life.rests(add_days(day, 80)):
                _bought(life, day, contract)
            else:
                _unwon(life, day, contract, number)
            number += 1
            day = add_days(day, EVERY[life.client.tier] + life.rng.randrange(-40, 40))


def _bought(life: Life, day: str, contract: str) -> None:
    """One more service, asked for on a day and part of the contract eighty days later."""
    offer = life.rng.choice(EXTRAS)
    more = line(f"chance-{day}", offer, share(life.client.fee, offer))
    change = {"op": "add_line", **more.model_dump(include={"line", "product", "unit_price", "interval"})}
    command = AmendContract.model_validate({"effective_at": add_days(day, 80), "changes": [change]})
    told = add_days(day, 75)
    life.grows(contract, add_days(day, 80), more.unit_price, offer.interval)
    amended = Thread(life.rng, life.steps).tell(told, life.owner_on(told), command, {"contract": contract})
    won(life, told, contract, more, amended)


def _unwon(life: Life, day: str, contract: str, number: int) -> None:
    title, kind, source, need = IDEAS[number % len(IDEAS)]
    value = life.client.fee * life.rng.randrange(2, 6)
    chance = Chance(life, day, contract, title=title, kind=kind, source=source)
    chance.qualify(add_days(day, 9), need, value, "0.3")
    chance.advance(add_days(day, 25), "proposed")
    if number % 3 == 1:
        rest = opportunity.ParkOpportunity(until=add_days(day, 120), reason="waits for the next budget")
        chance.do(add_days(day, 40), rest)
        chance.advance(add_days(day, 121), "negotiation")
    else:
        chance.estimate(add_days(day, 50), value, "0.45")
        chance.advance(add_days(day, 60), "negotiation")
    reason, competitor = LOSSES[number % len(LOSSES)]
    chance.do(add_days(day, 140), opportunity.LoseOpportunity(reason=reason, competitor=competitor))
