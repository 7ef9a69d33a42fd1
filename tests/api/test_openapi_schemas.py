"""The schemas of the contract: named for everybody, null only where null comes, and no two classes with one name."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from app.api.http.openapi import contract
from app.api.http.schemas import polish, public_name
from tests.api.contract import OPERATIONS, SCHEMA, resolved

ROOT = Path(__file__).parents[2]
SCHEMAS: dict[str, dict[str, Any]] = SCHEMA["components"]["schemas"]


def test_a_schema_is_named_for_the_thing_and_not_for_its_class_or_module() -> None:
    for name in SCHEMAS:
        assert re.fullmatch(r"([A-Z][a-z0-9]+)+", name), name
        assert not name.endswith(("Body", "Input", "Output")), name
        assert "title" not in SCHEMAS[name], name


@pytest.mark.parametrize(
    ("made", "public"),
    [
        ("InvoiceBody", "Invoice"),
        ("PageBody_InvoiceBody_", "InvoicePage"),
        ("PageBody_Problem_", "ProblemPage"),
        ("OpenInvoice", "OpenInvoice"),
    ],
)
def test_a_public_name_is_that_of_the_class_without_what_only_the_code_needs(made: str, public: str) -> None:
    assert public_name(made) == public


def _app_with_two_classes_of_one_name() -> FastAPI:
    app = FastAPI()

    def answer_of(member: str) -> type[BaseModel]:
        return type("InvoiceBody", (BaseModel,), {"__annotations__": {member: str}, "__module__": member})

    for member in ("amount", "quantity"):
        app.get(f"/{member}", responses={200: {"model": answer_of(member)}})(lambda: None)
    return app


def test_two_classes_of_one_name_are_no_contract() -> None:
    with pytest.raises(ValueError, match="two classes of the contract have one name"):
        contract(_app_with_two_classes_of_one_name())


def test_a_class_and_one_with_the_suffix_are_two_of_one_name() -> None:
    document = {"paths": {}, "components": {"schemas": {"Invoice": {}, "InvoiceBody": {}}}}

    with pytest.raises(ValueError, match="two classes of the contract have one name"):
        polish(document)


def test_what_an_answer_leaves_out_is_not_required_and_never_null_and_what_a_body_leaves_out_may_be_null() -> None:
    text_or_null = {"anyOf": [{"type": "string", "title": "Why"}, {"type": "null"}], "title": "Why"}
    member = {"type": "object", "properties": {"why": text_or_null}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Command"}}}}
    schemas: dict[str, Any] = {
        "Command": {"type": "object", "properties": {"why": dict(text_or_null)}},
        "Answer": member,
        "Told": {"type": "object", "required": ["why"], "properties": {"why": dict(text_or_null)}},
    }
    document = {"paths": {"/": {"post": {"requestBody": body}}}, "components": {"schemas": schemas}}

    polish(document)

    types = {name: schema["properties"]["why"]["type"] for name, schema in document["components"]["schemas"].items()}
    assert types == {"Answer": "string", "Command": ["string", "null"], "Told": ["string", "null"]}


def test_null_is_one_of_two_and_no_third_way_is_written() -> None:
    for name, schema in SCHEMAS.items():
        for member, of_member in schema.get("properties", {}).items():
            assert "title" not in of_member, (name, member)
            assert of_member.get("default", ...) is not None, (name, member)
            options = of_member.get("anyOf", ())
            scalars = [option for option in options if "type" in option and option["type"] != "null"]
            assert not (len(options) == 2 and scalars and {"type": "null"} in options), (name, member)


def test_a_member_that_tells_kinds_apart_is_required_of_each() -> None:
    rules = SCHEMAS["DraftPolicy"]["properties"]["rules"]

    assert rules["discriminator"]["propertyName"] == "kind"
    for option in rules["oneOf"]:
        assert "kind" in resolved(option)["required"]


def test_every_operation_says_what_it_does_in_a_few_words_and_which_scopes_it_needs() -> None:
    for operation in OPERATIONS:
        summary, description = operation.spec["summary"], operation.spec["description"]
        assert description.startswith(summary), operation.name
        assert len(summary) < 120, operation.name
        for scope in operation.scopes:
            assert f"`{scope}`" in description, operation.name


def test_no_parameter_is_null_and_a_problem_that_says_nothing_of_its_own_stands_once() -> None:
    for methods in SCHEMA["paths"].values():
        for spec in methods.values():
            assert all("null" not in str(one["schema"]) for one in spec.get("parameters", ()))
            for status, answer in spec["responses"].items():
                assert "$ref" in answer or status < "400" or status == "503", (spec["operationId"], status)


def test_what_the_whole_contract_is_stands_at_its_head() -> None:
    used = {tag for one in OPERATIONS for tag in one.spec["tags"]}

    assert {tag["name"] for tag in SCHEMA["tags"]} == used
    assert all(tag["description"].endswith(".") for tag in SCHEMA["tags"])
    assert SCHEMA["servers"][0]["url"] == "/"
    assert SCHEMA["info"]["license"]["name"] == "Apache-2.0"
    assert "`as_of`" in SCHEMA["info"]["description"]
    assert SCHEMA["components"]["securitySchemes"]["ApiKey"]["type"] == "http"
    assert all(scopes == [] for one in OPERATIONS for way in one.spec["security"] for scopes in way.values())


def test_every_schema_member_and_parameter_says_what_it_means() -> None:
    silent = [
        (name, member)
        for name, schema in SCHEMAS.items()
        for member, of_member in schema.get("properties", {}).items()
        if not of_member.get("description")
    ]
    silent += [(name, "itself") for name, schema in SCHEMAS.items() if not schema.get("description")]
    silent += [
        (operation.name, one["name"])
        for operation in OPERATIONS
        for one in operation.spec.get("parameters", ())
        if not one.get("description")
    ]

    assert silent == [], "say it at the field, or in app/api/http/members.toml where it means the same everywhere"


def test_every_table_of_texts_is_about_a_schema_that_exists() -> None:
    texts = tomllib.loads((ROOT / "app" / "api" / "http" / "members.toml").read_text())

    assert texts.keys() - {"members", "formats", "parameters"} <= SCHEMAS.keys()
