"""What the tests of signing in share: an identity provider in a process of its own, and servers that may call it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.databases import BACKENDS, Databases
from tests.support.identity_provider import IdentityProvider
from tests.support.server import Client, Server

LOOPBACK = {"egress_networks": "127.0.0.0/8", "key_cache_seconds": 0.0}


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """An identity provider that a module's tests share."""
    with IdentityProvider() as made:
        yield made


@pytest.fixture(scope="module", params=BACKENDS)
def server(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Server]:
    """A server that may call the provider, once on SQLite and once on PostgreSQL."""
    with Server(databases.fresh(request.param), **LOOPBACK) as made:
        yield made


@pytest.fixture(scope="module")
def quick(databases: Databases) -> Iterator[Server]:
    """The same on SQLite only, where storage does not matter."""
    with Server(databases.fresh("sqlite"), **LOOPBACK) as made:
        yield made


class Agency:
    """An agency with an admin's key, and Maria, who signs in with the provider."""

    def __init__(
        self, server: Server, provider: IdentityProvider, *, subject: str = "maria-7", **issuer: object
    ) -> None:
        self.server, self.provider = server, provider
        self.admin: Client = server.client()
        self.tenant: str = self.admin.read("/v1/me")["tenant"]["id"]
        self.audience = f"aud-{self.tenant[-12:]}"
        body = {"issuer": provider.issuer, "audience": self.audience, **issuer}
        self.issuer: str = self.admin.write("/v1/issuers", body)["id"]
        self.maria: str = self.admin.write("/v1/users", {"name": "Maria", "external_ref": "maria"})["id"]
        self.admin.write(f"/v1/users/{self.maria}/login", {"issuer": provider.issuer, "subject": subject})
        self.admin.write(f"/v1/users/{self.maria}/roles", {"role": "account_manager"})

    def token(self, **changes: object) -> str:
        """A good token of Maria's for this agency, but for what changes."""
        return self.provider.token(**{"aud": self.audience, **changes})  # type: ignore[arg-type]

    def ask(self, token: str, path: str = "/v1/me", scheme: str = "Bearer", **headers: str) -> httpx.Response:
        """An answer to somebody with a token."""
        given = {"Authorization": f"{scheme} {token}", **headers}
        return httpx.get(self.server.url + path, headers=given, timeout=60)

    def verdict(self, token: str, **headers: str) -> str:
        """The status and the code of a refusal; `200` where it is none."""
        answer = self.ask(token, **headers)
        return str(answer.status_code) if answer.status_code == 200 else f"{answer.status_code} {answer.json()['code']}"
