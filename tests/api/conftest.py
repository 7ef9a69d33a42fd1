"""What the tests of the API share: one server a module and database, and a tenant of its own for every test."""

from collections.abc import Iterator

import pytest

from tests.support.clock import Clock
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server


@pytest.fixture(scope="module", params=BACKENDS)
def each_server(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Server]:
    """A real server that a module's tests share, once on SQLite and once on PostgreSQL."""
    with Server(databases.fresh(request.param)) as made:
        yield made


@pytest.fixture
def client(each_server: Server) -> Client:
    """An admin of a new tenant, on both databases."""
    return each_server.client()


@pytest.fixture
def visitor(shared_server: Server) -> Client:
    """An admin of a new tenant, on SQLite only, where storage does not matter."""
    return shared_server.client()


class Calendar:
    """A server whose clock the test moves."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self.server = server
        self.clock = clock

    def client(self) -> Client:
        """An admin of a new tenant."""
        return self.server.client()


@pytest.fixture
def calendar(databases: Databases) -> Iterator[Calendar]:
    """A server on SQLite whose clock stands at 2026-01-15T09:00:00Z and moves only when the test moves it."""
    clock = Clock("2026-01-15T09:00:00Z")
    with Server(databases.fresh("sqlite"), clock=clock) as server:
        yield Calendar(server, clock)
