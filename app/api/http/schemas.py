"""The contract's schemas: public names, descriptions, and null only where null can come.

A schema's name is that of its class without `Body`; a page is named for the things on it. What a member means is written at its field,
or in `members.toml` where it means the same everywhere.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

Schema = dict[str, Any]
PREFIX: Final = "#/components/schemas/"
NULL: Final[Schema] = {"type": "null"}
FORMATS: Final[Mapping[str, Schema]] = {
    "decimal": {"pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    "sha256": {"pattern": "^[0-9a-f]{64}$"},
    "text": {},
}
"""Forms that JSON Schema has no name for."""
_PAGE: Final = re.compile(r"PageBody_(\w+?)(?:Body)?_")


def public_name(name: str) -> str:
    """The name of a schema, from that which FastAPI gives it. Raises: ValueError where two classes have one name."""
    name = _PAGE.sub(r"\1Page", name).removesuffix("Body")
    if "__" in name or "-" in name:
        raise ValueError(f"two classes of the contract have one name: {name}")
    return name


def polish(document: Schema) -> None:
    """Polishes every schema of a contract, in its place. Raises: ValueError where two classes have one name."""
    made: dict[str, Schema] = document["components"]["schemas"]
    names = {name: public_name(name) for name in made}
    schemas = {names[name]: made[name] for name in sorted(made, key=names.__getitem__)}
    if len(schemas) < len(made):
        raise ValueError(f"two classes of the contract have one name: {sorted(names.values())}")
    document["components"]["schemas"] = schemas
    for part in parts(document):
        _rename(part, names)
    for part in parts(document):
        if "discriminator" in part:
            _require(part["discriminator"], schemas)
    taken = _taken(document)  # before the two forms of money in a body: `Money` is shown first of all
    for name, schema in schemas.items():
        schema.pop("title", None)
        schema.setdefault("description", "A page of a list.")
        for member, of_member in schema.get("properties", {}).items():
            answered = name not in taken
            or_null = of_member.pop("x-or-null", False)
            _polish(of_member, never_null=answered and not or_null and member not in schema.get("required", ()))
            if answered:
                _format(of_member, member, name.removesuffix("Details"))
            if "description" not in of_member and (text := meaning(name, member)):
                of_member["description"] = text
    for part in parts(list(schemas.values())):
        if part.pop("x-money", False):
            _offer_two_forms(part)


def polish_parameter(parameter: Schema) -> None:
    """Polishes a parameter: it is never null, and is described once."""
    _polish(parameter["schema"], never_null=True)
    parameter["schema"].pop("description", None)
    if "description" not in parameter and (text := meaning("parameters", parameter["name"])):
        parameter["description"] = text


def parts(value: Any) -> Iterator[Schema]:
    """Every object within a value."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(part)


def meaning(schema: str, member: str) -> str | None:
    """What a member means, in this schema or else in all of them, as `members.toml` says."""
    texts = _texts()
    descriptions = (texts.get(name, {}).get(member) for name in (schema, schema.removesuffix("Details"), "members"))
    return next(filter(None, descriptions), None)


@cache
def _texts() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "members.toml").read_text(encoding="utf-8"))


def _rename(part: Schema, names: Mapping[str, str]) -> None:
    if isinstance(reference := part.get("$ref"), str) and reference.startswith(PREFIX):
        part["$ref"] = PREFIX + names[reference.removeprefix(PREFIX)]
    if isinstance(mapping := part.get("mapping"), dict):
        part["mapping"] = {value: PREFIX + names[kind.removeprefix(PREFIX)] for value, kind in mapping.items()}


def _require(discriminator: Schema, schemas: Mapping[str, Schema]) -> None:
    """Says that a member by which a reader tells kinds apart is never left out."""
    member = discriminator["propertyName"]
    for kind in discriminator["mapping"].values():
        schema = schemas[kind.removeprefix(PREFIX)]
        schema["properties"][member].pop("default", None)
        schema["required"] = list(dict.fromkeys((member, *schema.get("required", ()))))


def _taken(document: Schema) -> set[str]:
    """The schemas that a body may hold: their optional members may be null, where those of an answer are left out."""
    found: set[str] = set()
    waiting = [operation.get("requestBody") for path in document["paths"].values() for operation in path.values()]
    while waiting:
        references = {part["$ref"].removeprefix(PREFIX) for part in parts(waiting.pop()) if "$ref" in part}
        waiting += [document["components"]["schemas"][name] for name in references - found]
        found |= references
    return found


def _polish(schema: Schema, *, never_null: bool) -> None:
    """Drops titles, which only repeat names, and null where it cannot come; writes `text or null` as one type."""
    schema.pop("title", None)
    if never_null and schema.get("default", ...) is None:
        schema.pop("default")
    if "items" in schema:
        _polish(schema["items"], never_null=False)
    options = [option for option in schema.get("anyOf", ()) if option != NULL]
    for option in options:
        _polish(option, never_null=False)
    if NULL not in schema.get("anyOf", ()):
        return
    if len(options) == 1 and (never_null or "type" in options[0]):
        schema.pop("anyOf")
        schema.update(options[0] | schema)
        if not never_null:
            _or_null(schema)
    elif never_null:
        schema["anyOf"] = options


def _offer_two_forms(schema: Schema) -> None:
    """Says that money may be written as a decimal, its currency being that of the whole, or as it is answered."""
    kinds = schema.pop("type") if isinstance(schema["type"], list) else [schema.pop("type")]
    text = {
        "type": "string",
        "pattern": schema.pop("pattern"),
        "description": "a decimal in the currency of the whole",
    }
    schema["oneOf"] = [text, {"$ref": f"{PREFIX}Money"}, *({"type": kind} for kind in kinds if kind == "null")]


def _format(schema: Schema, member: str, name: str) -> None:
    """Says what a text of an answer is, where its member's name says it."""
    if "string" in schema.get("type", ()) and schema.keys().isdisjoint(("enum", "const", "format", "pattern")):
        formats: Mapping[str, Any] = _texts()["formats"]
        named = (
            formats.get(name, {}).get(member) or formats.get(member) or ("date-time" if member.endswith("_at") else "")
        )
        schema.update(FORMATS.get(named, {"format": named} if named else {}))


def may_be_withheld(schema: Schema, scopes: Sequence[str]) -> None:
    """Says that a member of an answer is null for whoever has not all of some scopes."""
    schema["x-needs"] = [*scopes]
    if "type" in schema and "const" not in schema and "enum" not in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*kinds, *(["null"] if "null" not in kinds else [])]
    elif "$ref" in schema:
        schema["anyOf"] = [{"$ref": schema.pop("$ref")}, {**NULL}]
    elif "anyOf" in schema and NULL not in schema["anyOf"]:
        schema["anyOf"] = [*schema["anyOf"], {**NULL}]


def _or_null(schema: Schema) -> None:
    """Lets a schema of one type take null, too."""
    schema["type"] = [schema["type"], "null"]
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
