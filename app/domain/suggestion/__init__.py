"""Suggestion: a write that somebody prepared, for somebody else to decide about.

Lives here: its commands, events, state and decisions, and its declaration in `aggregate`.
May import: `app.domain.kernel` and Python. To add a command: see the table of CONTRIBUTING.
"""
