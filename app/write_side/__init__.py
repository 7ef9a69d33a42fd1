"""The write side: command, state, decision, append, receipt.

Lives here: `handler` for one command, `batch_handler` for many, `planner`, the states kept in memory, `ingestion`.
May import: `app.store`, `app.domain`, `app.observe`; never `app.read_side` or `projections`.
To add a command: nothing here, but for its line in `ingestion` where it may come as an event; see `app.domain`.
"""
