"""The opportunity: more business with a client, from the first hint to a contract's event or a loss."""

from collections.abc import Sequence
from typing import Final

from app.domain.account.decisions import require_open
from app.domain.contract.value import selling_event, value_of_event
from app.domain.interaction.decisions import SKEW_SECONDS
from app.domain.kernel.context import Context
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import MICRO, nearest_day, require_currency, scaled, unscaled
from app.domain.opportunity import commands, events
from app.domain.opportunity.state import STAGES, OpportunityState

CLAIM: Final = "opportunity:contract_event_taken"
"""An event of a contract wins one opportunity and no other."""


def identify(_state: OpportunityState, command: commands.IdentifyOpportunity, context: Context) -> tuple[Event, ...]:
    """A new one. Raises: Refused on a closed account, or for a thing of another one."""
    require_open(context.states["account"])
    nouns = ("interaction", "scope_change", "contract", "renewal")
    for noun in nouns:
        related = context.states.get(noun)
        if related is not None and related.account != context.ids["account"]:
            raise Refused("other_account", f"the {noun} belongs to another account")
    return (
        events.OpportunityIdentified(
            account=context.ids["account"],
            **{noun: context.ids.get(noun) for noun in nouns},
            **command.model_dump(include={"title", "kind", "source", "product", "external_ref"}),
        ),
    )


def qualify(state: OpportunityState, command: commands.QualifyOpportunity, context: Context) -> tuple[Event, ...]:
    """It is real. Raises: Refused once it is decided, or while it is parked."""
    _require_going_on(state, context)
    members = {"need", "budget_known", "decider_known", "needed_by"}
    return (events.OpportunityQualified(**command.model_dump(include=members)),)


def estimate(state: OpportunityState, command: commands.EstimateOpportunity, context: Context) -> tuple[Event, ...]:
    """What it may bring. Raises: Invalid for a probability that is none, Refused once it is decided or while it is parked."""
    _require_going_on(state, context)
    if command.probability.startswith("-"):
        raise Invalid("probability_out_of_range", "a probability lies between 0 and 1")
    require_in(command.currency, command)
    require_currency(command.currency, nearest_day(context.effective_at, context.zone))
    members = {"annual_value", "currency", "probability", "close_by"}
    return (events.OpportunityEstimated(**command.model_dump(include=members)),)


def advance(state: OpportunityState, command: commands.AdvanceOpportunity, context: Context) -> tuple[Event, ...]:
    """At another stage, or active again. Raises: Refused before it is qualified or estimated as the stage demands."""
    _require_going_on(state, context, parked=True)
    if command.stage == state.stage and not state.parked:
        raise Refused("nothing_changes", "it is at this stage already")
    rank = STAGES.index(command.stage)
    if rank >= STAGES.index("qualified") and not state.qualified:
        raise Refused("not_qualified", "it must be qualified first")
    if rank >= STAGES.index("proposed") and not state.estimated:
        raise Refused("not_estimated", "it must be estimated first")
    return (events.OpportunityAdvanced(stage=command.stage, previous=state.stage),)


def park(state: OpportunityState, command: commands.ParkOpportunity, context: Context) -> tuple[Event, ...]:
    """Parked until a day. Raises: Refused once it is decided, Invalid for a day that is not ahead."""
    _require_going_on(state, context, parked=True, account_open=False)
    if command.until <= context.day:
        raise Invalid("until_not_ahead", "it is parked until a later day")
    return (events.OpportunityParked(until=command.until, reason=command.reason),)


def win(state: OpportunityState, command: commands.WinOpportunity, context: Context) -> tuple[Event, ...]:
    """Won, with the value that the contract's event added. Raises: Refused where the contract has another value."""
    _require_going_on(state, context)
    _require_past(context)
    contract = context.states["contract"]
    if contract.account != state.account:
        raise Refused("other_account", "the contract belongs to another account")
    require_in(contract.currency, command)
    value = value_of_event(contract, command.event, context)
    if not contract.signed:
        raise Refused("contract_not_signed", "nothing is won before signature")
    if value.change < 0:
        raise Refused("contract_shrank", "the event made the contract smaller", change=unscaled(value.change))
    if command.value is not None and scaled(command.value) != value.change:
        raise Refused("value_differs", "the contract has another value", change=unscaled(value.change))
    return (
        events.OpportunityWon(
            contract=context.ids["contract"],
            contract_event=value.event,
            value=unscaled(value.change),
            before=unscaled(value.before),
            after=unscaled(value.after),
            currency=contract.currency,
        ),
    )


def claims(command: commands.WinOpportunity, context: Context) -> Sequence[tuple[str, str]]:
    """What a win takes for itself: the event, a draft and its signature being one."""
    return [(CLAIM, selling_event(context.states["contract"], command.event).event_id)]


def lose(state: OpportunityState, command: commands.LoseOpportunity, context: Context) -> tuple[Event, ...]:
    """Lost. Raises: Refused once it is decided."""
    _require_going_on(state, context, parked=True, account_open=False)
    _require_past(context)
    return (events.OpportunityLost(reason=command.reason, competitor=command.competitor),)


def _require_going_on(
    state: OpportunityState, context: Context, *, parked: bool = False, account_open: bool = True
) -> None:
    """Raises: Refused on one that is decided or parked, or of an account that is closed or another one."""
    if context.ids["account"] != state.account:
        raise Refused("other_account", "the opportunity belongs to another account")
    if state.outcome:
        raise Refused(f"opportunity_{state.outcome}", f"it was {state.outcome}; an outcome is not changed")
    if account_open:
        require_open(context.states["account"])
    if state.parked and not parked:
        raise Refused("opportunity_parked", "it is parked; move it to a stage first")


def _require_past(context: Context) -> None:
    if context.effective_at > context.now + SKEW_SECONDS * MICRO:
        raise Refused("decided_in_future", "an outcome is recorded once it is there")
