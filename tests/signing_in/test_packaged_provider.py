"""A provider that others made, as a process: its metadata and keys are read; its ID tokens are no access tokens and let nobody in."""

import json
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.server import Server

REDIRECT = "http://127.0.0.1/back"


class Packaged(NamedTuple):
    """The provider's address."""

    issuer: str

    def id_token(self, client: str, subject: str) -> str:
        """What somebody has who signs in with it: the flow of the authorization code."""
        asked = {"client_id": client, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid"}
        sent = httpx.post(f"{self.issuer}/oauth2/authorize", params=asked, data={"sub": subject}, timeout=30)
        code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": client}
        given = httpx.post(f"{self.issuer}/oauth2/token", data={**form, "client_secret": "any"}, timeout=30)
        assert given.status_code == 200, given.text
        return str(given.json()["id_token"])


@pytest.fixture(scope="module")
def packaged() -> Iterator[Packaged]:
    """The provider, until the module's tests are done."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = Packaged(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{made.issuer}/.well-known/openid-configuration", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield made
    finally:
        process.terminate()
        process.wait(timeout=30)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@pytest.mark.parametrize(
    ("plain_jwt", "says"), [(False, "its type is not at+jwt"), (True, "it does not say client_id or azp")]
)
def test_an_id_token_lets_nobody_in_though_the_provider_signed_it(
    server: Server, packaged: Packaged, plain_jwt: bool, says: str
) -> None:
    admin, audience = server.client(), f"workbench-{plain_jwt}"
    admin.write("/v1/issuers", {"issuer": packaged.issuer, "audience": audience, "plain_jwt": plain_jwt})
    maria = admin.write("/v1/users", {"name": "Maria"})["id"]
    admin.write(f"/v1/users/{maria}/login", {"issuer": packaged.issuer, "subject": "maria-7"})
    admin.write(f"/v1/users/{maria}/roles", {"role": "account_manager"})
    token = packaged.id_token(audience, "maria-7")

    refused = httpx.get(f"{server.url}/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=60)

    assert (claims_of(token)["iss"], claims_of(token)["sub"]) == (packaged.issuer, "maria-7")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert token not in refused.text
    assert says in refused.json()["detail"]  # the second is said once its signature was found to be good


def test_a_token_that_somebody_else_signed_is_refused_for_that(server: Server, packaged: Packaged) -> None:
    admin = server.client()
    admin.write("/v1/issuers", {"issuer": packaged.issuer, "audience": "workbench-3", "plain_jwt": True})
    head, body, signature = packaged.id_token("workbench-3", "maria-7").split(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]

    refused = httpx.get(f"{server.url}/v1/me", headers={"Authorization": f"Bearer {head}.{body}.{changed}"}, timeout=60)

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert "signature" in refused.json()["detail"]
