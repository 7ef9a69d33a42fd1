"""Handovers: how an account goes from one person to another, with what the next one must know.

Lives here: `events`, `commands`, `state`, `decisions` and `aggregate`, which declares them.
May import: `app.domain.kernel`, `app.domain.recorded`, `app.domain.aggregate_type`, and the events, the state and the people of accounts.
To add a command or an event: see the table of CONTRIBUTING.
"""
