"""`steward settings`: all settings, where each comes from, and what it means."""

import os
from typing import Any, Final

from app.cli.console import Json, settings_or_misuse, show_rows
from app.settings import DOTENV, PREFIX, Settings, dotenv_names
from app.store.urls import without_password

MASK: Final = "********"


def settings(json_: Json = False) -> None:
    """Print all settings, where each comes from, and what it means; secrets are masked."""
    loaded = settings_or_misuse()
    dotenv = {name.upper() for name in dotenv_names(DOTENV)}
    body = [
        {"name": PREFIX + name.upper(), "value": shown(name, getattr(loaded, name)), "source": _source(PREFIX + name.upper(), dotenv),
         "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip
    show_rows(body, ("name", "value", "source", "meaning"), json_=json_)


def shown(name: str, value: Any) -> Any:
    """A setting's value with its secrets masked."""
    if value is None:
        return None
    if name == "vault_key":
        return MASK
    if name.endswith("_url") and isinstance(value, str):
        return without_password(value) or MASK
    return value


def _source(variable: str, dotenv: set[str]) -> str:
    if os.environ.get(variable):
        return "environment"
    return ".env" if variable in dotenv else "default"
