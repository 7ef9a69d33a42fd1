"""What every test may ask for."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.application import Steward
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Server

settings.register_profile("suite", deadline=None)
settings.register_profile("laws", deadline=None)
settings.register_profile("oracle", deadline=None)
"""Campaigns: many times as many histories as in the suite (`make laws`, `make oracle`). No test is timed, on however busy a machine."""
settings.load_profile("suite")


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Real databases."""
    made = Databases()
    yield made
    made.close()


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> str:
    """A fresh database, once on SQLite and once on PostgreSQL."""
    return databases.fresh(request.param)


@pytest.fixture
def steward(database_url: str) -> Iterator[Steward]:
    """A whole application on a fresh database, once on SQLite and once on PostgreSQL."""
    made = Steward(database_url)
    yield made
    made.close()


@pytest.fixture
def sqlite_steward(databases: Databases) -> Iterator[Steward]:
    """A whole application on SQLite only, where storage does not matter."""
    made = Steward(databases.fresh("sqlite"))
    yield made
    made.close()


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    """A real server on a fresh database, once on SQLite and once on PostgreSQL."""
    with Server(database_url) as made:
        yield made


@pytest.fixture(scope="module")
def shared_server(databases: Databases) -> Iterator[Server]:
    """A real server on SQLite that a module's tests share, each with a tenant of its own."""
    with Server(databases.fresh("sqlite")) as made:
        yield made
