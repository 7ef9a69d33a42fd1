"""Logs: one JSON object a line, and nothing of what a library has to say."""

import io
import json
import logging

import pytest

from app.observe import logs


def test_what_a_library_warns_of_is_a_line_with_its_name_and_not_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.configure("info")

    logging.getLogger("psycopg.pool").warning("lost <Connection user=%s password=%s>", "ada", "hunter2")
    logging.getLogger("psycopg.pool").info("all is well")

    line, *more = capsys.readouterr().err.splitlines()
    assert (json.loads(line) | {"timestamp": ""}) == {
        "event": "library_warning", "error": "psycopg.pool", "level": "warning", "timestamp": "",
    }  # fmt: skip
    assert more == []


def test_no_work_fails_because_its_log_line_has_nowhere_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("info")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)

    logs.logger().error("view_parked", view="accounts")
