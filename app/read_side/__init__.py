"""The read side: views catch up with the log, are rebuilt, replayed and read.

Lives here: `projector`, `rebuilder`, `view_writer`, `shadow_tables`, `reader`.
May import: `app.store`, `app.domain`, `projections`, `app.observe`; never `app.write_side`.
To add a view: nothing here; see `projections`.
"""
