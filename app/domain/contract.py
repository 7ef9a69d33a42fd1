"""The contract: terms, lines and their life from draft to termination."""

from dataclasses import dataclass, replace
from typing import Any, Final

from app.domain import schedule as schedules
from app.domain.account import require_open
from app.domain.context import Context, Decided
from app.domain.contract_commands import (
    AddLine,
    AmendContract,
    Change,
    CorrectContract,
    DraftContract,
    GiveNotice,
    Line,
    RecordContract,
    RenewContract,
    ResumeContract,
    SetLine,
    SignContract,
    SuspendContract,
    TerminateContract,
    WithdrawNotice,
)
from app.domain.errors import Invalid, Refused
from app.domain.events import contract as facts
from app.domain.events.base import Event
from app.domain.recorded import Recorded
from app.domain.renewal import lost, won
from app.domain.schedule import LARGEST_ANNUAL, Schedule
from app.domain.values import (
    FOREVER,
    add_days,
    add_months,
    day_of,
    day_start,
    instant,
    moment_start,
)

GRACE_DAYS: Final = 30
"""How long after the end of a term a retroactive renewal still closes the gap."""


@dataclass(frozen=True)
class ContractState:
    """What decisions need of a contract. `history` is what its schedule is built from."""

    account: str | None = None
    contract: str = ""
    currency: str = ""
    start: str = ""
    end: str | None = None
    auto_renew: bool = False
    notice_days: int = 0
    renewal_term_months: int | None = None
    signed: bool = False
    terminated: bool = False
    noticed: bool = False
    suspended: bool = False
    amendments: int = 0
    history: tuple[Recorded, ...] = ()

    def schedule(self, context: Context) -> Schedule:
        """What is paid when, as known now."""
        return schedules.build(self.history, context.zone)

    @property
    def renewal(self) -> str | None:
        """The reference of the renewal cycle of the current term."""
        return f"ref:{self.contract}@{self.end}" if self.end else None


def evolve(state: ContractState, recorded: Recorded) -> ContractState:
    """The state after one more event."""
    state = replace(state, history=(*state.history, recorded))
    match recorded.event:
        case facts.ContractDrafted() as drafted:
            return replace(
                state,
                account=drafted.account,
                contract=recorded.stream_id,
                currency=drafted.currency,
                start=drafted.start,
                end=drafted.end,
                auto_renew=drafted.auto_renew,
                notice_days=drafted.notice_days,
                renewal_term_months=drafted.renewal_term_months,
            )
        case facts.ContractSigned():
            return replace(state, signed=True)
        case facts.ContractAmended(amendment_no=number):
            return replace(state, amendments=number)
        case facts.NoticeGiven():
            return replace(state, noticed=True)
        case facts.NoticeWithdrawn():
            return replace(state, noticed=False)
        case facts.ContractSuspended():
            return replace(state, suspended=True)
        case facts.ContractResumed():
            return replace(state, suspended=False)
        case facts.ContractRenewed() as renewed:
            return replace(state, end=renewed.end, noticed=False)
        case facts.ContractTerminated():
            return replace(state, terminated=True)
        case _:
            return state


# --- decisions ---


def draft(_state: ContractState, command: DraftContract, context: Context) -> tuple[Event, ...]:
    """Terms on paper. Raises: Refused on a closed account, Invalid for terms that do not fit together."""
    require_open(context.states["account"])
    _check_term(command.start, command.end)
    _check_lines(command.lines, command.start, command.end)
    return (
        facts.ContractDrafted(
            account=context.ids["account"],
            lines=tuple(_line(line) for line in command.lines),
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
        facts.ContractSigned(
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
    _check_changes(state.schedule(context), command.changes, context)
    wish = context.states.get("scope_change")
    if wish is not None and wish.account != state.account:
        raise Refused("other_account", "the scope change belongs to another account")
    return (amendment(state, command.changes, context.ids.get("scope_change")),)


def amendment(state: ContractState, changes: tuple[Change, ...], scope_change: str | None) -> facts.ContractAmended:
    """The next amendment of a contract."""
    return facts.ContractAmended(
        amendment_no=state.amendments + 1, changes=recorded_changes(changes), scope_change=scope_change
    )


def correct(state: ContractState, command: CorrectContract, context: Context) -> tuple[Decided, ...]:
    """What should have been said. Raises: Refused when the named event is none of this contract's."""
    if not state.signed:
        raise Refused("contract_not_signed", "a draft binds nobody; draft another one")
    named = next((event for event in state.history if event.event_id == command.corrects), None)
    if named is None:
        raise Refused("unknown_event", "the event to be corrected is none of this contract's")
    at = context.effective_at if command.effective_at else named.effective_at
    if command.effective_at is None and named.type == "contract.drafted":
        at = day_start(state.start, context.zone)
    before = state.schedule(context)
    if named.type in ("contract.amended", "contract.corrected"):
        before = before.without(named.event_id)
    _check_changes(before, command.changes, replace(context, effective_at=at))
    event = facts.ContractCorrected(corrects=command.corrects, changes=recorded_changes(command.changes))
    return (Decided(event, effective_at=at),)


def give_notice(state: ContractState, command: GiveNotice, context: Context) -> tuple[Event, ...]:
    """The contract will end. Raises: Refused when notice was given, Invalid when the end is not ahead."""
    require_live(state, context)
    if state.noticed:
        raise Refused("notice_given", "notice was given already; withdraw it first")
    given = day_of(context.effective_at, context.zone)
    end = command.effective_end or _end_by_notice(state, given)
    if end <= state.start or end < given:
        raise Refused("end_before_start", "the contract cannot end before it begins or before notice is given")
    term_end = _term_end(state, given)
    if command.effective_end and term_end and not state.auto_renew and end > term_end:
        raise Refused("end_after_term", "the contract ends before that by itself")
    deadline = add_days(term_end or end, -state.notice_days)
    return (facts.NoticeGiven(by=command.by, effective_end=end, late=given > deadline),)


def withdraw_notice(state: ContractState, _command: WithdrawNotice, context: Context) -> tuple[Event, ...]:
    """The contract goes on. Raises: Refused when nobody gave notice."""
    require_live(state, context)
    if not state.noticed:
        raise Refused("no_notice", "nobody gave notice")
    return (facts.NoticeWithdrawn(),)


def suspend(state: ContractState, command: SuspendContract, context: Context) -> tuple[Event, ...]:
    """A rest. Raises: Refused when it rests already, outside the term, or for an end that is not after the start."""
    require_live(state, context)
    schedule = state.schedule(context)
    if any(start <= context.effective_at < end for start, end in schedule.holds):
        raise Refused("contract_suspended", "the contract rests already at that time")
    _require_in_force(schedule, context)
    if command.effective_end and day_start(command.effective_end, context.zone) <= context.effective_at:
        raise Invalid("end_before_start", "the rest must end after it begins")
    return (facts.ContractSuspended(effective_end=command.effective_end),)


def resume(state: ContractState, _command: ResumeContract, context: Context) -> tuple[Event, ...]:
    """Work again. Raises: Refused when it does not rest, or did not yet at that time."""
    require_live(state, context)
    if not state.suspended:
        raise Refused("contract_not_suspended", "the contract does not rest")
    if all(context.effective_at < start for start, _end in state.schedule(context).holds):
        raise Refused("end_before_start", "the contract did not rest yet at that time")
    return (facts.ContractResumed(),)


def renew(state: ContractState, command: RenewContract, context: Context) -> tuple[Decided, ...]:
    """A further term, and its renewal cycle won. Raises: Refused or Invalid as the terms demand."""
    require_live(state, context)
    start = command.start or state.end
    if start is None:
        raise Refused("open_ended", "an open-ended contract has no end to renew from; name a start")
    _check_term(start, command.end)
    if start <= state.start:
        raise Refused("overlapping_term", "the new term must begin after the contract did")
    before = state.schedule(context)
    if any(day_start(start, context.zone) <= begun for begun, _ in before.terms):
        raise Refused("overlapping_term", "the new term must begin after the last one did")
    if command.retroactive and state.end and start > state.end:
        if start > add_days(state.end, GRACE_DAYS):
            raise Refused("grace_exceeded", f"a gap of more than {GRACE_DAYS} days cannot be closed afterwards")
        start = state.end
    if command.lines:
        _check_lines(command.lines, start, command.end)
    event = facts.ContractRenewed(
        start=start,
        end=command.end,
        previous_end=state.end,
        timing=_timing(state, command, start),
        retroactive=command.retroactive,
        lines=tuple(_line(line) for line in command.lines) if command.lines else None,
    )
    event_id = context.new_id("evt")
    after = schedules.apply(before, preview(event, event_id, context.stream_id, state, context), context.zone)
    value = after.annual_at(day_start(start, context.zone))
    return (Decided(event, event_id=event_id), *won(context, event_id, value))


def terminate(state: ContractState, command: TerminateContract, context: Context) -> tuple[Decided, ...]:
    """The end, and its renewal cycle lost. Raises: Refused for an end outside the term."""
    require_live(state, context)
    if command.effective_end < state.start:
        raise Refused("end_before_start", "the contract cannot end before it begins")
    if state.end and not state.auto_renew and command.effective_end > state.end:
        raise Refused("end_after_term", "the contract ends before that by itself")
    event_id = context.new_id("evt")
    event = facts.ContractTerminated(
        effective_end=command.effective_end,
        reason=command.reason,
        voluntary=command.voluntary,
        competitor=command.competitor,
    )
    value = state.schedule(context).annual_at(day_start(command.effective_end, context.zone) - 1)
    return (
        Decided(event, event_id=event_id),
        *lost(context, event_id, value, command.reason, voluntary=command.voluntary),
    )


# --- rules that several decisions share ---


def require_live(state: ContractState, context: Context) -> None:
    """Raises: Refused unless the contract is signed, not terminated, and of an open account."""
    if state.terminated:
        raise Refused("contract_terminated", "the contract was terminated; a return is a new contract")
    if not state.signed:
        raise Refused("contract_not_signed", "nothing commercial happens before signature")
    require_open(context.states["account"])


def _require_in_force(schedule: Schedule, context: Context) -> None:
    if not any(start <= context.effective_at < end for start, end in schedule.windows()):
        raise Refused("outside_term", "the contract is not in force at that time")


def _check_term(start: str, end: str | None) -> None:
    if end is not None and end <= start:
        raise Invalid("end_before_start", "a term must end after it begins")


def _check_lines(lines: tuple[Line, ...], start: str, end: str | None) -> None:
    names = [line.line for line in lines]
    if len(set(names)) != len(names):
        raise Invalid("overlapping_lines", "two lines have the same name")
    for line in lines:
        if (line.start and line.start < start) or (end and line.end and line.end > end):
            raise Invalid("line_outside_term", "a line must lie within the contract's term")
        if (end and line.start and line.start >= end) or (line.end and line.end <= start):
            raise Invalid("line_outside_term", "a line must lie within the contract's term")


def _check_changes(schedule: Schedule, changes: tuple[Change, ...], context: Context) -> None:
    """Raises: Refused for a change of what is not there, or of one line twice."""
    _require_in_force(schedule, context)
    names = [change.line for change in changes]
    if len(set(names)) != len(names):
        raise Invalid("overlapping_lines", "two changes name the same line")
    for change in changes:
        at = context.effective_at
        if isinstance(change, AddLine):
            begins = day_start(change.start, context.zone) if change.start else at
            ends = day_start(change.end, context.zone) if change.end else FOREVER
            if (
                begins < at
                or not any(opens <= begins < closes for opens, closes in schedule.windows())
                or ends <= begins
            ):
                raise Refused("line_outside_term", "the line must begin with the amendment or later, within the term")
            if any(step.line == change.line for step in schedule.steps):
                raise Refused("line_exists", "the contract has or had a line of this name")
            continue
        current = schedule.step_at(change.line, at)
        if current is None:
            raise Refused("unknown_line", "the contract has no line of this name at that time")
        if isinstance(change, SetLine):
            quantity, price = change.quantity or current.quantity, change.unit_price or current.unit_price
            if schedules.annual(quantity, price, current.interval, current.discount) > LARGEST_ANNUAL:
                raise Invalid("amount_out_of_range", "the annual amount is larger than 10^12")


def _line(line: Line) -> facts.Line:
    return facts.Line(**line.model_dump(exclude={"op"}))


def recorded_changes(changes: tuple[Change, ...]) -> tuple[facts.Change, ...]:
    """Changes as they stand in events."""
    kinds: dict[str, Any] = {"set_line": facts.LineSet, "add_line": facts.LineAdded, "remove_line": facts.LineRemoved}
    return tuple(kinds[change.op](**change.model_dump()) for change in changes)


def _term_end(state: ContractState, day: str) -> str | None:
    """The end of the term that a day falls into; terms of a contract that renews itself follow one another."""
    end = state.end
    if end is None or not state.auto_renew:
        return end
    while end <= day:
        end = add_months(end, state.renewal_term_months or 12)
    return end


def _end_by_notice(state: ContractState, given: str) -> str:
    return _term_end(state, given) or add_days(given, state.notice_days)


def _timing(state: ContractState, command: RenewContract, start: str) -> str:
    if state.end is None or start < state.end:
        return "early"
    return "late" if start > state.end or command.retroactive else "on_time"


def preview(event: Event, event_id: str, contract: str, state: ContractState, context: Context) -> Recorded:
    """An event of the contract as it will stand in the log, to see what it does to the schedule."""
    body = event.model_dump_json(exclude_none=True)
    return Recorded(
        context.tenant_id,
        0,
        event_id,
        contract,
        len(state.history) + 1,
        state.account,
        event.TOPIC,
        event.VERSION,
        context.effective_at,
        context.now,
        context.actor,
        b'{"data":' + body.encode() + b"}",
    )
