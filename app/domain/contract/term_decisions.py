"""The terms of a contract: renewed, expired, terminated or corrected."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.account.decisions import require_open
from app.domain.contract import events
from app.domain.contract import schedule as schedules
from app.domain.contract.commands import (
    CorrectContract,
    ExpireContract,
    RenewAutomatically,
    RenewContract,
    TerminateContract,
    Terms,
)
from app.domain.contract.decisions import preview, require_binding, require_live, term_end
from app.domain.contract.facts import as_corrected
from app.domain.contract.preconditions import (
    check_changes,
    check_lines,
    check_term,
    recorded_changes,
    recorded_lines,
    require_in_range,
    require_on_calendar,
)
from app.domain.contract.schedule import Schedule
from app.domain.contract.state import ContractState
from app.domain.contract.terms import ContractTerms, apply_to_terms
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import FOREVER, add_days, day_of, day_start
from app.domain.policy.decisions import rules_in_force
from app.domain.policy.rules import RenewalRules
from app.domain.recorded import Recorded
from app.domain.renewal.decisions import lost, won
from app.domain.renewal.events import RenewalDeferred

CORRECTABLE: Final[Mapping[str, frozenset[str]]] = {
    "contract.drafted": frozenset({"start", "end", "auto_renew", "notice_days"}),
    "contract.renewed": frozenset({"start", "end"}),
    "contract.notice_given": frozenset({"effective_end"}),
    "contract.terminated": frozenset({"effective_end"}),
}
"""The members of each event that a correction may set."""


def renew(state: ContractState, command: RenewContract, context: Context) -> tuple[Decided, ...]:
    """A further term, and its renewal cycle won. Raises: Refused or Invalid as the terms demand."""
    require_live(state, context)
    ends = state.ends_on
    start = command.start or (ends if state.noticed else state.end)
    if start is None:
        raise Refused("open_ended", "an open-ended contract has no end to renew from; name a start")
    check_term(start, command.end)
    if command.retroactive and ends and start > ends:
        _require_grace(state, ends, start, context)
        start = ends
    _require_next(state, start, context)
    if command.lines:
        check_lines(command.lines, start, command.end)
    event = events.ContractRenewed(
        start=start,
        end=command.end,
        previous_end=_previous_end(state, start),
        timing=_timing(state, command, start),
        retroactive=command.retroactive,
        lines=recorded_lines(command.lines) if command.lines else None,
        closes=min(ends or start, start),
    )
    return _renewed(state, event, context)


def renew_automatically(state: ContractState, _command: RenewAutomatically, context: Context) -> tuple[Decided, ...]:
    """A further term by the contract's own terms, its cycle won. Raises: Refused unless it renews itself and the day has come."""
    require_binding(state)
    if not state.auto_renew or state.end is None:
        raise Refused("not_auto_renewing", "the contract does not renew itself")
    if state.noticed:
        raise Refused("notice_given", "notice was given; the contract does not renew itself")
    if day_start(state.end, context.zone) > context.now:
        raise Refused("not_due", "the term has not ended yet")
    event = events.ContractRenewed(
        start=state.end,
        end=term_end(state, state.end),
        previous_end=state.end,
        timing="on_time",
        automatic=True,
        closes=state.end,
    )
    return _renewed(state, event, context)


def expire(state: ContractState, _command: ExpireContract, context: Context) -> tuple[Decided, ...]:
    """The end of a term that nobody renewed, its cycle lost. Raises: Refused while the contract goes on."""
    if state.terminated:
        raise Refused("contract_terminated", "the contract was terminated")
    if not state.signed:
        raise Refused("contract_not_signed", "what never began does not end")
    if state.expired:
        raise Refused("contract_expired", "the contract has expired already")
    end = state.ends_on
    if end is None or day_start(end, context.zone) > context.now:
        raise Refused("not_ended", "the contract goes on")
    voluntary = state.notice_by == "client"
    event_id, value = context.new_id("evt"), _value_before(state, end, context)
    return (
        Decided(events.ContractExpired(end=end, voluntary=voluntary), event_id=event_id),
        *lost(context, event_id, value, "expired", voluntary=voluntary),
    )


def terminate(state: ContractState, command: TerminateContract, context: Context) -> tuple[Decided, ...]:
    """The end, and its renewal cycle lost. Raises: Refused for an end outside the term."""
    require_binding(state)
    if command.effective_end < state.start:
        raise Refused("end_before_start", "the contract cannot end before it begins")
    if state.end and not state.auto_renew and command.effective_end > state.end:
        raise Refused("end_after_term", "the contract ends before that by itself")
    event_id = context.new_id("evt")
    event = events.ContractTerminated(
        effective_end=command.effective_end,
        reason=command.reason,
        voluntary=command.voluntary,
        competitor=command.competitor,
    )
    value = _value_before(state, command.effective_end, context)
    return (
        Decided(event, event_id=event_id),
        *lost(context, event_id, value, command.reason, voluntary=command.voluntary),
    )


def correct(state: ContractState, command: CorrectContract, context: Context) -> tuple[Decided, ...]:
    """What an earlier event should have been. Raises: Refused when it is none of this contract's, or has no such members."""
    if not state.signed:
        raise Refused("contract_not_signed", "a draft binds nobody; draft another one")
    named = next((event for event in state.history if event.event_id == command.corrects), None)
    if named is None:
        raise Refused("unknown_event", "the event to be corrected is none of this contract's")
    before, decided = state.schedule(context), []
    start = state.start
    if command.terms is not None:
        event = _corrected_terms(state, named, command.terms, context)
        start = event.terms[0].start
        decided.append(Decided(event, effective_at=named.effective_at))
        if event.renewal:
            moved = RenewalDeferred(
                contract=state.contract, due=context.states["renewal"].due, new_due=str(event.terms[-1].end)
            )
            decided.append(Decided(moved, beside="renewal"))
        ended = before.terms.ends()
        before = schedules.apply(before, preview(event, "", context.stream_id, state, context), context.zone)
        if before.terms.ends() > ended:
            require_open(context.states["account"])
    if command.changes is not None:
        decided.append(_corrected_lines(state, named, command, before, start, context))
    return tuple(decided)


# --- further terms ---


def _renewed(state: ContractState, event: events.ContractRenewed, context: Context) -> tuple[Decided, ...]:
    event_id = context.new_id("evt")
    before = state.schedule(context)
    after = schedules.apply(before, preview(event, event_id, context.stream_id, state, context), context.zone)
    value = after.annual_at(day_start(event.start, context.zone))
    return (Decided(event, event_id=event_id), *won(context, event_id, value))


def _require_next(state: ContractState, start: str, context: Context) -> None:
    periods = state.schedule(context).terms.periods
    if start <= state.start or any(day_start(start, context.zone) <= begins for begins, _ in periods):
        raise Refused("overlapping_term", "the new term must begin after the last one did")


def _require_grace(state: ContractState, ends: str, start: str, context: Context) -> None:
    if state.expired:
        raise Refused("contract_expired", "the contract has expired; a renewal begins it anew and leaves the gap")
    days = rules_in_force(context, RenewalRules(), start).grace_days
    if start > add_days(ends, days):
        raise Refused("grace_exceeded", f"a gap of more than {days} days cannot be closed afterwards")


def _previous_end(state: ContractState, start: str) -> str | None:
    """The end against which a renewal is early or late: by notice, or of the term that runs until the new one."""
    return state.ends_on or term_end(state, add_days(start, -1))


def _timing(state: ContractState, command: RenewContract, start: str) -> str:
    ended = _previous_end(state, start)
    if ended is None or start < ended:
        return "early"
    return "late" if start > ended or command.retroactive else "on_time"


def _value_before(state: ContractState, end: str, context: Context) -> int:
    return state.schedule(context).annual_at(day_start(end, context.zone) - 1)


# --- corrections ---


def _corrected_lines(
    state: ContractState, named: Recorded, command: CorrectContract, before: Schedule, start: str, context: Context
) -> Decided:
    changes = command.changes or ()
    at = context.effective_at if command.effective_at else named.effective_at
    if command.effective_at is None and named.type == "contract.drafted":
        at = day_start(start, context.zone)
    there = replace(context, effective_at=at)
    if named.type in ("contract.amended", "contract.corrected"):
        check_changes(before.without(named.event_id), changes, there)
    else:
        check_changes(before, changes, there)
    event = events.ContractCorrected(corrects=command.corrects, changes=recorded_changes(changes))
    after = schedules.apply(before, preview(event, "", context.stream_id, state, there), context.zone)
    require_in_range(after, changes)
    return Decided(event, effective_at=at)


def _corrected_terms(
    state: ContractState, named: Recorded, correction: Terms, context: Context
) -> events.TermsCorrected:
    members = correction.model_dump(exclude_none=True)
    if not members.keys() <= CORRECTABLE.get(named.type, frozenset()):
        raise Refused("not_correctable", "the event has no such member")
    if named.type == "contract.notice_given" and not (state.noticed and _newest(state, named)):
        raise Refused("not_correctable", "the notice is not in effect any more")
    history = list(as_corrected(state.history, named.event_id, members))
    after = _terms_of(history, context)
    ends_on = day_of(after.until, context.zone) if after.until < FOREVER else None
    terms = tuple(_term(period, context) for period in after.periods)
    _require_sound(history, terms, after.auto_renew, ends_on, context.zone)
    same_notice = named.type != "contract.drafted" or members.get("notice_days", state.notice_days) == state.notice_days
    if same_notice and after == state.schedule(context).terms:
        raise Refused("nothing_to_correct", "the correction changes nothing")
    cycle = context.states.get("renewal")
    moves = cycle is not None and cycle.outcome is None and terms[-1].end not in (None, state.end)
    return events.TermsCorrected(
        corrects=named.event_id,
        corrected=named.type,
        terms=terms,
        ends_on=ends_on,
        renewal=context.ids["renewal"] if moves else None,
        **members,
    )


def _newest(state: ContractState, named: Recorded) -> bool:
    """Whether it is the latest event of its type."""
    return [event for event in state.history if event.type == named.type][-1] is named


def _terms_of(history: list[Recorded], context: Context) -> ContractTerms:
    """The terms of a corrected history."""
    terms = ContractTerms()
    for event in history:
        terms = apply_to_terms(terms, event, context.zone)
    return terms


def _require_sound(
    history: list[Recorded], terms: tuple[events.Term, ...], auto_renew: bool, ends_on: str | None, where: ZoneInfo
) -> None:
    """Raises: Refused or Invalid for terms that nobody could have agreed on."""
    agreed = [event.data for event in history if event.type in ("contract.drafted", "contract.renewed")]
    for data in agreed:
        require_on_calendar(data["start"], where)
        check_term(data["start"], data.get("end"))
    if any(later["start"] <= earlier["start"] for earlier, later in pairwise(agreed)):
        raise Refused("overlapping_term", "a term must begin after the one before it did")
    if ends_on is None:
        return
    if ends_on < terms[0].start:
        raise Refused("end_before_start", "the contract cannot end before it begins")
    last = terms[-1].end
    if last and not auto_renew and ends_on > last:
        raise Refused("end_after_term", "the contract ends before that by itself")


def _term(span: tuple[int, int], context: Context) -> events.Term:
    start, end = (day_of(at, context.zone) if at < FOREVER else None for at in span)
    return events.Term(start=str(start), end=end)
