"""`steward openapi`, `events` and `settings`: what the house says about itself."""

import os
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.cli.console import Json, as_json, as_table, listed, say, told
from app.domain.catalogue import CATALOGUE
from app.domain.kernel.values import Sealed, classification, nested
from app.settings import PREFIX, Settings

MASK: Final = "********"
INTRODUCTION: Final = """\
# Events

Every fact that there can be, with the members of its `data`. Written by `steward events --markdown`.

Each member is `public` or `business` (kept open), `personal` (sealed under the person's key) or `free_text` (sealed under the
note's own key)."""


def openapi() -> None:
    """Print the HTTP contract, the same at every call."""
    from app.main import create_app  # takes longer to import than most other commands take to run

    as_json(create_app(Settings()).openapi())


# --- events ---


def events(
    json_: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a document, docs/events.md.")] = False,
) -> None:
    """Print the catalogue of events: topics, versions, members and how each is kept."""
    catalogue = [described(topic) for topic in CATALOGUE]
    if json_:
        as_json(catalogue)
    elif markdown:
        say("\n".join(_document(catalogue)))
    else:
        as_table(("topic", "version", "fields"),
                 ((one["topic"], one["version"], ", ".join(field["name"] for field in one["fields"])) for one in catalogue))  # fmt: skip


def described(topic: str) -> dict[str, Any]:
    """A topic of the catalogue."""
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
        for one in (found for model in inner for found in _fields(model, within)):
            if one["name"] not in seen:
                seen.add(one["name"])
                yield one


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
    for one in catalogue:
        yield f"\n## `{one['topic']}` (version {one['version']})\n\n{one['description']}\n"
        if not one["fields"]:
            yield "No members."
            continue
        yield "| Member | Type | Kept as | Required |\n| --- | --- | --- | --- |"
        for field in one["fields"]:
            yield f"| `{field['name']}` | {field['type']} | {field['classification']} | {'yes' if field['required'] else 'no'} |"


# --- settings ---


def settings(json_: Json = False) -> None:
    """Print all settings, where each comes from, and what it means; secrets are masked."""
    found = told()
    dotenv = _names_in(Path(".env"))
    body = [
        {"name": PREFIX + name.upper(), "value": shown(name, getattr(found, name)), "source": _source(PREFIX + name.upper(), dotenv),
         "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip
    listed(body, ("name", "value", "source", "meaning"), json_=json_)


def shown(name: str, value: Any) -> Any:
    """A setting's value without what would let somebody in."""
    if value is None:
        return None
    if name == "vault_key":
        return MASK
    if name.endswith("_url") and isinstance(value, str):
        try:
            return make_url(value).render_as_string(hide_password=True)
        except ArgumentError:
            return MASK
    return value


def _source(variable: str, dotenv: set[str]) -> str:
    if variable in os.environ:
        return "environment"
    return ".env" if variable in dotenv else "default"


def _names_in(path: Path) -> set[str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    return {line.partition("=")[0].strip() for line in lines if "=" in line and not line.lstrip().startswith("#")}
