"""What every test may ask for."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.applications import House
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Server

settings.register_profile("suite", deadline=None)
settings.register_profile("laws", deadline=None)
"""A campaign: many times as many histories as in the suite (`make laws`). No test is timed, on however busy a machine."""
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
def house(database_url: str) -> Iterator[House]:
    """A whole house on a fresh database, once on SQLite and once on PostgreSQL."""
    made = House(database_url)
    yield made
    made.close()


@pytest.fixture
def cottage(databases: Databases) -> Iterator[House]:
    """A whole house on SQLite only, where storage does not matter."""
    made = House(databases.fresh("sqlite"))
    yield made
    made.close()


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    """A real server on a fresh database, once on SQLite and once on PostgreSQL."""
    with Server(database_url) as made:
        yield made


@pytest.fixture(scope="module")
def kiosk(databases: Databases) -> Iterator[Server]:
    """A real server on SQLite that a module's tests share, each with a tenant of its own."""
    with Server(databases.fresh("sqlite")) as made:
        yield made
