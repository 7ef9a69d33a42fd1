"""Heads of requests: what could mean two things, or would be read as something else, is refused by name."""

from typing import Any

import httpx
import pytest
from starlette.types import Scope

from app.api.http.heads import LISTS, ONCE, refused
from tests.support.server import Client

LIMIT = 16_384


def scope(*headers: tuple[bytes, bytes], path: bytes = b"/v1/accounts", query: bytes = b"") -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"x"), *headers],
    }


def code(of: Scope) -> str | None:
    refusal = refused(of, LIMIT, LIMIT)
    return None if refusal is None else refusal.code


@pytest.mark.parametrize("name", sorted(ONCE))
@pytest.mark.parametrize("values", [(b"a", b"b"), (b"a", b"a")])
def test_a_header_with_one_value_comes_in_one_line(name: bytes, values: tuple[bytes, bytes]) -> None:
    assert code(scope((name, values[0]))) is None
    assert code(scope((name, values[0]), (b"accept", b"*/*"), (name, values[1]))) == "header_repeated"


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_that_comes_in_several_lines_is_one_list(name: bytes) -> None:
    request = scope((name, b"a"), (b"x-other", b"1"), (name, b"b, c"), (b"x-other", b"2"))

    assert code(request) is None
    assert [value for each, value in request["headers"] if each == name] == [b"a, b, c"]
    assert [value for each, value in request["headers"] if each == b"x-other"] == [b"1", b"2"]


def test_two_hosts_are_refused_as_no_host_is() -> None:
    assert code(scope((b"host", b"x"))) == "invalid_host"
    assert code({**scope(), "headers": []}) == "invalid_host"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (b"owner=%ff", "owner"),
        (b"limit=5&tier=%C3%28&owner=a", "tier"),
        (b"owner=%ED%A0%80", "owner"),  # half of a surrogate pair
        (b"owner=%C0%AF", "owner"),  # a slash that is written too long
        (b"owner=%E2%82", "owner"),
        (b"owner=\xc3\xbc", "owner"),  # would be read as Latin-1
        (b"%FFowner=a", "\ufffdowner"),
    ],
)
def test_a_parameter_that_is_no_percent_encoded_utf8_is_refused_and_pointed_at(query: bytes, name: str) -> None:
    refusal = refused(scope(query=query), LIMIT, LIMIT)

    assert refusal is not None
    errors: Any = refusal.members["errors"]
    assert (refusal.code, errors[0]["pointer"]) == ("invalid_parameter", name)


def test_a_path_that_is_no_percent_encoded_utf8_is_refused() -> None:
    assert code(scope(path=b"/v1/accounts/ref:%ff")) == "invalid_path"
    assert code(scope(path=b"/v1/accounts/ref:M%C3%BCller%20100%", query=b"owner=%C3%BC&tier=100%")) is None


def test_a_server_says_so_too(visitor: Client) -> None:
    key = visitor.headers["Authorization"]
    twice = httpx.Headers([("Authorization", key), ("Authorization", "Bearer another")])

    answers = [
        visitor.get("/v1/accounts?owner=%ff"),
        visitor.get("/v1/kpis/mrr?owner=%ff"),
        visitor.get("/v1/accounts/ref:%ff"),
        visitor.get("/v1/accounts", headers=twice),
        visitor.post("/v1/accounts", json={}, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (400, "invalid_parameter"),
        (400, "invalid_parameter"),
        (404, "invalid_path"),
        (400, "header_repeated"),
        (400, "header_repeated"),
    ]
    table = visitor.get("/v1/accounts", headers=[("Accept", "application/json;q=0.1"), ("Accept", "text/csv")])
    assert table.headers["Content-Type"].startswith("text/csv")


@pytest.mark.parametrize(
    ("as_of", "detail"),
    [
        ("9999-12-31T23:59:59-01:00", "as_of is beyond the calendar"),
        ("2026-02-30", "as_of is not a day of the calendar"),
        ("2026-02-30T09:00:00Z", "as_of is not a moment of the calendar"),
        ("yesterday", "as_of is a date or an RFC 3339 instant"),
    ],
)
def test_a_clock_that_cannot_be_is_refused_for_what_it_is(visitor: Client, as_of: str, detail: str) -> None:
    answer = visitor.get("/v1/accounts", params={"as_of": as_of})

    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (400, "invalid_as_of", detail)


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "0001-01-01"])
def test_the_first_and_the_last_day_of_the_calendar_are_days(visitor: Client, day: str) -> None:
    assert visitor.get("/v1/accounts", params={"as_of": day}).status_code == 200
