"""Migrations: only for the tables of `app/store/tables.py`, which cannot be grown again from the log."""
