"""Limits: wrong keys of an address, and what a tenant may ask of a server; nobody else notices."""

import json
import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.api.http.connections import peer_of
from app.api.http.quotas import Quota
from app.api.http.tenant_limits import TenantLimits
from app.auth.keys import is_well_formed
from app.observe import logs
from app.settings import Settings, load_settings
from tests.api.contract import SCHEMA
from tests.support.databases import Databases
from tests.support.server import Client, Server
from tests.webhooks.senders import raw, signed

WRONG, WRITES, ROWS, BYTES, MESSAGES = 6, 5, 4, 20_000, 2
ACCOUNT = {"name": "Northwind", "currency": "EUR"}


@pytest.fixture(scope="module")
def strict(databases: Databases) -> Iterator[Server]:
    """A server behind a proxy of this machine whose limits are soon reached, and where nothing that was used comes back."""
    quotas = {"writes": WRITES, "rows": ROWS, "body_bytes": BYTES, "messages": MESSAGES}
    limits = {f"tenant_{name}": amount for name, amount in quotas.items()}
    with Server(
        databases.fresh("sqlite"), failed_keys=WRONG, trusted_proxies="127.0.0.1", key_cache_seconds=0, **limits
    ) as server:
        held = [*vars(server.app.state.limits).values(), *vars(server.app.state.key_checks).values()]
        for quota in held:
            if isinstance(quota, Quota):
                quota._clock = lambda: 0
        yield server


@pytest.fixture
def client(strict: Server) -> Client:
    """An admin of a new tenant, who comes from an address of no wrong keys."""
    client = strict.client()
    client.headers["X-Forwarded-For"] = "192.0.2.1"
    return client


def tried(server: Server, key: str, address: str) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": address}
    answer = httpx.get(f"{server.url}/v1/accounts", headers=headers)
    assert (answer.status_code == 429) == ("Retry-After" in answer.headers)
    return answer.status_code, answer.json().get("code")


def guessed(key: str) -> str:
    """A wrong key with a right checksum."""
    body = key[:-9] + ("A" if key[-9] != "A" else "B")
    wrong = f"{body}{zlib.crc32(body.encode()):08x}"
    assert is_well_formed(wrong)
    return wrong


REFUSED, THROTTLED, GOOD = (401, "invalid_key"), (429, "too_many_wrong_keys"), (200, None)


# --- wrong keys ---


def test_wrong_keys_of_an_address_are_throttled_and_good_ones_from_there_are_not(
    strict: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info")
    address, good, newcomer = "198.51.100.7", strict.key(strict.tenant()), strict.key(strict.tenant())
    assert tried(strict, good, address) == GOOD

    assert [tried(strict, "nonsense", address) for _ in range(4)] == [REFUSED] * 3 + [THROTTLED]
    assert tried(strict, newcomer, address) == GOOD  # what may be a key is looked at for longer
    assert [tried(strict, guessed(good), address) for _ in range(4)] == [REFUSED] * 3 + [THROTTLED]
    assert tried(strict, good, address) == GOOD  # known since
    assert tried(strict, "nonsense", "198.51.100.8") == REFUSED  # somebody else

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    throttled = [line for line in lines if line["event"] == "wrong_keys_throttled"]
    assert [line["peer"] for line in throttled] == [address]
    assert good[-20:] not in str(lines)


def test_a_key_that_was_revoked_counts_as_a_wrong_one_from_then_on(strict: Server) -> None:
    tenant = strict.tenant()
    client, key = strict.client(strict.key(tenant)), strict.key(tenant)
    assert tried(strict, key, "198.51.100.9") == GOOD
    client.write(f"/v1/api-keys/key_{key.split('_')[2]}/revocation")

    assert [tried(strict, key, "198.51.100.9") for _ in range(9)] == [REFUSED] * 7 + [THROTTLED] * 2


def test_the_key_of_a_user_who_is_suspended_is_no_wrong_one_and_shuts_out_nobody(strict: Server) -> None:
    admin, address = strict.client(strict.key(strict.tenant())), "198.51.100.10"
    user = admin.write("/v1/users", {"name": "Maria"})["id"]
    key, newcomer = (admin.write("/v1/api-keys", body)["api_key"] for body in ({"user": user}, {"role": "auditor"}))
    admin.write(f"/v1/users/{user}/suspension")

    assert {tried(strict, key, address) for _ in range(WRONG + 2)} == {(401, "user_suspended")}
    assert tried(strict, newcomer, address) == GOOD


def test_an_address_of_ipv6_is_its_network_and_a_proxy_may_say_anything(strict: Server) -> None:
    for number in range(3):
        assert tried(strict, "nonsense", f"2001:db8:7::{number}") == REFUSED
    assert tried(strict, "nonsense", "2001:db8:7:0:ffff::1") == THROTTLED
    assert tried(strict, "nonsense", "2001:db8:7:1::1") == REFUSED
    assert tried(strict, "nonsense", "for:nobody knows") == REFUSED
    assert peer_of("1:2:x") == "1:2:x"


def test_from_nobody_but_a_trusted_proxy_the_header_counts(databases: Databases) -> None:
    with Server(databases.fresh("sqlite"), failed_keys=2) as server:
        answers = [tried(server, "nonsense", f"198.51.100.{number}") for number in range(4)]

    assert answers[0] == REFUSED
    assert THROTTLED in answers


@pytest.mark.parametrize("proxies", ["10.0.0.0/33", "proxy.example", "*", "10.0.0.1/8"])
def test_a_proxy_that_is_no_address_is_refused_by_the_setting(proxies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_TRUSTED_PROXIES", proxies)

    with pytest.raises(ValueError, match="STEWARD_TRUSTED_PROXIES"):
        load_settings()


# --- tenants ---


def test_writes_of_a_tenant_are_bounded_and_another_one_writes_on(strict: Server, client: Client) -> None:
    first = client.post("/v1/accounts", json=ACCOUNT)
    assert (
        first.headers["RateLimit-Policy"] == f'"writes";q={WRITES};w=1, "body-bytes";q={BYTES};qu="content-bytes";w=60'
    )
    assert first.headers["RateLimit"] == f'"writes";r={WRITES - 1};t=1'

    paths = (
        "/v1/accounts",
        "/v1/accounts?unknown=1",
        "/v1/nothing",
        "/v1/accounts",
        "/v1/kpi-certificates",
        "/v1/accounts",
    )
    answers = [client.post(path, json=ACCOUNT, headers={"Idempotency-Key": f"k{n}"}) for n, path in enumerate(paths)]
    refused = client.post("/v1/accounts", json=ACCOUNT, headers={"Idempotency-Key": "k9"})

    assert [answer.status_code for answer in answers] == [201, 400, 404, 201, 422, 201]
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.headers["Retry-After"], refused.headers["RateLimit"]) == ("1", '"writes";r=0;t=1')
    assert refused.json() | {"instance": ""} == {
        "type": "https://steward.invalid/problems/rate_limited", "title": "Too many requests", "status": 429,
        "code": "rate_limited", "detail": "this tenant has used up its writes for now", "instance": "", "retry_after": 1,
        "violated_policies": ["writes"],
    }  # fmt: skip
    assert client.get("/v1/accounts").status_code == 200
    assert strict.client().post("/v1/accounts", json=ACCOUNT).status_code == 201


def test_bytes_of_bodies_are_counted_once_they_were_read(client: Client) -> None:
    lines = b"\n".join([b'{"id":"%d","padding":"%s"}' % (number, b"x" * 3000) for number in range(7)])
    sent = [
        client.post("/v1/events", content=lines, headers={"Content-Type": "application/x-ndjson"}) for _ in range(2)
    ]

    assert [answer.status_code for answer in sent] == [200, 429]
    assert sent[1].json()["violated_policies"] == ["body-bytes"]
    assert int(sent[1].headers["Retry-After"]) == sent[1].json()["retry_after"] > 0


def test_rows_that_a_tenant_reads_are_counted_in_every_form(client: Client) -> None:
    for _ in range(2):
        client.write("/v1/accounts", ACCOUNT)

    page = client.see("/v1/accounts")
    assert page.headers["RateLimit"] == f'"rows";r={ROWS - 2};t=15'
    table = client.get("/v1/accounts", headers={"Accept": "text/csv", "Min-Event-Position": str(client.position)})
    assert (table.status_code, table.headers["RateLimit"]) == (200, '"rows";r=0;t=15')
    feed = client.get("/v1/events", params={"limit": 3})
    assert (feed.status_code, len(feed.json()["data"])) == (200, 3)  # nothing was overdrawn before

    refused = client.get("/v1/accounts")
    assert (refused.status_code, refused.json()["violated_policies"]) == (429, ["rows"])
    assert refused.headers["RateLimit"] == '"rows";r=0;t=45'
    assert client.post("/v1/accounts", json=ACCOUNT).status_code == 201


def test_messages_of_a_tenant_are_bounded_strangers_cost_it_nothing_and_none_is_lost(
    strict: Server, client: Client
) -> None:
    endpoint = client.write("/v1/webhook-endpoints", {"provider": "standard_webhooks"})
    body = raw({"type": "account.opened", "timestamp": "2026-01-01T00:00:00Z", "data": ACCOUNT})

    def send(message_id: str, secret: str = endpoint["secret"]) -> httpx.Response:
        headers: Any = signed(secret, message_id, int(time.time()), body)
        path = f"/v1/inbound/standard-webhooks/{endpoint['id']}"
        return httpx.post(strict.url + path, headers=headers, content=body, timeout=30)

    strangers = [send("msg_0", "whsec_" + "QUJD" * 8) for _ in range(MESSAGES + 1)]
    answers = [send(f"msg_{number}") for number in range(MESSAGES + 1)]

    assert {answer.status_code for answer in strangers} == {401}
    assert [answer.status_code for answer in answers] == [202] * MESSAGES + [429]
    assert (answers[-1].json()["code"], answers[-1].headers["Retry-After"]) == ("rate_limited", "1")
    kept = client.get(f"/v1/webhook-endpoints/{endpoint['id']}/messages").json()["data"]
    assert {message["message_id"] for message in kept} == {"msg_0", "msg_1"}
    assert client.post("/v1/accounts", json=ACCOUNT).status_code == 201  # they are counted apart


def test_several_processes_have_a_share_each_and_0_is_no_limit() -> None:
    shared = TenantLimits(Settings(workers=4, tenant_writes=10, tenant_rows=0, tenant_body_bytes=0))
    scope: dict[str, Any] = {"method": "POST"}
    shared.admit(scope, "tnt_1")

    assert scope["steward.ratelimit"][0] == (b"ratelimit-policy", b'"writes";q=3;w=1')
    assert shared.count_rows("tnt_1", 10**9) == {}
    open_ = TenantLimits(Settings(tenant_writes=0, tenant_rows=0, tenant_body_bytes=0, tenant_messages=0))
    for _ in range(3):
        open_.admit(scope := {"method": "POST"}, "tnt_1")
        open_.admit_message(scope, "tnt_1")
        open_.count_message("tnt_1")
    assert "steward.ratelimit" not in scope


def test_every_operation_that_knows_its_caller_or_sender_says_that_it_may_be_too_much() -> None:
    without = {
        operation["operationId"]
        for operations in SCHEMA["paths"].values()
        for operation in operations.values()
        if "429" not in operation["responses"]
    }

    assert without == {"system.livez", "system.readyz", "system.metrics", "issuers.metadata"}
