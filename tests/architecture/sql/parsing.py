"""SQL of PostgreSQL as a tree of plain values, parsed by its own parser."""

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson
from pglast.parser import parse_sql_json

Node = dict[str, Any]
_BIND: Final = re.compile(r"%(?:\((\w+)\))?[sbt]|%%")
_QUOTED: Final = re.compile(r"'[^']*'")
_ROWS: Final = re.compile(r"(VALUES )(\([^()]*\))(?:, \([^()]*\))+", re.IGNORECASE)


def parse(text: str, *, binds: bool = True) -> list[Node]:
    """The statements of a text, each as its kind and its members. Takes: whether the driver finds binds in it, such as `%s`."""
    parsed = orjson.loads(parse_sql_json(numbered(text) if binds else text))
    return [statement["stmt"] for statement in parsed.get("stmts", [])]


def numbered(text: str) -> str:
    """A text as the driver sends it: with `$1` for the first bind. A name stands for the same bind everywhere."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found[1] or f"{len(numbers)} "
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _BIND.sub(number, text)


def outline(text: str) -> str:
    """A text without what only makes it another one for each tenant or each number of rows: rules say the same of both."""
    return _ROWS.sub(r"\1\2", _QUOTED.sub("'…'", text))


def nodes(value: Any) -> Iterator[tuple[str, Node]]:
    """Every node below a value, as its kind and its members."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            for kind, members in value.items():
                if isinstance(members, dict):
                    if kind[0].isupper():
                        yield kind, members
                    waiting.append(members)
                elif isinstance(members, list):
                    waiting += members


def only(value: Any, kind: str) -> Node | None:
    """The members of a node if it is of a kind, whatever casts it."""
    while isinstance(value, dict) and "TypeCast" in value:
        value = value["TypeCast"]["arg"]
    found: Node | None = value.get(kind) if isinstance(value, dict) else None
    return found


def words(column: Node) -> list[str]:
    """The words of a column or a function: its qualifiers and its name; `*` for all columns."""
    return [part["String"]["sval"] if "String" in part else "*" for part in column]
