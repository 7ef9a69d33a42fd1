"""Settings: read once from the environment and `.env`, by name, with their defaults and meanings."""

import os
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal

from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX: Final = "STEWARD_"
DOTENV: Final = Path(".env")
ENCODING: Final = "utf-8-sig"  # editors on Windows put a mark in front


_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


def _networks(text: str) -> str:
    """Addresses and networks with commas, each of which must be one."""
    return ",".join(str(ip_network(part.strip())) for part in text.split(",") if part.strip())


def _origins(text: str) -> str:
    """Origins with commas: scheme, host and port, as a browser names them; never a pattern, which would let everybody in."""
    origins = [part.strip() for part in text.split(",") if part.strip()]
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError("write each origin as https://host or https://host:port, without a path and without *")
    return ",".join(origins)


Networks = Annotated[str, AfterValidator(_networks)]
Origins = Annotated[str, AfterValidator(_origins)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)]


class Settings(BaseSettings):
    """Everything that may be set. Each is the environment variable `STEWARD_` and its name in capitals.

    Made by hand it reads no environment; `load_settings` does.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_ignore_empty=True, hide_input_in_errors=True,
        dotenv_filtering="only_existing",
    )  # fmt: skip

    database_url: str = Field(
        "sqlite:///./var/steward.db",
        description="where the ledgers are: sqlite:///path or postgresql+psycopg://…",
        repr=False,
    )
    owner_url: str | None = Field(
        None, description="a login that may make tables, for migrate and rebuild; default: database_url", repr=False
    )
    vault_key: str | None = Field(
        None, description="the vault's root key, 32 bytes in hexadecimal; default: from vault_key_file", repr=False
    )
    vault_key_file: str = Field(
        "./var/vault.key", description="where the root key is kept; made for an empty database only"
    )
    host: str = Field("127.0.0.1", description="the address to serve on")
    port: int = Field(8000, ge=0, le=65535, description="the port to serve on")
    public_url: str | None = Field(
        None,
        description="how senders of webhooks reach this server, for webhook addresses; default: http:// and its host and port",
    )
    keep_alive: int = Field(
        75,
        ge=1,
        le=3600,
        description="how many seconds an idle connection stays open; more than a proxy in front keeps one",
    )
    head_limit: int = Field(
        16_384, ge=1024, description="the longest head of a request, its first line and its headers, in bytes"
    )
    head_seconds: float = Field(10.0, gt=0, description="how long the head of a request may take to arrive")
    body_seconds: float = Field(
        20.0, gt=0, description="how long a body may take to arrive; each KiB that has arrived adds a second"
    )
    answer_seconds: float = Field(60.0, gt=0, description="how long an answer waits for a client that takes none of it")
    connections: int = Field(4096, ge=1, description="how many connections a process keeps open")
    connections_per_peer: int = Field(
        512,
        ge=0,
        description="how many of them one address may have; 0: all, for a proxy through which everybody comes",
    )
    trusted_proxies: Networks = Field(
        "",
        description="addresses and networks of proxies whose X-Forwarded-For says who a client is, with commas; nobody's otherwise",
    )
    failed_keys: int = Field(
        60, ge=0, description="how many wrong API keys of an address are looked at in a minute; 0: all"
    )
    tenant_writes: int = Field(
        5000, ge=0, description="how many requests with POST a tenant may send in a second; 0: any"
    )
    tenant_body_bytes: int = Field(
        1_073_741_824, ge=0, description="how many bytes of bodies a tenant may send in a minute; 0: any"
    )
    tenant_rows: int = Field(
        1_000_000, ge=0, description="how many rows of lists and events a tenant may read in a minute; 0: any"
    )
    tenant_messages: int = Field(
        2000, ge=0, description="how many webhook messages a tenant may receive in a second; 0: any"
    )
    workers: int = Field(1, ge=1, description="how many server processes")
    log_level: LogLevel = Field("info", description="debug, info, warning or error")
    projector: bool = Field(True, description="whether the server keeps views up to date itself; off where workers do")
    watchers: bool = Field(True, description="whether workers append what a day brings, such as renewals that fall due")
    poll_seconds: float = Field(0.05, gt=0, description="how often views look for new events")
    metrics_tenants: bool = Field(False, description="whether /metrics names tenants; else it has the worst of them")
    metrics_seconds: float = Field(5.0, ge=0, description="for how long the figures of views in /metrics are kept")
    waiting_reads: int = Field(
        256, ge=1, description="how many reads of a tenant may wait for views; what comes then is answered at once"
    )
    queue_size: int = Field(1024, ge=1, description="how many writes of a tenant may wait before 503")
    batch_size: int = Field(256, ge=1, description="how many writes share a transaction at the most")
    pool_size: int = Field(8, ge=1, description="how many database connections a process keeps")
    prepare_statements: bool = Field(
        False,
        description="whether PostgreSQL keeps statements prepared: a little faster; never behind a pooler of transactions",
    )
    key_cache_seconds: float = Field(
        2.0, ge=0, le=5, description="how long a checked API key is believed; a revoked one dies within this time"
    )
    cors_origins: Origins = Field(
        "",
        description="origins of pages that may call this server from a browser, such as https://app.example, with commas; default: none",
    )
    egress_networks: Networks = Field(
        "",
        description="addresses and networks, with commas, that tenants may have called though they are not public, "
        "such as those of your own identity provider; in the clear only on 127.0.0.1 and ::1",
    )
    read_log_days: int = Field(
        730, ge=1, le=36_500, description="for how many days it is kept who has read what of persons"
    )
    read_reasons: bool = Field(
        False, description="whether who reads something of persons, or a file of rows, must say why, in Steward-Reason"
    )
    body_limit: int = Field(262_144, ge=1, description="the largest request body, in bytes")
    events_body_limit: int = Field(16_777_216, ge=1, description="the largest body of POST /v1/events, in bytes")

    @property
    def address(self) -> str:
        """How the world reaches this server."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only."""
        return (init_settings,)


class _EnvironmentSettings(Settings):
    """Settings that are read from the environment, and where it is silent from a `.env` file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, dotenv_settings


def load_settings(dotenv: Path = DOTENV) -> Settings:
    """The settings of the environment; those of a `.env` file count where the environment is silent. An empty value is none.

    Raises: ValueError for a STEWARD_ variable that does not exist, a value that does not fit (its name, never the value itself),
    or a line of the file that cannot be read.
    """
    names = {name for name in os.environ if name.upper().startswith(PREFIX)} | dotenv_names(dotenv)
    unknown = sorted(name for name in names if name.upper() not in VARIABLES)
    if unknown:
        raise ValueError(f"no such setting: {', '.join(unknown)}")
    try:
        return _EnvironmentSettings(_env_file=dotenv, _env_file_encoding=ENCODING)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}") from None


def dotenv_names(path: Path) -> set[str]:
    """Which of Steward's variables a `.env` file sets. Raises: ValueError for a line that cannot be read."""
    return {name for name in _names(path) if name.upper().startswith(PREFIX)} if path.is_file() else set()


def _names(path: Path) -> Iterator[str]:
    with path.open(encoding=ENCODING) as file:
        for binding in parse_stream(file):
            if binding.error or (binding.key is not None and binding.value is None):
                raise ValueError(f"{path.name}: line {binding.original.line} is not NAME=value")
            if binding.key is not None:
                yield binding.key


VARIABLES: Final = {PREFIX + name.upper(): name for name in Settings.model_fields}
"""The environment variables and the settings that they set."""
