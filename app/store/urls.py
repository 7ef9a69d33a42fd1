"""Database URLs: whether one is for a database of ours, and how one is shown without its password."""

from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

DatabaseFault: Final = SQLAlchemyError
"""What a database raises when it fails."""


def is_supported(url: str) -> bool:
    """Whether a URL names SQLite or PostgreSQL."""
    try:
        return make_url(url).get_backend_name() in ("sqlite", "postgresql")
    except ArgumentError:
        return False


def sqlite_file(url: str) -> str | None:
    """The path of a SQLite database's file; None for any other database."""
    parsed = make_url(url)
    return parsed.database or None if parsed.get_backend_name() == "sqlite" else None


def without_password(url: str) -> str | None:
    """A URL as it may be shown; None for what is no URL and may hold anything."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return None
