"""The container: what it is built from, and how it tells whether it works."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.databases import Databases

ROOT = Path(__file__).parents[2]


def healthy(heartbeat: Path, port: str = "1") -> bool:
    """What the health check of a container says."""
    environment = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "HEARTBEAT": str(heartbeat),
        "STEWARD_PORT": port,
    }
    done = subprocess.run([str(ROOT / "docker" / "healthcheck")], env=environment, capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def steward(tmp_path: Path, databases: Databases) -> CommandLine:
    """The command line on a fresh SQLite file that is at head."""
    return CommandLine(tmp_path, databases.fresh("sqlite"))


def test_a_worker_is_healthy_while_its_rounds_go_well(steward: CommandLine, tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    worker = steward.start("worker", "--heartbeat", str(heartbeat))

    while not heartbeat.exists() and worker.poll() is None:
        time.sleep(0.05)
    running = healthy(heartbeat)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)
    os.utime(heartbeat, (time.time() - 60, time.time() - 60))

    assert running
    assert not healthy(heartbeat)


def test_a_server_is_healthy_while_it_is_ready(steward: CommandLine, tmp_path: Path) -> None:
    server = steward.start("serve", "--port", "0", "--no-projector")
    assert server.stdout is not None
    port = server.stdout.readline().strip().rpartition(":")[2]

    running = healthy(tmp_path / "none", port)
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=60)

    assert running
    assert not healthy(tmp_path / "none", port)


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml"])
def test_images_of_others_are_named_by_their_digest(file: str) -> None:
    images = re.findall(r"(?:ARG PYTHON=|image: )(\S+:\S+)", (ROOT / file).read_text())

    assert images
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)


def test_the_key_and_the_data_lie_on_different_volumes() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert 'VOLUME ["/data", "/keys"]' in dockerfile
    assert "STEWARD_DATABASE_URL=sqlite:////data/steward.db" in dockerfile
    assert "STEWARD_VAULT_KEY_FILE=/keys/vault.key" in dockerfile
