"""The account: a client organisation.

Lives here: `events`, `commands`, `state`, `decisions`, `assignments`, `people` and `aggregate`, which declares them.
May import: `app.domain.kernel`, `app.domain.recorded`, `app.domain.aggregate_type`.
To add a command or an event: see the table of CONTRIBUTING.
"""
