"""Servers as processes: Steward and the empty server, with the same uvicorn settings."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.client import HOST

ROOT: Final = Path(__file__).resolve().parents[1]
VAULT_KEY: Final = "5b" * 32
_START_SECONDS: Final = 240


@dataclass(frozen=True)
class Served:
    """A running server. process: its process, for memory and processor time."""

    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds of processor time that it has used so far."""
        return cpu_of(self.process)

    def memory(self) -> float:
        """Megabytes of memory that it uses."""
        return memory_of(self.process)


def cpu_of(process: psutil.Process) -> float:
    """Seconds of processor time of a process and of all its children, also of those that have ended."""
    used = 0.0
    for member in _tree(process):
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def memory_of(process: psutil.Process) -> float:
    """Megabytes of memory of a process and of all its children. Shared memory counts for each."""
    used = 0
    for member in _tree(process):
        with suppress(psutil.NoSuchProcess):
            used += member.memory_info().rss
    return used / 1_000_000


def _tree(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def process_environment(url: str, **settings: object) -> dict[str, str]:
    """The environment variables of a Steward process on a database."""
    values = {"database_url": url, "vault_key": VAULT_KEY, "log_level": "error", **settings}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        **inherited,
        "PYTHONPATH": path,
        **{f"STEWARD_{name.upper()}": str(value) for name, value in values.items()},
    }


@contextmanager
def steward(folder: Path, url: str, *, projector: bool = True) -> Iterator[Served]:
    """Runs a Steward server with one worker."""
    variables = process_environment(url, projector=projector, watchers=False)
    with _uvicorn(folder, ["app.main:create_app_from_env", "--factory"], variables) as served:
        yield served


@contextmanager
def empty(folder: Path) -> Iterator[Served]:
    """Runs the empty server."""
    with _uvicorn(folder, ["bench.empty:app"], process_environment("")) as served:
        yield served


@contextmanager
def _uvicorn(folder: Path, app: list[str], variables: Mapping[str, str]) -> Iterator[Served]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", *app, "--host", HOST, "--port", str(port), "--workers", "1",
               "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error", "--no-server-header"]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, env=dict(variables))  # noqa: S603 - a fixed command
    try:
        _wait_until_served(process, port)
        yield Served(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_served(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it served")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the server did not start")
