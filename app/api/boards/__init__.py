"""Boards over HTTP: several rows laid out together, as a page shows them.

Lives here: one file per board.
May import: `app.api.http`, `app.kpi_queries`, `app.read_side`, the queries of `projections.views`; never SQL.
To add a board: a file with a router, and a line in `app.api`.
"""
