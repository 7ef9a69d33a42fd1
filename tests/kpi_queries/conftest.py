"""The house fixture, told to a house."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.applications import House
from tests.support.databases import BACKENDS, Databases

F1 = Path(__file__).parents[1] / "data" / "house-fixture-f1.ndjson"


@pytest.fixture(scope="module", params=BACKENDS)
def settled_f1(request: pytest.FixtureRequest, databases: Databases) -> Iterator[House]:
    """The house fixture, read by every view, for tests that only ask."""
    made = House(databases.fresh(request.param))
    assert {item.status for item in made.ingest_file(F1)} == {"accepted"}
    made.catch_up()
    yield made
    made.close()


@pytest.fixture
def fixture_f1(house: House) -> House:
    """The house fixture, for tests that go on from it."""
    house.ingest_file(F1)
    house.catch_up()
    return house
