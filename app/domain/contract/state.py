"""What decisions need to know of a contract, folded from its events."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.domain.contract import events
from app.domain.contract import schedule as schedules
from app.domain.contract.facts import as_corrected, standing_notice
from app.domain.contract.schedule import Schedule
from app.domain.contract.term_days import TERM_MONTHS, AgreedTerm, agreed_term
from app.domain.contract.terms import ContractTerms, apply_to_terms
from app.domain.kernel.context import Context
from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class ContractState:
    """What decisions need of a contract. `history` is what its schedule is built from.

    end: of the term that was recorded last. agreed: the terms that somebody agreed on, by start. notice: the one that is in effect, by the
    order in which things were decided. expired: the end that was recorded as an expiry and still stands. went_on: the day from which
    its going on by itself was recorded last. moved: a due day that a correction made, and the id of the cycle that it moved.
    """

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
    notice: Recorded | None = None
    expired: str | None = None
    went_on: str = ""
    agreed: tuple[AgreedTerm, ...] = ()
    moved: tuple[str, str] | None = None
    amendments: int = 0
    history: tuple[Recorded, ...] = ()

    def schedule(self, context: Context) -> Schedule:
        """What is paid when, as known now."""
        return schedules.build(self.history, context.zone)

    def ends_at(self, context: Context) -> int:
        """The instant from which it is in force no more; for one that never was, the beginning of time."""
        windows = self.schedule(context).windows() if self.signed else ()
        return windows[-1][1] if windows else -FOREVER

    def amended_by(self, scope_change: str) -> bool:
        """Whether an amendment names a scope change as what led to it."""
        return any(
            event.type == "contract.amended" and event.data.get("scope_change") == scope_change
            for event in self.history
        )

    def agreed_by(self, at: int) -> tuple[AgreedTerm, ...]:
        """The terms that had been agreed on by an instant, by start."""
        return _agreed_terms(self.history, self.term_months, at)

    @property
    def notice_end(self) -> str | None:
        """The first day without the contract by a notice that is in effect."""
        return None if self.notice is None else self.notice.data["effective_end"]

    @property
    def term_months(self) -> int:
        """How long a term is that follows by itself."""
        return self.renewal_term_months or TERM_MONTHS

    @property
    def policy(self) -> str:
        """The reference of the rules by which it is renewed."""
        return "ref:renewal@default"

    def terms(self, context: Context) -> ContractTerms:
        """Its terms, as known now."""
        terms = ContractTerms()
        for recorded in self.history:
            terms = apply_to_terms(terms, recorded, context.zone)
        return terms


def evolve(state: ContractState, recorded: Recorded) -> ContractState:
    """The state after one more event."""
    state = replace(state, history=(*state.history, recorded))
    match recorded.event:
        case events.ContractDrafted() as drafted:
            return replace(
                state,
                account=drafted.account,
                contract=recorded.stream_id,
                currency=drafted.currency,
                start=drafted.start,
                end=drafted.end,
                agreed=(agreed_term(drafted.start, drafted.end),),
                auto_renew=drafted.auto_renew,
                notice_days=drafted.notice_days,
                renewal_term_months=drafted.renewal_term_months,
            )
        case events.ContractSigned():
            return replace(state, signed=True)
        case events.ContractAmended(amendment_no=number):
            return replace(state, amendments=number)
        case events.NoticeGiven() | events.NoticeWithdrawn():
            return replace(state, notice=_notice(state.history), expired=None)
        case events.ContractRenewed(automatic=True, start=start, end=end):
            return replace(state, end=end, went_on=max(state.went_on, start))
        case events.ContractRenewed():
            agreed = _agreed_terms(state.history, state.term_months)
            notice = _notice(state.history)
            return replace(
                state, end=agreed[-1].end if agreed else None, agreed=agreed, notice=notice, expired=None, moved=None
            )
        case events.ContractExpired(end=end):
            return replace(state, expired=end)
        case events.TermsCorrected() as corrected:
            return _corrected(state, corrected)
        case events.ContractTerminated():
            return replace(state, terminated=True)
        case _:
            return state


def decided(recorded: Recorded) -> tuple[int, int]:
    """By what facts are read: when one was decided, and its place among those of the same instant."""
    return min(recorded.effective_at, recorded.recorded_at), recorded.version


def _notice(history: Iterable[Recorded]) -> Recorded | None:
    """The notice that is in effect, by the order in which things were decided."""
    return standing_notice(sorted(as_corrected(history), key=decided))


def _agreed_terms(history: Iterable[Recorded], term_months: int, by: int = FOREVER) -> tuple[AgreedTerm, ...]:
    """The terms that somebody agreed on by an instant, by start, as corrections say they were."""
    spans = sorted(
        (event.data["start"], event.data.get("end") or "")
        for event in as_corrected(history)
        if event.type == "contract.drafted"
        or (event.type == "contract.renewed" and not event.data.get("automatic") and decided(event)[0] <= by)
    )
    agreed: list[AgreedTerm] = []
    for start, end in spans:
        agreed.append(agreed_term(start, end or None, agreed[-1] if agreed else None, term_months))
    return tuple(agreed)


def _corrected(state: ContractState, corrected: events.TermsCorrected) -> ContractState:
    """The state with the members that an event should have had."""
    agreed = _agreed_terms(state.history, state.term_months)
    end = agreed[-1].end if agreed else None
    return replace(
        state,
        start=agreed[0].start if agreed else state.start,
        end=end,
        agreed=agreed,
        auto_renew=state.auto_renew if corrected.auto_renew is None else corrected.auto_renew,
        notice_days=state.notice_days if corrected.notice_days is None else corrected.notice_days,
        notice=_notice(state.history),
        expired=None,
        moved=(end, corrected.renewal) if corrected.renewal and end else state.moved,
    )
