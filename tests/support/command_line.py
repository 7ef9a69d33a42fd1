"""The command line for tests: real processes in a folder of their own, without the caller's environment variables."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.application import KEY
from tests.support.databases import owned
from tests.support.processes import StewardProcess

ROOT = Path(__file__).parents[2]


class CommandLine:
    """Runs `steward` in a folder. Takes: the folder, the database's URL, further settings by their names in lower case."""

    def __init__(self, folder: Path, url: str, **settings: str) -> None:
        self.folder, self.url = folder, url
        values = {
            "watchers": "0",
            "database_url": url,
            "owner_url": owned(url),
            "vault_key": KEY,
            "vault_key_file": str(folder / "var" / "vault.key"),
            **settings,
        }
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            **{f"STEWARD_{name.upper()}": value for name, value in values.items()},
        }

    def run(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        file = self.folder / "stdin"
        file.write_bytes(stdin)
        process = StewardProcess(words, self.folder, self.environment, str(file))
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(words, process.wait(), stdout, stderr)

    def json(self, *words: str, stdin: bytes = b"") -> Any:
        """The JSON output of a command that must succeed."""
        done = self.run(*words, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refusal(self, *words: str, stdin: bytes = b"") -> tuple[int, str]:
        """The exit code and the one line of stderr of a command that must fail."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode != 0, done.stdout
        assert done.stderr.count("\n") == 1, done.stderr
        return done.returncode, done.stderr.strip()

    def start(self, *words: str) -> StewardProcess:
        """Starts a command that runs until it is stopped."""
        return StewardProcess(words, self.folder, self.environment)
