"""The contract: OpenAPI 3.1, with examples, and with problems as problem documents instead of FastAPI's own."""

import json
import re
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.api.http import schemas
from app.api.http.about import CONTACT, DESCRIPTION, LICENSE, SERVERS, TAGS
from app.api.http.csv import GROUPS, MEDIA, listed
from app.api.http.examples import EXAMPLES
from app.api.http.problems import TITLES, Problem, documented
from app.api.http.withholding import withheld_members
from app.domain.withholding import SCOPES, WITHHELD

JSON: Final = "application/json"
UNUSED_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")
_NAMES: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": "present where something is left out of the answer that the caller may not read: it is null, and named here",
    "examples": [["mrr", "lines[].unit_price"]],
}
BODY_PROBLEMS: Final = (400, 413, 415, 422)
"""The problems that any request with a body may get."""


WAYS: Final = {
    "AccessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "an access token (RFC 9068) of an identity provider that the agency has registered: `Authorization: Bearer eyJ…`",
    },
    "BoundAccessToken": {
        "type": "http",
        "scheme": "dpop",
        "description": "an access token that is bound to a key of its client (RFC 9449): `Authorization: DPoP eyJ…`, and a proof in `DPoP`",
    },
}
"""How a caller may come besides with an API key."""


def contract(app: FastAPI) -> dict[str, Any]:
    """The contract of an application, the same at every call. Raises: ValueError where two classes have one name."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        contact=CONTACT,
        license_info=LICENSE,
        servers=SERVERS,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        routes=app.routes,
        openapi_version="3.1.0",
        separate_input_output_schemas=False,
    )
    made = document.setdefault("components", {}).setdefault("schemas", {})
    made["Problem"] = Problem.model_json_schema(ref_template=schemas.PREFIX + "{model}")
    made.update(made["Problem"].pop("$defs", {}))
    for operations in document["paths"].values():
        for operation in operations.values():
            made.update(operation.pop("x-schemas", {}))  # those of bodies that no class reads
    document["components"].setdefault("securitySchemes", {}).update(WAYS)
    schemas.polish(document)
    _tell_withheld(app, document["components"]["schemas"])
    every = [operation for operations in document["paths"].values() for operation in operations.values()]
    for operation in every:
        _complete(operation, document["components"])
    _show_answers(every)
    for unused in UNUSED_SCHEMAS:
        document["components"]["schemas"].pop(unused, None)
    app.openapi_schema = document
    return document


def _complete(operation: dict[str, Any], components: dict[str, Any]) -> None:
    """Adds what FastAPI does not know: the summary, scopes, the example of a body, the problems of every such operation."""
    operation["summary"] = _first_sentence(operation["description"])
    for parameter in operation.get("parameters", ()):
        schemas.polish_parameter(parameter)
    _tell_scopes(operation)
    secured = bool(operation["security"])
    answers = operation["responses"]
    if JSON in answers.get("422", {}).get("content", {}):
        answers.pop("422")
    _tell_csv(operation, components["schemas"])
    content = operation.get("requestBody", {}).get("content", {})
    problems = documented(400, *(BODY_PROBLEMS if content else ()))
    always = problems if secured else {400: problems[400]}  # every operation refuses a parameter that it does not know
    described = {str(status): problem for status, problem in always.items()} | answers
    operation["responses"] = {status: _shared(described[status], status, components) for status in sorted(described)}
    example = EXAMPLES.get(operation["operationId"])
    if JSON in content and example is not None:
        content[JSON]["example"] = example


def _tell_withheld(app: FastAPI, made: dict[str, Any]) -> None:
    """Says which members are null for whoever may not read them, and that such an answer names them."""
    answers = (route.responses.get(200, {}).get("model") for route in app.routes if isinstance(route, APIRoute))
    for answer in (model for model in answers if model is not None):
        members = [*withheld_members(answer)]
        for model, member, classes in members:
            schemas.may_be_withheld(
                made[_schema(model)]["properties"][member], [SCOPES[kind] for kind in sorted(classes)]
            )
        if members:
            made[_schema(answer)]["properties"].setdefault(WITHHELD, dict(_NAMES))


def _schema(model: type[BaseModel]) -> str:
    """The name of a model's schema."""
    return schemas.public_name(re.sub(r"[^A-Za-z0-9_]", "_", model.__name__))


def _show_answers(operations: list[dict[str, Any]]) -> None:
    """Adds an example to every good answer: a real one, as `make examples` recorded it, or one that has the same schema."""
    recorded = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
    good = [
        (recorded.get(operation["operationId"], {}).get(status), answer["content"][JSON])
        for operation in operations
        for status, answer in operation["responses"].items()
        if status < "300" and JSON in answer.get("content", {})
    ]
    alike = {content["schema"].get("$ref"): example for example, content in good if example is not None}
    for own, content in good:
        example = own if own is not None else alike.get(content["schema"].get("$ref"))
        if example is not None:
            content["example"] = example


def _first_sentence(text: str) -> str:
    return re.split(r"[.:;]\s|\.$", text, maxsplit=1)[0]


def _tell_scopes(operation: dict[str, Any]) -> None:
    """Says which scopes the key needs. A bearer has none in OpenAPI, whose scopes are those of OAuth2."""
    ways = operation.get("security", [])
    scopes = sorted({scope for way in ways for needed in way.values() for scope in needed})
    own: list[dict[str, list[str]]] = [{name: [] for name in way} for way in ways]
    operation["security"] = own + [{name: []} for name in WAYS] if own else []
    if scopes:
        operation["x-scopes"] = scopes
        operation["description"] += f"\n\nNeeds {' and '.join(f'`{scope}`' for scope in scopes)}."


def _tell_csv(operation: dict[str, Any], made: dict[str, Any]) -> None:
    """Says that a list is also answered as CSV: as text, since a second media type would make clients of it a page or a text."""
    schema = operation["responses"].get("200", {}).get("content", {}).get(JSON, {}).get("schema", {})
    members = made.get(schema.get("$ref", "").removeprefix(schemas.PREFIX), {}).get("properties", {})
    if (name := listed(members)) is not None:
        operation["x-also"] = [MEDIA]
        what = "groups are, where there are some," if name == GROUPS else "list is"
        operation["description"] += (
            f"\n\nWith `Accept: {MEDIA}` the {what} answered as CSV (RFC 4180), with a header line."
        )


def _shared(answer: dict[str, Any], status: str, components: dict[str, Any]) -> dict[str, Any]:
    """The answer; a problem that says nothing of its own stands once among the components."""
    title = TITLES.get(int(status))
    if title is None or answer != {"description": title, "content": documented(int(status))[int(status)]["content"]}:
        return answer
    name = title.title().replace(" ", "")
    components.setdefault("responses", {})[name] = answer
    return {"$ref": f"#/components/responses/{name}"}
