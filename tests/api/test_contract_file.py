"""The contract file: committed, valid, complete, and kept by what the server really answers."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator
from openapi_schema_validator import oas31_format_checker
from openapi_spec_validator.schemas.utils import get_schema_content

from app.api.http.examples import EXAMPLES
from tests.api.contract import OPEN, OPERATIONS, READS, SCHEMA, SECURED, WRITES, Operation
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.server import Server

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
_OPENAPI = jsonschema_rs.Draft202012Validator(get_schema_content("3.1"))
"""A whole document, by the schema of OpenAPI 3.1."""
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
each = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
each_write = pytest.mark.parametrize("operation", [one for one in WRITES if one.media], ids=lambda one: one.name)


def as_text(schema: Any) -> str:
    """The file's text."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def fits(schema: dict[str, Any], value: Any) -> list[str]:
    """What of a value does not fit a schema of the contract."""
    validator = Draft202012Validator(
        {**schema, "components": SCHEMA["components"]}, format_checker=oas31_format_checker
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def answer_schema(operation: Operation, status: int) -> dict[str, Any]:
    """The schema of an answer."""
    schema: dict[str, Any] = operation.spec["responses"][str(status)]["content"]["application/json"]["schema"]
    return schema


@pytest.fixture(scope="module")
def world(shared_server: Server) -> SampleAgency:
    """A furnished tenant."""
    return furnish(shared_server.client())


# --- the file ---


def test_the_committed_contract_is_the_one_that_is_served() -> None:
    assert COMMITTED.read_text() == as_text(SCHEMA), "run `make openapi` and look at the difference"


def test_the_contract_is_valid_openapi() -> None:
    assert SCHEMA["openapi"] == "3.1.0"
    assert [error.message for error in _OPENAPI.iter_errors(SCHEMA)] == []
    references = [{"$ref": f"#/components/schemas/{name}"} for name in SCHEMA["components"]["schemas"]]
    jsonschema_rs.Draft202012Validator(
        {"anyOf": references, "components": SCHEMA["components"]}
    )  # each leads somewhere


# --- what it says of every operation ---


def test_no_two_operations_share_a_name() -> None:
    assert [name for name, times in Counter(one.name for one in OPERATIONS).items() if times > 1] == []


@each
def test_an_operation_has_a_name_a_tag_a_summary_and_a_description(operation: Operation) -> None:
    nouns, _, verb = operation.name.partition(".")

    assert nouns.islower()
    assert verb.islower()
    assert len(operation.spec["tags"]) == 1
    assert operation.spec["summary"]
    assert operation.spec["description"].endswith(".")


@each
def test_an_operation_says_how_it_may_refuse(operation: Operation) -> None:
    answers = operation.spec["responses"]
    expected = set() if operation.name in OPEN else {"401", "403", "503"}
    if operation.name not in OPEN:
        expected |= {"404"} if {*operation.params} - {"team"} else set()
        expected |= {"400"} if operation.query or operation.media else set()
        expected |= {"409", "413", "415", "422"} if operation.media else set()
        expected |= (
            {"412"} if operation.media == "application/json" and operation.params and _changes(operation) else set()
        )

    assert expected <= answers.keys()
    for status, answer in answers.items():
        if status.startswith(("4", "5")) and operation.name != "system.readyz":
            assert answer["content"] == PROBLEM, status
            assert answer["description"]


def _changes(operation: Operation) -> bool:
    """Whether it is about a thing that is there, whose version may be matched."""
    begins = {
        "interactions.log",
        "contracts.draft",
        "renewals.open",
        "scope_changes.raise",
        "proposals.draft",
        "opportunities.identify",
        "kpi_certificates.issue",
        "period_closes.close",
    }
    return operation.name not in begins


@each
def test_good_answers_and_bodies_are_named(operation: Operation) -> None:
    good = [answer for status, answer in operation.spec["responses"].items() if status.startswith("2")]

    assert good
    for answer in good if operation.secured else []:
        content = answer["content"]["application/json"]
        assert content["schema"]["$ref"].startswith("#/components/schemas/")
    if operation.secured and operation.media == "application/json":
        assert operation.spec["requestBody"]["content"][operation.media]["schema"]["$ref"].startswith(
            "#/components/schemas/"
        )


@each_write
def test_a_body_has_an_example_that_fits(operation: Operation) -> None:
    for media, content in operation.spec["requestBody"]["content"].items():
        assert "example" in content, media
        assert fits(content["schema"], content["example"]) == []


@each
def test_a_good_answer_has_an_example_that_fits(operation: Operation) -> None:
    for status, answer in operation.spec["responses"].items():
        content = answer.get("content", {}).get("application/json")
        if status < "300" and content and operation.name != "inbound.receive":
            assert fits(content["schema"], content["example"]) == [], status
            assert _undocumented(content["schema"], content["example"]) == [], status


def test_there_is_no_example_of_what_does_not_exist() -> None:
    assert set(EXAMPLES) == {one.name for one in WRITES if one.media == "application/json"}


@each_write
def test_a_body_takes_no_unknown_member(operation: Operation) -> None:
    if operation.media == "application/json":
        schema = operation.spec["requestBody"]["content"][operation.media]["schema"]
        assert fits(schema, {**json.loads(operation.body or b"{}"), "unheard_of": 1}) != []


def test_every_parameter_of_a_query_or_header_has_a_schema() -> None:
    for operation in SECURED:
        for parameter in operation.spec.get("parameters", []):
            assert parameter["schema"], (operation.name, parameter["name"])


# --- what the server answers ---


@pytest.mark.parametrize("operation", READS, ids=lambda one: one.name)
def test_what_is_read_is_what_the_contract_promises(world: SampleAgency, operation: Operation) -> None:
    answer = world.client.see(operation.url(world.ids), **operation.required_query)

    assert answer.status_code == 200, answer.text
    schema = answer_schema(operation, 200)
    assert fits(schema, answer.json()) == []
    assert _undocumented(schema, answer.json()) == []


@each_write
def test_what_is_written_is_answered_as_the_contract_promises(world: SampleAgency, operation: Operation) -> None:
    answer = world.client.post(
        operation.url(world.ids), content=operation.body, headers={"Content-Type": operation.media or ""}
    )

    if answer.is_success:
        schema = answer_schema(operation, answer.status_code)
        assert fits(schema, answer.json()) == []
        assert _undocumented(schema, answer.json()) == []
    else:
        assert str(answer.status_code) in operation.spec["responses"], answer.text
        assert fits({"$ref": "#/components/schemas/Problem"}, answer.json()) == []
    for header in operation.spec["responses"].get("201", {}).get("headers", {}) if answer.status_code == 201 else ():
        assert header in answer.headers or header == "Idempotency-Replayed"


def _undocumented(schema: dict[str, Any], value: Any, path: str = "$") -> list[str]:
    """Members that are answered and of which the contract says nothing."""
    while "$ref" in schema:
        schema = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        options = [one for one in schema["anyOf"] if not fits(one, value)]
        return min((_undocumented(one, value, path) for one in options), key=len, default=[])
    if isinstance(value, list):
        return [
            member
            for at, item in enumerate(value)
            for member in _undocumented(schema.get("items", {}), item, f"{path}[{at}]")
        ]
    if isinstance(value, dict) and "properties" in schema:
        open_ = schema.get("additionalProperties") is True
        unknown = [f"{path}.{name}" for name in value if name not in schema["properties"] and not open_]
        inner = (
            _undocumented(schema["properties"][name], value[name], f"{path}.{name}")
            for name in value
            if name in schema["properties"]
        )
        return unknown + [member for part in inner for member in part]
    return []
