"""The directory of issuers: which tenant has registered an issuer with an audience. A token names no tenant that would be asked."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from app.store.engine import Database
from app.store.tables import issuers


class IssuerDirectory:
    """Stores and finds issuers across tenants. Takes: the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tenant_id: str, issuer_id: str, mark: str) -> None:
        """Makes an issuer found by its mark."""
        with self._database.write(tenant_id) as connection:
            connection.execute(insert(issuers).values(tenant_id=tenant_id, issuer_id=issuer_id, mark=mark))

    def remove(self, tenant_id: str, issuer_id: str) -> None:
        """Takes away what was not registered after all."""
        with self._database.write(tenant_id) as connection:
            connection.execute(
                delete(issuers).where(issuers.c.tenant_id == tenant_id, issuers.c.issuer_id == issuer_id)
            )

    def find(self, marks: Sequence[str]) -> list[tuple[str, str]]:
        """The tenant and the id of each issuer with one of some marks, the oldest first."""
        query = select(issuers.c.tenant_id, issuers.c.issuer_id).order_by(issuers.c.issuer_id)
        with self._database.directory() as connection:
            found = [
                row for mark in dict.fromkeys(marks) for row in connection.execute(query.where(issuers.c.mark == mark))
            ]
        return sorted({(tenant, issuer) for tenant, issuer in found}, key=lambda pair: pair[1])

    def of_tenant(self, tenant_id: str) -> list[tuple[str, str]]:
        """The same of a tenant."""
        query = select(issuers.c.tenant_id, issuers.c.issuer_id).where(issuers.c.tenant_id == tenant_id)
        with self._database.read(tenant_id) as connection:
            return [(tenant, issuer) for tenant, issuer in connection.execute(query.order_by(issuers.c.issuer_id))]
