"""Finds the places in a source file that use inexact numbers."""

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
"""The functions of `math` for integers."""
NAMES: Final = {"float", "complex", "round", "eval", "exec", "__import__"}
"""Builtins that make floats, or hide that something does."""
ATTRIBUTES: Final = {
    "truediv", "itruediv", "total_seconds", "timestamp", "fsum", "fmean", "hypot",
    "avg", "Float", "Double", "REAL", "Numeric", "Decimal", "DECIMAL",
}  # fmt: skip
"""Attributes that give a float or a decimal, in Python and in SQLAlchemy."""
HIDDEN: Final = {*NAMES, "truediv", "itruediv", "__float__", "__truediv__", "__rtruediv__", "__itruediv__", "__round__"}
"""Names that no text may hold, so that none is looked up at run time."""
SPEC: Final = re.compile(r"(?:^|[^a-zA-Z])[eEfFgG%]$")
"""A format that converts an integer to a float before it writes it."""
PERCENT: Final = re.compile(r"%[-+ #0-9.*]*[eEfFgG]")
SQL: Final = re.compile(
    r"(?i)\b(?:AVG|ROUND|POWER|SQRT|CEIL|FLOOR|RANDOM)\s*\("
    r"|\bAS\s+(?:REAL|FLOAT|DOUBLE(?: PRECISION)?|NUMERIC|DECIMAL)\s*\)"
    r"|::\s*(?:real|float|double|numeric)"
)
"""SQL that converts a number or rounds it."""


def inexact(source: str) -> Iterator[str]:
    """Everything that makes, or may make, a float, by kind."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) not in docstrings:
            for find in (_literals_and_names, _computed, _formatted, _imported):
                yield from find(node)


def _literals_and_names(node: ast.AST) -> Iterator[str]:
    """Literals, names, and texts that name something."""
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
    """Operations that make a float of integers."""
    match node:
        case ast.Div():
            yield "division"
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            yield "power"
        case ast.Call(func=ast.Name(id="pow"), args=[_, ast.UnaryOp(op=ast.USub())]):
            yield "power"


def _formatted(node: ast.AST) -> Iterator[str]:
    """Formats that write an integer as a float."""
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
