"""The proposal: an offer in versions, what is conceded on the live one, and the version that the client accepted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.domain.account.decisions import require_open
from app.domain.contract.schedule import LARGEST_ANNUAL
from app.domain.contract.value import selling_event, value_of_event
from app.domain.interaction.decisions import SKEW_SECONDS
from app.domain.kernel.context import Context
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import MICRO, day_end, nearest_day, require_currency, scaled, unscaled
from app.domain.policy.decisions import rules_in_force
from app.domain.policy.rules import ApprovalRules
from app.domain.proposal import commands, events
from app.domain.proposal.negotiation import Offer
from app.domain.proposal.state import ProposalState, with_approved_margin

MOST_VERSIONS: Final = 100
"""What one proposal holds; longer negotiations are another proposal."""
CLAIM: Final = "proposal:contract_event_taken"
"""An event of a contract takes one proposal over and no other."""


def draft(state: ProposalState, command: commands.DraftProposal, context: Context) -> tuple[Event, ...]:
    """Version 1. Raises: Refused on a closed account, or for a thing of another one; Invalid as the offer demands."""
    require_open(context.states["account"])
    for noun in ("contract", "renewal", "opportunity"):
        related = context.states.get(noun)
        if related is not None and related.account != context.ids["account"]:
            raise Refused("other_account", f"the {noun} belongs to another account")
    require_currency(command.currency, nearest_day(context.effective_at, context.zone))
    begun = replace(state, account=context.ids["account"], currency=command.currency)
    about = {noun: context.ids.get(noun) for noun in ("contract", "renewal", "opportunity")}
    return _versioned(begun, command, context, **about, title=command.title, external_ref=command.external_ref)


def revise(state: ProposalState, command: commands.ReviseProposal, context: Context) -> tuple[Event, ...]:
    """The next version, live instead of the one before.

    Raises: Refused once the proposal is decided; Invalid where the cost is left out, because the margin depends on it.
    """
    require_undecided(state, context)
    if state.version == MOST_VERSIONS:
        raise Refused("too_many_versions", f"a proposal has at most {MOST_VERSIONS} versions")
    if state.costed and command.cost is None:
        raise Invalid("cost_missing", "the version before had a cost; name the cost of this one")
    return _versioned(state, command, context)


def _versioned(
    state: ProposalState, command: commands.Version, context: Context, **about: str | None
) -> tuple[Event, ...]:
    require_in(state.currency, command)
    if day_end(command.valid_until, context.zone) <= context.effective_at:
        raise Invalid("valid_until_passed", "an offer is valid for a while; valid_until is its last day")
    value, one_off = (
        sum(item.annual for item in command.items if (item.kind != "one_off") is recurring)
        for recurring in (True, False)
    )
    if max(value, one_off) > LARGEST_ANNUAL:
        raise Invalid("amount_out_of_range", "the offer exceeds 10^12")
    if min(value, one_off) < 0:
        raise Invalid("amount_out_of_range", "the credits of the offer take off more than the offer brings")
    event = events.ProposalVersioned(
        account=str(state.account),
        version=state.version + 1,
        currency=state.currency,
        items=tuple(events.Item(**item.model_dump()) for item in command.items),
        value=unscaled(value),
        one_off=unscaled(one_off),
        role=context.role,
        **command.model_dump(include={"cost", "terms", "value_evidence", "valid_until"}),
        **about,
    )
    offer = with_approved_margin(Offer(value=value, cost=scaled(command.cost or "0")), context.role)
    if offer.margin_suffices(rules_of(context)):
        return (event,)
    return event, events.ApprovalRequested(version=event.version, needs=("margin",))


def submit(state: ProposalState, _command: commands.SubmitProposal, context: Context) -> tuple[Event, ...]:
    """To the client. Raises: Refused twice, while something waits for approval, and when it is not valid any more."""
    require_undecided(state, context)
    if state.submitted_at is not None:
        raise Refused("already_submitted", "the live version is with the client already")
    _require_settled(state, context)
    _require_valid(state, context)
    _require_past(context)
    return (events.ProposalSubmitted(version=state.version, value=unscaled(state.offer.value - state.offer.conceded)),)


def accept(state: ProposalState, command: commands.AcceptProposal, context: Context) -> tuple[Event, ...]:
    """The client took the live version. Raises: Refused for another one, or one that is not submitted, settled and valid."""
    require_undecided(state, context)
    if command.version != state.version:
        raise Refused("version_superseded", "only the live version is accepted", live_version=state.version)
    if state.submitted_at is None or context.effective_at < state.submitted_at:
        raise Refused("not_submitted", "the client had not been sent this version then")
    _require_settled(state, context)
    _require_valid(state, context)
    _require_past(context)
    conceded_price = sum(each.value for each in state.concessions.values() if each.binds and each.price)
    return (
        events.ProposalAccepted(
            version=state.version,
            by=command.by,
            stakeholder=command.stakeholder,
            value=unscaled(state.offer.value),
            conceded=unscaled(state.offer.conceded),
            annual_value=unscaled(state.offer.value - conceded_price),
            currency=state.currency,
        ),
    )


def decline(state: ProposalState, command: commands.DeclineProposal, context: Context) -> tuple[Event, ...]:
    """No deal. Raises: Refused once it is decided."""
    require_undecided(state, context, account_open=False)
    _require_past(context)
    return (events.ProposalDeclined(version=state.version, reason=command.reason),)


def expire(state: ProposalState, _command: commands.ExpireProposal, context: Context) -> tuple[Event, ...]:
    """Nobody accepted it in time. Raises: Refused while it is valid."""
    require_undecided(state, context, account_open=False)
    if min(context.now, context.effective_at) < day_end(state.valid_until, context.zone):
        raise Refused("still_valid", f"it is valid until {state.valid_until}")
    return (events.ProposalExpired(version=state.version),)


def take_over(state: ProposalState, command: commands.ContractProposal, context: Context) -> tuple[Event, ...]:
    """The event by which it became a contract. Raises: Refused unless that event has the accepted value."""
    _require_own(state, context)
    if state.outcome != "accepted":
        raise Refused("not_accepted", "only what the client accepted becomes a contract")
    if state.contracted:
        raise Refused("proposal_contracted", "it became a contract already")
    contract = context.states["contract"]
    if contract.account != state.account:
        raise Refused("other_account", "the contract belongs to another account")
    if contract.currency != state.currency:
        raise Refused("currency_differs", "the contract is in another currency")
    value = value_of_event(contract, command.event, context)
    if state.annual not in (value.whole, value.change) or state.one_off != value.one_off:
        raise Refused(
            "value_differs",
            "the event has not the accepted value",
            accepted=unscaled(state.annual),
            contract=unscaled(value.whole),
            change=unscaled(value.change),
            accepted_one_off=unscaled(state.one_off),
            contract_one_off=unscaled(value.one_off),
        )
    return (
        events.ProposalContracted(
            version=state.version,
            contract=context.ids["contract"],
            contract_event=value.event,
            annual_value=unscaled(state.annual),
            currency=state.currency,
            basis="whole" if state.annual == value.whole else "change",
        ),
    )


def claims(command: commands.ContractProposal, context: Context) -> Sequence[tuple[str, str]]:
    """What a proposal takes for itself: the contract's event, a draft and its signature being one."""
    return [(CLAIM, selling_event(context.states["contract"], command.event).event_id)]


def rules_of(context: Context) -> ApprovalRules:
    """The approval rules in force."""
    return rules_in_force(context, ApprovalRules())


def _require_own(state: ProposalState, context: Context) -> None:
    if context.ids["account"] != state.account:
        raise Refused("other_account", "the proposal belongs to another account")


def require_undecided(state: ProposalState, context: Context, *, account_open: bool = True) -> None:
    """Raises: Refused once it is decided, for an accepted version is frozen; or on a closed account."""
    _require_own(state, context)
    if state.outcome:
        raise Refused(f"proposal_{state.outcome}", f"it was {state.outcome}; nothing changes it any more")
    if account_open:
        require_open(context.states["account"])


def _require_settled(state: ProposalState, context: Context) -> None:
    if state.awaiting:
        raise Refused("approval_needed", "concessions wait for approval", concessions=state.awaiting)
    if not state.offer.margin_suffices(rules_of(context)):
        raise Refused("margin_below_floor", "a director approves what goes below the margin floor")


def _require_past(context: Context) -> None:
    if context.effective_at > context.now + SKEW_SECONDS * MICRO:
        raise Refused("decided_in_future", "what was sent or decided is recorded once it was")


def _require_valid(state: ProposalState, context: Context) -> None:
    if context.effective_at >= day_end(state.valid_until, context.zone):
        raise Refused("proposal_lapsed", f"it was valid until {state.valid_until}; make another version")
