"""Clients of the contract: three generators make one each, and each calls a real server. Run as `make clients-check`.

Their tools have environments of their own, as `make clients-check` lays them: neither serving nor testing needs them. Without Node
the TypeScript client is left out, by name.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.support.databases import Databases
from tests.support.server import Server

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = ROOT / "clients"
BUILD: Final = CLIENTS / "build"
CONTRACT: Final = ROOT / "docs" / "openapi.json"


def run(*command: str | Path, path: Path = CLIENTS) -> str:
    """Runs a command that must succeed. Takes: `path`, where Python looks for modules. Gives: what it printed."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=CLIENTS,
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def python_client(tools: Path, server: Sequence[str]) -> str:
    """A client by openapi-python-client, which must leave nothing out."""
    target = BUILD / "python"
    told = run(tools / "openapi-python-client", "generate", "--path", CONTRACT, "--output-path", target, "--overwrite",
               "--config", CLIENTS / "openapi-python-client.yaml")  # fmt: skip
    if "WARNING" in told or "Unable" in told:
        raise SystemExit(f"openapi-python-client left something out:\n{told}")
    return run(tools / "python", "-W", "error", CLIENTS / "smoke_client.py", *server, path=target)


def models(tools: Path, server: Sequence[str]) -> str:
    """Models by datamodel-code-generator."""
    target = BUILD / "models"
    target.mkdir(parents=True, exist_ok=True)
    run(tools / "datamodel-codegen", "--input", CONTRACT, "--input-file-type", "openapi", "--output", target / "models.py",
        "--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11", "--use-union-operator",
        "--use-annotated", "--field-constraints", "--strict-nullable", "--formatters", "ruff-format")  # fmt: skip
    return run(tools / "python", "-W", "error", CLIENTS / "smoke_models.py", *server, path=target)


def typescript_client(server: Sequence[str]) -> str:
    """A client by openapi-typescript, checked by `tsc --strict`."""
    run("npm", "run", "--silent", "generate")
    run("npm", "run", "--silent", "check")
    return run("node", BUILD / "javascript" / "smoke.js", *server)


def main(tools: Path) -> None:
    """Makes the clients and lets each call a server. Takes: the folder of the Python tools' programs."""
    with Server(Databases().fresh("sqlite")) as served:
        server = (served.url, served.key(served.tenant()))
        sys.stdout.write(python_client(tools, server))
        sys.stdout.write(models(tools, server))
        if shutil.which("npm"):
            sys.stdout.write(typescript_client(server))
        else:
            sys.stdout.write("openapi-typescript: skipped, there is no npm here\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
