"""Issuers: identity providers whose access tokens let the tenant's users in.

Lives here: `events`, `commands`, `state`, `decisions` and `aggregate`, which declares them.
May import: `app.domain.kernel`, `app.domain.recorded`, `app.domain.aggregate_type`.
To add a command or an event: see the table of CONTRIBUTING.
"""
