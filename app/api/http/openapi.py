"""The contract: OpenAPI 3.1, with examples, and with problems as problem documents instead of FastAPI's own."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.http.csv import MEDIA, listed
from app.api.http.examples import EXAMPLES
from app.api.http.problems import Problem, documented

JSON: Final = "application/json"
UNUSED_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")
BODY_PROBLEMS: Final = (400, 413, 415, 422)
"""The problems that any request with a body may get."""


def contract(app: FastAPI) -> dict[str, Any]:
    """The contract of an application, the same at every call."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes, openapi_version="3.1.0"
    )
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Problem"].pop("$defs", {}))
    for unused in UNUSED_SCHEMAS:
        schemas.pop(unused, None)
    for operations in schema["paths"].values():
        for operation in operations.values():
            _complete(operation, schemas)
    app.openapi_schema = schema
    return schema


def _complete(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Adds the example of a body and the problems that every operation of its kind may answer."""
    answers = operation["responses"]
    if JSON in answers.get("422", {}).get("content", {}):
        answers.pop("422")
    _add_csv(answers.get("200", {}).get("content", {}), schemas)
    content = operation.get("requestBody", {}).get("content", {})
    problems = documented(*(BODY_PROBLEMS if content else ())) if "security" in operation else {}
    described = {str(status): problem for status, problem in problems.items()}
    operation["responses"] = dict(sorted({**described, **answers}.items()))
    example = EXAMPLES.get(operation["operationId"])
    if JSON in content and example is not None:
        content[JSON]["example"] = example


def _add_csv(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Adds that a list is also answered as CSV."""
    name = content.get(JSON, {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    members = schemas.get(name, {}).get("properties", {})
    if listed(members) is not None:
        content[MEDIA] = {"schema": {"type": "string", "description": "RFC 4180, with a header line"}}
