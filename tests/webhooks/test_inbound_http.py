"""Webhooks over real sockets: a real server, the clock of the test."""

import base64
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.kernel.values import MICRO, instant
from tests.support.campaigns import examples
from tests.support.clock import Clock
from tests.support.databases import Databases
from tests.support.server import Client, Server
from tests.webhooks.senders import GENERIC, OTHER_SECRET, SECRET, raw, signed
from tests.webhooks.vectors import VECTORS, body_of, terms_of

OPENED = {
    "type": "account.opened",
    "timestamp": "2026-01-01T00:00:00Z",
    "data": {"name": "Northwind", "currency": "EUR", "external_ref": "northwind"},
}
CALL = {
    "type": "interaction.logged",
    "timestamp": "2026-01-05T08:00:00Z",
    "data": {
        "account": {"provider": "crm", "external_id": "northwind"},
        "channel": "call",
        "direction": "inbound",
        "occurred_at": "2026-01-05T08:00:00Z",
    },
}
WAIT_SECONDS = 60
"""How long a test waits for what must happen at some time; nothing is measured by it."""


class Post:
    """An agency with a server, and its senders."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.server = Server(url, clock=self.clock, public_url="https://steward.example")
        self.client: Client = self.server.client()

    def register(self, **members: Any) -> dict[str, Any]:
        """A new endpoint's receipt."""
        return self.client.write("/v1/webhook-endpoints", {"provider": "standard_webhooks", **members})

    def deliver(self, url: str, headers: Any, body: bytes) -> httpx.Response:
        """What a sender does: it has no key."""
        path = urlsplit(url).path
        return httpx.post(self.server.url + path, headers=headers, content=body, timeout=30)

    def send(
        self, endpoint: dict[str, Any], body: Any, message_id: str = "msg_1", secret: str | None = None
    ) -> httpx.Response:
        """A signed message."""
        content = raw(body)
        headers = signed(secret or endpoint["secret"] or SECRET, message_id, self.clock() // MICRO, content)
        return self.deliver(endpoint["url"], headers, content)

    def messages(self, endpoint: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        """The endpoint's inbox."""
        listed: list[dict[str, Any]] = self.client.read(f"/v1/webhook-endpoints/{endpoint['id']}/messages", **params)[
            "data"
        ]
        return listed

    def settled(self, endpoint: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The messages by id, once none is waiting any more."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            by_id = {message["message_id"]: message for message in self.messages(endpoint)}
            if all(message["status"] != "waiting" for message in by_id.values()):
                return by_id
            assert time.monotonic() < deadline, "the worker takes nothing in"
            time.sleep(0.01)

    def close(self) -> None:
        """Stops everything."""
        self.client.close()
        self.server.close()


@pytest.fixture(scope="module")
def post(databases: Databases) -> Iterator[Post]:
    """A server on SQLite for the whole file; every test makes endpoints of its own."""
    made = Post(databases.fresh("sqlite"))
    yield made
    made.close()


@pytest.fixture
def fresh(database_url: str) -> Iterator[Post]:
    """A server on a fresh database, once on SQLite and once on PostgreSQL."""
    made = Post(database_url)
    yield made
    made.close()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_known_answers_over_http(post: Post, vector: dict[str, Any]) -> None:
    endpoint = post.register(**terms_of(vector))
    post.clock.set(instant(vector["now"] * MICRO))

    answer = post.deliver(endpoint["url"], vector["request"]["headers"], body_of(vector))

    if vector["expect"]["valid"]:
        assert answer.status_code == 202
        assert answer.json()["status"] == "stored"
    else:
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["code"], answer.json()["reason"]) == ("invalid_signature", vector["expect"]["reason"])
        assert post.messages(endpoint) == []


def test_from_a_signed_message_to_a_page(fresh: Post) -> None:
    endpoint = fresh.register(label="CRM")
    assert endpoint["url"] == f"https://steward.example/v1/inbound/standard-webhooks/{endpoint['id']}"

    parked = fresh.send(endpoint, CALL, "msg_1")
    assert (parked.status_code, parked.json()) == (202, {"id": "msg_1", "status": "stored"})
    assert fresh.settled(endpoint)["msg_1"]["code"] == "account_not_found"
    fresh.send(endpoint, OPENED, "msg_2")
    opened = fresh.settled(endpoint)["msg_2"]
    driven = fresh.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/messages/msg_1/redrive")
    assert (driven.status_code, driven.json()["status"]) == (202, "waiting")
    logged = fresh.settled(endpoint)["msg_1"]

    fresh.client.position = logged["position"]
    account = fresh.client.read("/v1/accounts/ref:northwind")
    assert (account["name"], account["interactions"]) == ("Northwind", 1)
    assert logged["position"] == opened["position"] + 1
    assert (logged["status"], logged["code"], logged["attempts"]) == ("done", None, 2)
    assert fresh.send(endpoint, CALL, "msg_1").json() == {"id": "msg_1", "status": "duplicate"}
    assert fresh.settled(endpoint)["msg_1"] == logged


def test_another_body_under_the_same_id_is_a_conflict(post: Post) -> None:
    endpoint = post.register()
    post.send(endpoint, OPENED)

    answer = post.send(endpoint, CALL)

    assert (answer.status_code, answer.json()["code"]) == (409, "message_id_reused")
    assert [
        message["code"] for message in post.messages(endpoint, status="parked") if "." in message["message_id"]
    ] == ["message_id_reused"]


def test_an_operator_reads_what_a_message_brought_byte_for_byte(post: Post) -> None:
    endpoint = post.register()
    odd = [b'{"t": "cut \\ud83d", "n": 1e3}', b'{"t": "\xff\xfe"}', raw(OPENED)]
    for number, body in enumerate(odd):
        assert post.send(endpoint, body, f"msg_{number}").status_code == 202
    post.settled(endpoint)

    path = f"/v1/webhook-endpoints/{endpoint['id']}/messages"
    read = [post.client.read(f"{path}/msg_{number}") for number in range(3)]

    assert [base64.b64decode(m["body_base64"]) if m["body"] is None else m["body"].encode() for m in read] == odd
    assert [message["code"] for message in read[:2]] == ["float_not_allowed", "malformed_json"]
    assert read[0]["body_sha256"] == hashlib.sha256(odd[0]).hexdigest()
    assert read[0]["headers"]["webhook-id"] == "msg_0"
    assert post.client.see(f"{path}/msg_9").status_code == 404
    with post.server.client() as other_tenant:
        assert other_tenant.get(f"{path}/msg_0").status_code == 404
    with post.server.client(post.server.key(post.server.tenant(), "account_manager")) as manager:
        assert manager.get(f"{path}/msg_0").status_code == 403


def test_an_unreadable_body_is_refused_after_its_signature_only(post: Post) -> None:
    endpoint = post.register()

    assert post.send(endpoint, b"{ not json").status_code == 400
    assert post.send(endpoint, b"{ not json", secret=OTHER_SECRET).status_code == 401


def test_a_body_that_is_too_large_is_refused_before_its_signature_is_looked_at(post: Post) -> None:
    endpoint = post.register()
    largest = b'"' + b"x" * (262_144 - 2) + b'"'

    assert post.send(endpoint, largest).status_code == 202
    assert post.send(endpoint, largest + b" ").status_code == 413
    streamed = httpx.post(post.server.url + urlsplit(endpoint["url"]).path, content=(b"x" * 65_536 for _ in range(5)))
    assert streamed.status_code == 413


def test_an_address_that_is_none_is_not_found(post: Post) -> None:
    endpoint = post.register()
    wrong = [
        endpoint["url"].replace("standard-webhooks", "generic-hmac"),
        endpoint["url"].replace("standard-webhooks", "pigeon"),
        endpoint["url"][:-1] + ("0" if endpoint["url"][-1] != "0" else "1"),
        "https://x/v1/inbound/standard-webhooks/ref:x",
    ]

    answers = [
        post.deliver(url, signed(endpoint["secret"], "msg_1", post.clock() // MICRO, b"{}"), b"{}") for url in wrong
    ]

    assert [answer.status_code for answer in answers] == [404] * len(wrong)
    assert len({(answer.json()["code"], answer.json()["detail"]) for answer in answers}) == 1


def test_a_closed_address_is_gone(post: Post) -> None:
    endpoint = post.register()
    post.client.write(f"/v1/webhook-endpoints/{endpoint['id']}/closure")

    answer = post.send(endpoint, OPENED)

    assert (answer.status_code, answer.json()["code"]) == (410, "webhook_endpoint_closed")
    assert post.client.read(f"/v1/webhook-endpoints/{endpoint['id']}")["status"] == "closed"


def test_secrets_rotate_over_http(post: Post) -> None:
    endpoint = post.register()
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    (old,) = post.client.read(path)["secrets"]
    added = post.client.write(f"{path}/secrets")
    assert post.send(endpoint, OPENED, "msg_1").status_code == 202
    assert post.send(endpoint, OPENED, "msg_2", secret=added["secret"]).status_code == 202

    post.client.write(f"{path}/secret-retirement", {"secret": old})

    assert post.send(endpoint, OPENED, "msg_3").status_code == 401
    assert post.send(endpoint, OPENED, "msg_4", secret=added["secret"]).status_code == 202
    assert post.client.read(path)["secrets"] == [added["secret_id"]]
    last = post.client.post(f"{path}/secret-retirement", json={"secret": added["secret_id"]})
    assert (last.status_code, last.json()["code"]) == (409, "last_secret")


def test_a_secret_is_answered_once_and_a_retry_gets_the_same_endpoint(post: Post) -> None:
    first = post.client.write("/v1/webhook-endpoints", {"provider": "standard-webhooks"}, Idempotency_Key="once")
    again = post.client.post(
        "/v1/webhook-endpoints", json={"provider": "standard-webhooks"}, headers={"Idempotency-Key": "once"}
    )

    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == {**first, "secret": None}
    assert first["secret"] not in post.client.see(f"/v1/webhook-endpoints/{first['id']}").text
    assert first["secret"] not in post.client.see("/v1/webhook-endpoints").text
    assert post.send(first, OPENED).status_code == 202


def test_a_generic_sender_signs_in_its_own_way(post: Post) -> None:
    endpoint = post.register(
        provider="generic-hmac",
        secrets=["plain-text-secret"],
        **{**GENERIC, "style": "t_v1", "signed_content_template": "{t}.{body}"},
    )
    now = str(post.clock() // MICRO)
    body = raw(
        {
            "specversion": "1.0",
            "id": "crm-1",
            "source": "urn:generic",
            "type": "account.opened",
            "data": {"name": "Southwind", "currency": "EUR"},
        }
    )
    signature = hmac.digest(b"plain-text-secret", now.encode() + b"." + body, hashlib.sha256).hex()

    answer = post.deliver(endpoint["url"], {"X-Signature": f"t={now},v1={signature}"}, body)

    assert (endpoint["secret"], answer.status_code, answer.json()["id"]) == (None, 202, "crm-1")
    assert post.settled(endpoint)["crm-1"]["status"] == "done"


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "carrier_pigeon"},
        {"provider": "generic_hmac"},
        {"provider": "standard_webhooks", "secrets": ["whsec_nothing!"]},
        {"provider": "standard_webhooks", "public_keys": ["whsk_" + "A" * 43]},
        {},
        {"provider": "standard_webhooks", "secret": "x"},
    ],
)
def test_a_registration_that_does_not_fit_is_refused(post: Post, body: dict[str, Any]) -> None:
    answer = post.client.post("/v1/webhook-endpoints", json=body)

    assert answer.status_code == 422
    assert "nothing!" not in answer.text


def test_the_inbox_is_paged(post: Post) -> None:
    endpoint = post.register()
    for number in range(5):
        post.send(endpoint, {"test": number}, f"msg_{number}")
    post.settled(endpoint)
    path = f"/v1/webhook-endpoints/{endpoint['id']}/messages"

    first = post.client.read(path, limit=2, status="parked")
    second = post.client.read(path, limit=2, status="parked", cursor=first["next_cursor"])
    third = post.client.read(path, limit=2, status="parked", cursor=second["next_cursor"])

    shown = [message["message_id"] for page in (first, second, third) for message in page["data"]]
    assert shown == ["msg_4", "msg_3", "msg_2", "msg_1", "msg_0"]
    assert (third["has_more"], third["next_cursor"]) == (False, None)
    assert post.messages(endpoint, status="done") == []
    assert [
        post.client.see(path, **params).status_code
        for params in ({"status": "lost"}, {"as_of": "2026-01-01"}, {"cursor": "x"})
    ] == [400] * 3


def test_only_who_may_write_webhooks_makes_endpoints_and_only_their_tenant_sees_them(post: Post) -> None:
    endpoint = post.register()
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    tenant = post.server.tenant("Agency")
    with post.server.client(post.server.key(tenant, "account_manager")) as manager:
        assert manager.post("/v1/webhook-endpoints", json={"provider": "standard_webhooks"}).status_code == 403
        assert manager.get(path).status_code == 403
    with post.server.client() as other_tenant:
        assert {
            other_tenant.get(path).status_code,
            other_tenant.get(f"{path}/messages").status_code,
            other_tenant.post(f"{path}/messages/msg_1/redrive").status_code,
            other_tenant.post(f"{path}/secrets", json={}).status_code,
            other_tenant.post(f"{path}/closure", json={}).status_code,
        } == {404}
    assert httpx.get(post.server.url + path).status_code == 401


@pytest.mark.parametrize("part", ["%00", "whe_%00", "%ff", "%F0%9F%92%A9", "a%2Fb", "..%2f..", "x" * 5_000])
def test_no_address_makes_the_server_stumble(post: Post, part: str) -> None:
    answers = [
        post.deliver(f"https://x/v1/inbound/{path}", {}, b"{}")
        for path in (f"standard-webhooks/{part}", f"{part}/whe_1")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("message_id", ["msg_9", "%00", "%ff", "ü", "a%2Fb"])
def test_a_message_that_is_none_cannot_be_driven_again(fresh: Post, message_id: str) -> None:
    endpoint = fresh.register()

    assert fresh.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/messages/{message_id}/redrive").status_code == 404


def test_the_door_for_senders_takes_posts_only(post: Post) -> None:
    url = post.server.url + urlsplit(post.register()["url"]).path

    assert [httpx.request(method, url).status_code for method in ("GET", "PUT", "DELETE")] == [405] * 3
    assert httpx.post(url + "/").status_code == 404


# --- hostile input ---

HOSTILE = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
VALUES = st.binary(max_size=80).filter(lambda value: b"\n" not in value and b"\r" not in value)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "data", "timestamp", "account", "specversion", "id", "source", "subject", "time", "ü"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def target(post: Post) -> dict[str, Any]:
    """An endpoint for everything that strangers think of."""
    return post.register()


def hurl(post: Post, target: dict[str, Any], headers: list[tuple[str, bytes]], body: bytes) -> int:
    """Sends bytes that no decent client would. Gives: the status."""
    connection = http.client.HTTPConnection(*urlsplit(post.server.url).netloc.split(":"), timeout=30)
    connection.putrequest("POST", urlsplit(target["url"]).path)
    for name, value in headers:
        connection.putheader(name, value)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


@HOSTILE
@given(
    headers=st.lists(
        st.tuples(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"]), VALUES),
        max_size=6,
    ),
    body=st.binary(max_size=60),
)
def test_no_headers_make_the_server_stumble(
    post: Post, target: dict[str, Any], headers: list[tuple[str, bytes]], body: bytes
) -> None:
    assert hurl(post, target, headers, body) in (400, 401)


@HOSTILE
@given(body=st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode())))
def test_no_body_makes_the_server_stumble(post: Post, target: dict[str, Any], body: bytes) -> None:
    message_id = hashlib.sha256(body).hexdigest()
    headers = [
        (name.decode(), value) for name, value in signed(target["secret"], message_id, post.clock() // MICRO, body)
    ]

    assert hurl(post, target, headers, body) in (202, 400)


def test_the_server_has_survived_and_nothing_waits(post: Post, target: dict[str, Any]) -> None:
    assert (
        post.send(target, {**OPENED, "data": {"name": "Eastwind", "currency": "EUR"}}, "after-the-storm").status_code
        == 202
    )
    assert post.settled(target)["after-the-storm"]["status"] == "done"
