"""Agent: software that acts for a person, within bounds that the person's agency set.

Lives here: its commands, events, state and decisions, what bounds it (`bounds`), and its declaration in `aggregate`.
May import: `app.domain.kernel` and Python. To add a command: see the table of CONTRIBUTING.
"""
