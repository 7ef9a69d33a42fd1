"""SQLite's driver: `pysqlite3`, which brings a new SQLite, and where it has no wheel the `sqlite3` of Python itself."""

import sqlite3
from contextlib import suppress
from types import ModuleType
from typing import Final

OLDEST: Final = (3, 40, 0)
"""The oldest SQLite on which the tests have run."""
SOUND_WAL: Final = (3, 51, 3)
"""Older SQLite has a fault in its write-ahead log that can corrupt the file. Source: sqlite.org/wal.html, "The WAL-Reset Bug"."""


def driver() -> ModuleType:
    """The DB-API module to use. Raises: RuntimeError where its SQLite is too old."""
    module: ModuleType = sqlite3
    with suppress(ImportError):
        import pysqlite3.dbapi2

        module = pysqlite3.dbapi2
    if module.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise RuntimeError(f"SQLite {module.sqlite_version} is too old; Steward needs {needed} or newer")
    return module


def journal_mode(module: ModuleType) -> str:
    """How the driver's SQLite keeps a transaction safe: with a write-ahead log where that is sound, else with a rollback journal.

    With a rollback journal readers and writers wait for each other: correct, and slower under load.
    """
    return "wal" if module.sqlite_version_info >= SOUND_WAL else "truncate"
