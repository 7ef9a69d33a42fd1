"""What drills may ask for: a cluster that keeps what it acknowledges, and a service on it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.read_side.view_tables import create_tables
from app.store.citus import distribute
from app.store.engine import Database
from app.store.schema import migrate
from projections import VIEWS
from tests.cluster.service import Service
from tests.support.cluster import CITUS_BIN, Cluster

SECONDS = float(os.environ.get("DRILL_SECONDS", "4"))
"""How long a fault lasts, and how long the calm before and after it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drills need a cluster."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skipif(CITUS_BIN is None, reason="CITUS_BIN names no PostgreSQL with citus"))
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes."""
    made = Cluster(Path(tempfile.mkdtemp(prefix="steward-cluster-")) / "nodes")
    yield made
    made.close()


def prepared(cluster: Cluster, name: str, *, distributed: bool = True) -> str:
    """A migrated database, distributed or as yet on the first node alone. Gives: its name."""
    owner = Database(cluster.database(name), owner=True)
    try:
        migrate(owner)
        create_tables(owner)
        if distributed:
            distribute(owner, [view.follower for view in VIEWS])
    finally:
        owner.close()
    return name


@pytest.fixture(scope="module")
def service(cluster: Cluster) -> Iterator[Service]:
    """A service on a distributed database."""
    made = Service(cluster, prepared(cluster, "drills"), cluster.folder.parent)
    yield made
    made.close()
