"""Budgets: what a client sets aside for a season, what is invoiced from it, and when it is forecast, revised and closed."""

from typing import Final

from app.demo.account_history import AccountHistory
from app.demo.people import DIRECTOR
from app.demo.scripted_command import CommandChain
from app.domain.budget import commands as budget_commands
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days, add_months, instant

EVERY: Final = 12
"""How many months lie between two budgets of a client that sets some aside."""
SEASONS: Final = ("Spring campaign", "Media for the summer", "Launch of the new range", "Holiday season")
KINDS: Final = ("media", "production", "print", "influencers")
SHARES: Final = ((14, 31, 47, 68, 83, 92), (18, 39, 58, 81, 104, 116), (9, 20, 34, 41, 55, 61))
"""How much of the budget was spent by each invoice, in percent, of a client that keeps to it, overspends, or saves."""


class ClientBudget(CommandChain):
    """The commands of one budget."""

    def __init__(self, history: AccountHistory, day: str, contract: str, number: int) -> None:
        super().__init__(history.rng, history.commands)
        self.history = history
        self.number = number
        self.amount = history.client.fee * history.rng.randrange(3, 7)
        self.id = history.new_id("bud")
        set_ = budget_commands.SetBudget(
            title=SEASONS[number % len(SEASONS)],
            currency=history.paid_in[contract],
            amount=f"{self.amount}.00",
            start=day,
            end=add_days(day, 91),
            contract=contract,
            external_ref=f"{history.client.ref}-budget-{self.id[-6:]}",
        )
        self.add(add_days(day, -6), history.owner_on(day), set_, {"account": history.account}, new_id=self.id)

    def do(self, day: str, command: Command, *, by: str = "") -> None:
        """A command by the account's owner unless somebody else is named."""
        self.add(day, by or self.history.owner_on(day), command, {"budget": self.id})

    def spend(self, day: str, number: int, amount: int, *, late: bool = False) -> None:
        """An invoice."""
        at = instant(self.moment(day))
        self.do(day, budget_commands.RecordSpend(
            amount=f"{amount}.00", document=self.document(number), spent_at=at, effective_at=at, late=late,
            category=KINDS[number % len(KINDS)]), by="team_finance")  # fmt: skip

    def document(self, number: int) -> str:
        """What an invoice is called."""
        return f"INV-{self.id[-5:]}-{number + 1:02d}".upper()


def write_budgets(history: AccountHistory) -> None:
    """Writes the budgets of an account; one of the last months is still open when the story ends."""
    if history.client.tier == "bronze" or history.client.number % 3 == 2:
        return
    number = history.client.number
    for contract, start, end in history.active:
        day = add_months(start, history.rng.randrange(2, 8))
        while day < history.end and (end >= history.end or add_days(day, 120) < end):
            _season(ClientBudget(history, day, contract, number), day)
            number += 1
            day = add_months(day, EVERY)


def _season(budget: ClientBudget, day: str) -> None:
    shares = SHARES[budget.number % len(SHARES)]
    over = shares[-1] > 100
    before = 0
    for number, share in enumerate(shares):
        billed = add_days(day, 5 + number * 14)
        budget.spend(billed, number, max(budget.amount * (share - before) // 100, 1))
        before = share
        if number == 2:
            budget.do(
                add_days(billed, 2),
                budget_commands.RecordForecast(at_completion=f"{budget.amount * shares[-1] // 100}.00"),
            )
        if number == 3 and over:
            more = budget_commands.ReviseBudget(
                amount=f"{budget.amount * 11 // 10}.00", reason="A tenth more for the launch."
            )
            budget.do(add_days(billed, 4), more, by=DIRECTOR)
    members = budget_commands.CorrectSpend(document=budget.document(0), amount=f"{max(budget.amount * shares[0] // 100 - 25, 2)}.00",
                               reason="A credit note came in.")  # fmt: skip
    budget.do(add_days(day, 84), members)
    if budget.number % 2:
        budget.spend(add_days(day, 97), len(shares), max(budget.amount // 40, 3), late=True)
    budget.do(add_days(day, 108), budget_commands.CloseBudget())
