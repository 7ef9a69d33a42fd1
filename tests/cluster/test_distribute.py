"""A filled schema is distributed while Steward serves."""

from collections.abc import Iterator

import pytest

from tests.cluster.conftest import prepared
from tests.cluster.service import Service
from tests.cluster.test_drills import drill
from tests.support.cluster import Cluster


@pytest.fixture
def filled(cluster: Cluster) -> Iterator[Service]:
    """A service on a database that is not distributed."""
    made = Service(cluster, prepared(cluster, "filled", distributed=False), cluster.folder.parent, tenants=0)
    for number in range(3):
        made.add_tenant(f"Agency {number}")
    yield made
    made.close()


def test_a_filled_schema_is_distributed_while_steward_serves(filled: Service) -> None:
    with drill(filled, "distribute", lambda: print(filled.steward("distribute")), lambda: None):  # noqa: T201 - what a drill is for
        assert len(filled.placement.nodes()) == 2
