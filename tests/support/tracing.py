"""System calls in order, as strace prints them: what was written to a log, made durable, and answered."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CALLS = "write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync"
SYNCS = ("fsync", "fdatasync")
_LINE = re.compile(r"(?P<pid>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<rest>.*)")
_FILE = re.compile(r"\d+<(?P<path>[^>]*)>")
_RESULT = re.compile(r"= (?P<result>-?\d+)[^=]*$")


def require_strace() -> None:
    """Skips the test where system calls cannot be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: system calls cannot be traced")
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace processes here (ptrace is forbidden)")


@contextmanager
def strace(out: Path, pids: Sequence[int], *words: str) -> Iterator[None]:
    """Traces processes and their children until the block ends. Takes: the output file, the process ids, further options of strace."""
    targets = [word for pid in pids for word in ("-p", f"{pid}")]
    command = ["strace", "-f", "-y", "-s", "65536", "-o", f"{out}", "-e", f"trace={CALLS}", *words, *targets]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for _ in pids:  # one line for each process, whether it is traced now or has ended meanwhile
        line = process.stderr.readline()
        if not line or "not permitted" in line:
            process.kill()
            process.communicate()
            pytest.skip("strace may not trace processes that it did not start here (ptrace is restricted)")
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@dataclass
class Trace:
    """The facts of a trace about a log and an answer, read line by line.

    Takes: a part of the paths of the log's files, the text that the log must hold, the text that the answer begins with.
    answered: whether the answer was sent. written: whether the log's text was written before it. unsafe: files of the log
    with bytes that were not durable when it was sent.
    """

    log: str
    text: str
    answer: str
    answered: bool = False
    written: bool = False
    unsafe: set[str] = field(default_factory=set)
    _begun: dict[str, tuple[str, str, frozenset[int]]] = field(default_factory=dict)
    _dirty: dict[int, str] = field(default_factory=dict)
    _writes: int = 0

    def read(self, lines: Iterable[str]) -> "Trace":
        """Reads until the answer is sent."""
        for line in lines:
            matched = _LINE.match(line)
            if matched and not self.answered:
                self._note(matched["pid"], matched["call"], matched["rest"])
        return self

    def _note(self, pid: str, call: str | None, rest: str) -> None:
        if call is not None:  # the call begins; a sync makes durable what was written before it began
            if self.answer in rest:
                self.answered, self.unsafe = True, set(self._dirty.values())
                return
            self._begun[pid] = (call, rest, frozenset(self._dirty))
        if rest.endswith("<unfinished ...>") or pid not in self._begun:
            return
        call, arguments, before = self._begun.pop(pid)
        file, result = _FILE.match(arguments), _RESULT.search(rest)
        if file is None or self.log not in file["path"] or result is None or int(result["result"]) < 0:
            return
        if call in SYNCS:
            self._dirty = {nth: path for nth, path in self._dirty.items() if nth not in before or path != file["path"]}
        else:
            self._writes += 1
            self._dirty[self._writes] = file["path"]
            self.written = self.written or self.text in arguments


def trace(lines: Sequence[str], log: str, text: str, answer: str) -> Trace:
    """Reads a trace. Takes: see `Trace`."""
    return Trace(log, text, answer).read(lines)
