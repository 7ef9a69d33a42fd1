"""Contracts: terms, lines, amendments, renewal.

Lives here: `events`, `commands`, `state`, `decisions` and `aggregate`, which declares them, and the arithmetic of
contracts: `line_steps`, `terms`, `schedule`, `value`.
May import: `app.domain.kernel`, `app.domain.recorded`, `app.domain.aggregate_type`, and the aggregates that it reads.
To add a command or an event: see the table of CONTRIBUTING.
"""
