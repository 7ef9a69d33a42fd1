"""Policies: rules as data.

Lives here: `events`, `commands`, `state` and `decisions`, the `rules` that policies hold, and `fx`.
May import: `app.domain.kernel`, `app.domain.recorded`.
To add a command: a class in `commands`, its decision in `decisions`, a line in `app.domain.decisions`; an event: a class in `events`.
"""
