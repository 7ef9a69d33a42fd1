"""Pages of other origins may read answers where the operator has named them, and nowhere else; never with cookies."""

from collections.abc import Iterator

import httpx
import pytest

from app.settings import Settings
from tests.support.databases import Databases
from tests.support.server import Client, Server

OURS = "https://app.agency.example"
OTHER = "https://evil.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, dpop, idempotency-key",
}


@pytest.fixture(scope="module")
def server(databases: Databases) -> Iterator[Server]:
    with Server(databases.fresh("sqlite"), cors_origins=f"{OURS},http://localhost:5173") as made:
        yield made


@pytest.fixture
def client(server: Server) -> Client:
    return server.client()


def permissions(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize(
    "path", ["/v1/accounts", "/v1/me", "/v1/accounts/ref:x/interactions", "/v1/events", "/nowhere"]
)
@pytest.mark.parametrize("origin", [OURS, "http://localhost:5173"])
def test_a_preflight_of_a_page_that_was_named_is_answered_without_a_credential(
    server: Server, path: str, origin: str
) -> None:
    answer = httpx.options(server.url + path, headers={"Origin": origin, **PREFLIGHT})

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "dpop", "idempotency-key", "if-match", "content-type"} <= {*allowed}
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_a_page_that_was_named_reads_answers_and_our_headers(client: Client) -> None:
    origin = {"Origin": OURS}
    written = client.post("/v1/accounts", json={"name": "Fermata", "currency": "EUR"}, headers=origin)
    read = client.get("/v1/accounts", headers=origin)
    refused = client.post("/v1/accounts", json={}, headers=origin)
    unknown = httpx.get(str(client.base_url).rstrip("/") + "/v1/me", headers=origin)

    assert [answer.status_code for answer in (written, read, refused, unknown)] == [201, 200, 422, 401]
    for answer in (written, read, refused, unknown):
        assert answer.headers["Access-Control-Allow-Origin"] == OURS
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"ETag", "Event-Position", "Link", "RateLimit", "Idempotency-Key", "Request-Id"} <= {*exposed}
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert read.headers["Vary"] == "Accept, Authorization, Origin"


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "https://app.agency.example.evil.example", "http://app.agency.example", "*"]
)
def test_a_page_that_was_not_named_reads_nothing(client: Client, origin: str) -> None:
    preflight = httpx.options(
        str(client.base_url).rstrip("/") + "/v1/accounts", headers={"Origin": origin, **PREFLIGHT}
    )
    read = client.get("/v1/accounts", headers={"Origin": origin})

    assert permissions(preflight) == permissions(read) == set()
    assert "Origin" in read.headers["Vary"]


def test_who_is_no_page_is_not_told_of_origins(client: Client) -> None:
    assert permissions(client.get("/v1/accounts")) == set()


def test_by_default_no_page_of_another_origin_reads_anything(shared_server: Server) -> None:
    client = shared_server.client()

    preflight = httpx.options(shared_server.url + "/v1/accounts", headers={"Origin": OURS, **PREFLIGHT})
    read = client.get("/v1/accounts", headers={"Origin": OURS})

    assert permissions(preflight) == permissions(read) == set()
    assert "Origin" not in read.headers["Vary"]


@pytest.mark.parametrize(
    "text", ["*", "https://*.example", "https://app.example/", "app.example", "https://a.example,*", "null"]
)
def test_a_pattern_and_what_is_no_origin_are_refused_as_a_setting(text: str) -> None:
    with pytest.raises(ValueError, match="write each origin"):
        Settings(cors_origins=text)
