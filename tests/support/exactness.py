"""What a file uses of numbers that are not exact."""

import ast
import re
from collections.abc import Iterator
from typing import Final

MODULES: Final = {
    "math",
    "cmath",
    "statistics",
    "decimal",
    "numpy",
    "scipy",
    "random",
    "struct",
    "array",
    "ctypes",
    "numbers",
}
WHOLE: Final = {"isqrt", "gcd", "lcm", "comb", "perm", "prod", "factorial"}
"""What `math` has for integers."""
NAMES: Final = {"float", "complex", "round", "eval", "exec", "__import__"}
"""Builtins that make floats, or hide that something does."""
ATTRIBUTES: Final = {
    "truediv", "itruediv", "total_seconds", "timestamp", "fsum", "fmean", "hypot",
    "avg", "Float", "Double", "REAL", "Numeric", "Decimal", "DECIMAL",
}  # fmt: skip
"""Names behind a dot that give a float or a decimal, in Python and in SQLAlchemy."""
HIDDEN: Final = {*NAMES, "truediv", "itruediv", "__float__", "__truediv__", "__rtruediv__", "__itruediv__", "__round__"}
"""What no text names, so that nothing is looked up by it."""
SPEC: Final = re.compile(r"(?:^|[^a-zA-Z])[eEfFgG%]$")
"""A format that makes a float of an integer before it writes it."""
PERCENT: Final = re.compile(r"%[-+ #0-9.*]*[eEfFgG]")
SQL: Final = re.compile(
    r"(?i)\b(?:AVG|ROUND|POWER|SQRT|CEIL|FLOOR|RANDOM)\s*\("
    r"|\bAS\s+(?:REAL|FLOAT|DOUBLE(?: PRECISION)?|NUMERIC|DECIMAL)\s*\)"
    r"|::\s*(?:real|float|double|numeric)"
)
"""What makes another number of one in SQL."""


def inexact(source: str) -> Iterator[str]:
    """What makes, or may make, a float of something, by kind."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) not in docstrings:
            for found in (_said, _computed, _written, _imported):
                yield from found(node)


def _said(node: ast.AST) -> Iterator[str]:
    """Numbers, names, and texts that name something."""
    match node:
        case ast.Constant(value=float() | complex()):
            yield "literal"
        case ast.Constant(value=str(text)):
            if text in HIDDEN:
                yield f"text {text}"
            if SQL.search(text):
                yield "sql"
        case ast.Name(id=name) if name in NAMES:
            yield name
        case ast.Attribute(attr=name) if name in ATTRIBUTES | HIDDEN:
            yield f".{name}"


def _computed(node: ast.AST) -> Iterator[str]:
    """What gives a float of integers."""
    match node:
        case ast.Div():
            yield "division"
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            yield "power"
        case ast.Call(func=ast.Name(id="pow"), args=[_, ast.UnaryOp(op=ast.USub())]):
            yield "power"


def _written(node: ast.AST) -> Iterator[str]:
    """What writes an integer as if it were a float."""
    match node:
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()) if PERCENT.search(text):
            yield "format"
        case ast.FormattedValue(format_spec=ast.JoinedStr(values=[*_, ast.Constant(value=str(spec))])):
            if SPEC.search(spec):
                yield "format"
        case ast.Call(func=ast.Name(id="format"), args=[_, _, *_]):
            yield "format"


def _imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"import {name.name}" for name in names if _inexact(name.name))
        case ast.ImportFrom(module=str(module), names=names):
            named = {name.name for name in names}
            if _inexact(module) and (module != "math" or named - WHOLE):
                yield f"import {module}"
            if module.split(".")[0] not in ("app", "projections"):
                yield from (f"import {name}" for name in sorted(named & (ATTRIBUTES | HIDDEN)))


def _inexact(module: str) -> bool:
    return module.split(".")[0] in MODULES or module in ("builtins", "json", "importlib")
