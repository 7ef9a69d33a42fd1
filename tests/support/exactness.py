"""What a file uses of numbers that are not exact."""

import ast
from collections.abc import Iterator

MODULES = {"math", "cmath", "statistics", "decimal", "numpy", "scipy", "random"}
WHOLE = {"isqrt", "gcd", "lcm", "comb", "perm", "prod", "factorial"}
"""What `math` has for integers."""


def inexact(source: str) -> Iterator[str]:
    """What makes, or may make, a float of something, by kind."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex()):
                yield "literal"
            case ast.Div():
                yield "division"
            case ast.Name(id="float" | "complex" | "round" as name):
                yield name
            case ast.Import(names=names):
                yield from (f"import {name.name}" for name in names if name.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] in MODULES:
                if module != "math" or {name.name for name in names} - WHOLE:
                    yield f"import {module}"
