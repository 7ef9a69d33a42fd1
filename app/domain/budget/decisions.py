"""The budget: money that a client set aside for a time, what is spent of it by document, and the thresholds that it reaches."""

from dataclasses import replace
from datetime import date
from typing import Final

from app.domain.account.decisions import require_open
from app.domain.budget import events
from app.domain.budget.commands import CloseBudget, CorrectSpend, RecordForecast, RecordSpend, ReviseBudget, SetBudget
from app.domain.budget.state import BudgetState
from app.domain.interaction.decisions import SKEW_SECONDS
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.rights import Authored
from app.domain.kernel.values import (
    MICRO,
    day_of,
    half_up,
    instant,
    minor_unit,
    moment_start,
    require_currency,
    scaled,
    unscaled,
)

LARGEST: Final = 10**12 * MICRO
"""More than this is not spent from one budget, in whatever currency."""


def set_(_state: BudgetState, command: SetBudget, context: Context) -> tuple[Event, ...]:
    """Money set aside. Raises: Refused on a closed account, or for a contract of another one."""
    require_open(context.states["account"])
    contract = context.states.get("contract")
    if contract is not None and contract.account != context.ids["account"]:
        raise Refused("other_account", "the contract belongs to another account")
    require_currency(command.currency, command.start)
    _require_payable(command, command.amount, command.currency)
    members = {"title", "currency", "amount", "start", "end", "thresholds", "external_ref"}
    return (
        events.BudgetSet(
            account=context.ids["account"], contract=context.ids.get("contract"), **command.model_dump(include=members)
        ),
    )


def revise(state: BudgetState, command: ReviseBudget, context: Context) -> tuple[Decided, ...]:
    """Another amount, and the thresholds that what was spent reaches of it. Raises: Refused when it is the one it has."""
    _require_going_on(state, context)
    _require_payable(command, command.amount, state.currency)
    if scaled(command.amount) == state.amount:
        raise Refused("nothing_changes", "the budget has this amount already")
    event = events.BudgetRevised(revision=state.revision + 1, amount=command.amount, previous=unscaled(state.amount))
    after = replace(state, revision=event.revision, amount=scaled(command.amount), crossed=frozenset())
    return Decided(event), *_crossings(after, context.effective_at, max(context.effective_at, state.spent_at), context)


def record_spend(state: BudgetState, command: RecordSpend, context: Context) -> tuple[Decided, ...]:
    """Money spent, true when it was. Raises: Refused for a document that is there, and outside of the budget's days."""
    _require_going_on(state, context)
    if command.document in state.documents:
        raise Refused("document_recorded", "this document was recorded in this budget already; correct it")
    _require_payable(command, command.amount, state.currency)
    at = moment_start(command.spent_at, context.zone)
    if at > context.now + SKEW_SECONDS * MICRO:
        raise Refused("spent_in_future", "a spending is recorded once it has happened")
    day = day_of(at, context.zone)
    if day < state.start or (day >= state.end and not command.late):
        raise Refused(
            "outside_period", "it was spent outside of the budget's days; what was spent after its end needs `late`"
        )
    event = events.BudgetSpendRecorded(
        document=command.document,
        amount=command.amount,
        spent_at=instant(at),
        category=command.category,
        late=day >= state.end,
    )
    effective_at = at if command.effective_at is None else context.effective_at
    after = replace(
        state, spent=_bounded(state.spent + scaled(command.amount)), spent_at=max(state.spent_at, effective_at)
    )
    return Decided(event, effective_at=effective_at), *_crossings(after, effective_at, after.spent_at, context)


def correct_spend(state: BudgetState, command: CorrectSpend, context: Context) -> tuple[Decided, ...]:
    """A document corrected, from when it was spent. Raises: Refused for an unknown document."""
    _require_unclosed(state)
    spend = state.documents.get(command.document)
    if spend is None:
        raise Refused("document_unknown", "no such document was recorded in this budget")
    _require_payable(command, command.amount, state.currency)
    if scaled(command.amount) == spend.amount:
        raise Refused("nothing_changes", "the document has this amount already")
    event = events.BudgetSpendCorrected(
        corrects=spend.recorded.event_id,
        document=command.document,
        amount=command.amount,
        previous=unscaled(spend.amount),
    )
    after = replace(state, spent=_bounded(state.spent - spend.amount + scaled(command.amount)))
    return Decided(event, effective_at=spend.at), *_crossings(after, spend.at, state.spent_at, context)


def recorded(state: BudgetState, command: CorrectSpend) -> Authored | None:
    """Who recorded the document that is corrected."""
    spend = state.documents.get(command.document)
    return None if spend is None else spend.recorded


def record_forecast(state: BudgetState, command: RecordForecast, context: Context) -> tuple[Event, ...]:
    """What is expected in all. Raises: Refused once it is closed."""
    _require_going_on(state, context)
    _require_payable(command, command.at_completion, state.currency)
    return (events.BudgetForecastRecorded(at_completion=command.at_completion),)


def close(state: BudgetState, _command: CloseBudget, _context: Context) -> tuple[Event, ...]:
    """The end. Raises: Refused when it was before."""
    _require_unclosed(state)
    return (events.BudgetClosed(),)


def _require_going_on(state: BudgetState, context: Context) -> None:
    """Raises: Refused on a closed budget, or of a closed account."""
    _require_unclosed(state)
    require_open(context.states["account"])


def _require_unclosed(state: BudgetState) -> None:
    if state.closed:
        raise Refused("budget_closed", "the budget is closed")


def _require_payable(command: Command, amount: str, currency: str) -> None:
    """Raises: Invalid for another currency, and for what nobody can pay: an answer would round it, and its sums would not add up."""
    require_in(currency, command)
    if scaled(amount) % minor_unit(currency):
        raise Invalid("amount_too_fine", f"an amount in {currency} has no parts of its minor unit")


def _bounded(spent: int) -> int:
    if spent > LARGEST:
        raise Invalid("amount_out_of_range", "more than 10^12 is not spent from one budget")
    return spent


def _crossings(after: BudgetState, effective_at: int, seen_at: int, context: Context) -> list[Decided]:
    """The thresholds that are reached and were not recorded since the last revision.

    Takes: the state that an event leads to, its effective time, and the instant up to which spending is known. A threshold
    is reached once all the spending that it took is effective, in whatever order it was recorded.
    """
    reached = [
        percent
        for percent in after.thresholds
        if percent not in after.crossed and after.spent * 100 >= percent * after.amount
    ]
    projected = (
        unscaled(projection(after.spent, after.start, after.end, day_of(seen_at, context.zone))) if reached else ""
    )
    return [
        Decided(
            events.BudgetThresholdCrossed(
                percent=percent,
                revision=after.revision,
                spent=unscaled(after.spent),
                amount=unscaled(after.amount),
                projected_at_end=projected,
            ),
            effective_at=max(after.latest_at, effective_at),
        )
        for percent in reached
    ]


def projection(spent: int, start: str, end: str, day: str) -> int:
    """What will have been spent at the end if days go on like those up to and including `day`; half up, in 10^-6."""
    whole = _days(start, end)
    return half_up(spent * whole, min(max(_days(start, day) + 1, 1), whole))


def _days(start: str, end: str) -> int:
    return (date.fromisoformat(end) - date.fromisoformat(start)).days
