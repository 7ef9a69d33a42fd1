"""A cluster for tests: a coordinator and workers on the loopback, of a PostgreSQL that has the extension citus.

`CITUS_BIN` names the folder of its programs. Nodes are killed, frozen, added and replaced by their numbers; 0 is the coordinator.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

CITUS_BIN: Final = os.environ.get("CITUS_BIN")
"""Where the programs of a PostgreSQL with citus are; None where there is none."""
WARNING: Final = re.compile(r"(?:WARNING|PANIC|FATAL):  .*")
SQLITE_ONLY: Final = frozenset({"sqlite_steward", "shared_server"})
"""Fixtures whose database is SQLite, whatever there is besides."""
ONE_SERVER: Final[dict[str, str]] = {
    "tests/store/test_plans.py": "the plan of a coordinator is another one: what each node does stands within it",
    "tests/store/test_append_plans.py": "the same",
    "tests/read_side/test_forgery.py": "who forges turns triggers off on one server; what is read is read by the same code",
    "tests/store/test_ledger_check.py": "the same",
    "tests/cli/test_verify.py": "the same",
    "tests/read_side/test_node_checks.py": "its nodes are pretended; tests/cluster has real ones",
    "tests/store/test_schema.py": "it drops the schema that the extension lives in",
    "tests/store/test_faults.py": "its logins are refused or bound; the cluster's are trusted, since nodes log in to each other",
    "tests/store/test_isolation.py": "the same; a node refuses a forgotten tenant in its own words",
}
"""Tests about one server by its nature, with why."""
SETTINGS: Final = {
    "listen_addresses": "'127.0.0.1'",
    "shared_preload_libraries": "'citus'",
    "wal_level": "logical",
    "max_connections": "200",
    "max_prepared_transactions": "200",
    "max_worker_processes": "64",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "shared_buffers": "128MB",
    "citus.node_conninfo": "'sslmode=prefer'",
    "citus.enable_statistics_collection": "off",
    "log_line_prefix": "'%m [%p] %u@%d %a '",
}


@dataclass(frozen=True)
class Node:
    """A server of the cluster."""

    number: int
    port: int
    folder: Path

    @property
    def log(self) -> Path:
        """What it logs."""
        return self.folder.with_suffix(".log")

    @property
    def pid(self) -> int:
        """The process that all its others are children of."""
        return int((self.folder / "postmaster.pid").read_text().split()[0])


class Cluster:
    """Servers that are started, and in the end stopped and deleted. Takes: an empty folder, how many workers, and further settings.

    Run by root it starts them as the user that `CITUS_USER` names, for PostgreSQL refuses to run as root.
    """

    def __init__(self, folder: Path, *, workers: int = 2, settings: Mapping[str, str] | None = None) -> None:
        assert CITUS_BIN is not None, "CITUS_BIN does not name a PostgreSQL with citus"
        self.bin = Path(CITUS_BIN)
        self.folder = folder
        self.settings = {**SETTINGS, "citus.shard_count": "4", **(settings or {})}
        self.as_user: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            user = os.environ.get("CITUS_USER", "postgres")
            self.as_user = {"user": user, "group": user, "extra_groups": []}
            shutil.chown(folder, user, user)
            for above in (folder, *folder.parents):
                with suppress(PermissionError):
                    above.chmod(above.stat().st_mode | 0o011)
        self.nodes: list[Node] = []
        with ThreadPoolExecutor() as pool:
            for node in list(pool.map(self._make, range(workers + 1))):
                self.nodes.append(node)

    # --- nodes ---

    def _make(self, number: int) -> Node:
        node = Node(number, free_port(), self.folder / f"node{number}")
        self._run("initdb", "-D", node.folder, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        self._configure(node)
        self.start(node)
        return node

    def _configure(self, node: Node) -> None:
        lines = {**self.settings, "port": str(node.port), "unix_socket_directories": "''"}
        with (node.folder / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items())

    def _run(self, program: str, *words: object) -> None:
        done = subprocess.run(
            [self.bin / program, *map(str, words)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a server that it starts would hold a pipe open
            stderr=(self.folder / "programs.log").open("a"),
            check=False,
            **self.as_user,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {(self.folder / 'programs.log').read_text()}")

    def start(self, node: Node) -> None:
        """Starts a server, also one that was killed."""
        self._run("pg_ctl", "-D", node.folder, "-l", node.log, "-w", "-t", "60", "start")

    def kill(self, node: Node) -> None:
        """Kills a server and all its processes, at once."""
        self._signal(node.pid, signal.SIGSTOP)  # so that it makes no more children
        killed = self._signal(node.pid, signal.SIGKILL)
        _wait_until(lambda: all(_is_gone(pid) for pid in killed))
        (node.folder / "postmaster.pid").unlink(missing_ok=True)

    def freeze(self, node: Node) -> None:
        """Stops all of a server's processes where they are: it takes connections, and never answers."""
        self._signal(node.pid, signal.SIGSTOP)
        self._signal(node.pid, signal.SIGSTOP)  # the children that it made meanwhile, too

    def thaw(self, node: Node) -> None:
        """Lets a frozen server go on."""
        self._signal(node.pid, signal.SIGCONT)

    def _signal(self, pid: int, number: signal.Signals) -> list[int]:
        """Sends a server's process and its children a signal. Gives: who they are."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
        signalled = [pid, *map(int, children.stdout.split())]
        for each in signalled:
            with suppress(ProcessLookupError):
                os.kill(each, number)
        return signalled

    def add(self, databases: Iterable[str] = ()) -> Node:
        """A worker more, which some databases know."""
        node = self._make(len(self.nodes))
        self.nodes.append(node)
        for name in databases:
            self.execute(node, "postgres", f'CREATE DATABASE "{name}"')
            self.execute(node, name, "CREATE EXTENSION citus")
            self.execute(self.nodes[0], name, f"SELECT citus_add_node('127.0.0.1', {node.port})")
        return node

    def standby(self, of: Node) -> Node:
        """A server that follows another one, and may take over from it."""
        node = Node(len(self.nodes), free_port(), self.folder / f"node{len(self.nodes)}")
        source = ("-h", "127.0.0.1", "-p", of.port, "-U", "postgres")
        self._run("pg_basebackup", *source, "-D", node.folder, "-R", "-X", "stream", "-c", "fast")
        self._configure(node)
        self.start(node)
        self.nodes.append(node)
        return node

    def take_over(self, database: str, standby: Node, of: Node) -> None:
        """Makes a standby the node that another one was."""
        self._run("pg_ctl", "-D", standby.folder, "-w", "promote")
        (node_id,) = self.fetch(self.nodes[0], database, f"SELECT nodeid FROM pg_dist_node WHERE nodeport = {of.port}")[
            0
        ]
        self.execute(self.nodes[0], database, f"SELECT citus_update_node({node_id}, '127.0.0.1', {standby.port})")
        self.nodes[self.nodes.index(of)], self.nodes[self.nodes.index(standby)] = standby, of

    def close(self) -> None:
        """Stops all servers and deletes them."""
        for node in self.nodes:
            with suppress(OSError, ValueError):
                self._signal(node.pid, signal.SIGKILL)
        subprocess.Popen(["rm", "-rf", self.folder], start_new_session=True)

    # --- databases ---

    def database(self, name: str) -> str:
        """A new database with citus, on every node. Gives: its URL."""
        self._everywhere(lambda node: self.execute(node, "postgres", f'CREATE DATABASE "{name}"'))
        self._everywhere(lambda node: self.execute(node, name, "CREATE EXTENSION citus"))
        first = self.nodes[0]
        self.execute(first, name, f"SELECT citus_set_coordinator_host('127.0.0.1', {first.port})")
        for node in self.nodes[1:]:
            self.execute(first, name, f"SELECT citus_add_node('127.0.0.1', {node.port})")
        return self.url(name)

    def clone(self, template: str, name: str) -> str:
        """A database like another one, with which nobody is connected, copied on every node. Gives: its URL."""
        kept = self.fetch(
            self.nodes[0],
            "postgres",
            "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase "
            f"WHERE datname = '{template}' AND setrole = 0",
        )

        def copy(node: Node) -> None:
            with self.connect(node, "postgres") as connection:
                connection.execute(f'ALTER DATABASE "{template}" WITH ALLOW_CONNECTIONS false')
                connection.execute(
                    f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{template}'"
                )
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
                connection.execute(f'ALTER DATABASE "{template}" WITH ALLOW_CONNECTIONS true')
                for (setting,) in kept:
                    key, _, value = setting.partition("=")
                    connection.execute(f"ALTER DATABASE \"{name}\" SET {key} = '{value}'")

        self._everywhere(copy)
        return self.url(name)

    def drop(self, name: str) -> None:
        """Deletes a database on every node."""
        self._everywhere(lambda node: self.execute(node, "postgres", f'DROP DATABASE "{name}" WITH (FORCE)'))

    def url(self, name: str, node: Node | None = None) -> str:
        """The URL of a database, at the coordinator or at another node."""
        return f"postgresql+psycopg://postgres@/{name}?host=127.0.0.1&port={(node or self.nodes[0]).port}"

    def connect(self, node: Node, name: str) -> psycopg.Connection[Any]:
        """A connection with the rights of the server's owner."""
        return psycopg.connect(self.url(name, node).replace("+psycopg", ""), autocommit=True, connect_timeout=10)

    def execute(self, node: Node, name: str, statement: str) -> None:
        """A statement with the rights of the server's owner."""
        with self.connect(node, name) as connection:
            connection.execute(statement)

    def fetch(self, node: Node, name: str, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query with these rights."""
        with self.connect(node, name) as connection:
            return connection.execute(query).fetchall()

    def _everywhere(self, do: Callable[[Node], None]) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(do, self.nodes))

    # --- what they say ---

    def warnings(self) -> list[str]:
        """What nodes have warned of so far."""
        return [
            f"node {node.number}: {found.group()}"
            for node in self.nodes
            if node.log.exists()
            for found in WARNING.finditer(node.log.read_text(errors="replace"))
        ]


def says_something_to_postgresql(test: pytest.Item) -> bool:
    """Whether a test has a database that may be PostgreSQL, or a cluster, and is not about one server."""
    fixtures = set(getattr(test, "fixturenames", ()))
    parameters = getattr(getattr(test, "callspec", None), "params", {}).values()
    if test.location[0] in ONE_SERVER:
        return False
    return bool(fixtures & {"databases", "cluster"}) and "sqlite" not in parameters and not fixtures & SQLITE_ONLY


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(1000):
        if happened():
            return
        time.sleep(0.01)
    raise TimeoutError
