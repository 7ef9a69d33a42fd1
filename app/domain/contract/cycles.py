"""Which renewal cycle a command is about: the contract, and the due day of the term that runs, is renewed or ends. Pure."""

from app.domain.contract.commands import CorrectContract, RenewContract, TerminateContract
from app.domain.contract.state import ContractState
from app.domain.kernel.rights import Authored
from app.domain.kernel.values import days_earlier


def term_of(state: ContractState, day: str) -> tuple[str, str | None]:
    """The term that a day falls into; terms of a contract that renews itself follow one another."""
    agreed = next((term for term in reversed(state.agreed) if term.start <= day), state.agreed[0])
    if agreed.end is None or not state.auto_renew:
        return agreed.start, agreed.end
    return agreed.term_at(day, state.term_months)


def term_end(state: ContractState, day: str) -> str | None:
    """The end of the term that a day falls into."""
    return term_of(state, day)[1]


def follows_on(state: ContractState, day: str, by: int | None = None) -> str | None:
    """The next day that is due, on which a renewal that names no start begins: the end of the last agreed term, or of the running one.

    Takes: `by`, the instant until which terms were agreed; else all count.
    """
    agreed = state.agreed_by(by)[-1] if by is not None else state.agreed[-1]
    if agreed.end is None or not state.auto_renew:
        return agreed.end
    return agreed.term_at(day, state.term_months)[1]


def cycle_of(state: ContractState, due: str | None) -> str | None:
    """The reference or id of the cycle of a due day."""
    if due is None:
        return None
    return state.moved[1] if state.moved and state.moved[0] == due else f"ref:{state.contract}@{due}"


def begun(state: ContractState, _command: object, day: str) -> str | None:
    """The cycle whose due day began the term that runs on a day."""
    return cycle_of(state, term_of(state, day)[0])


def renewed(state: ContractState, command: RenewContract, day: str) -> str | None:
    """The cycle of the term that a renewal follows."""
    start = command.start or state.notice_end or follows_on(state, day)
    return cycle_of(state, term_end(state, days_earlier(start, 1))) if start else None


def ended(state: ContractState, command: TerminateContract, _day: str) -> str | None:
    """The cycle of the last term that a termination leaves."""
    return cycle_of(state, term_end(state, days_earlier(command.effective_end, 1)))


def expired(state: ContractState, _command: object, day: str) -> str | None:
    """The cycle of the last term before a day by which the contract has ended."""
    ends = state.notice_end or state.agreed[-1].end
    return cycle_of(state, term_end(state, days_earlier(ends or day, 1)))


def last_agreed(state: ContractState, _command: object, _day: str) -> str | None:
    """The cycle of the last term that somebody agreed on."""
    return cycle_of(state, state.agreed[-1].end)


def corrected(state: ContractState, command: CorrectContract) -> Authored | None:
    """Who appended the event that a correction names."""
    return next((event.authored for event in state.history if event.event_id == command.corrects), None)
