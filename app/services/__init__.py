"""Services: what is computed from the read side first, and then appended through the write side.

Lives here: KPI certificates, period closes, incentive statements, the watchers of `deadlines`, and `service_call`, which says
who calls a service and for which request.
May import: `app.kpi_queries`, `app.read_side`, `app.write_side` and what is below them; never `app.api`.
To add a service: a file named for what it appends.
"""
