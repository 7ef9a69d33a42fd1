"""Logs: one JSON object a line, members by allow-list, never a body, a secret or a name."""

import io
import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog

ALLOWED: Final = frozenset({
    "event", "level", "timestamp", "request_id", "method", "route", "status", "milliseconds", "tenant_id", "actor", "code",
    "error", "position", "view", "count", "path", "port", "host", "peer", "quota", "database", "version", "revision", "endpoint_id", "node",
    "operation", "members", "scope",
})  # fmt: skip


def _allow(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name in ALLOWED}


class _Stderr(io.TextIOBase):
    """The error stream of the moment. A line that it cannot take is dropped: no work fails because nobody listens."""

    def write(self, text: str) -> int:
        """Writes a text."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Sends what was written."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()


class _Libraries(logging.Handler):
    """What libraries warn of, as a line like the others: which library, and not its words, which may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the line."""
        logger().warning("library_warning", error=record.name)


def configure(level: str) -> None:
    """Configures logs for a process. Takes: debug, info, warning or error."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Libraries) for handler in root.handlers):
        root.addHandler(_Libraries(logging.WARNING))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), logging.INFO)),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=False,
    )


def logger() -> Any:
    """Steward's logger."""
    return structlog.get_logger()
