"""Suggestion deadlines: what nobody decided about in time is noted as expired, once, whoever else runs a pass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.domain.kernel.errors import DomainError
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import FOREVER, LAST, instant
from app.domain.suggestion.commands import ExpireSuggestion
from app.observe.logs import logger
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.store.receipts import Receipt, Request, fingerprint
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler
from projections.views import suggestions
from projections.views.suggestions import Suggestion

WATCHER: Final = Principal("system:suggestions")
PAGE: Final = 500
RACED: Final = frozenset({"suggestion_decided", "suggestion_not_due"})
"""Codes of refusals which only say that somebody was faster."""


@dataclass
class ExpiryResult:
    """What a pass did. until: when the next suggestion expires; more: whether some are left for the next pass."""

    until: int = FOREVER
    expired: int = 0
    refused: int = 0
    more: bool = False


class SuggestionDeadlines:
    """Appends that suggestions expired. Takes: the handler that appends, the reader of the view, a clock of microseconds."""

    def __init__(self, handler: Handler, reader: Reader, clock: Callable[[], int]) -> None:
        self.handler = handler
        self.reader = reader
        self.clock = clock

    def run_once(self, tenant_id: str, limit: int | None = None) -> ExpiryResult:
        """One pass over what may have expired, the earliest first. Raises: Unavailable when the database is away."""
        now, result = self.clock(), ExpiryResult()
        rows, _ = self.reader.select(
            tenant_id,
            suggestions.VIEW,
            suggestions.still_open(),
            When(LAST, None, now=True),
            order=suggestions.BY_EXPIRY,
            limit=min(limit or PAGE, PAGE),
        )
        due = [row for row in rows if row.expires_at <= now]
        result.more = len(due) == len(rows) == PAGE
        result.until = min((row.expires_at for row in rows if row.expires_at > now), default=FOREVER)
        if due:
            self._expire(tenant_id, due, result)
        return result

    def _expire(self, tenant_id: str, due: list[Suggestion], result: ExpiryResult) -> None:
        envelopes = [self._envelope(tenant_id, row) for row in due]
        for row, outcome in zip(due, self.handler.handle_batch(tenant_id, envelopes), strict=True):
            if isinstance(outcome, Receipt):
                result.expired += not outcome.replayed
            elif isinstance(outcome, DomainError) and outcome.code not in RACED:
                result.refused += 1
                logger().warning("watcher_refused", tenant_id=tenant_id, suggestion=row.suggestion, code=outcome.code)

    def _envelope(self, tenant_id: str, row: Suggestion) -> CommandEnvelope:
        key = f"watch:suggestion:{row.suggestion}"
        request = Request(key, self.handler.log.vault.mark(tenant_id, fingerprint(key.encode())))
        command = ExpireSuggestion(effective_at=instant(row.expires_at))
        return CommandEnvelope(tenant_id, WATCHER, command, request, {"suggestion": row.suggestion})
