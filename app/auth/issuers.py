"""Issuers: who registers one, and whose a token is.

A token names no tenant. Its tenant is the one that has registered its issuer with its audience, and no two tenants have the same pair:
so an issuer that many agencies share lets nobody of one into another. The pair only finds the key; the signature is verified after it.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from app.domain.issuer.aggregate import ISSUER
from app.domain.issuer.commands import RecordIssuer, RegisterIssuer
from app.domain.issuer.state import IssuerState
from app.domain.kernel.errors import DomainError, Invalid, Refused, Unavailable
from app.domain.kernel.principal import Principal
from app.store.issuer_directory import IssuerDirectory
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler

TENANT: Final = "tnt_"


class Trust(NamedTuple):
    """Which tokens a tenant takes of an issuer."""

    tenant_id: str
    issuer_id: str
    state: IssuerState


class Issuers:
    """Registers and finds issuers. Takes: the handler, where they are found across tenants, the public address of this server."""

    def __init__(self, handler: Handler, directory: IssuerDirectory, address: str) -> None:
        self._handler = handler
        self._directory = directory
        self._address = address.rstrip("/")

    def resource(self, tenant_id: str) -> str:
        """What a tenant is called as a protected resource, which nobody else can be. Source: RFC 8707, RFC 9728."""
        return f"{self._address}/tenants/{tenant_id}"

    def register(
        self,
        tenant_id: str,
        principal: Principal,
        command: RegisterIssuer,
        request: Request,
        *,
        rehearsed: Handler | None = None,
    ) -> Receipt:
        """A new issuer, found from now on. Takes: what handles the command for a preview, which makes nothing found.

        Raises: Invalid for an audience that is another tenant's own; Refused for a pair of another.
        """
        audience = command.audience or self.resource(tenant_id)
        if TENANT in audience.replace(tenant_id, ""):
            raise Invalid("audience_of_another", "an audience that names an agency is that agency's own")
        record = RecordIssuer(**{**command.model_dump(), "audience": audience})
        mark = mark_of(command.issuer, audience)
        if any(trust.tenant_id != tenant_id for trust in self._trusts([mark])):
            detail = "another agency takes the tokens of this issuer for this audience; choose another audience"
            raise Refused("issuer_taken", detail)
        if rehearsed is not None:
            return rehearsed.handle(CommandEnvelope(tenant_id, principal, record, request))
        issuer_id = self._handler.new_id("iss")
        self._directory.add(tenant_id, issuer_id, mark)  # before the event, so that no issuer is ever without it
        try:
            receipt = self._handler.handle(CommandEnvelope(tenant_id, principal, record, request, new_id=issuer_id))
        except Unavailable:  # the event may have been stored all the same
            raise
        except DomainError:
            self._directory.remove(tenant_id, issuer_id)
            raise
        if receipt.id != issuer_id:
            self._directory.remove(tenant_id, issuer_id)
        return receipt

    def find(self, issuer: str, audiences: Sequence[str]) -> list[Trust]:
        """Who takes tokens of an issuer for one of some audiences: one tenant, or more than one where that cannot be said."""
        return self._trusts([mark_of(issuer, audience) for audience in audiences])

    def of_tenant(self, tenant_id: str) -> list[Trust]:
        """The issuers of a tenant whose tokens let anybody in, the oldest first."""
        return [trust for trust in self._of(self._directory.of_tenant(tenant_id)) if trust.state.is_open]

    def _trusts(self, marks: Sequence[str]) -> list[Trust]:
        return [trust for trust in self._of(self._directory.find(marks)) if trust.state.is_open]

    def _of(self, rows: Sequence[tuple[str, str]]) -> list[Trust]:
        log = self._handler.log
        return [Trust(tenant, issuer, ISSUER.fold(log.stream(tenant, issuer))) for tenant, issuer in rows]


def mark_of(issuer: str, audience: str) -> str:
    """By what a pair is found."""
    return hashlib.sha256(f"{issuer}\n{audience}".encode()).hexdigest()
