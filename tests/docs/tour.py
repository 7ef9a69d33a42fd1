"""Runs the shell lines of a page as they stand, and compares what they print with what the page shows."""

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "@@@ block"
_MASKS = (
    (re.compile(r"[a-z]{3,4}_[0-9a-hjkmnp-tv-z]{26}"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r'"(recorded_at|issued_at|created_at)":"[^"]*"'), r'"\1":"TIME"'),
)


@dataclass(frozen=True)
class Step:
    """Lines that a page tells its reader to paste, and the answer that it shows; None where it shows none."""

    lines: str
    answer: str | None


def steps(page: Path) -> list[Step]:
    """The shell blocks of a page, each with the answer that follows it."""
    blocks = _BLOCK.findall(page.read_text())
    following = [*blocks[1:], ("", "")]
    return [
        Step(text, answer if kind == "json" else None)
        for (language, text), (kind, answer) in zip(blocks, following, strict=True)
        if language == "sh"
    ]


def run(pages: list[Path], folder: Path) -> list[list[str]]:
    """What each step of pages prints, when one shell runs them in order. Takes: an empty folder to run in.

    The folder looks like a clone after `make setup`: it has the environment and the data that the lines name.
    """
    (folder / "tests").mkdir()
    (folder / "tests" / "data").symlink_to(ROOT / "tests" / "data")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    program = programs / "steward"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m app "$@"\n')
    program.chmod(0o755)
    script = "".join(f"{step.lines}\nprintf '\\n%s\\n' '{_MARK}'\n" for page in pages for step in steps(page))
    done = subprocess.run(
        ["sh", "-c", f"{script}\n"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "STEWARD_PORT": str(_free_port())},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert not done.stderr, done.stderr
    return [text.split() for text in done.stdout.split(_MARK)[:-1]]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def differs(shown: str, printed: list[str]) -> bool:
    """Whether a page shows something else than what was printed. White space, ids and times do not count; `…` is anything."""
    wanted = ".*".join(re.escape(_masked("".join(part.split()))) for part in shown.split("…"))
    return re.fullmatch(wanted, _masked("".join(printed)), re.DOTALL) is None


def _masked(text: str) -> str:
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return text
