"""Every statement that Steward says on PostgreSQL in a run of tests, each text once, with the place that said it."""

import sys
from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final

import psycopg

from app.store import engine
from tests.architecture.sql.parsing import outline

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = tuple(f"{ROOT / package}/" for package in ("app", "projections", "migrations"))
THEIRS: Final = tuple(f"{ROOT / package}/" for package in ("tests", "bench"))
CARRIER: Final = str(ROOT / "app" / "store" / "rows.py")
"""Says what its callers compose: they are named."""

Said = dict[tuple[str, bool], str]
"""By text, and whether the driver finds its placeholders: the line that said it first."""
_said: Said = {}


def record() -> None:
    """Records from now on what cursors of the driver say, and what a transaction begins with."""
    for name in ("execute", "executemany", "copy"):
        setattr(psycopg.Cursor, name, _noting(getattr(psycopg.Cursor, name)))
    say = engine.say

    def noted(connection: Any, statements: Sequence[str]) -> None:
        for statement in statements:
            _note(statement, binds=False)
        say(connection, statements)

    engine.say = noted


def _noting(original: Any) -> Any:
    """A method of cursors that notes its statement first. A raw cursor has PostgreSQL's own placeholders."""

    @wraps(original)
    def noted(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
        _note(query, binds=params is not None and not isinstance(cursor, psycopg.RawCursor))
        return original(cursor, query, params, **options)

    return noted


def outlines() -> Said:
    """What was said, without what only makes it another text for each tenant or each number of rows."""
    shortened: Said = {}
    for (text, binds), where in _said.items():
        shortened.setdefault((outline(text), binds), where)
    return shortened


def _note(query: Any, *, binds: bool) -> None:
    """Notes a statement of Steward. What a test says itself is none; what is no text is a question of the driver's own."""
    if not isinstance(query, str) or (query, binds) in _said:
        return
    frame: Any = sys._getframe(2)
    while frame and not (path := frame.f_code.co_filename).startswith(THEIRS):
        if path.startswith(OURS) and path != CARRIER:
            _said[query, binds] = f"{Path(path).relative_to(ROOT)}:{frame.f_lineno}"
            return
        frame = frame.f_back
