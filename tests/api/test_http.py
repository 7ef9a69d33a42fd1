"""HTTP itself: methods and what is allowed, headers that a request must have, bodies that are cut off."""

import json
import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from app.api.http.problems import allowed_methods
from tests.api.contract import OPERATIONS, READS, Operation
from tests.support.server import Client, Server

BODY = json.dumps({"name": "Whole", "currency": "EUR"})


@pytest.fixture
def client(shared_server: Server) -> Client:
    """An admin of a new tenant."""
    return shared_server.client()


def say(client: Client, request: str, *, then: str = "answer") -> str:
    """Sends bytes as they are. Gives: the answer's first line; nothing where the line is cut instead."""
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as line:
        line.sendall(request.replace("KEY", client.headers["Authorization"]).replace("\n", "\r\n").encode())
        if then == "cut":
            time.sleep(0.2)
            return ""
        return line.recv(65536).decode().partition("\r\n")[0]


# --- methods ---


@pytest.mark.parametrize(
    "operation", [one for one in READS if not one.params and not one.required_query], ids=lambda one: one.name
)
def test_head_answers_as_get_does_without_the_body(client: Client, operation: Operation) -> None:
    path = operation.path
    client.position = client.read("/v1/events")["position"]
    client.see(path)

    head, get = client.head(path), client.get(path)

    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["projection-position"] == get.headers["projection-position"]


def test_head_refuses_what_get_refuses(client: Client) -> None:
    for path, status in (
        ("/v1/accounts/acct_01jd7z5m3qf8x9v0w1y2z3a4b5", 404),
        ("/v1/accounts?sort=x", 400),
        ("/v1/x", 404),
    ):
        assert (client.head(path).status_code, client.get(path).status_code) == (status, status)
    assert client.head("/livez").status_code == client.head("/readyz").status_code == 200
    assert client.head("/v1/accounts", headers={"Authorization": ""}).status_code == 401


def test_every_path_says_what_it_allows(shared_server: Server, client: Client) -> None:
    methods: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        path = re.sub(r"\{\w+\}", "x", operation.path)
        methods.setdefault(path, {"OPTIONS"}).update(
            {operation.method} | ({"HEAD"} if operation.method == "GET" else set())
        )

    for path, expected in methods.items():
        allow = allowed_methods(shared_server.app.router.routes, path)
        assert set(allow.split(", ")) >= expected, path
    for path in ("/v1/accounts", "/v1/accounts/x", "/v1/contracts/x/signature", "/livez"):
        options, refused = client.options(path), client.request("DELETE", path)
        assert (options.status_code, options.content, refused.status_code) == (204, b"", 405)
        assert options.headers["allow"] == refused.headers["allow"] == ", ".join(sorted(methods[path]))
    assert client.options("/nowhere").status_code == 404


# --- headers ---


def test_a_request_names_one_host(client: Client) -> None:
    assert say(client, "GET /livez HTTP/1.1\n\n") == "HTTP/1.1 400 Bad Request"
    assert say(client, "GET /livez HTTP/1.1\nHost: a\nHost: b\n\n") == "HTTP/1.1 400 Bad Request"
    assert say(client, "GET /livez HTTP/1.0\n\n") == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_a_body_in_a_coding_that_is_not_undone_is_refused(client: Client, coding: str) -> None:
    head = client.read("/v1/events")["position"]

    for path, media in (("/v1/accounts", "application/json"), ("/v1/events", "application/x-ndjson")):
        answer = client.post(path, content=BODY, headers={"Content-Encoding": coding, "Content-Type": media})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")

    assert client.read("/v1/events")["position"] == head
    named = client.post(
        "/v1/accounts", content=BODY, headers={"Content-Encoding": "Identity", "Content-Type": "application/json"}
    )
    assert named.status_code == 201


# --- a request that is cut off ---


@pytest.mark.parametrize(
    ("path", "media", "body"),
    [
        ("/v1/accounts", "application/json", BODY),
        ("/v1/accounts?", "application/json", BODY),
        ("/v1/events", "application/x-ndjson",
         '{"specversion":"1.0","id":"c","source":"urn:c","type":"account.opened","data":' + BODY + "}"),
    ],
)  # fmt: skip
def test_a_request_that_is_cut_off_is_no_request(client: Client, path: str, media: str, body: str) -> None:
    head = client.read("/v1/events")["position"]
    start = f"POST {path} HTTP/1.1\nHost: x\nAuthorization: KEY\nContent-Type: {media}\n"

    say(client, f"{start}Content-Length: {len(body) + 1}\n\n{body}", then="cut")
    say(client, f"{start}Transfer-Encoding: chunked\n\n{len(body):x}\n{body}\n", then="cut")
    time.sleep(0.2)

    assert client.read("/v1/events")["position"] == head
    whole = say(client, f"{start}Content-Length: {len(body)}\n\n{body}")
    assert whole.split()[1] in ("200", "201")
    assert client.read("/v1/events")["position"] == head + 1


# --- caching and compression ---


@pytest.mark.parametrize(
    "operation", [one for one in READS if not one.params and not one.required_query], ids=lambda one: one.name
)
def test_what_a_caller_has_is_not_sent_again(client: Client, operation: Operation) -> None:
    client.position = client.read("/v1/events")["position"]
    first = client.see(operation.path)

    again = client.get(operation.path, headers={"If-None-Match": first.headers["etag"]})
    other = client.get(operation.path, headers={"If-None-Match": '"other"'})

    assert first.headers["cache-control"] == "private, no-cache"
    assert {"accept", "authorization"} <= {part.strip().lower() for part in first.headers["vary"].split(",")}
    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)
    assert again.headers["etag"] == other.headers["etag"] == first.headers["etag"]


def test_an_answer_has_another_tag_once_something_else_is_shown(client: Client) -> None:
    tags = [client.get(path).headers["etag"] for path in ("/v1/accounts", "/v1/kpis/mrr")]

    client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})

    assert client.see("/v1/accounts").headers["etag"] != tags[0]
    assert client.see("/v1/kpis/mrr").headers["etag"] == tags[1]  # nobody pays yet
    table = client.get("/v1/accounts", headers={"Accept": "text/csv"})
    assert table.headers["etag"] not in (tags[0], client.get("/v1/accounts").headers["etag"])
    assert (
        client.get("/v1/accounts", headers={"Accept": "text/csv", "If-None-Match": table.headers["etag"]}).status_code
        == 304
    )


def test_what_was_known_at_a_position_may_be_kept(client: Client) -> None:
    def caching(**params: str) -> str:
        return client.see("/v1/accounts", **params).headers["cache-control"]

    assert caching(known_at="1", as_of="2026-01-01") == "private, max-age=86400, immutable"
    assert caching(known_at="1") == "private, max-age=60, immutable"
    assert caching(as_of="2026-01-01") == caching() == "private, no-cache"
    assert client.see("/v1/accounts", sort="x").headers["cache-control"] == "no-store"


def test_a_larger_answer_is_compressed_for_who_takes_it(client: Client) -> None:
    for number in range(10):
        client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"})

    plain = client.see("/v1/accounts")
    codings = {
        accepted: client.get("/v1/accounts", headers={"Accept-Encoding": accepted}).headers.get("content-encoding")
        for accepted in ("gzip", "gzip, deflate, br", "gzip;q=0.5", "identity", "br", "gzip;q=0", "gzip; q=0.000, *")
    }

    assert list(codings.values()) == ["gzip", "gzip", "gzip", None, None, None, None]
    assert client.get("/v1/accounts", headers={"Accept-Encoding": "gzip"}).json() == plain.json()
    assert "accept-encoding" in plain.headers["vary"].lower()
    assert "content-encoding" not in client.get("/livez", headers={"Accept-Encoding": "gzip"}).headers
