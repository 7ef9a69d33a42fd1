"""Renewals: what Steward itself appends, what the owner forecasts, and terms that nobody decides on."""

from typing import Final

from app.demo.account_history import AccountHistory
from app.demo.scripted_command import CommandChain, Due, Loss
from app.domain.contract import commands as contract_commands
from app.domain.kernel.values import add_days, add_months
from app.domain.policy.rules import RenewalRules
from app.domain.renewal import commands as renewal_commands

LEAD: Final = RenewalRules().lead_days
GRACE: Final = RenewalRules().grace_days
SYSTEM: Final = "system:renewals"
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


def begin(history: AccountHistory, outcome: str) -> None:
    """Opens the renewal of the current term, with its milestones in time."""
    due = history.term_end
    history.renewal = history.new_id("rnw")
    chain = CommandChain(history.rng, history.commands)
    chain.add(
        add_days(due, -LEAD[0]),
        SYSTEM,
        renewal_commands.OpenRenewal(),
        {"contract": history.contract},
        new_id=history.renewal,
    )
    for days in LEAD[1:]:
        chain.add(
            add_days(due, -days), SYSTEM, renewal_commands.ReachMilestone(days=days), {"renewal": history.renewal}
        )
    history.due.append(Due(history.renewal, history.contract, due, outcome, history.annual()))


def write_forecasts(history: AccountHistory) -> None:
    """Writes the forecasts of an account's renewals, with all that its contracts pay by then."""
    for renewal, contract, due, outcome, annual in history.due:
        repriced = max((day for named, day in history.repriced if named == contract and day < due), default="")
        increases = sum(more for named, day, more in history.increases if named == contract and repriced <= day < due)
        desk = CommandChain(history.rng, history.commands)
        for days, category, probability, percent in EXPECTED[outcome]:
            day, value = add_days(due, -days), (annual + increases) * percent // 100
            members = {"category": category, "probability": probability, "expected_value": f"{value}.00"}
            desk.add(
                day,
                history.owner_on(day),
                renewal_commands.SubmitForecast.model_validate(members),
                {"renewal": renewal},
            )


def renew_automatically(history: AccountHistory) -> None:
    """The contract renews itself."""
    begin(history, "automatic")
    day = history.term_end
    renewed = CommandChain(history.rng, history.commands).add(
        day, SYSTEM, contract_commands.RenewAutomatically(), {"contract": history.contract}
    )
    history.win(day, renewed, "contract.renewed")
    history.term_start, history.term_end = day, add_months(day, 12)


def expire(history: AccountHistory) -> None:
    """Nobody renews the term; it expires when its grace period is over."""
    day = add_days(history.term_end, GRACE)
    command = contract_commands.ExpireContract()
    expired = CommandChain(history.rng, history.commands).add(day, SYSTEM, command, {"contract": history.contract})
    history.lost.append(Loss(expired, history.term_end, history.won[-1]))
