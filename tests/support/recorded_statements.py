"""Every statement that Steward says on PostgreSQL in a run of tests, each text once, with the place that said it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import event
from sqlalchemy.pool import Pool

from app.store import engine
from tests.architecture.sql.parsing import outline

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = tuple(f"{ROOT / package}/" for package in ("app", "projections", "migrations"))
THEIRS: Final = tuple(f"{ROOT / package}/" for package in ("tests", "bench"))

Said = dict[tuple[str, bool], str]
"""By text, and whether it came with values to bind: the line that said it first."""
_said: Said = {}


class RecordingCursor(psycopg.Cursor[Any]):
    """A cursor that notes what Steward says. What a test says itself is no statement of Steward."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "RecordingCursor":
        _note(query, params)
        return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        _note(query, params_seq)
        super().executemany(query, params_seq, **options)

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Any:
        _note(statement, params)
        return super().copy(statement, params, **options)


def record() -> None:
    """Records from now on, on every connection of a pool to PostgreSQL, and what a transaction begins with."""
    event.listen(Pool, "connect", _use_cursor)
    say = engine.say

    def noted(connection: Any, statements: Sequence[str]) -> None:
        for statement in statements:
            _note(statement, None)
        say(connection, statements)

    engine.say = noted


def outlines() -> Said:
    """What was said, without what only makes it another text for each tenant or each number of rows."""
    shortened: Said = {}
    for (text, binds), where in _said.items():
        shortened.setdefault((outline(text), binds), where)
    return shortened


def _use_cursor(connection: Any, _record: Any) -> None:
    if isinstance(connection, psycopg.Connection):
        connection.cursor_factory = RecordingCursor


def _note(query: Any, params: Any) -> None:
    if (query, params is not None) in _said:
        return
    frame: Any = sys._getframe(2)
    while frame and not (path := frame.f_code.co_filename).startswith(THEIRS):
        if path.startswith(OURS):
            _said[str(query), params is not None] = f"{Path(path).relative_to(ROOT)}:{frame.f_lineno}"
            return
        frame = frame.f_back
