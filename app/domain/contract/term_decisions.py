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
from app.domain.contract.cycles import follows_on, term_end, term_of
from app.domain.contract.decisions import preview, require_binding, require_live, require_order, terms_then
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
from app.domain.contract.state import ContractState, decided
from app.domain.contract.terms import ContractTerms, apply_to_terms
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.denomination import require_in
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
    terms, by = terms_then(state, context), min(context.effective_at, context.now)
    ends = _day(terms.ends(), context)
    noticed = terms.noticed_at is not None
    start = command.start or (ends if noticed else follows_on(state, context.day, by))
    if start is None:
        raise Refused("open_ended", "an open-ended contract has no end to renew from; name a start")
    check_term(start, command.end)
    if command.retroactive and ends and start > ends:
        _require_grace(ends, start, context)
        start = ends
    require_order(state, "renewed", context, day_start(start, context.zone))
    if command.lines:
        require_in(state.currency, *command.lines)
        check_lines(command.lines, start, command.end)
        _require_unchanged_lines(state, start, context)
    previous_end = ends or term_end(state, add_days(start, -1))
    event = events.ContractRenewed(
        start=start,
        end=command.end,
        previous_end=previous_end,
        timing=_timing(previous_end, command, start),
        retroactive=command.retroactive,
        lines=recorded_lines(command.lines) if command.lines else None,
        closes=min(ends or start, start),
    )
    return _renewed(state, event, context)


def renew_automatically(state: ContractState, _command: RenewAutomatically, context: Context) -> tuple[Decided, ...]:
    """The term that runs by itself at that time recorded, and the cycle before it won.

    It invents no past: terms before that one need nobody who records them. Raises: Refused unless it renews itself and the day has come.
    """
    require_binding(state, context)
    if not state.auto_renew or state.agreed[-1].end is None:
        raise Refused("not_auto_renewing", "the contract does not renew itself")
    day = day_of(min(context.effective_at, context.now), context.zone)
    start, end = term_of(state, day)
    if day < state.agreed[-1].end or start <= state.went_on:
        raise Refused("not_due", "the term has not ended yet")
    if state.terms(context).until <= day_start(start, context.zone):
        raise Refused("notice_given", "notice was given; the contract does not renew itself")
    event = events.ContractRenewed(
        start=start, end=end, previous_end=start, timing="on_time", automatic=True, closes=start
    )
    return _renewed(state, event, context)


def expire(state: ContractState, _command: ExpireContract, context: Context) -> tuple[Decided, ...]:
    """The end of a term that nobody renewed, its cycle lost. Raises: Refused while the contract goes on."""
    if state.terminated:
        raise Refused("contract_terminated", "the contract was terminated")
    if not state.signed:
        raise Refused("contract_not_signed", "what never began does not end")
    end = _day(state.terms(context).ends(), context)
    if end is None or day_start(end, context.zone) > context.now:
        raise Refused("not_ended", "the contract goes on")
    if state.expired == end:
        raise Refused("contract_expired", "the contract has expired already")
    voluntary = state.notice is not None and state.notice.data["by"] == "client"
    event_id, value = context.new_id("evt"), _value_before(state, end, context)
    return (
        Decided(events.ContractExpired(end=end, voluntary=voluntary), event_id=event_id),
        *lost(context, event_id, value, "expired", voluntary=voluntary, gives_way=by_watchers(state)),
    )


def terminate(state: ContractState, command: TerminateContract, context: Context) -> tuple[Decided, ...]:
    """The end, and its renewal cycle lost. Raises: Refused for an end outside the term."""
    if state.terminated:
        raise Refused("contract_terminated", "the contract was terminated; a return is a new contract")
    require_binding(state, context)
    if command.effective_end < state.start:
        raise Refused("end_before_start", "the contract cannot end before it begins")
    last = state.agreed[-1].end
    if last and not state.auto_renew and command.effective_end > last:
        raise Refused("end_after_term", "the contract ends before that by itself")
    event_id = context.new_id("evt")
    event = events.ContractTerminated(
        effective_end=command.effective_end,
        reason=command.reason,
        voluntary=command.voluntary,
        competitor=command.competitor,
    )
    value = _value_before(state, command.effective_end, context)
    outcome = lost(context, event_id, value, command.reason, voluntary=command.voluntary, gives_way=by_watchers(state))
    return Decided(event, event_id=event_id), *outcome


def by_watchers(state: ContractState) -> frozenset[str]:
    """The events that a watcher recorded because nobody said otherwise; an outcome by one of them gives way to a fact."""
    return frozenset(
        event.event_id
        for event in state.history
        if event.type == "contract.expired" or (event.type == "contract.renewed" and event.data.get("automatic"))
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
        require_in(state.currency, *command.changes)
        decided.append(_corrected_lines(state, named, command, before, start, context))
    return tuple(decided)


# --- further terms ---


def _renewed(state: ContractState, event: events.ContractRenewed, context: Context) -> tuple[Decided, ...]:
    event_id = context.new_id("evt")
    before = state.schedule(context)
    after = schedules.apply(before, preview(event, event_id, context.stream_id, state, context), context.zone)
    value = after.annual_at(day_start(event.start, context.zone))
    return (Decided(event, event_id=event_id), *won(context, event_id, value, by_watchers(state)))


def _require_unchanged_lines(state: ContractState, start: str, context: Context) -> None:
    """Raises: Refused for lines that begin anew where what was decided later has changed them: it would be lost."""
    by, begins = min(context.effective_at, context.now), day_start(start, context.zone)
    for event in state.history:
        changed = event.type in ("contract.amended", "contract.corrected") and event.effective_at >= begins
        renewed = event.type == "contract.renewed" and event.data.get("lines") and event.data["start"] > start
        if (changed or renewed) and decided(event)[0] > by:
            raise Refused("lines_changed_since", "what is recorded already changed the lines after this was decided")


def _require_grace(ends: str, start: str, context: Context) -> None:
    days = rules_in_force(context, RenewalRules(), start).grace_days
    if start > add_days(ends, days):
        raise Refused("grace_exceeded", f"a gap of more than {days} days cannot be closed afterwards")


def _timing(ended: str | None, command: RenewContract, start: str) -> str:
    """Whether a renewal is early or late. Takes: the end by notice, or of the term that runs until the new one."""
    if ended is None or start < ended:
        return "early"
    return "late" if start > ended or command.retroactive else "on_time"


def _day(at: int, context: Context) -> str | None:
    """The day of an instant; none for one that never comes."""
    return day_of(at, context.zone) if at < FOREVER else None


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
    if named.type == "contract.notice_given" and (state.notice is None or state.notice.event_id != named.event_id):
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
    moves = cycle is not None and cycle.outcome is None and terms[-1].end not in (None, state.agreed[-1].end)
    return events.TermsCorrected(
        corrects=named.event_id,
        corrected=named.type,
        terms=terms,
        ends_on=ends_on,
        renewal=context.ids["renewal"] if moves else None,
        **members,
    )


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
