"""KPI certificates.

Lives here: `events`, `commands`, `state` and `decisions`.
May import: `app.domain.kernel`, `app.domain.recorded`.
To add a command: a class in `commands`, its decision in `decisions`, a line in `app.domain.decisions`; an event: a class in `events`.
"""
