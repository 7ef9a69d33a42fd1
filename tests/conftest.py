"""What every test may ask for."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.application import Steward
from tests.support.campaigns import CAMPAIGNS
from tests.support.cluster import CITUS_BIN, says_something_to_postgresql
from tests.support.databases import BACKENDS, Databases
from tests.support.recorded_statements import record
from tests.support.server import Server
from tests.support.statement_guard import StatementGuard

# No test is timed, on however busy a machine. How many histories the dear ones play: tests/support/campaigns.py.
settings.register_profile("suite", deadline=None, max_examples=30)
for campaign in CAMPAIGNS:
    settings.register_profile(campaign, deadline=None)
settings.load_profile("suite")

# What collecting makes stays until the end. Looking for garbage in it takes a quarter of its time.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    """What Steward says on PostgreSQL is recorded, and judged at the end."""
    record()
    config.pluginmanager.register(StatementGuard())


collect_ignore = [] if CITUS_BIN is not None else ["cluster"]
"""The drills need a cluster: `make test-cluster`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a cluster only that is tried which says anything to PostgreSQL, which is the cluster then."""
    if CITUS_BIN is None:
        return
    chosen = [item for item in items if says_something_to_postgresql(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_collection_finish() -> None:
    """Garbage is looked for from here on, in what tests make."""
    gc.freeze()
    gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores, at most eight: a test often waits, for the disk, a server or a clock."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 7) + 1


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Real databases."""
    made = Databases()
    yield made
    made.close()


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A fresh database, once on SQLite and once on PostgreSQL."""
    url = databases.fresh(request.param)
    yield url
    databases.discard(url)


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
