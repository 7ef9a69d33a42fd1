"""Incentive statements: what a payee is due for the events of a period, previewed, issued, and taken back for losses.

Lives here: `preview` (what a statement would pay), `eligible_events` (which events count, on whose accounts), `event_values`
(the annual value that an event brought), `statements` (what appends).
May import: what `app.services` may.
To add a kind of event that is paid: a line in `eligible_events.RULES`, and its value in `event_values`.
"""

from app.services.incentive_statements.preview import StatementPreview, StatementRequest, preview
from app.services.incentive_statements.statements import claw_back, issue

__all__ = ["StatementPreview", "StatementRequest", "claw_back", "issue", "preview"]
