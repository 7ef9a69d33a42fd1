"""Migrations of the tables that cannot be rebuilt from the log.

Lives here: one Alembic revision a file in `versions/`, and `env.py`, which connects Alembic to our database.
May import: `app.store`; a revision only what stays as it is for ever.
To add a revision: the table in `app/store/tables.py`, then a file; a test fails while the two disagree.
"""
