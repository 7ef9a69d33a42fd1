"""Contract ends: how a contract came to its end at an instant, of its facts, as churn is counted by it.

Source: docs/kpis.md, churned_mrr; the words are those of renewals.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.facts import as_corrected
from app.domain.contract.terms import ContractTerms, TermFact, apply_to_terms
from app.domain.recorded import Recorded
from projections.views.renewals.outcome import EXPIRED, NOTICE


class ContractEnd(NamedTuple):
    """How a contract ended: why, whether the client decided it, and to whom it went, as far as that is known."""

    reason: str | None = None
    voluntary: bool | None = None
    competitor: str | None = None

    def named(self, by: str) -> str | None:
        """One of its members as a group is named."""
        value = getattr(self, by)
        return str(value).lower() if by == "voluntary" and value is not None else value


UNKNOWN: Final = ContractEnd()
"""Of what pays nothing though its contract goes on: its lines were taken off it, or cost nothing any more."""


def contract_end(history: Sequence[Recorded], at: int, where: ZoneInfo) -> ContractEnd:
    """How a contract ended at an instant: by a termination, by a notice, or because its term was over and nobody renewed it.

    Takes: its events; an instant, microseconds, that of a notice which still stands for the end that it brings.
    """
    terms = ContractTerms()
    for event in history:
        terms = apply_to_terms(terms, event, where)
    if at == terms.noticed_at:
        at = terms.until
    fact = _ending(terms, at)
    if fact is not None:
        data = next(event.data for event in as_corrected(history) if event.event_id == fact.source)
        return _by_termination(data) if fact.kind == "terminated" else ContractEnd(NOTICE, data["by"] == "client")
    if any(end == at for _, end in terms.windows()):
        return ContractEnd(EXPIRED, voluntary=False)
    return UNKNOWN


def _ending(terms: ContractTerms, at: int) -> TermFact | None:
    """The termination or the notice that ended a contract at an instant: what begins or ends it later changes nothing about that."""
    then = terms.read_again(fact for fact in terms.facts if not _is_later(fact, at))
    if then.until != at:
        return None
    ends = (fact for fact in reversed(then.facts) if fact.kind in ("terminated", "notice_given"))
    return next((fact for fact in ends if fact.end == at), None)


def _is_later(fact: TermFact, at: int) -> bool:
    """Whether a fact is about what runs after an instant: a term that begins behind a gap, or a later end."""
    return (fact.kind == "renewed" and fact.start >= at) or (fact.kind == "terminated" and fact.end > at)


def _by_termination(data: Any) -> ContractEnd:
    return ContractEnd(data["reason"], data["voluntary"], data.get("competitor"))
