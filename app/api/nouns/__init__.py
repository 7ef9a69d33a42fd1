"""The aggregates over HTTP.

Lives here: one file per aggregate: its routes and its answers. Request bodies are the commands themselves.
May import: `app.api.http`, `app.domain`, the queries of `projections.views`; never SQL.
To add an endpoint: a function with its route in the aggregate's file; `make openapi` writes the contract anew.
"""
