"""DPoP: a token that is bound to a key of its client opens nothing without a proof of that key, made for this request, once."""

import base64
import hashlib
import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from tests.signing_in.conftest import Agency
from tests.support.identity_provider import IdentityProvider
from tests.support.server import Server

CLIENT = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")


def proof(token: str, url: str, *, key: ECKey = CLIENT, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A proof of a key for a request; with changes, a wrong one."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    claims = {"htm": "GET", "htu": url, "iat": int(time.time()), "jti": f"p{time.time_ns()}", "ath": digest, **changes}
    begun = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False), **(header or {})}
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    return jws.serialize_compact(begun, json.dumps(claims), key, registry=registry)


@pytest.fixture(scope="module")
def agency(quick: Server, provider: IdentityProvider) -> Agency:
    """An agency whose issuer gives Maria's client tokens that are bound."""
    return Agency(quick, provider)


def bound(agency: Agency, key: ECKey = CLIENT) -> str:
    """A token that is bound to a key."""
    return agency.token(cnf={"jkt": key.thumbprint()})


def ask(agency: Agency, token: str, shown: str | None, scheme: str = "DPoP", path: str = "/v1/me") -> str:
    """The verdict on a token with a proof."""
    answer = agency.ask(token, path, scheme, **({} if shown is None else {"DPoP": shown}))
    return str(answer.status_code) if answer.status_code == 200 else f"{answer.status_code} {answer.json()['code']}"


def test_a_bound_token_lets_its_client_in_with_a_proof_made_for_the_request(agency: Agency) -> None:
    token, url = bound(agency), f"{agency.server.url}/v1/me"

    assert ask(agency, token, proof(token, url)) == "200"
    assert ask(agency, token, proof(token, f"{url}?x=1#y")) == "200"  # neither query nor fragment belongs to htu
    me = agency.ask(token, "/v1/me", "DPoP", DPoP=proof(token, url)).json()
    assert me["signed_in"]["bound"] is True


def test_a_command_takes_a_proof_too(agency: Agency) -> None:
    token, url = bound(agency), f"{agency.server.url}/v1/accounts"
    body = {"name": "Fermata", "currency": "EUR"}

    def post(shown: str) -> httpx.Response:
        headers = {"Authorization": f"DPoP {token}", "DPoP": shown}
        return httpx.post(url, json=body, headers=headers, timeout=60)

    assert post(proof(token, url)).json()["code"] == "invalid_dpop_proof"
    assert post(proof(token, url, htm="POST")).status_code == 201


def test_whoever_has_only_seen_a_bound_token_is_not_let_in(agency: Agency) -> None:
    token, url, now = bound(agency), f"{agency.server.url}/v1/me", int(time.time())
    good = proof(token, url)
    assert ask(agency, token, good) == "200"

    verdicts = {
        "sent before": ask(agency, token, good),
        "no proof": ask(agency, token, None),
        "no JWT": ask(agency, token, "proof"),
        "another key": ask(agency, token, proof(token, url, key=OTHER)),
        "another method": ask(agency, token, proof(token, url, htm="POST")),
        "another path": ask(agency, token, proof(token, f"{agency.server.url}/v1/accounts")),
        "another host": ask(agency, token, proof(token, "https://elsewhere.example/v1/me")),
        "another token": ask(agency, token, proof(bound(agency), url)),
        "long ago": ask(agency, token, proof(token, url, iat=now - 120)),
        "too early": ask(agency, token, proof(token, url, iat=now + 120)),
        "no name": ask(agency, token, proof(token, url, jti="")),
        "no time": ask(agency, token, proof(token, url, iat="now")),
        "another type": ask(agency, token, proof(token, url, header={"typ": "JWT"})),
        "with a private key": ask(agency, token, proof(token, url, header={"jwk": CLIENT.as_dict(private=True)})),
        "with another's key": ask(
            agency, token, proof(token, url, key=OTHER, header={"jwk": CLIENT.as_dict(private=False)})
        ),
    }

    assert verdicts == dict.fromkeys(verdicts, "401 invalid_dpop_proof")
    assert ask(agency, token, proof(token, url), scheme="Bearer") == "401 dpop_required"


def test_a_token_that_is_not_bound_and_a_key_take_no_proof(agency: Agency) -> None:
    token, url = agency.token(), f"{agency.server.url}/v1/me"
    key = agency.admin.headers["Authorization"].removeprefix("Bearer ")

    assert ask(agency, token, proof(token, url)) == "401 invalid_dpop_proof"
    assert ask(agency, key, proof(key, url)) == "401 invalid_dpop_proof"


def test_where_an_issuer_must_bind_its_tokens_others_open_nothing(quick: Server, provider: IdentityProvider) -> None:
    strict = Agency(quick, provider, dpop_required=True)
    token = bound(strict)

    assert strict.verdict(strict.token()) == "401 dpop_required"
    assert ask(strict, token, proof(token, f"{quick.url}/v1/me")) == "200"


def test_a_refused_proof_says_by_which_algorithms_one_is_made(agency: Agency) -> None:
    refused = agency.ask(bound(agency), "/v1/me", "DPoP").headers["WWW-Authenticate"]

    assert refused.startswith("DPoP ")
    assert 'error="invalid_dpop_proof"' in refused
    assert 'algs="ES256 EdDSA RS256"' in refused
