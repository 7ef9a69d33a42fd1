"""The log over HTTP.

Lives here: the feed of events with ingestion (`events`), and the timeline of an account (`timeline`).
May import: `app.api.http`, `app.read_side`, `app.write_side`, the queries of `projections.views`; never SQL.
To add an endpoint: a function with its route; `make openapi` writes the contract anew.
"""
