"""The cycles: what the house itself notes of a renewal, what the owner expects of it, and terms that nobody decides."""

from typing import Final

from app.demo.account_history import Life
from app.demo.scripted_command import Due, Loss, Thread
from app.domain.contract import commands as contract_commands
from app.domain.kernel.values import add_days, add_months
from app.domain.policy.rules import RenewalRules
from app.domain.renewal import commands as renewal_commands

LEAD: Final = RenewalRules().lead_days
GRACE: Final = RenewalRules().grace_days
THE_HOUSE: Final = "system:renewals"
EXPECTED: Final = {
    "early": ((150, "best_case", "0.8", 100), (90, "commit", "0.9", 105), (62, "commit", "0.95", 112)),
    "on_time": ((150, "best_case", "0.7", 100), (85, "commit", "0.85", 102), (40, "commit", "0.95", 103)),
    "deferred": ((140, "best_case", "0.7", 100), (60, "best_case", "0.6", 100), (28, "commit", "0.85", 102)),
    "late": ((150, "commit", "0.85", 100), (60, "best_case", "0.65", 100), (12, "at_risk", "0.5", 95)),
    "gap": ((150, "best_case", "0.7", 100), (50, "at_risk", "0.45", 90), (9, "at_risk", "0.3", 90)),
    "lost": ((150, "best_case", "0.6", 95), (88, "at_risk", "0.4", 80), (45, "lost", "0.1", 60)),
    "lapsed": ((150, "best_case", "0.65", 100), (80, "at_risk", "0.4", 80), (20, "lost", "0.15", 60)),
    "wavering": ((150, "best_case", "0.75", 100), (110, "at_risk", "0.3", 90), (70, "commit", "0.9", 103)),
    "automatic": ((120, "commit", "0.95", 100),),
}
"""Days before the due day, category, probability, and how much of what is paid now is expected, in percent."""


def begin(life: Life, outcome: str) -> None:
    """Work on the renewal of the current term: the cycle with its milestones, in time."""
    due = life.term_end
    life.cycle = life.new_id("rnw")
    house = Thread(life.rng, life.steps)
    house.tell(
        add_days(due, -LEAD[0]),
        THE_HOUSE,
        renewal_commands.OpenRenewal(),
        {"contract": life.contract},
        new_id=life.cycle,
    )
    for days in LEAD[1:]:
        house.tell(add_days(due, -days), THE_HOUSE, renewal_commands.ReachMilestone(days=days), {"renewal": life.cycle})
    life.due.append(Due(life.cycle, life.contract, due, outcome, life.annual()))


def write_forecasts(life: Life) -> None:
    """Writes what owners expect of the renewals of a life, with everything that the contracts have come to pay by then."""
    for cycle, contract, due, outcome, annual in life.due:
        anew = max((day for named, day in life.anew if named == contract and day < due), default="")
        grown = sum(more for named, day, more in life.grown if named == contract and anew <= day < due)
        desk = Thread(life.rng, life.steps)
        for days, category, probability, percent in EXPECTED[outcome]:
            day, value = add_days(due, -days), (annual + grown) * percent // 100
            said = {"category": category, "probability": probability, "expected_value": f"{value}.00"}
            desk.tell(day, life.owner_on(day), renewal_commands.SubmitForecast.model_validate(said), {"renewal": cycle})


def go_on(life: Life) -> None:
    """The term goes on by the contract's own terms."""
    begin(life, "automatic")
    day = life.term_end
    told = Thread(life.rng, life.steps).tell(
        day, THE_HOUSE, contract_commands.RenewAutomatically(), {"contract": life.contract}
    )
    life.win(day, told, "contract.renewed")
    life.term_start, life.term_end = day, add_months(day, 12)


def run_out(life: Life) -> None:
    """Nobody renews the term; once its grace is over it has ended."""
    day = add_days(life.term_end, GRACE)
    over = contract_commands.ExpireContract()
    told = Thread(life.rng, life.steps).tell(day, THE_HOUSE, over, {"contract": life.contract})
    life.lost.append(Loss(told, life.term_end, life.won[-1]))
