"""The write side: command, state, decision, append, receipt.

Lives here: `handler` for one command, `batch_handler` for many; `planner` and what it needs: `aggregate_loader`,
`command_aggregates`, `state_cache`, `pending`; and `ingestion`, which turns events of other systems into commands.
May import: `app.store`, `app.domain`, `app.observe`; never `app.read_side` or `projections`.
To add a command: nothing here, but for its line in `ingestion` where it may come as an event; see `app.domain`.
"""
