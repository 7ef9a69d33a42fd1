"""Faults of a database, by name: why it cannot be used now, and what to do about it. No answer holds the driver's own words."""

import re
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

from app.domain.kernel.errors import Unavailable

LOGIN: Final = re.compile(r"password|authentication failed|pg_hba|not permitted to log in|role .* does not exist")
NO_DATABASE: Final = re.compile(r"database .* does not exist")
NO_ANSWER: Final = re.compile(
    r"connection refused|no such file|translate host|name or service|unreachable|unable to open database|no route"
)
NODE: Final = re.compile(r"remote node|could not establish any connections to the node|connection to the remote")
BUSY: Final = re.compile(r"lock timeout|too many clients|connection slots|database is locked|deadlock")
FULL: Final = re.compile(r"\b(is|disk) full\b|no space left|free disk space|quota exceeded")
READ_ONLY: Final = re.compile(r"in a read-only transaction|readonly database")
SET_ROLE: Final = re.compile(r"permission denied to (set|create) role|^role \S+ does not exist")


def unavailable(error: DBAPIError) -> Unavailable | None:
    """The refusal while a database cannot be used; None for a fault of the statement itself."""
    message = str(error.orig).lower()
    if SET_ROLE.search(message):
        return Unavailable(
            "store_roles_missing", "this login may not act as the role of Steward; run `steward migrate`"
        )
    if READ_ONLY.search(message):
        return Unavailable("store_read_only", "the database takes no writes: a standby, or a file that is not writable")
    if not error.connection_invalidated and (not isinstance(error, OperationalError) or permanently_refused(error)):
        return None
    if FULL.search(message):
        return Unavailable("storage_full", "the disk of the database is full")
    if BUSY.search(message):
        return Unavailable("store_busy", "the database is busy; try again", retry_after=1)
    if NODE.search(message):
        return Unavailable("node_away", "a node of the database does not answer; the others do", retry_after=1)
    if LOGIN.search(message):
        return Unavailable("store_login_refused", "the database refuses the login of this server")
    if NO_DATABASE.search(message):
        return Unavailable("store_missing", "the server of the database has none of this name")
    if NO_ANSWER.search(message):
        return Unavailable("store_unreachable", "nothing answers at the address of the database")
    if "timeout" in message or "timed out" in message:
        return Unavailable("store_silent", "the database does not answer in time")
    return Unavailable("store_unavailable", "the database cannot be used right now; try again")


def permanently_refused(error: DBAPIError) -> bool:
    """Whether the database works and refuses this statement each time.

    PostgreSQL: class 54, such as a key that is too long. SQLite: a table that is not there.
    """
    return str(getattr(error.orig, "sqlstate", None) or "").startswith("54") or "no such table" in str(error.orig)
