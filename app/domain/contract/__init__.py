"""Contracts: terms, lines, amendments, renewal.

Lives here: `events`, `commands`, `state` and `decisions`, and the arithmetic of contracts: `line_steps`, `terms`, `schedule`, `value`.
May import: `app.domain.kernel`, `app.domain.recorded`, and the aggregates that it reads.
To add a command: a class in `commands`, its decision in `decisions`, a line in `app.domain.decisions`; an event: a class in `events`.
"""
