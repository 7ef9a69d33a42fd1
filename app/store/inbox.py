"""The messages of the inbox: webhook messages as they arrived, each stored once: waiting, done or parked."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, or_, select, text, update

from app.domain.kernel.errors import NotFound, Refused
from app.store.engine import Database
from app.store.tables import inbox
from app.store.vault import Vault

WAITING: Final = "waiting"
DONE: Final = "done"
PARKED: Final = "parked"


@dataclass(frozen=True)
class Message:
    """A stored message. `received_at` is microseconds; `position` is that of the last event that it led to."""

    endpoint_id: str
    message_id: str
    received_at: int
    state: str
    attempts: int
    code: str | None
    position: int | None


@dataclass(frozen=True)
class WaitingMessage:
    """A message that waits, with its body; None when the body cannot be decrypted any more."""

    endpoint_id: str
    message_id: str
    body: bytes | None


@dataclass(frozen=True)
class MessageContent:
    """What a message brought: its body, byte for byte (None when it cannot be decrypted any more), and some of its headers."""

    body: bytes | None
    sha256: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class MessageOutcome:
    """The outcome of a message: done at a position, or parked with a code."""

    endpoint_id: str
    message_id: str
    position: int | None
    code: str | None


_SHOWN: Final = (
    inbox.c.endpoint_id,
    inbox.c.message_id,
    inbox.c.received_at,
    inbox.c.state,
    inbox.c.attempts,
    inbox.c.code,
    inbox.c.position,
)


class Messages:
    """Stores messages. Takes: the database and the vault."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.vault = vault

    # --- receiving ---

    def store(
        self,
        tenant_id: str,
        endpoint_id: str,
        message_id: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        now: int,
        parked: str | None = None,
    ) -> bool:
        """Stores a message durably. Takes: the code under which it is parked at once, else it waits.

        Gives: False when there is a message with this id already; it stays as it is.
        """
        row = {
            "tenant_id": tenant_id,
            "endpoint_id": endpoint_id,
            "message_id": message_id,
            "body_sha256": hashlib.sha256(body).digest(),
            "sealed_body": self.vault.lock(tenant_id, purpose_of(endpoint_id, message_id), body),
            "headers": json.dumps(dict(headers), sort_keys=True),
            "received_at": now,
            "state": PARKED if parked else WAITING,
            "attempts": 0,
            "code": parked,
        }
        binds = ", ".join(f":{name}" for name in row)
        statement = text(f"INSERT INTO inbox ({', '.join(row)}) VALUES ({binds}) ON CONFLICT DO NOTHING")
        with self.database.write(tenant_id) as connection:
            return connection.execute(statement, row).rowcount == 1

    # --- working ---

    def waiting(self, tenant_id: str, limit: int) -> list[WaitingMessage]:
        """The messages that have waited longest."""
        query = (
            select(inbox.c.endpoint_id, inbox.c.message_id, inbox.c.sealed_body)
            .where(inbox.c.tenant_id == tenant_id, inbox.c.state == WAITING)
            .order_by(inbox.c.received_at, inbox.c.endpoint_id, inbox.c.message_id)
            .limit(limit)
        )
        with self.database.read(tenant_id) as connection:
            rows = connection.execute(query).all()
        return [
            WaitingMessage(
                endpoint_id=row.endpoint_id,
                message_id=row.message_id,
                body=self.vault.unlock(tenant_id, purpose_of(row.endpoint_id, row.message_id), bytes(row.sealed_body)),
            )
            for row in rows
        ]

    def record(self, tenant_id: str, outcomes: Sequence[MessageOutcome]) -> None:
        """Records the outcomes of messages. A message that another worker has done meanwhile is not parked."""
        with self.database.write(tenant_id) as connection:
            for outcome in outcomes:
                this = _this(tenant_id, outcome.endpoint_id, outcome.message_id)
                done = outcome.code is None
                changeable = inbox.c.state != DONE if done else inbox.c.state == WAITING
                connection.execute(
                    update(inbox)
                    .where(*this, changeable)
                    .values(
                        state=DONE if done else PARKED,
                        code=outcome.code,
                        position=outcome.position,
                        attempts=inbox.c.attempts + 1,
                    )
                )

    def redrive(self, tenant_id: str, endpoint_id: str, message_id: str) -> Message:
        """Makes a parked message wait again. Raises: NotFound; Refused when it is done."""
        with self.database.write(tenant_id) as connection:
            this = _this(tenant_id, endpoint_id, message_id)
            connection.execute(update(inbox).where(*this, inbox.c.state == PARKED).values(state=WAITING, code=None))
            row = connection.execute(select(*_SHOWN).where(*this)).one_or_none()
        if row is None:
            raise NotFound("message_not_found", "there is no such message")
        if row.state == DONE:
            raise Refused("message_done", "the message has been taken in already")
        return Message(*row)

    # --- reading ---

    def message(self, tenant_id: str, endpoint_id: str, message_id: str) -> tuple[Message, MessageContent]:
        """A message and what it brought. Raises: NotFound."""
        columns = (*_SHOWN, inbox.c.sealed_body, inbox.c.body_sha256, inbox.c.headers)
        with self.database.read(tenant_id) as connection:
            row = connection.execute(select(*columns).where(*_this(tenant_id, endpoint_id, message_id))).one_or_none()
        if row is None:
            raise NotFound("message_not_found", "there is no such message")
        body = self.vault.unlock(tenant_id, purpose_of(endpoint_id, message_id), bytes(row.sealed_body))
        content = MessageContent(body, bytes(row.body_sha256), json.loads(row.headers))
        return Message(*row[: len(_SHOWN)]), content

    def page(
        self,
        tenant_id: str,
        endpoint_id: str,
        *,
        states: Sequence[str] = (),
        after: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> list[Message]:
        """An endpoint's messages, the newest first. Takes: `after`, the last one's `received_at` and id."""
        query = select(*_SHOWN).where(inbox.c.tenant_id == tenant_id, inbox.c.endpoint_id == endpoint_id)
        if states:
            query = query.where(inbox.c.state.in_(states))
        if after is not None:
            received_at, message_id = after
            query = query.where(
                or_(
                    inbox.c.received_at < received_at,
                    and_(inbox.c.received_at == received_at, inbox.c.message_id < message_id),
                )
            )
        query = query.order_by(inbox.c.received_at.desc(), inbox.c.message_id.desc()).limit(limit)
        with self.database.read(tenant_id) as connection:
            return [Message(*row) for row in connection.execute(query)]


def _this(tenant_id: str, endpoint_id: str, message_id: str) -> tuple[Any, ...]:
    return inbox.c.tenant_id == tenant_id, inbox.c.endpoint_id == endpoint_id, inbox.c.message_id == message_id


def purpose_of(endpoint_id: str, message_id: str) -> str:
    """What a message's body is encrypted for."""
    return f"inbox|{endpoint_id}|{message_id}"
