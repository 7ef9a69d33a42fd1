"""The cellar: the ledger, the only truth, append-only.

Lives here: tables, recorder, batches and the statements that append them, mapper, committer, log, receipts, references,
positions and the vault.
May import: `app.domain`, SQLAlchemy, `eventsourcing`, cryptography.
To add a table: a line in `tables.py` and a migration; it is for things that cannot be grown again from the log.
"""
