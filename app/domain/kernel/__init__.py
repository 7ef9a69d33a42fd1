"""What every aggregate is written with.

Lives here: values, errors, strict JSON, the shapes of an event and of a command, the context of a decision.
May import: Python, pydantic, and the list of currencies.
To add a value: see the card of `values`.
"""
