"""The read side: views catch up with the log, are rebuilt, replayed and read.

Lives here: `projector` catches up, by `view_writer`; `rebuilder` checks and repairs, by `shadow_tables`; `replay` folds into memory;
`reader` answers under both `clocks`, by `row_queries`; `view_tables` makes the tables.
May import: `app.store`, `app.domain`, `projections`, `app.observe`; never `app.write_side`.
To add a view: nothing here; see `projections`.
"""
