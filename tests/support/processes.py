"""Processes of Steward for tests: real ones, forked from one that has imported it, for importing takes longer than most commands.

What is left out is the start of the interpreter. A test that is about just that starts `python -m app` itself.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from app.cli import COMMANDS, main

FORKS: Final = multiprocessing.get_context("forkserver")
"""Where new processes come from: what they import is imported before they begin."""
FORKS.set_forkserver_preload([__name__, "app.main", *(entry.target.partition(":")[0] for entry in COMMANDS.values())])


class StewardProcess:
    """`steward` with some words, running. The names are those of `subprocess.Popen`.

    Takes: the words, the folder that it runs in, its environment variables, a file for its stdin.
    """

    def __init__(
        self, words: Sequence[str], folder: Path, environment: dict[str, str], stdin: str = os.devnull
    ) -> None:
        (out, stdout), (err, stderr) = FORKS.Pipe(duplex=False), FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_steward, args=(words, folder, environment, stdin, stdout, stderr))
        self._process.start()
        for connection in (stdout, stderr):
            connection.close()
        self.stdout, self.stderr = (
            os.fdopen(os.dup(connection.fileno()), encoding="utf-8") for connection in (out, err)
        )
        for connection in (out, err):
            connection.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code; the negative number of the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Waits until it has ended. Gives: the exit code."""
        self._process.join(timeout)
        assert self.returncode is not None, "it still runs"
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits until it has ended. Gives: what else it wrote to stdout and stderr."""
        with ThreadPoolExecutor(1) as other, self.stdout, self.stderr:
            stderr = other.submit(self.stderr.read)
            written = self.stdout.read(), stderr.result()
        self.wait(timeout)
        return written


def _steward(
    words: Sequence[str], folder: Path, environment: dict[str, str], stdin: str, stdout: Connection, stderr: Connection
) -> None:
    """Makes a new process what `python -W error -m app` would be, and runs it to its end."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for stream, number in ((os.open(stdin, os.O_RDONLY), 0), (stdout.fileno(), 1), (stderr.fileno(), 2)):
        os.dup2(stream, number)
    for connection in (stdout, stderr):
        connection.close()
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - open until the process ends
    sys.argv = ["steward", *words]
    warnings.simplefilter("error")
    main()
