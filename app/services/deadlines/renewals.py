"""Renewal deadlines: cycles are opened ahead of the due day, milestones noted, and terms that nobody decided renewed or expired.

A pass reads the renewals view, as everybody does, and appends through the handler. What it appends is effective when the deadline was,
however late the pass runs. It invents no past: the term that is running gets its cycle, and only a term whose cycle is open is ever
noted as renewed or expired. No figure reads what is appended here; it follows from the same facts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from app.domain.kernel.errors import DomainError, Unavailable
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import day_of
from app.kpi_queries.renewal_policies import passed_by, renewal_rules, rules_on
from app.observe.logs import logger
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.services.deadlines.due_actions import Day, DeadlineAction, due_actions
from app.store.receipts import Receipt, Request, fingerprint
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler
from projections.views import renewals
from projections.views.renewals import Renewal

WATCHER: Final = Principal("system:renewals")
PAGE: Final = 200
ROUNDS: Final = 200
"""How often a pass goes over what its own appends made due: a term that began automatically may have ended by now, too."""
PAUSE_AFTER_REFUSAL: Final = 60_000_000
"""For how long, in microseconds, no action of a refused term is tried again."""
RACED: Final = frozenset({"external_ref_taken", "renewal_closed", "milestone_reached"})
"""Codes of refusals which only say that another worker was faster."""


@dataclass
class PassResult:
    """What a pass did: how many of each, and what was refused, by contract, due day and code.

    until: the end of the tenant's day; more: whether something is left for the next pass.
    """

    until: int = 0
    opened: int = 0
    milestones: int = 0
    renewed: int = 0
    expired: int = 0
    refusals: list[tuple[str, str, str]] = field(default_factory=list)
    more: bool = False

    @property
    def refused(self) -> int:
        """How many were refused."""
        return len(self.refusals)

    @property
    def appended(self) -> int:
        """How many were appended."""
        return self.opened + self.milestones + self.renewed + self.expired

    def body(self) -> dict[str, Any]:
        """The same as JSON."""
        refused = [{"contract": contract, "due": due, "code": code} for contract, due, code in self.refusals]
        counts = {name: getattr(self, name) for name in ("opened", "milestones", "renewed", "expired")}
        return {**counts, "refused": refused}


class RenewalDeadlines:
    """Appends what renewal deadlines demand. Takes: the handler that appends, the reader of the view, a clock of microseconds."""

    def __init__(self, handler: Handler, reader: Reader, clock: Callable[[], int]) -> None:
        self.handler = handler
        self.reader = reader
        self.clock = clock
        self._paused: dict[tuple[str, str, str], int] = {}

    def run_once(self, tenant_id: str, limit: int | None = None) -> PassResult:
        """One pass over what may be due, once the views have read the log.

        Takes: `limit`, after about how many appends or refusals the pass ends; the next pass does the rest. With a limit the pass does
        not wait for the views to read what it appended either: it runs again once they have.
        Raises: Unavailable when the database is away.
        """
        result = PassResult()
        for _ in range(ROUNDS):
            before = result.appended
            day = self._day(tenant_id)
            result.until = day.start(day.today, 1)
            for rows in self._pages(tenant_id, day):
                actions = [action for row in rows for action in self._due(tenant_id, row, day)]
                self._append(tenant_id, actions, result)
                if limit is not None and result.appended + result.refused >= limit:
                    result.more = True
                    return result
            if result.appended == before or limit is not None:
                return result
            self.reader.projector.catch_up(tenant_id)
        result.more = True
        return result

    # --- what may be due ---

    def _day(self, tenant_id: str) -> Day:
        now, zone = self.clock(), self.handler.zone(tenant_id)
        today, spans = day_of(now, zone), renewal_rules(self.reader, tenant_id, None)
        return Day(now, today, zone, rules_on(spans, today), passed_by(spans, now, zone))

    def _pages(self, tenant_id: str, day: Day) -> Iterator[Sequence[Renewal]]:
        """Rows of which something may be due, in pages, each read behind the last row of the page before."""
        first, *milestones = day.rules.lead_days
        coming = renewals.to_be_opened(day.now, day.start(day.today, first))
        reached = {days: day.start(day.today, days) for days in milestones}
        watched = renewals.watched(day.now, reached, max(span.over for span in day.passed.grace))
        for conditions in (coming, watched):
            page = conditions
            while True:
                rows, _ = self.reader.select(
                    tenant_id,
                    renewals.VIEW,
                    page,
                    When(day.now, None, now=True),
                    order=renewals.BY_DUE_DAY,
                    limit=PAGE,
                )
                yield rows
                if len(rows) < PAGE:
                    break
                page = [*conditions, renewals.behind(rows[-1])]

    def _due(self, tenant_id: str, row: Renewal, day: Day) -> list[DeadlineAction]:
        if self._paused.get((tenant_id, row.contract, row.due), 0) > day.now:
            return []
        try:
            return list(due_actions(row, day))
        except ValueError:  # a day beyond the calendar is never reached
            return []

    # --- appending ---

    def _append(self, tenant_id: str, actions: Sequence[DeadlineAction], result: PassResult) -> None:
        """Appends what is due; a contract that cannot be handled does not hold up the others."""
        if not actions:
            return
        try:
            outcomes = self._handle(tenant_id, actions)
        except DomainError:
            raise
        except Exception:  # noqa: BLE001 - one of them is poison: each contract alone shows which
            outcomes = []
            for _, group in groupby(actions, key=lambda action: action.contract):
                outcomes += self._handle_alone(tenant_id, list(group))
        failed: set[str] = set()
        for action, outcome in zip(actions, outcomes, strict=True):
            if isinstance(outcome, Receipt):
                if not outcome.replayed:
                    setattr(result, action.counter, getattr(result, action.counter) + 1)
            elif action.contract not in failed:  # what depends on an action that failed fails, too
                failed.add(action.contract)
                self._refused(tenant_id, action, outcome, result)

    def _handle(self, tenant_id: str, actions: Sequence[DeadlineAction]) -> list[Receipt | DomainError]:
        mark = self.handler.log.vault.mark
        envelopes = []
        for action in actions:
            key = action.idempotency_key
            request = Request(key, mark(tenant_id, fingerprint(key.encode())))
            envelopes.append(CommandEnvelope(tenant_id, WATCHER, action.command, request, action.targets))
        return self.handler.handle_batch(tenant_id, envelopes)

    def _handle_alone(self, tenant_id: str, actions: Sequence[DeadlineAction]) -> Sequence[Receipt | DomainError]:
        try:
            return self._handle(tenant_id, actions)
        except DomainError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with it, it is not tried again for a while
            return [DomainError(f"poison_{type(fault).__name__}")] * len(actions)

    def _refused(self, tenant_id: str, action: DeadlineAction, refusal: DomainError, result: PassResult) -> None:
        if isinstance(refusal, Unavailable) or refusal.code in RACED:
            return  # another worker was faster, or the next pass tries again
        term = (tenant_id, action.contract, action.due)
        if term not in self._paused:
            logger().warning("watcher_refused", tenant_id=tenant_id, contract=action.contract, code=refusal.code)
        if len(self._paused) > 100_000:
            self._paused.clear()
        self._paused[term] = self.clock() + PAUSE_AFTER_REFUSAL
        result.refusals.append((action.contract, action.due, refusal.code))
