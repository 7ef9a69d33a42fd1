"""The whole contract, by requests that schemathesis makes of it: whatever comes, the server answers as the contract says.

In the suite each operation gets a few; `make contract` sends many. Every other request names things that exist.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.api.contract import SCHEMA
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.server import Server

EXAMPLES = int(os.environ.get("STEWARD_CONTRACT_EXAMPLES", "2"))
"""Requests of each operation that fit the contract, and as many that do not."""
load_all_checks()
CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
LISTED = [one.ok() for one in schemathesis.openapi.from_dict(SCHEMA).get_all_operations()]


@pytest.fixture(scope="module")
def world(shared_server: Server) -> SampleAgency:
    """A furnished tenant."""
    return furnish(shared_server.client())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("operation", LISTED, ids=lambda one: one.label)
def test_whatever_comes_is_answered_as_the_contract_says(
    world: SampleAgency, operation: Any, mode: GenerationMode
) -> None:
    key = world.client.headers["authorization"]

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), exists=st.booleans())
    def answers(case: Any, exists: bool) -> None:
        if exists and case.path_parameters:
            case.path_parameters = {name: world.ids.get(name, text) for name, text in case.path_parameters.items()}
        case.call_and_validate(
            base_url=str(world.client.base_url), headers={"Authorization": key}, checks=CHECKED, timeout=30
        )

    try:
        answers()
    except Unsatisfiable:
        pytest.skip("the operation takes nothing that could be wrong")
