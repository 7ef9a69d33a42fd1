"""`steward openapi` and `events`: the HTTP contract, and the catalogue of events."""

from collections.abc import Iterator
from inspect import cleandoc
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import typer
from pydantic import BaseModel

from app.cli.console import Json, show, show_json, show_table
from app.domain.catalogue import CATALOGUE
from app.domain.kernel.values import Sealed, classification, nested
from app.settings import Settings

INTRODUCTION: Final = """\
# Events

Every fact that there can be, with the members of its `data`. Written by `steward events --markdown`.

Each member is `public` or `business` (kept open), `personal` (sealed under the person's key) or `free_text` (sealed under the
note's own key)."""


def openapi() -> None:
    """Print the HTTP contract, the same at every call."""
    from app.main import create_app  # takes longer to import than most other commands take to run

    show_json(create_app(Settings()).openapi())


# --- events ---


def events(
    json_: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a document, docs/events.md.")] = False,
) -> None:
    """Print the catalogue of events: topics, versions, members and how each is kept."""
    catalogue = [topic_entry(topic) for topic in CATALOGUE]
    if json_:
        show_json(catalogue)
    elif markdown:
        show("\n".join(_document(catalogue)))
    else:
        rows = [(entry["topic"], entry["version"], [field["name"] for field in entry["fields"]]) for entry in catalogue]
        show_table(("topic", "version", "fields"), rows)


def topic_entry(topic: str) -> dict[str, Any]:
    """A topic of the catalogue, with its members."""
    kind = CATALOGUE[topic]
    return {
        "topic": topic,
        "version": kind.VERSION,
        "description": cleandoc(kind.__doc__ or ""),
        "fields": list(_fields(kind)),
    }


def _fields(kind: type[BaseModel], prefix: str = "") -> Iterator[dict[str, Any]]:
    """The members of a model, those of nested models by their paths; of models that may stand in one place each once."""
    for name, field in kind.model_fields.items():
        inner, mark = nested(field), classification(field)
        within = f"{prefix}{name}{'[]' if _type(field.annotation).startswith('list') else ''}."
        yield {"name": f"{prefix}{name}", "type": _type(field.annotation), "required": field.is_required(),
               "classification": mark.value if mark else None}  # fmt: skip
        seen: set[str] = set()
        for member in (member for model in inner for member in _fields(model, within)):
            if member["name"] not in seen:
                seen.add(member["name"])
                yield member


def _type(annotation: Any) -> str:
    """A type in a few words."""
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    parts = [part for part in get_args(annotation) if part not in (type(None), Sealed, ...)]
    if get_origin(annotation) in (Union, UnionType):
        return _type(parts[0]) if len(parts) == 1 else "object"
    if get_origin(annotation) is tuple:
        return f"list of {_type(parts[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "object"
    return {str: "text", int: "integer", bool: "boolean"}.get(annotation, "text")


def _document(catalogue: list[dict[str, Any]]) -> Iterator[str]:
    yield INTRODUCTION
    for entry in catalogue:
        yield f"\n## `{entry['topic']}` (version {entry['version']})\n\n{entry['description']}\n"
        if not entry["fields"]:
            yield "No members."
            continue
        yield "| Member | Type | Kept as | Required |\n| --- | --- | --- | --- |"
        for field in entry["fields"]:
            yield f"| `{field['name']}` | {field['type']} | {field['classification']} | {'yes' if field['required'] else 'no'} |"
