"""The contract: terms, lines and their life from draft to termination."""

from app.domain.account.decisions import require_open
from app.domain.contract import events
from app.domain.contract import schedule as schedules
from app.domain.contract.commands import (
    AmendContract,
    Change,
    DraftContract,
    GiveNotice,
    RecordContract,
    ResumeContract,
    SignContract,
    SuspendContract,
    WithdrawNotice,
)
from app.domain.contract.preconditions import (
    check_changes,
    check_lines,
    check_term,
    recorded_changes,
    recorded_lines,
    require_in_force,
    require_in_range,
    require_on_calendar,
)
from app.domain.contract.state import ContractState
from app.domain.contract.terms import ContractTerms, TermFact
from app.domain.kernel.context import Context
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import (
    FOREVER,
    add_days,
    day_start,
    days_earlier,
    instant,
    moment_start,
    require_currency,
)
from app.domain.recorded import Recorded


def draft(_state: ContractState, command: DraftContract, context: Context) -> tuple[Event, ...]:
    """Terms on paper. Raises: Refused on a closed account, Invalid for terms that do not fit together."""
    require_open(context.states["account"])
    replaced: ContractState | None = context.states.get("replaces")
    if replaced is not None and replaced.account != context.ids["account"]:
        raise Refused("other_account", "the contract that this one follows belongs to another account")
    if replaced is not None and not replaced.signed:
        raise Refused("contract_not_signed", "a draft binds nobody; there is nothing to follow")
    require_currency(command.currency, command.start)
    require_in(command.currency, command)
    require_on_calendar(command.start, context.zone)
    check_term(command.start, command.end)
    check_lines(command.lines, command.start, command.end)
    return (
        events.ContractDrafted(
            account=context.ids["account"],
            lines=recorded_lines(command.lines),
            replaces=context.ids.get("replaces"),
            **command.model_dump(
                include={"currency", "start", "end", "auto_renew", "notice_days", "renewal_term_months", "external_ref"}
            ),
        ),
    )


def sign(state: ContractState, command: SignContract, context: Context) -> tuple[Event, ...]:
    """Terms that bind. Raises: Refused when they did before."""
    if state.signed:
        raise Refused("contract_signed", "the contract was signed already; a signature is not changed")
    require_open(context.states["account"])
    return (
        events.ContractSigned(
            signed_at=instant(moment_start(command.signed_at, context.zone)), document_sha256=command.document_sha256
        ),
    )


def record(state: ContractState, command: RecordContract, context: Context) -> tuple[Event, ...]:
    """Draft and signature in one append."""
    signature = SignContract(signed_at=command.signed_at, document_sha256=command.document_sha256)
    return (*draft(state, command, context), *sign(state, signature, context))


def amend(state: ContractState, command: AmendContract, context: Context) -> tuple[Event, ...]:
    """Lines changed. Raises: Refused outside the term, on unknown or doubled lines, or when nothing is signed."""
    require_live(state, context)
    before = state.schedule(context)
    require_in(state.currency, *command.changes)
    check_changes(before, command.changes, context)
    scope_change = context.states.get("scope_change")
    if scope_change is not None and scope_change.account != state.account:
        raise Refused("other_account", "the scope change belongs to another account")
    if scope_change is not None and scope_change.closed:
        raise Refused(
            f"scope_change_{scope_change.closed}", "the scope change came to nothing; nothing is amended by it"
        )
    event = amendment(state, command.changes, context.ids.get("scope_change"))
    if any(steps and steps[-1].at > context.effective_at for steps in before.lines.values()):
        after = schedules.apply(before, preview(event, "", context.stream_id, state, context), context.zone)
        require_in_range(after, command.changes)
    return (event,)


def amendment(state: ContractState, changes: tuple[Change, ...], scope_change: str | None) -> events.ContractAmended:
    """The next amendment of a contract."""
    return events.ContractAmended(
        amendment_no=state.amendments + 1, changes=recorded_changes(changes), scope_change=scope_change
    )


def give_notice(state: ContractState, command: GiveNotice, context: Context) -> tuple[Event, ...]:
    """The contract will end: by default with the first term that the notice is in time for, where it renews itself.

    Raises: Refused when notice was given, or for an end that is not ahead.
    """
    require_binding(state, context)
    require_order(state, "notice_given", context)
    notice_day = context.day
    agreed = state.agreed[-1]
    if agreed.end is None:
        due, end = None, add_days(notice_day, state.notice_days)
    elif state.auto_renew:
        due = agreed.term_at(notice_day, state.term_months)[1]
        end = agreed.open_end(notice_day, state.term_months, state.notice_days)
    else:
        due = end = agreed.end
    end = command.effective_end or end
    if end <= state.start or end < notice_day:
        raise Refused("end_before_start", "the contract cannot end before it begins or before notice is given")
    if due and not state.auto_renew and end > due:
        raise Refused("end_after_term", "the contract ends before that by itself")
    late = notice_day > days_earlier(command.effective_end or due or end, state.notice_days)
    return (events.NoticeGiven(by=command.by, effective_end=end, late=late),)


def withdraw_notice(state: ContractState, _command: WithdrawNotice, context: Context) -> tuple[Event, ...]:
    """The contract goes on. Raises: Refused when nobody gave notice, or it has ended the contract by then."""
    require_live(state, context)
    require_order(state, "notice_withdrawn", context)
    if terms_then(state, context).until <= context.effective_at:
        raise Refused("notice_took_effect", "the contract has ended by the notice; what goes on is a renewal")
    return (events.NoticeWithdrawn(),)


def suspend(state: ContractState, command: SuspendContract, context: Context) -> tuple[Event, ...]:
    """A suspension. Raises: Refused outside the term, where it says nothing new, or for an end that is not after the start.

    One that has an end of its own may begin within another: when that is resumed early, this one stays.
    """
    require_live(state, context)
    schedule, at = state.schedule(context), context.effective_at
    rests = schedule.terms.suspensions
    if any(start == at or (start < at and command.effective_end is None and end == FOREVER) for start, end in rests):
        raise Refused("contract_suspended", "the contract is suspended already at that time")
    require_in_force(schedule, context)
    if command.effective_end and day_start(command.effective_end, context.zone) <= at:
        raise Invalid("end_before_start", "the suspension must end after it begins")
    if any(fact.kind == "resumed" and fact.start == at for fact in schedule.terms.facts):
        raise Refused("contract_resumed", "work was resumed at that very instant")
    return (events.ContractSuspended(effective_end=command.effective_end),)


def resume(state: ContractState, _command: ResumeContract, context: Context) -> tuple[Event, ...]:
    """The end of the suspensions that run at that time; one that begins later stays. Raises: Refused when there is none."""
    require_live(state, context)
    suspensions, at = state.schedule(context).terms.suspensions, context.effective_at
    if any(start <= at < end for start, end in suspensions):
        return (events.ContractResumed(),)
    if any(at < start for start, _end in suspensions):
        raise Refused("end_before_start", "the contract was not suspended yet at that time")
    raise Refused("contract_not_suspended", "the contract is not suspended")


def require_live(state: ContractState, context: Context) -> None:
    """Raises: Refused unless the contract is signed, not terminated, and of an open account."""
    require_binding(state, context)
    require_open(context.states["account"])


def require_binding(state: ContractState, context: Context) -> None:
    """What ends a contract needs no more than this: an end is recorded on a closed account, too.

    Raises: Refused unless the contract is signed, and not terminated by then: what was decided before may be recorded afterwards.
    """
    if state.terminated and any(fact.kind == "terminated" for fact in terms_then(state, context).facts):
        raise Refused("contract_terminated", "the contract was terminated; a return is a new contract")
    if not state.signed:
        raise Refused("contract_not_signed", "nothing commercial happens before signature")


def terms_then(state: ContractState, context: Context) -> ContractTerms:
    """The terms by what had been decided when the command's fact was."""
    return state.terms(context).before(min(context.effective_at, context.now))


def require_order(state: ContractState, kind: str, context: Context, start: int = 0) -> None:
    """Raises: Refused for a fact that nobody could have decided then, or after which nobody could have decided what was later.

    Takes: its kind, and where a new term starts.
    """
    decided = min(context.effective_at, context.now)
    fact = TermFact(decided, len(state.history) + 1, kind, start, FOREVER, "")
    noticed, begun = False, -FOREVER
    for each in sorted([*state.terms(context).facts, fact]):
        if each.kind == "notice_given" and noticed:
            raise Refused("notice_given", "notice was given already; withdraw it first")
        if each.kind == "notice_withdrawn" and not noticed:
            raise Refused("no_notice", "nobody gave notice")
        if each.kind in ("drafted", "renewed"):
            if each.start <= begun:
                raise Refused("overlapping_term", "the new term must begin after the last one did")
            begun = each.start
        if each.kind in ("notice_given", "notice_withdrawn", "renewed"):
            noticed = each.kind == "notice_given"


def preview(event: Event, event_id: str, contract: str, state: ContractState, context: Context) -> Recorded:
    """An event of the contract as it will be in the log, to see what it does to the schedule."""
    body = event.model_dump_json(exclude_none=True)
    return Recorded(
        tenant_id=context.tenant_id,
        position=0,
        event_id=event_id,
        stream_id=contract,
        version=len(state.history) + 1,
        account_id=state.account,
        type=event.TOPIC,
        schema_version=event.VERSION,
        effective_at=context.effective_at,
        recorded_at=context.now,
        actor=context.actor,
        body=b'{"data":' + body.encode() + b"}",
    )
