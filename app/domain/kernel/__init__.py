"""What every aggregate is written with.

Lives here: values, errors, strict JSON, the shapes of an event and of a command, the context of a decision.
May import: Python and pydantic.
To add a value: an annotated type in `values`, with its tests.
"""
