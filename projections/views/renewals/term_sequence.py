"""The terms of a contract by the facts that there are at an instant: which follow one another, and what becomes of each end. Pure.

Source: docs/kpis.md#renewals, which says in prose what is decided here.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.facts import standing_notice
from app.domain.contract.term_days import TERM_MONTHS, AgreedTerm, agreed_term
from app.domain.kernel.values import FOREVER, day_start
from projections.views.renewals.fact import TERMS, Fact

AHEAD: Final = 2
"""How many due days behind the newest fact are worked out, where terms follow by themselves."""
OPEN: Final = "open"
RENEWED: Final = "renewed"
LOST: Final = "lost"


class Due(NamedTuple):
    """The end of a term, a day, and what becomes of it.

    begins: when the term began by itself; None for one that was agreed. closes: the instant where it really ends; follows: that at which
    what goes on is read. by: the fact that renewed it or that ends it. last: whether no term follows it.
    """

    day: str
    term_start: str
    begins: int | None
    closes: int
    follows: int
    outcome: str
    by: Fact | None
    agreed: Fact
    auto_renew: bool
    last: bool = False


class _Term(NamedTuple):
    """A term that somebody agreed on. cut: where a notice that the renewal voided had ended the contract before."""

    start: str
    end: str | None
    fact: Fact
    cut: str | None = None


class Agreement(NamedTuple):
    """What is agreed at an instant. ends_by: the notice or termination that stands."""

    terms: Sequence[_Term]
    ends_by: Fact | None
    auto_renew: bool
    months: int
    notice_days: int


def agreement_of(facts: Sequence[Fact]) -> Agreement | None:
    """What facts, in order, agree on; None before the signature."""
    of_terms = [fact for fact in facts if fact.type in TERMS]
    latest = {fact.type: fact for fact in of_terms}
    drafted, signed = latest.get("contract.drafted"), latest.get("contract.signed")
    if drafted is None or signed is None:
        return None
    data = drafted.data
    renewals = [_renewal(of_terms, at) for at, fact in enumerate(of_terms) if fact.type == "contract.renewed"]
    terms = [_Term(data["start"], data.get("end"), signed), *sorted(renewals, key=lambda term: term.start)]
    ends_by = latest.get("contract.terminated") or standing_notice(of_terms)
    months = data.get("renewal_term_months") or TERM_MONTHS
    auto_renew, notice_days = data.get("auto_renew", False), data.get("notice_days", 0)
    return Agreement(terms, ends_by, auto_renew, months, notice_days)


def _renewal(of_terms: Sequence[Fact], at: int) -> _Term:
    """The term that a renewal agreed on. Takes: facts in order, and where it is among them."""
    fact, notice = of_terms[at], standing_notice(of_terms[:at])
    cut = None if notice is None else str(notice.data["effective_end"])
    return _Term(fact.data["start"], fact.data.get("end"), fact, cut)


def due_days(agreement: Agreement, until: int, where: ZoneInfo) -> Iterator[Due]:
    """The ends of terms, in order: of each that is agreed, and of each that begins by itself before an instant."""
    ends_by, months = agreement.ends_by, agreement.months
    ends_on = None if ends_by is None else str(ends_by.data["effective_end"])
    terms = [term for at, term in enumerate(agreement.terms) if at == 0 or ends_on is None or term.start < ends_on]
    chain: AgreedTerm | None = None
    for at, term in enumerate(terms):
        chain = agreed_term(term.start, term.end, chain, months)
        following = terms[at + 1] if at + 1 < len(terms) else None
        for start, end in _chained(chain, months, auto_renew=agreement.auto_renew):
            begins = day_start(start, where) if end != term.end else None
            if begins is not None and begins >= until:
                break
            due, last = _due(end, following, ends_by, auto_renew=agreement.auto_renew)
            renewal = following if due.outcome == RENEWED else None
            if renewal is not None and renewal.end is not None and renewal.end <= end:
                break  # what ends no later is decided at its own end: a due day has one decision
            follows = end if renewal is None else renewal.start
            yield Due(
                day=end,
                term_start=start,
                begins=begins,
                closes=day_start(due.closes, where),
                follows=day_start(follows, where),
                outcome=due.outcome,
                by=due.by,
                agreed=term.fact,
                auto_renew=agreement.auto_renew,
                last=last and following is None,
            )
            if last:
                break


class _Closing(NamedTuple):
    closes: str
    outcome: str
    by: Fact | None


def _due(end: str, following: _Term | None, ends_by: Fact | None, *, auto_renew: bool) -> tuple[_Closing, bool]:
    """What becomes of the end of a term. Gives: also whether the terms that follow by themselves stop here."""
    if following is not None:
        closes = min(end, following.start, following.cut or end)
        if following.start <= end or not auto_renew or (following.cut is not None and following.cut <= end):
            return _Closing(closes, RENEWED, following.fact), True
        return _Closing(end, OPEN, None), False
    if ends_by is not None:
        ends_on = str(ends_by.data["effective_end"])
        if ends_on <= end or not auto_renew:
            outcome = LOST if ends_by.type == "contract.terminated" else OPEN
            return _Closing(min(ends_on, end), outcome, ends_by), True
    return _Closing(end, OPEN, None), not auto_renew


def _chained(chain: AgreedTerm, months: int, *, auto_renew: bool) -> Iterator[tuple[str, str]]:
    """A term that was agreed, and those that follow it by themselves."""
    if chain.end is None:
        return
    yield chain.start, chain.end
    if auto_renew:
        yield from chain.terms_behind(months)


class TermSequence(NamedTuple):
    """What falls due by the facts at an instant, with all that begins by itself until then and a little ahead.

    horizon: from when on later terms are not worked out; `FOREVER` where there are none. good_until: until when it reaches far enough.
    """

    agreement: Agreement
    dues: tuple[Due, ...]
    horizon: int = FOREVER
    good_until: int = FOREVER


def sequence_of(facts: Sequence[Fact], reached: int, where: ZoneInfo) -> TermSequence | None:
    """What falls due by facts in order, worked out until an instant and `AHEAD` due days behind it; None before the signature."""
    agreement = agreement_of(facts)
    if agreement is None:
        return None
    dues: list[Due] = []
    ahead: list[Due] = []
    for due in due_days(agreement, FOREVER, where):
        dues.append(due)
        if due.agreed is agreement.terms[-1].fact and due.by is None and due.closes > reached:
            ahead.append(due)
            if len(ahead) == AHEAD:
                break
    if len(ahead) == AHEAD and not dues[-1].last:
        return TermSequence(agreement, tuple(dues), dues[-1].closes, ahead[0].closes)
    return TermSequence(agreement, tuple(dues))
