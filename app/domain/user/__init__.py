"""Users: the persons of the agency, their roles and to whom they report.

Lives here: `events`, `commands`, `state`, `decisions` and `aggregate`, which declares them; `admins`, who must not become none; `names`, by
which others know a user.
May import: `app.domain.kernel`, `app.domain.recorded`, `app.domain.aggregate_type`, and the state of API keys.
To add a command or an event: see the table of CONTRIBUTING.
"""
