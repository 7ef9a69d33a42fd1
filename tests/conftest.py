"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from tests.support.databases import BACKENDS, Databases
from tests.support.house import House


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
