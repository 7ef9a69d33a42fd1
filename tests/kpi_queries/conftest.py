"""The fixture F1, ingested by an application."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.application import Steward
from tests.support.databases import BACKENDS, Databases

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"


@pytest.fixture(scope="module", params=BACKENDS)
def settled_f1(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Steward]:
    """The fixture F1, read by every view, for tests that only ask."""
    made = Steward(databases.fresh(request.param))
    assert {item.status for item in made.ingest_file(F1)} == {"accepted"}
    made.catch_up()
    yield made
    made.close()


@pytest.fixture
def fixture_f1(steward: Steward) -> Steward:
    """The fixture F1, for tests that go on from it."""
    steward.ingest_file(F1)
    steward.catch_up()
    return steward


@pytest.fixture(scope="module", params=BACKENDS)
def property_steward(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Steward]:
    """An application in which every history gets a tenant of its own."""
    made = Steward(databases.fresh(request.param))
    yield made
    made.close()
