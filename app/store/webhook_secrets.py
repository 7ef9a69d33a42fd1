"""WebhookSecrets: the tenant of each webhook endpoint, and the endpoints' secrets, encrypted under their tenant's key."""

import threading
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select, text

from app.store.engine import Database, keyed, keys
from app.store.tables import endpoints, secrets
from app.store.vault import Vault


class WebhookSecrets:
    """Stores endpoints and secrets. Takes: the database and the vault."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.vault = vault
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()

    # --- the tenants of endpoints ---

    def owner(self, endpoint_id: str) -> str | None:
        """The tenant of an endpoint, which never changes; None when there is no such endpoint."""
        cached = self._owners.get(endpoint_id)
        if cached is not None:
            return cached
        with self.database.directory() as connection:
            tenant_id: str | None = connection.execute(
                select(endpoints.c.tenant_id).where(endpoints.c.endpoint_id == endpoint_id)
            ).scalar_one_or_none()
        if tenant_id is not None:
            with self._lock:
                if len(self._owners) > 100_000:
                    self._owners.clear()
                self._owners[endpoint_id] = tenant_id
        return tenant_id

    def tenants(self) -> list[str]:
        """The tenants that have endpoints."""
        with self.database.directory() as connection:
            return list(
                connection.execute(select(endpoints.c.tenant_id).distinct().order_by(endpoints.c.tenant_id)).scalars()
            )

    # --- secrets ---

    def store(self, tenant_id: str, endpoint_id: str, texts: Mapping[str, str], now: int, *, new: bool) -> None:
        """Stores secrets before any event names them; for a new endpoint, its tenant too.

        Takes: texts by secret id; microseconds.
        """
        rows = [
            {
                "tenant_id": tenant_id,
                "secret_id": secret_id,
                "created_at": now,
                "wrapped": self.vault.lock(tenant_id, purpose_of(secret_id), plain.encode()),
            }
            for secret_id, plain in texts.items()
        ]
        with self.database.write(tenant_id) as connection:
            if new:
                connection.execute(insert(endpoints).values(tenant_id=tenant_id, endpoint_id=endpoint_id))
            if rows:
                connection.execute(insert(secrets), rows)

    def delete(self, tenant_id: str, secret_ids: Sequence[str], *, endpoint_id: str | None = None) -> None:
        """Deletes secrets that no endpoint accepts, and an endpoint that was not registered after all."""
        with self.database.write(tenant_id) as connection:
            for secret_id in secret_ids:
                connection.execute(
                    delete(secrets).where(secrets.c.tenant_id == tenant_id, secrets.c.secret_id == secret_id)
                )
            if endpoint_id is not None:
                connection.execute(
                    delete(endpoints).where(endpoints.c.tenant_id == tenant_id, endpoints.c.endpoint_id == endpoint_id)
                )

    def secrets(self, tenant_id: str, secret_ids: Sequence[str]) -> list[str]:
        """The texts of secrets, in the order of their ids; one that cannot be opened is missing."""
        sql = keyed(self.database, "secrets", "secret_id", "k.key, f.wrapped")
        with self.database.read(tenant_id) as connection:
            rows = connection.execute(text(sql), {"tenant_id": tenant_id, "keys": keys(self.database, secret_ids)})
            wrapped = {secret_id: bytes(encrypted) for secret_id, encrypted in rows}
        opened = [
            self.vault.unlock(tenant_id, purpose_of(secret_id), wrapped[secret_id])
            for secret_id in secret_ids
            if secret_id in wrapped
        ]
        return [plain.decode() for plain in opened if plain is not None]


def purpose_of(secret_id: str) -> str:
    """What a secret is encrypted for."""
    return f"secret|{secret_id}"
