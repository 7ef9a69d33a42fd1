"""`steward settings`: all settings, where each comes from, and what it means."""

import os
from pathlib import Path
from typing import Any, Final

from app.cli.console import Json, load_settings, show_rows
from app.settings import PREFIX, Settings
from app.store.urls import without_password

MASK: Final = "********"


def settings(json_: Json = False) -> None:
    """Print all settings, where each comes from, and what it means; secrets are masked."""
    loaded = load_settings()
    dotenv = _names_in(Path(".env"))
    body = [
        {"name": PREFIX + name.upper(), "value": shown(name, getattr(loaded, name)), "source": _source(PREFIX + name.upper(), dotenv),
         "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip
    show_rows(body, ("name", "value", "source", "meaning"), json_=json_)


def shown(name: str, value: Any) -> Any:
    """A setting's value without what would let somebody in."""
    if value is None:
        return None
    if name == "vault_key":
        return MASK
    if name.endswith("_url") and isinstance(value, str):
        return without_password(value) or MASK
    return value


def _source(variable: str, dotenv: set[str]) -> str:
    if variable in os.environ:
        return "environment"
    return ".env" if variable in dotenv else "default"


def _names_in(path: Path) -> set[str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    return {line.partition("=")[0].strip() for line in lines if "=" in line and not line.lstrip().startswith("#")}
