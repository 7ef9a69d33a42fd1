"""Scope changes of an account, from the client's request to an answer, a decision and the work."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from app.demo import phrases
from app.demo.account_history import AccountHistory
from app.demo.interactions import log
from app.demo.people import DIRECTOR
from app.demo.scripted_command import CommandChain
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days
from app.domain.scope_change import commands as scope_change

EVERY: Final = {"gold": 110, "silver": 170, "bronze": 280}
"""How many days lie between two scope changes of a client of a tier, about."""
LONGEST: Final = 50
"""How many days a scope change takes at the most, from the request to the amendment."""
_LIGHT: Final = (
    "We can take that on beside the current sprint.",
    "Fits, if texts arrive by Monday.",
    "Two people for four days.",
)
_HEAVY: Final = ("Only with a freelancer.", "The team is booked for the launch; a week later would work.")


class ScopeRequest(CommandChain):
    """The commands of one scope change. Each comes some days after the one before."""

    def __init__(self, history: AccountHistory, day: str, contract: str) -> None:
        super().__init__(history.rng, history.commands)
        self.history = history
        self.day = day
        self.contract = contract
        self.id = history.new_id("scr")
        topic = history.rng.choice(phrases.REQUESTS)
        interaction = log(history, day, topic, history.rng.choice(("mail", "call", "chat", "meeting")), "inbound")
        logged: Any = interaction.command
        self.moment(day)
        self._last = max(self._last, interaction.at + 1)
        self.do(
            0,
            scope_change.RaiseScopeChange(
                title=logged.subject,
                request=logged.summary,
                needed_by=add_days(day, history.rng.randrange(20, 60)),
                contract=contract,
                interaction=interaction.new_id,
            ),
            new_id=self.id,
            account=history.account,
        )

    def do(self, days: int, command: Command, *, actor: str = "", new_id: str | None = None, **targets: str) -> None:
        """The next command, so many days later, by the account's owner unless somebody else is named."""
        self.day = add_days(self.day, days)
        targets = targets or {"scope_change": self.id}
        self.add(self.day, actor or self.history.owner_on(self.day), command, targets, new_id=new_id)

    def consult(self, team: str, hours: int, *, feasible: bool = True) -> None:
        """A team is asked and answers."""
        question = {"team": team, "question": "Can you take this on, and by when?", "due": add_days(self.day, 5)}
        self.do(1, scope_change.RequestConsult.model_validate(question))
        answer = {"team": team, "feasible": feasible, "effort_hours": str(hours), "earliest": add_days(self.day, 10),
                  "capacity_note": self.rng.choice(_LIGHT if hours < 40 else _HEAVY)}  # fmt: skip
        self.do(2, scope_change.AnswerConsult.model_validate(answer), actor=f"team_{team}")

    def assess(self, hours: int, *, price: int, shift: int = 0) -> None:
        """What it takes."""
        self.do(1, scope_change.AssessImpact(
            effort_hours=str(hours), cost=f"{hours * 70}.00", price=f"{price}.00", timeline_shift_days=shift,
            margin_effect="-0.05" if price < hours * 100 else "0.02", scope_delta=("one more deliverable",)))  # fmt: skip

    def respond(self, kind: str, **members: Any) -> None:
        """The answer to the client."""
        self.do(1, scope_change.RespondToClient.model_validate({"kind": kind, **members}))

    def decide(self, *, accepted: bool, option: str | None = None) -> None:
        """The client's choice."""
        self.do(
            4,
            scope_change.RecordClientDecision(accepted=accepted, option=option, by=self.history.client.contacts[0][0]),
        )

    def amend(self, **line: Any) -> None:
        """What was accepted becomes part of the contract."""
        change = {"op": "add_line", "line": f"scope-{self.id[-6:]}", **line}
        at = add_days(self.day, 3)
        if interval := line.get("interval"):
            self.history.add_increase(self.contract, at, line["unit_price"], interval)
        self.do(
            2,
            scope_change.AmendScopeChange.model_validate(
                {"effective_at": at, "contract": self.contract, "changes": [change]}
            ),
        )

    def deliver(self, hours: int) -> None:
        """The work is done."""
        self.do(18, scope_change.DeliverScopeChange(hours=str(hours)))


# --- how scope changes go ---


def accepted(request: ScopeRequest, rng: Random) -> None:
    """Small, feasible, paid once."""
    hours = rng.randrange(8, 36)
    request.consult("creative", hours // 2)
    request.consult("pm", hours // 2)
    request.assess(hours, price=hours * 110, shift=rng.randrange(0, 8))
    request.respond("accept", message="Gladly. You get the first draft within a week.")
    request.decide(accepted=True)
    request.amend(product="scope change", kind="one_off", unit_price=f"{hours * 110}.00")
    request.deliver(hours + rng.randrange(-3, 8))


def changed(request: ScopeRequest, rng: Random) -> None:
    """Accepted in another form, for a monthly price."""
    hours = rng.randrange(10, 30)
    price = hours * 45
    request.consult("content", hours)
    request.assess(hours, price=price, shift=3)
    options = [{"option": "monthly", "description": "Every month, cancellable with the contract.", "price": f"{price}.00"},
               {"option": "once", "description": "Once, without upkeep.", "price": f"{price * 3}.00", "shift_days": 5}]  # fmt: skip
    request.respond(
        "accept_with_change", options=options, message="We would rather keep it up to date than build it once."
    )
    request.decide(accepted=True, option="monthly")
    request.amend(product="extended scope", unit_price=f"{price}.00", interval="month")
    request.deliver(hours)


def large(request: ScopeRequest, rng: Random) -> None:
    """Over the threshold: somebody else has to approve it."""
    hours = rng.randrange(90, 160)
    request.consult("engineering", hours)
    request.consult("ux", hours // 4)
    request.assess(hours, price=hours * 115, shift=16)
    request.do(2, scope_change.ApproveScopeChange(rule="over_threshold"), actor=DIRECTOR)
    request.respond("accept", message="Possible with a second developer; the launch moves by two weeks.")
    request.decide(accepted=True)
    request.amend(product="development", kind="one_off", unit_price=f"{hours * 115}.00")
    request.deliver(hours + 12)


def alternative(request: ScopeRequest, rng: Random) -> None:
    """Not like this, but like that; most clients take it, some would rather leave it."""
    request.consult("engineering", rng.randrange(60, 100), feasible=False)
    request.assess(24, price=1900)
    request.respond("decline_with_alternative", alternative="A simpler page with a link to your map service, ready in three days.",
                 message="Before the launch this would put the whole campaign at risk.")  # fmt: skip
    taken = rng.randrange(5) < 3
    request.decide(accepted=taken)
    if taken:
        request.amend(product="scope change", kind="one_off", unit_price="1900.00")
        request.deliver(26)


def declined(request: ScopeRequest, _rng: Random) -> None:
    """A no, with its reason."""
    request.consult("legal", 2, feasible=False)
    request.respond("decline", no_alternative_reason="not allowed by the advertising rules of the industry")


def absorbed(request: ScopeRequest, rng: Random) -> None:
    """Done unpaid, because it was half the agency's own mistake."""
    hours = rng.randrange(3, 9)
    request.do(1, scope_change.RequestConsult(team="pm", question="Does it fit into this week?"))
    request.do(1, scope_change.WaiveConsult(team="pm", reason="smaller than a meeting about it"))
    request.assess(hours, price=0)
    request.respond("absorb", message="This one is on us.")
    request.do(
        1,
        scope_change.AbsorbWork(
            hours=str(hours), cost=f"{hours * 70}.00", cause="unclear briefing", approved_by=DIRECTOR
        ),
    )
    request.deliver(hours)


def withdrawn(request: ScopeRequest, rng: Random) -> None:
    """The client thinks better of it."""
    request.consult("finance", rng.randrange(2, 5))
    request.do(3, scope_change.WithdrawScopeChange(reason="Their board stopped the project."))


OUTCOMES: Final[tuple[Callable[[ScopeRequest, Random], None], ...]] = (
    accepted,
    changed,
    absorbed,
    large,
    alternative,
    accepted,
    withdrawn,
    declined,
)


def write_scope_changes(history: AccountHistory) -> None:
    """Writes all scope changes of an account; those of the last weeks are still open when the story ends."""
    number = history.client.number
    for contract, start, end in history.active:
        until = history.end if end >= history.end else add_days(end, -LONGEST)
        day = add_days(start, history.rng.randrange(25, EVERY[history.client.tier]))
        while day < until:
            OUTCOMES[number % len(OUTCOMES)](ScopeRequest(history, day, contract), history.rng)
            number += 1
            day = add_days(day, EVERY[history.client.tier] + history.rng.randrange(-30, 30))
