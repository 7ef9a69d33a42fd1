"""Collects every error code from the source, and writes `docs/errors.md`: status, title, what to do.

A code is the first argument where an error class of the domain is called (`Refused("account_closed", …)`), also through a function
that only hands its argument on; the third of `problem(…)`; and the name behind the colon of a claim. Where a code is composed
(`f"{noun}_not_found"`), the advice names the codes of that form.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.api.http import problems
from app.domain.kernel import errors
from app.main import create_app

assert create_app  # imports every class of errors
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
ADVICE = ROOT / "docs" / "errors.toml"
CODE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def _kinds(kind: type[errors.DomainError] = errors.DomainError) -> dict[str, type[errors.DomainError]]:
    """Every class of errors by its name."""
    return {
        name: one for child in kind.__subclasses__() for name, one in {child.__name__: child, **_kinds(child)}.items()
    }


KINDS: Final = _kinds()
MEMBER, COMMAND_LINE = "PydanticCustomError", "Misuse"
INTRODUCTION: Final = """\
# Errors

Every error answer is a problem document (RFC 9457) with the media type `application/problem+json`:

| Member | Meaning |
| --- | --- |
| `type` | an address that ends with the code; the site of this documentation has a page under its path. Compare `code`, not this |
| `title`, `status` | the HTTP status, in words and as a number |
| `code` | the stable name of the error; this page has a section for each |
| `detail` | what is wrong this time, for a person |
| `instance` | the id of the request, which the log of the server has too |
| `errors` | where single members do not fit: `pointer`, `code`, `detail` of each |
| `current_version`, `retry_after`, … | what some codes say besides |

Everything with status 503, and `version_conflict`, may be sent again; with the same `Idempotency-Key` nothing is ever done twice.
Imports and webhook messages use the same codes for single events.

This page is generated: `python -m tests.docs`."""


@dataclass
class Collected:
    """Codes and their statuses; and the forms of codes that are composed."""

    statuses: dict[str, set[int | None]] = field(default_factory=lambda: defaultdict(set))
    forms: dict[str, set[int | None]] = field(default_factory=lambda: defaultdict(set))

    def add(self, code: ast.expr | None, kind: str) -> None:
        """Takes: the argument that names a code, and the class that is called."""
        if isinstance(code, ast.IfExp):
            self.add(code.body, kind)
            self.add(code.orelse, kind)
        elif isinstance(code, ast.Constant) and isinstance(code.value, str):
            self.statuses[code.value].add(_status(kind, code.value))
        elif isinstance(code, ast.JoinedStr):
            parts = (
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+" for part in code.values
            )
            self.forms["".join(parts)].add(_status(kind, ""))

    def of(self, code: str) -> set[int | None]:
        """The statuses of a code; empty where nothing in the source says it."""
        if code in self.statuses:
            return self.statuses[code]
        return {status for form, found in self.forms.items() if re.fullmatch(form, code) for status in found}


def _status(kind: str, code: str) -> int | None:
    if kind in (MEMBER, COMMAND_LINE):
        return None
    by_class = next(status for each, status in problems.STATUSES if issubclass(KINDS[kind], each))
    return problems.BY_CODE.get(code, by_class)


def collect() -> Collected:
    """Every code of the source."""
    found = Collected()
    for path in sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "projections").rglob("*.py")]):
        tree = ast.parse(path.read_text())
        passing = dict(_passing(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = _name(node.func)
                if name == "problem" and len(node.args) > 2:
                    code = node.args[2]
                    if isinstance(code, ast.Constant) and isinstance(node.args[1], ast.Constant):
                        found.statuses[str(code.value)].add(int(str(node.args[1].value)))
                elif name in passing and len(node.args) > passing[name][0]:
                    found.add(node.args[passing[name][0]], passing[name][1])
                elif name in KINDS or name in (MEMBER, COMMAND_LINE):
                    found.add(node.args[0] if node.args else None, name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                claim = re.fullmatch(r"(?!ref:)[a-z_]+:(?!read$|write$)([a-z_]+)", node.value)
                if claim and path.is_relative_to(ROOT / "app" / "domain"):
                    found.statuses[claim[1]].add(409)
    for status, code in problems._FRAMEWORK_CODES.items():
        found.statuses[code].add(status)
    found.statuses["refused"].add(400)
    found.statuses["internal_error"].add(500)
    found.statuses["invalid_body"].add(422)
    return found


def _passing(tree: ast.Module) -> Iterator[tuple[str, tuple[int, str]]]:
    """Functions that hand an argument of theirs on as a code: their name, which argument, and to which class."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names = [arg.arg for arg in function.args.args]
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and (kind := _name(node.func)) in {*KINDS, MEMBER} and node.args:
                code = node.args[0]
                if isinstance(code, ast.Name) and code.id in names:
                    yield function.name, (names.index(code.id), kind)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def advice() -> dict[str, str]:
    """What to do about each code."""
    return tomllib.loads(ADVICE.read_text())


def page() -> str:
    """The page, as it must be today."""
    found, parts = collect(), [INTRODUCTION]
    for code, action in sorted(advice().items()):
        statuses = found.of(code)
        numbers = sorted(status for status in statuses if status)
        said = [f"{number} {problems.TITLES[number]}" for number in numbers] or [
            "in `errors` of a 422" if _member(code) else "command line"
        ]
        parts.append(f"## {code}\n\n*{', '.join(said)}.* {action}")
    return "\n\n".join(parts) + "\n"


def _member(code: str) -> bool:
    return any(f'"{code}"' in path.read_text() for path in (ROOT / "app" / "domain").rglob("*.py"))
