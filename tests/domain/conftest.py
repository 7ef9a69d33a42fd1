"""What the tests of the domain share."""

import pytest

from tests.domain.scenario import Scenario


@pytest.fixture
def scenario() -> Scenario:
    """Aggregates in memory, none yet."""
    return Scenario()
