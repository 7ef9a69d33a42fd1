"""Clients without a key that take their time, never end or come in crowds: each is ended in time, and others are served meanwhile."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from app.api.http.connections import peer_of
from tests.support.databases import Databases
from tests.support.server import Client, Server

HEAD_LIMIT: Final = 2048
SECONDS: Final = 0.5
PER_PEER, IN_ALL = 8, 12
POST: Final = b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: KEY\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def bounded(databases: Databases) -> Iterator[Server]:
    """A server with bounds that are soon reached."""
    times = dict.fromkeys(("head_seconds", "body_seconds", "answer_seconds"), SECONDS)
    with Server(
        databases.fresh("sqlite"), head_limit=HEAD_LIMIT, connections=IN_ALL, connections_per_peer=PER_PEER, **times
    ) as server:
        yield server


@pytest.fixture
def client(bounded: Server) -> Client:
    """An admin of a new tenant."""
    return bounded.client()


@pytest.fixture
def connect(bounded: Server) -> Iterator[Callable[..., socket.socket]]:
    """Opens connections, from one address or another of this machine."""
    with ExitStack() as opened:

        def one(peer: str = "127.0.0.1", buffer: int | None = None) -> socket.socket:
            line = opened.enter_context(socket.socket())
            if buffer is not None:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            line.settimeout(5)
            line.bind((peer, 0))
            line.connect(("127.0.0.1", urlsplit(bounded.url).port or 0))
            return line

        yield one


def dripped(line: socket.socket, start: bytes, drop: bytes = b"a") -> tuple[str, dict[str, Any]]:
    """Sends a start and then drop after drop until an answer comes. Gives: its first line, and its body."""
    line.sendall(start)
    line.settimeout(0.02)
    for _ in range(150):
        try:
            return answered(line.recv(65536))
        except TimeoutError:
            line.sendall(drop)
    raise AssertionError("the client was never told to go")


def answered(answer: bytes) -> tuple[str, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"connection: close" in head.lower()
    return head.partition(b"\r\n")[0].decode(), json.loads(body)


def ended(line: socket.socket) -> bool:
    """Whether the server ends a connection, in time."""
    line.settimeout(SECONDS * 8)
    try:
        while line.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


# --- heads ---


@pytest.mark.parametrize("start", [b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Endless: ", b"GET /", b"\r\n"])
def test_a_head_that_takes_too_long_is_ended_with_408(connect: Callable[..., socket.socket], start: bytes) -> None:
    began = time.monotonic()

    line, body = dripped(connect(), start, b"\r\n" if start == b"\r\n" else b"a")

    assert (line, body["code"]) == ("HTTP/1.1 408 Request Timeout", "head_too_slow")
    assert SECONDS * 0.9 < time.monotonic() - began < SECONDS * 4


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Endless: ", b"a" * 512),
        (b"GET /livez HTTP/1.1\r\n", b"X-Another: " + b"a" * 100 + b"\r\n"),
        (b"GET /", b"a" * 512),
        (b"", b"\r\n" * 256),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-Trailer: " + b"a" * 100 + b"\r\n"),
    ],
    ids=["one header", "many headers", "a path", "blank lines", "trailers"],
)
def test_a_head_that_never_ends_is_cut_at_its_limit(
    client: Client, connect: Callable[..., socket.socket], start: bytes, more: bytes
) -> None:
    line, sent = connect(), 0
    line.sendall(start.replace(b"KEY", client.headers["Authorization"].encode()))
    line.settimeout(0.001)

    while True:
        try:
            answer = line.recv(65536)
            break
        except TimeoutError:
            line.sendall(more)
            sent += len(more)

    first, body = answered(answer)
    assert (first, body["code"]) == ("HTTP/1.1 431 Request Header Fields Too Large", "headers_too_large")
    assert sent <= HEAD_LIMIT * 4


@pytest.mark.parametrize("headers", [{"X-Long": "a" * HEAD_LIMIT}, {f"X-{number}": "" for number in range(400)}, {}])
def test_a_whole_head_that_is_too_long_is_refused_alike(bounded: Server, headers: dict[str, str]) -> None:
    path = "/livez" if headers else f"/v1/{'a' * HEAD_LIMIT}?q=1"

    answer = httpx.get(bounded.url + path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


def test_requests_that_come_together_are_counted_one_by_one(connect: Callable[..., socket.socket]) -> None:
    one, line, answers = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", connect(), b""
    sent = one * 300  # far beyond the limit of one head
    for start in range(0, len(sent), 1000):
        line.sendall(sent[start : start + 1000])
    while answers.count(b'"alive"') < 300:
        answers += line.recv(65536)
    assert answers.count(b"HTTP/1.1 200 OK") == 300


# --- bodies and answers ---


def test_a_body_that_takes_too_long_is_ended_with_408_and_does_nothing(
    client: Client, connect: Callable[..., socket.socket]
) -> None:
    head = client.read("/v1/events")["position"]
    start = POST.replace(b"KEY", client.headers["Authorization"].encode())

    for length in (b"Content-Length: 200\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
        line, body = dripped(connect(), start + length, b" " if b"200" in length else b"1\r\n \r\n")
        assert (line, body["code"]) == ("HTTP/1.1 408 Request Timeout", "body_too_slow")

    assert client.read("/v1/events")["position"] == head


def test_a_body_that_comes_slowly_but_steadily_is_taken(client: Client, connect: Callable[..., socket.socket]) -> None:
    body = json.dumps({"name": "Slow", "currency": "EUR"}) + " " * 6000
    start = POST.replace(b"KEY", client.headers["Authorization"].encode())
    line = connect()

    line.sendall(start + f"Content-Length: {len(body)}\r\n\r\n".encode())
    for begin in range(0, len(body), 1000):  # longer than a small body may take
        time.sleep(0.1)
        line.sendall(body[begin : begin + 1000].encode())

    assert line.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_a_body_nobody_asked_for_ends_too(connect: Callable[..., socket.socket]) -> None:
    line = connect()

    line.sendall(POST.replace(b"KEY", b"Bearer nobody") + b"Content-Length: 200000\r\n\r\n{")

    assert line.recv(65536).startswith(b"HTTP/1.1 401 ")
    assert ended(line)


def test_a_client_that_takes_no_answer_is_let_go(bounded: Server, connect: Callable[..., socket.socket]) -> None:
    bounded.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # else the system takes megabytes for it
    line = connect(buffer=4096)
    line.settimeout(0.05)
    gone, until = False, time.monotonic() + 20
    while not gone and time.monotonic() < until:  # until the buffers of both sides are full
        time.sleep(0.02)
        try:
            line.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        except TimeoutError:
            continue
        except ConnectionError:
            gone = True
    assert gone


def test_a_client_that_says_nothing_is_let_go(connect: Callable[..., socket.socket]) -> None:
    assert ended(connect())


# --- crowds ---


def test_a_crowd_of_one_address_shuts_nobody_out(bounded: Server, connect: Callable[..., socket.socket]) -> None:
    crowd = [connect() for _ in range(PER_PEER * 3)]
    for line in crowd[::2]:
        line.sendall(b"GET /livez HTTP/1.1\r\nHos")

    neighbour, same = connect("127.0.0.2"), connect()
    for line in (neighbour, same):
        line.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 200 ")

    assert httpx.get(f"{bounded.url}/livez").status_code == 200


def test_a_crowd_of_many_addresses_shuts_nobody_out(bounded: Server, connect: Callable[..., socket.socket]) -> None:
    for number in range(IN_ALL * 3):
        connect(f"127.0.1.{number + 1}").sendall(b"G")

    assert httpx.get(f"{bounded.url}/livez").status_code == 200


def test_who_is_being_answered_is_not_sent_away(client: Client, connect: Callable[..., socket.socket]) -> None:
    start = POST.replace(b"KEY", client.headers["Authorization"].encode()) + b"Content-Length: 36\r\n\r\n"
    busy = [connect("127.0.0.3") for _ in range(PER_PEER)]
    for line in busy:
        line.sendall(start)
    time.sleep(0.1)

    refused = connect("127.0.0.3").recv(65536)

    line, body = answered(refused)
    assert (line, body["code"], body["retry_after"]) == ("HTTP/1.1 503 Service Unavailable", "too_many_connections", 1)
    for each in busy:
        each.sendall(b'{"name":"Here now","currency":"EUR"}')
    for each in busy:
        assert each.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_an_address_is_whose_it_is() -> None:
    assert peer_of("192.0.2.7") == "192.0.2.7" == peer_of("::ffff:192.0.2.7")
    assert peer_of("2001:db8:0:1::5") == peer_of("2001:db8:0:1:ffff::9") != peer_of("2001:db8:0:2::5")
    assert peer_of("fe80::1%eth0") == peer_of("fe80::2")
