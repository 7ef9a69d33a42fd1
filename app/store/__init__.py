"""The store: every tenant's ledger, append-only. All other tables can be rebuilt from it.

Lives here: tables, recorder, batches and the statements that append them, mapper, committer, log, receipts, references,
positions and the vault.
May import: `app.domain`, SQLAlchemy, `eventsourcing`, cryptography.
To add a table: a line in `tables.py` and a migration; only for what cannot be rebuilt from the log.
"""
