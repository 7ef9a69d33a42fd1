"""Teams: users who work together, under a name of the agency's own.

Lives here: `events`, `commands`, `state`, `decisions` and `aggregate`, which declares them.
May import: `app.domain.kernel`, `app.domain.recorded`, `app.domain.aggregate_type`.
To add a command or an event: see the table of CONTRIBUTING.
"""
