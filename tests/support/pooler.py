"""A real PgBouncer for tests, in transaction mode, where Debian's package is at hand."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.databases import LOGIN, OWNER

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pooled(folder: Path, server: Path, name: str, *, size: int = 4) -> Iterator[str]:
    """The URL of a database behind a pooler with so few sessions that they are shared.

    Takes: a folder for its files, the folder of the server's socket, the database. Skips the test where there is no PgBouncer.
    """
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed: a pooler cannot be tried")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file, users = folder / "pgbouncer.ini", folder / "users.txt"
    users.write_text("".join(f'"{user}" ""\n' for user in (LOGIN, OWNER)))
    file.write_text(
        f"[databases]\n{name} = host={server} dbname={name}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
        f"pool_mode = transaction\ndefault_pool_size = {size}\n"
        "max_client_conn = 200\nserver_reset_query =\n"
    )
    for readable in (file, users):
        readable.chmod(0o644)
    words = [PROGRAM, "-q", str(file)]
    if os.geteuid() == 0:  # it runs as anybody but root: as who may reach the server's socket
        for above in (folder, *list(folder.parents)[:-2], server.parent):
            above.chmod(above.stat().st_mode | 0o011)
        words[1:1] = ["-u", server.owner()]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"postgresql+psycopg://{LOGIN}@127.0.0.1:{port}/{name}"
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("pgbouncer ended at once")
