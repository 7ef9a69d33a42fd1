"""The renewal cycle: one contract, one due date, one outcome that the contract's own event decides."""

from collections.abc import Sequence

from app.domain.contract.cycles import follows_on
from app.domain.contract.state import ContractState
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import day_start, days_earlier, nearest_day, scaled, unscaled
from app.domain.renewal.commands import DeferRenewal, OpenRenewal, ReachMilestone, SetRenewalRisk, SubmitForecast
from app.domain.renewal.events import (
    RenewalDeferred,
    RenewalForecastSubmitted,
    RenewalLost,
    RenewalMilestoneReached,
    RenewalOpened,
    RenewalRiskSet,
    RenewalWon,
)
from app.domain.renewal.state import RenewalState


def open_(_state: RenewalState, _command: OpenRenewal, context: Context) -> tuple[Event, ...]:
    """A cycle for the term that runs, its value frozen. Raises: Refused when nothing is due."""
    contract: ContractState = context.states["contract"]
    if contract.terminated:
        raise Refused("contract_terminated", "a terminated contract is not renewed")
    if not contract.signed:
        raise Refused("contract_not_signed", "nothing is due before signature")
    due = _due(context)
    if due is None:
        raise Refused("open_ended", "an open-ended contract has no due date")
    if contract.terms(context).ends() <= context.effective_at:
        raise Refused("contract_expired", "the contract has ended; who comes back renews it late, with no cycle")
    value = contract.schedule(context).annual_at(day_start(due, context.zone) - 1)
    return (
        RenewalOpened(
            account=str(contract.account),
            contract=context.ids["contract"],
            due=due,
            notice_deadline=days_earlier(due, contract.notice_days),
            atr=unscaled(value),
            currency=contract.currency,
        ),
    )


def reference(_command: OpenRenewal, context: Context) -> str:
    """The contract and the day on which it is due: there is one cycle for both."""
    return f"{context.ids['contract']}@{_due(context)}"


def _due(context: Context) -> str | None:
    """The contract's next day that is due."""
    at = min(context.effective_at, context.now)
    return follows_on(context.states["contract"], nearest_day(context.effective_at, context.zone), at)


def set_risk(state: RenewalState, command: SetRenewalRisk, _context: Context) -> tuple[Event, ...]:
    """How likely it is. Raises: Refused once it is decided."""
    _require_open(state)
    _require_probability(command.probability)
    return (
        RenewalRiskSet(
            contract=state.contract,
            due=state.due,
            risk=command.risk,
            probability=command.probability,
            drivers=command.drivers,
        ),
    )


def defer(state: RenewalState, command: DeferRenewal, _context: Context) -> tuple[Event, ...]:
    """Another day. Raises: Refused once it is decided, Invalid for a day that is not later."""
    _require_open(state)
    if command.new_due <= (state.deferred_to or state.due):
        raise Invalid("due_not_later", "a deferred renewal is due later than before")
    return (RenewalDeferred(contract=state.contract, due=state.due, new_due=command.new_due),)


def submit_forecast(state: RenewalState, command: SubmitForecast, context: Context) -> tuple[Event, ...]:
    """What is to be expected. Raises: Refused once it is decided; Invalid for another currency than the contract's."""
    _require_open(state)
    _require_probability(command.probability)
    if command.currency is not None and command.currency != state.currency:
        raise Invalid("other_currency", f"the contract is in {state.currency}")
    require_in(state.currency, command)
    return (
        RenewalForecastSubmitted(
            contract=state.contract,
            due=state.due,
            category=command.category,
            probability=command.probability,
            expected_value=unscaled(scaled(command.expected_value)),
            currency=state.currency,
            by=context.actor,
        ),
    )


def reach_milestone(state: RenewalState, command: ReachMilestone, _context: Context) -> tuple[Event, ...]:
    """So many days left. Raises: Refused once it is decided, or when that was noted before."""
    _require_open(state)
    if command.days in state.milestones:
        raise Refused("milestone_reached", "that was noted before")
    return (RenewalMilestoneReached(contract=state.contract, due=state.due, days=command.days),)


def _require_open(state: RenewalState) -> None:
    if state.outcome:
        raise Refused("renewal_closed", "the renewal is decided; an outcome is not changed")


def _require_probability(probability: str | None) -> None:
    if probability is not None and probability.startswith("-"):
        raise Invalid("probability_out_of_range", "a probability lies between 0 and 1")


def won(context: Context, contract_event: str, value: int, gives_way: frozenset[str]) -> Sequence[Decided]:
    """The cycle of a contract won by its renewal; nothing where there is none, or it is decided.

    Takes: `value`, annual, in 10^-6; the events of the contract whose outcomes give way.
    """
    cycle: RenewalState | None = context.states.get("renewal")
    if cycle is None or cycle.settled("won", gives_way):
        return ()
    event = RenewalWon(
        contract=cycle.contract,
        due=cycle.due,
        contract_event=contract_event,
        value=unscaled(value),
        uplift=unscaled(value - cycle.atr),
        corrects=cycle.decision or None,
    )
    return (Decided(event, beside="renewal"),)


def lost(
    context: Context, contract_event: str, value: int, reason: str, *, voluntary: bool, gives_way: frozenset[str]
) -> Sequence[Decided]:
    """The cycle of a contract lost by its end; nothing where there is none, or it is decided. Takes: as `won`."""
    cycle: RenewalState | None = context.states.get("renewal")
    if cycle is None or cycle.settled("lost", gives_way):
        return ()
    event = RenewalLost(
        contract=cycle.contract,
        due=cycle.due,
        contract_event=contract_event,
        value=unscaled(value),
        reason=reason,
        voluntary=voluntary,
        corrects=cycle.decision or None,
    )
    return (Decided(event, beside="renewal"),)
