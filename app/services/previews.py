"""Previews: what a request would append, and which figures it would move. Nothing is appended, and no key is used up.

The events are decided by the handler's own planner. The figures are those of a ledger in memory, with these events and without
them: the views' own folds and the KPIs' own functions, never a second arithmetic.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from app import kpi_queries
from app.domain.kernel.values import FOREVER, LAST, instant, unscaled
from app.domain.proposal.aggregate import PROPOSAL
from app.domain.proposal.state import ProposalState
from app.domain.recorded import Recorded
from app.kpi_queries import KpiQuery, Scope
from app.kpi_queries.sources import views_of
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.read_side.trial_ledger import TrialLedger
from app.write_side.rehearsal import Rehearsal
from projections.views import accounts, policies, policy_rules, run_rates

KPI: Final = "mrr"
_VIEWS: Final = tuple(
    {view.name: view for view in (*views_of(KPI), accounts.VIEW, policies.VIEW, policy_rules.VIEW)}.values()
)
_RATES: Final = run_rates.VIEW
_LONGEST: Final = 16
"""How many instants are tried until one is found at which the figure moves."""


class Figure(NamedTuple):
    """A figure that would move. of: the account or the proposal that it is of; as_of: microseconds, from when it moves."""

    name: str
    of: str
    currency: str | None
    as_of: int
    before: str | None
    after: str | None

    def body(self) -> dict[str, Any]:
        """The same as JSON."""
        return {**self._asdict(), "as_of": instant(self.as_of)}


def body_of(reader: Reader, tenant_id: str, rehearsal: Rehearsal) -> dict[str, Any]:
    """What would be appended and which figures would move, decided at which position."""
    return {
        "events": events_of(rehearsal),
        "figures": figures_of(reader, tenant_id, rehearsal),
        "position": rehearsal.head,
    }


def events_of(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """The events that were rehearsed, as the feed would show them once they are appended, without what only an append gives."""
    return [
        {
            "type": event.type,
            "subject": event.account_id,
            "time": instant(event.effective_at),
            "data": data,
            "stream": event.stream_id,
            "version": event.version,
            "schema": event.schema_version,
        }
        for event, data in rehearsal.opened()
    ]


def figures_of(reader: Reader, tenant_id: str, rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """The figures that would move: recurring revenue of accounts, margins of proposals."""
    return [
        figure.body()
        for figure in (*_revenue(reader, tenant_id, rehearsal), *_margins(tenant_id, rehearsal))
        if figure.before != figure.after
    ]


def _revenue(reader: Reader, tenant_id: str, rehearsal: Rehearsal) -> Iterator[Figure]:
    events = [event for plan in rehearsal.plans for event in plan.events]
    moved = dict.fromkeys(event.account_id for event in events if event.account_id and event.type in _RATES.on)
    for account in moved:
        with TrialLedger(reader, tenant_id, account, rehearsal.head, _VIEWS) as trial:
            before = _rates(trial.reader, tenant_id, account, trial.known)
            tried = trial.add([event for event in events if event.account_id == account])
            after = _rates(trial.reader, tenant_id, account, tried)
            for currency in sorted({row.currency for row in after if row.currency}):
                changes = _changes(before, after, currency)
                yield _first_move(
                    trial, tenant_id, account, currency=currency, tried=tried, events=events, changes=changes
                )


def _first_move(
    trial: TrialLedger,
    tenant_id: str,
    account: str,
    *,
    currency: str,
    tried: int,
    events: Sequence[Recorded],
    changes: Sequence[int],
) -> Figure:
    """The figure now, or once everything is effective, where it moves then; else at the first instant later at which it moves."""
    now = trial.reader.clock()
    latest = max([now, *(event.effective_at for event in events)])
    instants = [now, latest, *(at for at in changes if at > now)][:_LONGEST]
    query = KpiQuery(KPI, scope=Scope(account=account, currency=currency))

    def at(as_of: int, position: int) -> str | None:
        value: str | None = kpi_queries.evaluate(trial.reader, tenant_id, query, When(as_of, position, now=False))[
            "value"
        ]
        return value

    known = trial.known
    for as_of in instants:
        before = at(as_of, known) if known else None
        after = at(as_of, tried)
        if before != after:
            return Figure(KPI, account, currency, as_of, before, after)
    return Figure(KPI, account, currency, latest, None, None)


def _rates(reader: Reader, tenant_id: str, account: str, position: int) -> list[run_rates.RunRate]:
    rows, _ = reader.select(tenant_id, _RATES, run_rates.of_account(account), When(LAST, position, now=True))
    return [row._replace(node=None) for row in rows if not row.contract]


def _changes(before: Sequence[run_rates.RunRate], after: Sequence[run_rates.RunRate], currency: str) -> list[int]:
    """The instants at which what is paid may change, where rows differ."""
    differing = {(row.valid_from, row.valid_to, row.annual) for row in before if row.currency == currency} ^ {
        (row.valid_from, row.valid_to, row.annual) for row in after if row.currency == currency
    }
    ends = {at for start, end, _ in differing for at in (start, end) if at < FOREVER}
    return sorted(ends)


def _margins(tenant_id: str, rehearsal: Rehearsal) -> Iterator[Figure]:
    states: dict[str, ProposalState] = {
        stream: versioned.state
        for plan in rehearsal.plans
        for stream, versioned in plan.states.items()
        if isinstance(versioned.state, ProposalState)
    }
    for stream, after in states.items():
        before = PROPOSAL.fold(rehearsal.log.stream(tenant_id, stream))
        yield Figure(
            "margin",
            stream,
            after.currency,
            rehearsal.clock(),
            unscaled(before.offer.margin) if before.version else None,
            unscaled(after.offer.margin),
        )
