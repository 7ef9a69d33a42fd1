"""Access tokens of a real provider process: who is let in, and who is not, each by name, and never with a fault of ours."""

import base64
import hashlib
import hmac
import json
import time

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from app.observe import logs
from tests.signing_in.conftest import LOOPBACK, Agency
from tests.support.databases import Databases
from tests.support.identity_provider import IdentityProvider
from tests.support.server import Server


def part(value: object) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.fixture
def agency(server: Server, provider: IdentityProvider) -> Agency:
    """An agency on each database."""
    return Agency(server, provider)


@pytest.fixture(scope="module")
def one(quick: Server, provider: IdentityProvider) -> Agency:
    """One agency that changes nothing."""
    return Agency(quick, provider)


# --- those who are let in ---


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "Ed25519"])
def test_a_good_token_lets_its_user_in_with_their_own_rights(agency: Agency, algorithm: str) -> None:
    header = {"alg": "EdDSA"} if algorithm == "EdDSA" else {}
    token = agency.token(algorithm="Ed25519" if algorithm == "EdDSA" else algorithm, header=header)

    me = agency.ask(token).json()

    assert (me["actor"], me["client"], me["role"]) == (agency.maria, "workbench", "account_manager")
    assert me["tenant"]["id"] == agency.tenant
    assert me["signed_in"]["by"] == "token"
    assert me["signed_in"]["issuer"] == agency.provider.issuer


def test_what_somebody_with_a_token_writes_names_them_and_their_application(agency: Agency) -> None:
    headers = {"Authorization": f"Bearer {agency.token()}"}
    body = {"name": "Fermata", "currency": "EUR", "owner": "maria"}
    answer = httpx.post(agency.server.url + "/v1/accounts", headers=headers, json=body, timeout=60)
    assert answer.status_code == 201, answer.text

    (event,) = [each for each in agency.admin.read("/v1/events")["data"] if each["type"] == "account.opened"]

    assert event["actor"] == agency.maria
    assert event["meta"]["client"] == "workbench"


def test_two_people_of_one_application_do_not_share_idempotency_keys(agency: Agency) -> None:
    ruth = agency.admin.write("/v1/users", {"name": "Ruth"})["id"]
    agency.admin.write(f"/v1/users/{ruth}/login", {"issuer": agency.provider.issuer, "subject": "ruth"})
    agency.admin.write(f"/v1/users/{ruth}/roles", {"role": "account_manager"})

    def open_account(token: str) -> str:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "same"}
        body = {"name": "Fermata", "currency": "EUR"}
        return str(httpx.post(agency.server.url + "/v1/accounts", headers=headers, json=body, timeout=60).json()["id"])

    assert open_account(agency.token()) != open_account(agency.token(sub="ruth"))


def test_clocks_may_be_a_minute_apart(one: Agency) -> None:
    now = int(time.time())

    assert one.verdict(one.token(exp=now - 30)) == "200"
    assert one.verdict(one.token(iat=now + 30, nbf=now + 30)) == "200"


# --- those who are not ---


def test_a_token_that_is_not_good_is_refused_by_name(one: Agency) -> None:
    now = int(time.time())
    assert one.verdict(one.token()) == "200"

    verdicts = {
        "expired": one.verdict(one.token(exp=now - 90)),
        "not begun": one.verdict(one.token(nbf=now + 90)),
        "issued later": one.verdict(one.token(iat=now + 90)),
        "without exp": one.verdict(one.token(exp=None)),
        "without iat": one.verdict(one.token(iat=None)),
        "exp that is text": one.verdict(one.token(exp="tomorrow")),
        "without client": one.verdict(one.token(client_id=None)),
        "client called like a key of ours": one.verdict(one.token(client_id="key_01jd7z5m3xf8x9v0w1y2z3a4b5")),
        "without subject": one.verdict(one.token(sub=None)),
        "subject that is a list": one.verdict(one.token(sub=["maria-7"])),
        "wrong audience": one.verdict(one.token(aud="another")),
        "without audience": one.verdict(one.token(aud=None)),
        "wrong issuer": one.verdict(one.token(iss="https://login.example")),
        "plain JWT": one.verdict(one.token(header={"typ": "JWT"})),
        "unknown key": one.verdict(one.token(header={"kid": "nobody's"})),
        "shared key": one.verdict(one.token(header={"kid": "shared"})),
        "brings jwk": one.verdict(one.token(header={"jwk": one.provider.keys()["RS256"]})),
        "brings jku": one.verdict(one.token(header={"jku": "https://evil.example/keys"})),
        "brings x5u": one.verdict(one.token(header={"x5u": "https://evil.example/keys"})),
        "critical": one.verdict(one.token(header={"crit": ["exp"], "exp": 1})),
        "actor": one.verdict(one.token(act={"sub": "robot"})),
        "bound by certificate": one.verdict(one.token(cnf={"x5t#S256": "x"})),
        "unknown login": one.verdict(one.token(sub="nobody")),
    }

    assert verdicts == {
        **dict.fromkeys(verdicts, "401 invalid_token"),
        "expired": "401 token_expired",
        "wrong audience": "401 issuer_unknown",
        "wrong issuer": "401 issuer_unknown",
        "actor": "403 actor_unknown",
        "unknown login": "403 login_unknown",
    }


def test_a_token_that_somebody_else_has_made_is_refused(one: Agency) -> None:
    good = one.token()
    header, claims, signature = good.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    public = one.provider.keys()["RS256"]
    own = RSAKey.generate_key(2048)
    pem = RSAKey.import_key(public).as_pem(private=False)

    def signed_with_public_key() -> str:
        begun = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': public['kid']})}.{claims}"
        digest = hmac.digest(pem, begun.encode(), hashlib.sha256)
        return f"{begun}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    def by_own_key(**more: object) -> str:
        begun = {"alg": "RS256", "typ": "at+jwt", "kid": public["kid"], **more}
        registry = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
        return jws.serialize_compact(begun, json.dumps(told), own, registry=registry)

    none = {"alg": "none", "typ": "at+jwt"}
    twice = base64.urlsafe_b64encode(b'{"alg":"RS256","alg":"none"}').decode().rstrip("=")
    forged = {
        "alg none": f"{part(none)}.{claims}.",
        "alg none with a signature": f"{part(none)}.{claims}.{signature}",
        "HS256 with the public key": signed_with_public_key(),
        "another key": by_own_key(),
        "another key, embedded": by_own_key(jwk=own.as_dict(private=False)),
        "other claims": f"{header}.{part({**told, 'sub': 'ruth'})}.{signature}",
        "another algorithm": f"{part({'alg': 'RS512', 'typ': 'at+jwt', 'kid': public['kid']})}.{claims}.{signature}",
        "a member twice": f"{twice}.{claims}.{signature}",
        "no signature": f"{header}.{claims}.",
        "no JSON": f"{header}.abcd.{signature}",
        "a list": f"{part([])}.{part([])}.{signature}",
        "deep": f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.{claims}.{signature}",
        "too long": good + "A" * 9000,
        "five parts": f"{good}.a.b",
    }

    assert {name: one.verdict(token) for name, token in forged.items()} == dict.fromkeys(forged, "401 invalid_token")


def test_only_the_algorithms_that_were_named_are_taken(quick: Server, provider: IdentityProvider) -> None:
    agency = Agency(quick, provider, algorithms=["ES256"])

    assert agency.verdict(agency.token(algorithm="ES256")) == "200"
    assert agency.verdict(agency.token(algorithm="RS256")) == "401 invalid_token"


def test_plain_tokens_and_another_claim_are_taken_where_that_was_said(
    quick: Server, provider: IdentityProvider
) -> None:
    agency = Agency(quick, provider, subject="maria@agency.example", plain_jwt=True, claim="email")

    told = {"header": {"typ": "JWT"}, "email": "maria@agency.example"}
    assert agency.verdict(agency.token(**told, email_verified=True)) == "200"
    assert agency.verdict(agency.token(**told)) == "401 invalid_token"


# --- whose agency it is ---


def test_a_token_opens_the_agency_that_it_was_made_for_and_no_other(server: Server, provider: IdentityProvider) -> None:
    first, second = Agency(server, provider), Agency(server, provider)

    assert first.ask(first.token()).json()["tenant"]["id"] == first.tenant
    assert second.ask(second.token()).json()["tenant"]["id"] == second.tenant
    both = first.token(aud=[first.audience, second.audience])
    assert first.verdict(both) == "401 audience_ambiguous"


def test_a_login_of_one_agency_is_nobodys_in_another_that_trusts_the_same_issuer(
    server: Server, provider: IdentityProvider
) -> None:
    first, second = Agency(server, provider, subject="only-first"), Agency(server, provider)

    assert first.verdict(first.token(sub="only-first")) == "200"
    assert second.verdict(second.token(sub="only-first")) == "403 login_unknown"


def test_no_two_agencies_take_the_same_tokens(server: Server, provider: IdentityProvider) -> None:
    first, second = Agency(server, provider), Agency(server, provider)

    taken = second.admin.post("/v1/issuers", json={"issuer": provider.issuer, "audience": first.audience})
    own = second.admin.post("/v1/issuers", json={"issuer": provider.issuer, "audience": f"api://{first.tenant}"})

    assert (taken.status_code, taken.json()["code"]) == (409, "issuer_taken")
    assert (own.status_code, own.json()["code"]) == (422, "audience_of_another")


def test_the_default_audience_is_the_agencys_own_address(quick: Server, provider: IdentityProvider) -> None:
    agency = Agency(quick, provider)
    issuer = agency.admin.write("/v1/issuers", {"issuer": provider.issuer})["id"]

    audience = agency.admin.read(f"/v1/issuers/{issuer}")["audience"]

    assert audience.endswith(f"/tenants/{agency.tenant}")
    assert agency.verdict(agency.token(aud=audience)) == "200"


def test_an_issuer_that_is_closed_lets_nobody_in(server: Server, provider: IdentityProvider) -> None:
    agency = Agency(server, provider)
    assert agency.verdict(agency.token()) == "200"

    agency.admin.write(f"/v1/issuers/{agency.issuer}/closure")

    assert agency.verdict(agency.token()) == "401 issuer_unknown"
    again = agency.admin.write("/v1/issuers", {"issuer": provider.issuer, "audience": agency.audience})
    assert again["id"] != agency.issuer
    assert agency.verdict(agency.token()) == "200"


def test_only_an_admin_says_whose_tokens_let_users_in(server: Server, provider: IdentityProvider) -> None:
    agency = Agency(server, provider)
    scopes = ("api_keys:read", "api_keys:write", "users:write")
    clever = server.client(server.key(agency.tenant, "integration", scopes))

    answer = clever.post("/v1/issuers", json={"issuer": "https://evil.example"})
    closed = clever.post(f"/v1/issuers/{agency.issuer}/closure", json={})

    assert (answer.status_code, answer.json()["code"]) == (403, "above_own_level")
    assert (closed.status_code, closed.json()["code"]) == (403, "above_own_level")


# --- people ---


def test_a_user_who_is_suspended_or_has_another_login_is_not_let_in(server: Server, provider: IdentityProvider) -> None:
    agency = Agency(server, provider)
    agency.admin.write(f"/v1/users/{agency.maria}/suspension")
    assert agency.verdict(agency.token()) == "401 user_suspended"

    agency.admin.write(f"/v1/users/{agency.maria}/reinstatement")
    agency.admin.write(f"/v1/users/{agency.maria}/login", {"issuer": provider.issuer, "subject": "maria-8"})

    assert agency.verdict(agency.token()) == "403 login_unknown"
    assert agency.verdict(agency.token(sub="maria-8")) == "200"


# --- the provider's keys ---


def test_new_keys_are_fetched_when_a_token_names_one_and_old_ones_open_nothing(databases: Databases) -> None:
    with IdentityProvider() as provider, Server(databases.fresh("sqlite"), **LOOPBACK) as server:
        agency = Agency(server, provider)
        before = agency.token()
        assert agency.verdict(before) == "200"
        provider.rotate()

        assert agency.verdict(agency.token()) == "401 invalid_token"  # it was asked a moment ago
        _forget_pause(server)

        assert agency.verdict(agency.token()) == "200"
        assert agency.verdict(before) == "401 invalid_token"


def test_however_many_unknown_keys_are_named_the_provider_is_asked_once_in_a_while(databases: Databases) -> None:
    with IdentityProvider() as provider, Server(databases.fresh("sqlite"), **LOOPBACK) as server:
        agency = Agency(server, provider)
        assert agency.verdict(agency.token()) == "200"

        verdicts = {agency.verdict(agency.token(header={"kid": f"k{number}"})) for number in range(20)}

        assert verdicts == {"401 invalid_token"}
        assert provider.asked() == 1


@pytest.mark.parametrize("mode", ["away", "nonsense", "huge", "redirecting"])
def test_while_a_provider_is_away_its_known_keys_go_on_and_no_others_are_believed(
    databases: Databases, mode: str
) -> None:
    with IdentityProvider() as provider, Server(databases.fresh("sqlite"), **LOOPBACK) as server:
        agency = Agency(server, provider)
        provider.behave(mode)
        unknown = agency.ask(agency.token())
        assert (unknown.status_code, unknown.json()["code"]) == (503, "issuer_unavailable")
        assert "Retry-After" in unknown.headers
        provider.behave("well")
        _forget_pause(server)
        assert agency.verdict(agency.token()) == "200"

        provider.behave(mode)
        _forget_pause(server)
        assert agency.verdict(agency.token()) == "200"
        provider.rotate()
        assert agency.verdict(agency.token()) == "503 issuer_unavailable"


def _forget_pause(server: Server) -> None:
    """As if the pause after a fetch was over."""
    by_token = server.app.state.authenticator._by_token
    for known in by_token._provider_keys._providers.values():
        known.tried_at = None


# --- nothing of it is told ---


def test_no_token_stands_in_a_log_or_in_an_answer(one: Agency, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    tokens = [
        one.token(),
        one.token(exp=1),
        one.token(aud="another"),
        one.token(header={"kid": "x"}),
        one.token(sub="?"),
    ]

    answers = [one.ask(token) for token in tokens]

    told = capsys.readouterr()
    shown = told.out + told.err + "".join(answer.text + str(answer.headers) for answer in answers)
    assert {answer.status_code for answer in answers} == {200, 401, 403}
    for token in tokens:
        assert not [piece for piece in token.split(".")[1:] if piece in shown]


def test_a_refusal_says_where_a_client_learns_what_to_bring(one: Agency) -> None:
    nothing = httpx.get(one.server.url + "/v1/me")
    expired = one.ask(one.token(exp=1))
    forged = one.ask(one.token(header={"kid": "x"}))

    address = one.server.app.state.runtime.settings.address
    where = f"{address}/.well-known/oauth-protected-resource"
    assert nothing.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{where}"'
    assert forged.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{where}", error="invalid_token"'
    own = f"{where}/tenants/{one.tenant}"
    assert expired.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{own}", error="invalid_token"'
    metadata = httpx.get(one.server.url + own.removeprefix(address)).json()
    assert metadata["resource"] == f"{address}/tenants/{one.tenant}"
    assert metadata["authorization_servers"] == [one.provider.issuer]
    assert "authorization_servers" not in httpx.get(one.server.url + where.removeprefix(address)).json()
    assert httpx.get(f"{one.server.url}/.well-known/oauth-protected-resource/tenants/tnt_nobody").status_code == 404


def test_wrong_tokens_of_an_address_are_looked_at_a_few_times_a_minute(
    databases: Databases, provider: IdentityProvider
) -> None:
    with Server(databases.fresh("sqlite"), **{**LOOPBACK, "failed_keys": 4}) as server:
        agency = Agency(server, provider)
        good, expired = agency.token(), agency.token(exp=1)
        assert {agency.verdict(expired) for _ in range(6)} == {"401 token_expired"}  # somebody was given it

        assert [agency.verdict(agency.token(aud="?")) for _ in range(5)].count("429 too_many_wrong_keys") == 1
        assert agency.verdict(good) == "429 too_many_wrong_keys"
