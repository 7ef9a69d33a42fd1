"""Policies: rules as data.

Lives here: `events`, `commands`, `state`, `decisions` and `aggregate`, which declares them, the `rules` that policies
hold, and `fx`.
May import: `app.domain.kernel`, `app.domain.recorded`, `app.domain.aggregate_type`.
To add a command or an event: see the table of CONTRIBUTING.
"""
