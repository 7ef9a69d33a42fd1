"""The study: what may happen and what has happened, as pure functions.

Lives here: values, errors, commands, events, and one file of decisions per noun.
May import: the standard library and pydantic; never a clock, a random source, a database or a web framework.
To add a noun: `events/<noun>.py`, `<noun>.py` and one line a command in `decisions.py`.
"""
