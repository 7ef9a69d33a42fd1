"""The record of the root key under which a database is sealed: a value that only this key makes, and that betrays nothing of it."""

import hmac
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app.domain.kernel.errors import Unavailable
from app.store.engine import Database
from app.store.inbox import purpose_of as purpose_of_message
from app.store.tables import data_keys, inbox, ledgers, root_key, secrets
from app.store.vault import Vault, hkdf
from app.store.webhook_secrets import purpose_of as purpose_of_secret

_PURPOSE: Final = "vault"


class RootKeyMissing(Unavailable):
    """The database is sealed under a root key, and this process has none."""


class RootKeyMismatch(Unavailable):
    """The database is sealed under another root key than this process has."""


class RootKeyUnreadable(Unavailable):
    """What should be the root key is none."""


def missing() -> RootKeyMissing:
    """The refusal of a process without the key."""
    return RootKeyMissing("vault_key_missing", "the database is sealed under a root key that is not here; put it back")


def mismatch() -> RootKeyMismatch:
    """The refusal of a process with another key."""
    return RootKeyMismatch("vault_key_mismatch", "the database is sealed under another root key; put that one back")


def unreadable() -> RootKeyUnreadable:
    """The refusal of a process whose key cannot be read."""
    return RootKeyUnreadable("vault_key_unreadable", "the root key must be readable, 32 bytes in hexadecimal")


def check_value(key: bytes) -> bytes:
    """What is recorded of a root key."""
    return hkdf(key, "root-key-check/v1")


class RootKeyRecord:
    """Knows under which root key a database is sealed. Takes: the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def require(self, key: bytes | None) -> None:
        """Raises: RootKeyMissing or RootKeyMismatch unless the database is sealed under this key."""
        recorded = self._recorded()
        if key is None:
            raise missing()
        if recorded is None or not hmac.compare_digest(recorded, check_value(key)):
            raise mismatch()

    def is_needed(self) -> bool:
        """Whether there is a key already without which this database is of no use."""
        return self._recorded() is not None or bool(self._tenants())

    def claim(self, key: bytes, now: int) -> None:
        """Records the key, where none is recorded yet: of many processes that try at once one is the first.

        A database that holds sealed values, from before keys were recorded, must open under the key.
        Raises: RootKeyMismatch when another one is recorded, or its values do not open.
        """
        if self._recorded() is None:
            if not self._opens(Vault(key)):
                raise mismatch()
            try:
                with self._database.administer() as connection:
                    values = {"purpose": _PURPOSE, "check_value": check_value(key), "recorded_at": now}
                    connection.execute(insert(root_key).values(**values))
            except IntegrityError:  # somebody was faster
                pass
        self.require(key)

    def _recorded(self) -> bytes | None:
        with self._database.directory() as connection:
            value = connection.execute(select(root_key.c.check_value)).scalar_one_or_none()
        return None if value is None else bytes(value)

    def _tenants(self) -> list[str]:
        with self._database.directory() as connection:
            return list(connection.execute(select(ledgers.c.tenant_id).order_by(ledgers.c.tenant_id)).scalars())

    def _opens(self, vault: Vault) -> bool:
        """Whether the first sealed value that is found opens; also where there is none."""
        samples = (sample for tenant_id in self._tenants() if (sample := self._sample(vault, tenant_id)) is not None)
        return next(samples, True)

    def _sample(self, vault: Vault, tenant_id: str) -> bool | None:
        """Whether a tenant's first sealed value opens; None where it has none."""
        key, secret, message = (
            select(*columns).where(columns[0].table.c.tenant_id == tenant_id).limit(1)
            for columns in (
                (data_keys.c.wrapped,),
                (secrets.c.wrapped, secrets.c.secret_id),
                (inbox.c.sealed_body, inbox.c.endpoint_id, inbox.c.message_id),
            )
        )
        with self._database.read(tenant_id) as connection:
            if row := connection.execute(key).first():
                return vault.unwrap(tenant_id, bytes(row.wrapped)) is not None
            if row := connection.execute(secret).first():
                return vault.unlock(tenant_id, purpose_of_secret(row.secret_id), bytes(row.wrapped)) is not None
            if row := connection.execute(message).first():
                purpose = purpose_of_message(row.endpoint_id, row.message_id)
                return vault.unlock(tenant_id, purpose, bytes(row.sealed_body)) is not None
        return None
