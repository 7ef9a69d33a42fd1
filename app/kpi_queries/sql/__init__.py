"""SQL: figures summed by the database, so that a figure does not read every row.

Lives here: how a statement is put together and how exact numbers come back (`sql_query`), sums over the run rates of accounts
(`run_rates`), and how long accounts stay (`lifetimes`). The pure functions of `projections.kpis` stay the definition: what is
here gives the same to the last millionth. Where it cannot (amounts beyond a database's integers), it gives None, and rows are read.
May import: the store, the views' tables, `projections.kpis`, `app.kpi_queries.query`.
To add a sum: a method's `sql` in `projections.kpis`; a new kind of row brings its statement in its source.
"""
