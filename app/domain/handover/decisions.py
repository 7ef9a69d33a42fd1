"""The handover: an account goes to somebody else once they know what they must, and say yes.

The owner stays accountable until then. Whoever takes an account over did not decide that alone: who started it themselves waits for
somebody above.
"""

from typing import Final

from app.domain.account.decisions import require_open
from app.domain.account.events import AccountMemberAssigned, AccountMemberReleased, AccountOwnerSet
from app.domain.account.people import named, require_senior_owner
from app.domain.handover import commands, events
from app.domain.handover.state import HandoverState
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import NotAllowed, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.roles import LEVELS, level_of

FUNCTION: Final = "account_manager"
"""As what the receiver works for an account until they answer."""
DIRECTOR: Final = "director"
"""From which role on somebody decides for others who owns an account."""


def start(_state: HandoverState, command: commands.StartHandover, context: Context) -> tuple[Event, ...]:
    """A handover of an open account. Raises: as `named`; Refused where it would change nothing."""
    account = context.states["account"]
    require_open(account)
    receiver = named(context, "receiver", command.receiver)
    if receiver == account.owner:
        raise Refused("nothing_changes", "they own the account already")
    return (
        events.HandoverStarted(
            account=context.ids["account"],
            kind=command.kind,
            giver=account.owner,
            receiver=receiver,
            external_ref=command.external_ref,
        ),
    )


def fill(state: HandoverState, command: commands.FillSection, _context: Context) -> tuple[Event, ...]:
    """A section. Raises: Refused while the receiver reads it, and once it is accepted."""
    _require_stage(state, "draft", "rejected")
    promises = tuple(events.Promise(**promise.model_dump()) for promise in command.promises)
    return (events.HandoverSectionFilled(section=command.section, text=command.text, promises=promises),)


def submit(state: HandoverState, _command: commands.SubmitHandover, context: Context) -> tuple[Event | Decided, ...]:
    """The question to the receiver, who works for the account from now on: they must see it. Raises: Refused with what is missing."""
    _require_stage(state, "draft", "rejected")
    if missing := state.missing:
        raise Refused("handover_incomplete", "the next owner must know more first", missing=missing)
    account = context.states["account"]
    require_open(account)
    if (state.receiver, FUNCTION) in account.members:
        return (events.HandoverSubmitted(),)
    assigned = AccountMemberAssigned(member=state.receiver, function=FUNCTION)
    return (events.HandoverSubmitted(assigned=True), Decided(assigned, beside="account"))


def accept(state: HandoverState, _command: commands.AcceptHandover, context: Context) -> tuple[Event | Decided, ...]:
    """Another owner.

    Raises: Refused where the account moved meanwhile, and for who is too junior; NotAllowed for others than the receiver.
    """
    _require_stage(state, "submitted")
    _require_receiver(state, context)
    account = context.states["account"]
    require_open(account)
    if account.owner != state.giver:
        raise Refused("owner_changed", "the account has another owner than when the handover began; begin another one")
    receiver = named(context, "receiver", state.receiver)
    if account.key_account:
        require_senior_owner(context, "receiver")
    moved = AccountOwnerSet(owner=receiver, previous=account.owner, handover=context.stream_id)
    return (events.HandoverAccepted(receiver=receiver), Decided(moved, beside="account"), *_released(state, context))


def reject(state: HandoverState, command: commands.RejectHandover, context: Context) -> tuple[Event | Decided, ...]:
    """The receiver's no. Raises: NotAllowed for others than the receiver."""
    _require_stage(state, "submitted")
    _require_receiver(state, context)
    return (events.HandoverRejected(reason=command.reason), *_released(state, context))


def introduce(state: HandoverState, command: commands.IntroduceToClient, context: Context) -> tuple[Event, ...]:
    """The client met the new owner. Raises: Refused before it is accepted, and twice."""
    _require_stage(state, "accepted")
    if state.introduced:
        raise Refused("nothing_changes", "the client was introduced already")
    return (
        events.HandoverClientIntroduced(day=command.day or context.day, interaction=context.ids.get("interaction")),
    )


def _released(state: HandoverState, context: Context) -> tuple[Decided, ...]:
    """The receiver, who worked for the account only to see it."""
    if not state.assigned or (state.receiver, FUNCTION) not in context.states["account"].members:
        return ()
    return (Decided(AccountMemberReleased(member=state.receiver, function=FUNCTION), beside="account"),)


def _require_stage(state: HandoverState, *stages: str) -> None:
    """Raises: Refused where it is not at one of some stages."""
    if state.stage not in stages:
        raise Refused("wrong_stage", f"the handover is {state.stage}", stage=state.stage, at=list(stages))


def _require_receiver(state: HandoverState, context: Context) -> None:
    """Raises: NotAllowed for a person who is neither the receiver, nor stands above; and for a receiver who began it themselves."""
    principal = context.principal
    if principal.trusted_as is not None or level_of(context.role) >= LEVELS[DIRECTOR]:
        return
    above = [role for role, level in LEVELS.items() if level >= LEVELS[DIRECTOR] and role != "admin"]
    if principal.actor != context.ids.get("receiver_user"):
        raise NotAllowed(
            "not_the_receiver", "whoever is to take the account over answers, or somebody above", may=above
        )
    if state.started_by == principal.actor:
        raise NotAllowed("self_approval", "you began this handover to yourself; somebody above must agree", may=above)
