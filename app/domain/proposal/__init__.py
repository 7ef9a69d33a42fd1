"""Proposals and the concessions made on them.

Lives here: `events`, `commands`, `state` and `decisions`, and what may be conceded: `negotiation`.
May import: `app.domain.kernel`, `app.domain.recorded`, and the aggregates that it reads.
To add a command: a class in `commands`, its decision in `decisions`, a line in `app.domain.decisions`; an event: a class in `events`.
"""
