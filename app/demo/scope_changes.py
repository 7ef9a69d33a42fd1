"""The wishes: scope changes of an account, from the client's words to an answer, a decision and the work."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from app.demo import phrases as words
from app.demo.account_history import Life
from app.demo.interactions import log
from app.demo.people import DIRECTOR
from app.demo.scripted_command import Thread
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days
from app.domain.scope_change import commands as scope_change

EVERY: Final = {"gold": 110, "silver": 170, "bronze": 280}
"""How many days lie between two wishes of a client of a tier, about."""
LONGEST: Final = 50
"""How many days a wish takes at the most, from the first word to the amendment."""
_LIGHT: Final = (
    "We can take that on beside the current sprint.",
    "Fits, if texts arrive by Monday.",
    "Two people for four days.",
)
_HEAVY: Final = ("Only with a freelancer.", "The team is booked for the launch; a week later would work.")


class Wish(Thread):
    """A scope change on its way. Each of its steps comes some days after the one before."""

    def __init__(self, life: Life, day: str, contract: str) -> None:
        super().__init__(life.rng, life.steps)
        self.life = life
        self.day = day
        self.contract = contract
        self.id = life.new_id("scr")
        talk = life.rng.choice(words.REQUESTS)
        asked = log(life, day, talk, life.rng.choice(("mail", "call", "chat", "meeting")), "inbound")
        said: Any = asked.command
        self.moment(day)
        self._last = max(self._last, asked.at + 1)
        self.do(
            0,
            scope_change.RaiseScopeChange(
                title=said.subject,
                request=said.summary,
                needed_by=add_days(day, life.rng.randrange(20, 60)),
                contract=contract,
                interaction=asked.new_id,
            ),
            new_id=self.id,
            account=life.account,
        )

    def do(self, days: int, command: Command, *, actor: str = "", new_id: str | None = None, **targets: str) -> None:
        """The next step, so many days later, by the account's owner unless somebody else is named."""
        self.day = add_days(self.day, days)
        about = targets or {"scope_change": self.id}
        self.tell(self.day, actor or self.life.owner_on(self.day), command, about, new_id=new_id)

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
            4, scope_change.RecordClientDecision(accepted=accepted, option=option, by=self.life.client.contacts[0][0])
        )

    def amend(self, **line: Any) -> None:
        """What was accepted becomes part of the contract."""
        change = {"op": "add_line", "line": f"scope-{self.id[-6:]}", **line}
        at = add_days(self.day, 3)
        if interval := line.get("interval"):
            self.life.grows(self.contract, at, line["unit_price"], interval)
        self.do(
            2,
            scope_change.AmendScopeChange.model_validate(
                {"effective_at": at, "contract": self.contract, "changes": [change]}
            ),
        )

    def deliver(self, hours: int) -> None:
        """The work is done."""
        self.do(18, scope_change.DeliverScopeChange(hours=str(hours)))


# --- how wishes go ---


def accepted(wish: Wish, rng: Random) -> None:
    """Small, feasible, paid once."""
    hours = rng.randrange(8, 36)
    wish.consult("creative", hours // 2)
    wish.consult("pm", hours // 2)
    wish.assess(hours, price=hours * 110, shift=rng.randrange(0, 8))
    wish.respond("accept", message="Gladly. You get the first draft within a week.")
    wish.decide(accepted=True)
    wish.amend(product="scope change", kind="one_off", unit_price=f"{hours * 110}.00")
    wish.deliver(hours + rng.randrange(-3, 8))


def changed(wish: Wish, rng: Random) -> None:
    """Accepted in another form, for a monthly price."""
    hours = rng.randrange(10, 30)
    price = hours * 45
    wish.consult("content", hours)
    wish.assess(hours, price=price, shift=3)
    options = [{"option": "monthly", "description": "Every month, cancellable with the contract.", "price": f"{price}.00"},
               {"option": "once", "description": "Once, without upkeep.", "price": f"{price * 3}.00", "shift_days": 5}]  # fmt: skip
    wish.respond(
        "accept_with_change", options=options, message="We would rather keep it up to date than build it once."
    )
    wish.decide(accepted=True, option="monthly")
    wish.amend(product="extended scope", unit_price=f"{price}.00", interval="month")
    wish.deliver(hours)


def large(wish: Wish, rng: Random) -> None:
    """Over the threshold: somebody else has to approve it."""
    hours = rng.randrange(90, 160)
    wish.consult("engineering", hours)
    wish.consult("ux", hours // 4)
    wish.assess(hours, price=hours * 115, shift=16)
    wish.do(2, scope_change.ApproveScopeChange(rule="over_threshold"), actor=DIRECTOR)
    wish.respond("accept", message="Possible with a second developer; the launch moves by two weeks.")
    wish.decide(accepted=True)
    wish.amend(product="development", kind="one_off", unit_price=f"{hours * 115}.00")
    wish.deliver(hours + 12)


def alternative(wish: Wish, rng: Random) -> None:
    """Not like this, but like that; most clients take it, some would rather leave it."""
    wish.consult("engineering", rng.randrange(60, 100), feasible=False)
    wish.assess(24, price=1900)
    wish.respond("decline_with_alternative", alternative="A simpler page with a link to your map service, ready in three days.",
                 message="Before the launch this would put the whole campaign at risk.")  # fmt: skip
    taken = rng.randrange(5) < 3
    wish.decide(accepted=taken)
    if taken:
        wish.amend(product="scope change", kind="one_off", unit_price="1900.00")
        wish.deliver(26)


def declined(wish: Wish, _rng: Random) -> None:
    """A no, with its reason."""
    wish.consult("legal", 2, feasible=False)
    wish.respond("decline", no_alternative_reason="not allowed by the advertising rules of the industry")


def absorbed(wish: Wish, rng: Random) -> None:
    """Done unpaid, because it was half our own mistake."""
    hours = rng.randrange(3, 9)
    wish.do(1, scope_change.RequestConsult(team="pm", question="Does it fit into this week?"))
    wish.do(1, scope_change.WaiveConsult(team="pm", reason="smaller than a meeting about it"))
    wish.assess(hours, price=0)
    wish.respond("absorb", message="We do this one on the house.")
    wish.do(
        1,
        scope_change.AbsorbWork(
            hours=str(hours), cost=f"{hours * 70}.00", cause="unclear briefing", approved_by=DIRECTOR
        ),
    )
    wish.deliver(hours)


def withdrawn(wish: Wish, rng: Random) -> None:
    """The client thinks better of it."""
    wish.consult("finance", rng.randrange(2, 5))
    wish.do(3, scope_change.WithdrawScopeChange(reason="Their board stopped the project."))


WAYS: Final[tuple[Callable[[Wish, Random], None], ...]] = (
    accepted,
    changed,
    absorbed,
    large,
    alternative,
    accepted,
    withdrawn,
    declined,
)


def write_wishes(life: Life) -> None:
    """Writes all wishes of a life; those of the last weeks are still open when the story ends."""
    number = life.client.number
    for contract, start, end in life.live:
        until = life.end if end >= life.end else add_days(end, -LONGEST)
        day = add_days(start, life.rng.randrange(25, EVERY[life.client.tier]))
        while day < until:
            WAYS[number % len(WAYS)](Wish(life, day, contract), life.rng)
            number += 1
            day = add_days(day, EVERY[life.client.tier] + life.rng.randrange(-30, 30))
