"""What decisions need to know of a contract, folded from its events."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.domain.contract import events
from app.domain.contract import schedule as schedules
from app.domain.contract.facts import as_corrected
from app.domain.contract.schedule import Schedule
from app.domain.contract.term_days import TERM_MONTHS, AgreedTerm, agreed_term
from app.domain.kernel.context import Context
from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class ContractState:
    """What decisions need of a contract. `history` is what its schedule is built from.

    notice_end, notice_by: of a notice that is in effect. agreed: the terms that somebody agreed on, by start. cycle: the id of the open
    renewal cycle, where a correction has moved its due day.
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
    noticed: bool = False
    suspended: bool = False
    expired: bool = False
    notice_end: str | None = None
    notice_by: str | None = None
    agreed: tuple[AgreedTerm, ...] = ()
    cycle: str | None = None
    amendments: int = 0
    history: tuple[Recorded, ...] = ()

    def schedule(self, context: Context) -> Schedule:
        """What is paid when, as known now."""
        return schedules.build(self.history, context.zone)

    def ends_at(self, context: Context) -> int:
        """The instant from which it is in force no more; for one that never was, the beginning of time."""
        windows = self.schedule(context).windows() if self.signed else ()
        return windows[-1][1] if windows else -FOREVER

    @property
    def renewal(self) -> str | None:
        """The reference of the renewal cycle of the current term."""
        return self.cycle or (f"ref:{self.contract}@{self.end}" if self.end else None)

    @property
    def term_months(self) -> int:
        """How long a term is that follows by itself."""
        return self.renewal_term_months or TERM_MONTHS

    @property
    def policy(self) -> str:
        """The reference of the rules by which it is renewed."""
        return "ref:renewal@default"

    @property
    def ends_on(self) -> str | None:
        """The first day without it if nothing more happens; none when it goes on."""
        return self.notice_end if self.noticed else None if self.auto_renew else self.end


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
        case events.NoticeGiven() as notice:
            return replace(state, noticed=True, notice_end=notice.effective_end, notice_by=notice.by)
        case events.NoticeWithdrawn():
            return replace(state, noticed=False, notice_end=None, notice_by=None)
        case events.ContractSuspended():
            return replace(state, suspended=True)
        case events.ContractResumed():
            return replace(state, suspended=False)
        case events.ContractRenewed() as renewed:
            agreed = state.agreed if renewed.automatic else _agreed_terms(state.history, state.term_months)
            return replace(
                state,
                end=renewed.end,
                agreed=agreed,
                noticed=False,
                notice_end=None,
                notice_by=None,
                expired=False,
                cycle=None,
            )
        case events.ContractExpired():
            return replace(state, expired=True)
        case events.TermsCorrected() as corrected:
            return _corrected(state, corrected)
        case events.ContractTerminated():
            return replace(state, terminated=True)
        case _:
            return state


def _agreed_terms(history: Iterable[Recorded], term_months: int) -> tuple[AgreedTerm, ...]:
    """The terms that somebody agreed on, by start, as corrections say they were."""
    spans = sorted(
        (event.data["start"], event.data.get("end") or "")
        for event in as_corrected(history)
        if event.type in ("contract.drafted", "contract.renewed") and not event.data.get("automatic")
    )
    agreed: list[AgreedTerm] = []
    for start, end in spans:
        agreed.append(agreed_term(start, end or None, agreed[-1] if agreed else None, term_months))
    return tuple(agreed)


def _corrected(state: ContractState, corrected: events.TermsCorrected) -> ContractState:
    """The state with the members that an event should have had."""
    noticed = corrected.corrected == "contract.notice_given"
    first, last = corrected.terms[0], corrected.terms[-1]
    return replace(
        state,
        start=first.start,
        end=last.end,
        agreed=_agreed_terms(state.history, state.term_months),
        auto_renew=state.auto_renew if corrected.auto_renew is None else corrected.auto_renew,
        notice_days=state.notice_days if corrected.notice_days is None else corrected.notice_days,
        notice_end=corrected.effective_end if noticed else state.notice_end,
        cycle=corrected.renewal or state.cycle,
    )
