"""The budgets: what a client sets aside for a season, what is spent of it by invoice, and when somebody has to speak up."""

from typing import Final

from app.demo.account_history import Life
from app.demo.people import DIRECTOR
from app.demo.scripted_command import Thread
from app.domain.budget import commands as budget_commands
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days, add_months, instant

EVERY: Final = 12
"""How many months lie between two budgets of a client that sets some aside."""
SEASONS: Final = ("Spring campaign", "Media for the summer", "Launch of the new range", "Holiday season")
KINDS: Final = ("media", "production", "print", "influencers")
SHARES: Final = ((14, 31, 47, 68, 83, 92), (18, 39, 58, 81, 104, 116), (9, 20, 34, 41, 55, 61))
"""How much of the budget was spent by each invoice, in percent, of a client that keeps to it, overspends, or saves."""


class Pot(Thread):
    """A budget on its way."""

    def __init__(self, life: Life, day: str, contract: str, number: int) -> None:
        super().__init__(life.rng, life.steps)
        self.life = life
        self.number = number
        self.amount = life.client.fee * life.rng.randrange(3, 7)
        self.id = life.new_id("bud")
        set_ = budget_commands.SetBudget(
            title=SEASONS[number % len(SEASONS)],
            currency=life.paid_in[contract],
            amount=f"{self.amount}.00",
            start=day,
            end=add_days(day, 91),
            contract=contract,
            external_ref=f"{life.client.ref}-budget-{self.id[-6:]}",
        )
        self.tell(add_days(day, -6), life.owner_on(day), set_, {"account": life.account}, new_id=self.id)

    def do(self, day: str, command: Command, *, by: str = "") -> None:
        """A step, by the account's owner unless somebody else is named."""
        self.tell(day, by or self.life.owner_on(day), command, {"budget": self.id})

    def spend(self, day: str, number: int, amount: int, *, late: bool = False) -> None:
        """An invoice."""
        at = instant(self.moment(day))
        self.do(day, budget_commands.RecordSpend(
            amount=f"{amount}.00", document=self.document(number), spent_at=at, effective_at=at, late=late,
            category=KINDS[number % len(KINDS)]), by="team_finance")  # fmt: skip

    def document(self, number: int) -> str:
        """What an invoice is called."""
        return f"INV-{self.id[-5:]}-{number + 1:02d}".upper()


def write_budgets(life: Life) -> None:
    """Writes the budgets of a life; one of the last months is still open when the story ends."""
    if life.client.tier == "bronze" or life.client.number % 3 == 2:
        return
    number = life.client.number
    for contract, start, end in life.live:
        day = add_months(start, life.rng.randrange(2, 8))
        while day < life.end and (end >= life.end or add_days(day, 120) < end):
            _season(Pot(life, day, contract, number), day)
            number += 1
            day = add_months(day, EVERY)


def _season(pot: Pot, day: str) -> None:
    shares = SHARES[pot.number % len(SHARES)]
    over = shares[-1] > 100
    before = 0
    for number, share in enumerate(shares):
        billed = add_days(day, 5 + number * 14)
        pot.spend(billed, number, max(pot.amount * (share - before) // 100, 1))
        before = share
        if number == 2:
            pot.do(
                add_days(billed, 2),
                budget_commands.RecordForecast(at_completion=f"{pot.amount * shares[-1] // 100}.00"),
            )
        if number == 3 and over:
            more = budget_commands.ReviseBudget(
                amount=f"{pot.amount * 11 // 10}.00", reason="A tenth more for the launch."
            )
            pot.do(add_days(billed, 4), more, by=DIRECTOR)
    said = budget_commands.CorrectSpend(document=pot.document(0), amount=f"{max(pot.amount * shares[0] // 100 - 25, 2)}.00",
                               reason="A credit note came in.")  # fmt: skip
    pot.do(add_days(day, 84), said)
    if pot.number % 2:
        pot.spend(add_days(day, 97), len(shares), max(pot.amount // 40, 3), late=True)
    pot.do(add_days(day, 108), budget_commands.CloseBudget())
