"""Settings: read once from the environment and `.env`, by name, with their defaults and meanings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

PREFIX = "STEWARD_"


class Settings(BaseModel):
    """Everything that may be set. Each is the environment variable `STEWARD_` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str = Field(
        "sqlite:///./var/steward.db", description="where the ledgers are: sqlite:///path or postgresql+psycopg://…"
    )
    owner_url: str | None = Field(
        None, description="a login that may make tables, for migrate and rebuild; default: database_url"
    )
    vault_key: str | None = Field(
        None, description="the vault's root key, 32 bytes in hexadecimal; default: from vault_key_file"
    )
    vault_key_file: str = Field("./var/vault.key", description="where the root key is kept, made when it is missing")
    host: str = Field("127.0.0.1", description="the address to serve on")
    port: int = Field(8000, description="the port to serve on")
    public_url: str | None = Field(
        None,
        description="how the world reaches this server, for webhook addresses; default: http:// and its host and port",
    )
    workers: int = Field(1, ge=1, description="how many server processes")
    log_level: str = Field("info", description="debug, info, warning or error")
    projector: bool = Field(True, description="whether the server keeps views up to date itself; off where workers do")
    watchers: bool = Field(True, description="whether workers append what a day brings, such as renewals that fall due")
    poll_seconds: float = Field(0.05, gt=0, description="how often views look for new events")
    queue_size: int = Field(1024, ge=1, description="how many writes may wait before 503")
    batch_size: int = Field(256, ge=1, description="how many writes share a transaction at the most")
    pool_size: int = Field(8, ge=1, description="how many database connections a process keeps")
    key_cache_seconds: float = Field(
        2.0, ge=0, le=5, description="how long a checked API key is believed; a revoked one dies within this time"
    )
    body_limit: int = Field(262_144, description="the largest request body, in bytes")
    events_body_limit: int = Field(16_777_216, description="the largest body of POST /v1/events, in bytes")

    @property
    def address(self) -> str:
        """How the world reaches this server."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @classmethod
    def from_env(cls, environment: Mapping[str, str], dotenv: Path | None = None) -> Self:
        """The settings of an environment; what a `.env` file says counts where the environment is silent.

        Raises: ValueError for a STEWARD_ variable that does not exist or a value that does not fit.
        """
        told = {**_dotenv(dotenv), **environment}
        mine = {name.removeprefix(PREFIX).lower(): value for name, value in told.items() if name.startswith(PREFIX)}
        unknown = sorted(set(mine) - set(cls.model_fields))
        if unknown:
            raise ValueError(f"no such setting: {', '.join(PREFIX + name.upper() for name in unknown)}")
        return cls.model_validate(mine)


def _dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    pairs = (
        line.split("=", 1)
        for line in path.read_text().splitlines()
        if "=" in line and not line.lstrip().startswith("#")
    )
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}
