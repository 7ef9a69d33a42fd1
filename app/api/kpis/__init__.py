"""KPIs over HTTP.

Lives here: the catalogue, a figure and its explanation (`kpis`), figures over time (`over_time`), the options of figures.
May import: `app.api.http`, `app.kpi_queries`, `projections.kpis`; never SQL.
To add a KPI: nothing here; see `projections.kpis`.
"""
