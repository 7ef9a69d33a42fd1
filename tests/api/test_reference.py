"""What somebody meets first: the address itself, the reference with its console, and the contract in short; all from here."""

import re

import httpx
import pytest

from tests.api.contract import OPERATIONS, SCHEMA
from tests.support.server import Server

ELSEWHERE = re.compile(r"(?:src|href|url)\s*[=:]\s*[\"']?(?:https?:)?//")


@pytest.fixture
def stranger(shared_server: Server) -> httpx.Client:
    """Somebody without a key."""
    return httpx.Client(base_url=shared_server.url, timeout=60)


def test_the_address_itself_says_what_this_is_and_every_link_that_it_names_answers(stranger: httpx.Client) -> None:
    told = stranger.get("/").raise_for_status().json()

    assert (told["name"], told["version"]) == ("Steward", SCHEMA["info"]["version"])
    assert {stranger.get(path).status_code for path in told["links"].values()} == {200}


def test_a_person_gets_a_page_with_the_same_links_under_a_policy_that_allows_its_style_alone(
    stranger: httpx.Client,
) -> None:
    answer = stranger.get("/", headers={"Accept": "text/html,application/xhtml+xml"})

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for path in stranger.get("/").json()["links"].values():
        assert f'href="{path}"' in answer.text
    [policy] = answer.headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in answer.text + policy
    assert answer.headers["vary"] == "Accept"


def test_the_reference_is_served_from_here_alone_and_its_policy_allows_no_other_host(stranger: httpx.Client) -> None:
    page = stranger.get("/docs")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert "/docs/swagger-ui-bundle.js" in files
    assert not ELSEWHERE.search(page.text + stranger.get("/docs/start.js").text)
    [policy] = page.headers.get_list("content-security-policy")
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "http" not in policy
    for file in files:
        answer = stranger.get(file)
        assert answer.status_code == 200, file
        assert answer.headers["cache-control"] == "public, max-age=3600", file
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), file


def test_the_reference_shows_the_contract_and_lets_a_reader_try_each_call(stranger: httpx.Client) -> None:
    start = stranger.get("/docs/start.js").text

    assert 'url: "/openapi.json"' in start
    assert "tryItOutEnabled: true" in start
    assert "validatorUrl: null" in start  # else each reader is reported to a host elsewhere
    assert stranger.get("/openapi.json").json() == SCHEMA


@pytest.mark.parametrize("path", ["/docs/", "/docs/swagger-ui.js.map", "/docs/..%2f__init__.py", "/docs/core.py"])
def test_no_other_file_of_the_package_is_served(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_the_contract_in_short_names_every_operation_in_the_form_of_llms_txt(stranger: httpx.Client) -> None:
    text = stranger.get("/llms.txt").raise_for_status().text

    title, summary, *_ = text.split("\n\n")
    assert title == "# Steward"
    assert summary.startswith("> The ledger of client relationships")
    for line in text.splitlines():
        assert not line.startswith("- ") or re.fullmatch(r"- \[[^\]]+\]\(/[^)]*\): .+", line), line
    for operation in OPERATIONS:
        assert f"[{operation.method} {operation.path}](" in text, operation.name
    assert "as_of" in text


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/start.js", "/llms.txt"])
def test_head_answers_what_get_does_without_a_body_and_nothing_unknown_is_taken(
    stranger: httpx.Client, path: str
) -> None:
    head, got = stranger.head(path), stranger.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert stranger.get(path, params={"unheard_of": "1"}).json()["code"] == "unknown_parameter"
