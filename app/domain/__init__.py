"""The domain: what may happen and what has happened, as pure functions.

Lives here: `kernel`, which every aggregate is written with, and one package per aggregate; `catalogue` lists the events,
`aggregates` the aggregates, `recorded` is an event as it stands in the log.
May import: the standard library, pydantic and orjson; never a clock, a random source, a database or a web framework.
To add an aggregate: a package like `account`, a line in `catalogue` and a line in `aggregates`.
"""
