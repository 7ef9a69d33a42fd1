"""Hostile and odd input: it is refused by name, stores nothing, and the next request on the same connection is served."""

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.contract import READS, WRITES
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.campaigns import examples
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Server

SINGLE, BATCH, LINES = "application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson"
MEGABYTE = 10**6
VALUES: dict[str, tuple[bytes, int]] = {
    "NUL": (rb'"\u0000"', 422),
    "raw NUL": (b'"\x00"', 400),
    "lone surrogate": (rb'"\ud800"', 422),
    "lone surrogate as UTF-8": (b'"\xed\xa0\x80"', 400),
    "overlong UTF-8": (b'"\xc0\x80"', 400),
    "invalid UTF-8": (b'"\xff"', 400),
    "20,000 lists": (b"[" * 20_000 + b"]" * 20_000, 422),
    "20,000 objects": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 422),
    "33 lists": (b"[" * 33 + b"]" * 33, 422),
    "1e400": (b"1e400", 422),
    "NaN": (b"NaN", 400),
    "Infinity": (b"Infinity", 400),
    "-Infinity": (b"-Infinity", 400),
    "-0": (b"-0", 422),
    "float": (b"0.5", 422),
    "5,000 digits": (b"1" * 5_000, 422),
    "2^53+1": (b"9007199254740993", 422),
    "-2^63": (b"-9223372036854775808", 422),
    "huge string": (b'"' + b"x" * 200_000 + b'"', 422),
    "20,000 keys": (b"{" + b",".join(b'"a%d":1' % n for n in range(20_000)) + b"}", 422),
    "same key twice": (b'{"a":1,"a":1}', 422),
    "key that is not ASCII": ('{"ä":1}'.encode(), 422),
    "truncated": (b'"abc', 400),
    "comment": (b"/* */ 1", 400),
    "single quotes": (b"'abc'", 400),
}
"""Where a name belongs, and what a command answers."""
WHOLES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 422),
    "blank": (b" \r\n\t", 400),
    "null": (b"null", 422),
    "list": (b"[1]", 422),
    "string": (b'"abc"', 422),
    "number": (b"7", 422),
    "true": (b"true", 422),
    "two values": (b"{}{}", 400),
    "trailing comma": (b'{"name":"A",}', 400),
    "truncated": (b'{"name":"A"', 400),
    "byte order mark": (b'\xef\xbb\xbf{"name":"A","currency":"EUR"}', 400),
    "UTF-16": ('{"name":"A","currency":"EUR"}'.encode("utf-16"), 400),
    "UTF-16 without mark": ('{"name":"A","currency":"EUR"}'.encode("utf-16-le"), 400),
    "UTF-32": ('{"name":"A","currency":"EUR"}'.encode("utf-32"), 400),
    "Latin-1": ('{"name":"Ä","currency":"EUR"}'.encode("latin-1"), 400),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", 400),
    "form": (b"name=A&currency=EUR", 400),
    "unknown member": (b'{"name":"A","currency":"EUR","tenant_id":"tnt_x"}', 422),
    "same key twice": (b'{"name":"A","name":"B","currency":"EUR"}', 422),
}


RESTS = 2
"""Seconds after which a line is dialled anew: a server may end one that has rested for a few, and says nothing about it."""


class Line:
    """One connection: it says so when the server hangs up on it."""

    def __init__(self, world: SampleAgency) -> None:
        self.world = world
        self._address = urlsplit(str(world.client.base_url)).netloc
        self._key = world.client.headers["Authorization"]
        self._connection, self._used = self._dialled(), monotonic()

    def _dialled(self) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection(self._address, timeout=30)
        made.connect()
        made.auto_open = 0
        return made

    def say(self, method: str, path: str, body: Any = None, **headers: Any) -> tuple[int, dict[str, str], bytes]:
        """A request on this very connection. Gives: status, headers in lower case, body."""
        if monotonic() - self._used > RESTS:
            self._hang_up_and_dial()
        sent_headers = {
            "Authorization": self._key,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        self._connection.request(
            method, path, body=body, headers=sent_headers, encode_chunked=not isinstance(body, bytes)
        )
        answer = self._connection.getresponse()
        content = answer.read()
        answer_headers = {name.lower(): value for name, value in answer.getheaders()}
        self._used = monotonic()
        if answer_headers.get("connection") == "close":
            self._hang_up_and_dial()
        return answer.status, answer_headers, content

    def _hang_up_and_dial(self) -> None:
        self.close()
        self._connection = self._dialled()

    def refused(self, method: str, path: str, body: Any = None, **headers: Any) -> tuple[int, str]:
        """A request that must be refused: by a problem document, storing nothing, the line usable. Gives: status, code."""
        before = self.head()
        status, answer_headers, content = self.say(method, path, body, **headers)
        assert answer_headers["content-type"] == "application/problem+json", content
        problem = json.loads(content)
        assert problem["status"] == status, content
        assert self.head() == before
        assert 400 <= status < 500, content
        return status, problem["code"]

    def head(self) -> int:
        """How many events there are, read over the same connection."""
        status, _, content = self.say("GET", "/v1/events?limit=1")
        assert status == 200
        return int(json.loads(content)["position"])

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()


@pytest.fixture(scope="module")
def worlds(databases: Databases) -> Iterator[dict[str, SampleAgency]]:
    """A furnished tenant on each database."""
    with ExitStack() as stack:
        servers = {backend: stack.enter_context(Server(databases.fresh(backend))) for backend in BACKENDS}
        yield {backend: furnish(server.client(), accounts=1) for backend, server in servers.items()}


@pytest.fixture(scope="module", params=BACKENDS)
def world(request: pytest.FixtureRequest, worlds: dict[str, SampleAgency]) -> SampleAgency:
    """A furnished tenant, on one and on the other."""
    return worlds[request.param]


@pytest.fixture
def line(world: SampleAgency) -> Iterator[Line]:
    """A connection to it."""
    made = Line(world)
    yield made
    made.close()


# --- bodies of commands ---


def test_a_hostile_value_is_refused_by_a_command(line: Line) -> None:
    answers = {
        name: line.refused("POST", "/v1/accounts", b'{"name":' + value + b',"currency":"EUR"}', Content_Type="application/json")
        for name, (value, _) in VALUES.items()
    }  # fmt: skip

    assert {name: status for name, (status, _) in answers.items()} == {
        name: status for name, (_, status) in VALUES.items()
    }
    assert (answers["NUL"][1], answers["20,000 lists"][1], answers["float"][1]) == (
        "nul_not_allowed", "too_deep", "float_not_allowed")  # fmt: skip


def test_a_hostile_body_is_refused_by_a_command(line: Line) -> None:
    statuses = {
        name: line.refused("POST", "/v1/accounts", body, Content_Type="application/json")[0]
        for name, (body, _) in WHOLES.items()
    }

    assert statuses == {name: status for name, (_, status) in WHOLES.items()}


@pytest.mark.parametrize(
    "operation", [one for one in WRITES if one.media == "application/json"], ids=lambda one: one.name
)
def test_every_write_refuses_what_is_no_json_object(line: Line, operation: Any) -> None:
    path = operation.url(line.world.ids)

    for body, status in ((b"[]", 422), (b"nul", 400), (b'{"unheard_of":1}', 422), (b'{"reason":"\\u0000"}', 422)):
        assert line.refused("POST", path, body, Content_Type="application/json")[0] == status
    assert line.refused("POST", path, b"{}", Content_Type="text/plain") == (415, "unsupported_media_type")
    assert line.refused("POST", path, b"{}") == (415, "unsupported_media_type")


# --- bodies that are too large ---


@pytest.mark.parametrize(("path", "media"), [("/v1/accounts", "application/json"), ("/v1/events", LINES)])
def test_twenty_megabytes_are_refused_however_they_come(line: Line, path: str, media: str) -> None:
    whole = line.refused("POST", path, b" " * 20 * MEGABYTE, Content_Type=media)
    pieces = line.refused(
        "POST", path, (b" " * 100_000 for _ in range(200)), Content_Type=media, Transfer_Encoding="chunked"
    )

    assert whole == pieces == (413, "too_large")


# --- events ---


def event(name: bytes, number: int = 0) -> bytes:
    """A CloudEvent that opens an account of a name."""
    return b'{"specversion":"1.0","id":"h%d","source":"urn:h","type":"account.opened","data":{"name":%s,"currency":"EUR"}}' % (
        number, name)  # fmt: skip


def test_a_hostile_value_is_refused_as_an_event_and_in_a_batch(line: Line) -> None:
    for name, (value, expected) in VALUES.items():
        assert line.refused("POST", "/v1/events", event(value), Content_Type=SINGLE)[0] == expected, name
        status, _, content = line.say("POST", "/v1/events", b"[" + event(value) + b"]", Content_Type=BATCH)
        assert status in (200, expected), (name, content)
        assert json.loads(content).get("accepted", 0) == 0, name


def test_a_hostile_line_costs_no_other(line: Line) -> None:
    before = line.head()
    good = [event(b'"Good"', number) for number in range(1, len(VALUES) + 2)]
    hostile = [event(value) for value, _ in VALUES.values()]
    lines = b"\n".join(one for pair in zip(good, hostile, strict=False) for one in pair) + b"\n" + good[-1]

    status, _, content = line.say("POST", "/v1/events", lines, Content_Type=LINES)

    summary = json.loads(content)
    assert status == 200
    assert (summary["accepted"], summary["duplicate"], summary["refused"]) == (len(good), 0, len(hostile))
    assert [one["status"] for one in summary["results"]] == ["accepted", "refused"] * len(hostile) + ["accepted"]
    assert [one["problem"]["status"] for one in summary["results"][1::2]] == [status for _, status in VALUES.values()]
    assert line.head() == before + len(good)


@pytest.mark.parametrize("media", [SINGLE, BATCH, LINES])
def test_a_hostile_body_is_refused_as_events(line: Line, media: str) -> None:
    for name, (body, _) in WHOLES.items():
        before = line.head()
        status, _, content = line.say("POST", "/v1/events", body, Content_Type=media)
        outcome = json.loads(content)
        if status == 200:
            assert media != SINGLE, name
            assert outcome["accepted"] == 0, name
            assert outcome["refused"] == len(outcome["results"]) > 0, name
        else:
            assert status in (400, 413, 415, 422), (name, content)
            assert outcome["code"], name
        assert line.head() == before


@pytest.mark.parametrize(
    "media", [None, "application/json", "text/plain", "application/cloudevents+xml", "multipart/form-data"]
)
def test_events_of_an_unknown_type_are_refused(line: Line, media: str | None) -> None:
    headers = {"Content_Type": media} if media else {}

    assert line.refused("POST", "/v1/events", event(b'"A"'), **headers) == (415, "unsupported_media_type")


def test_a_million_keys_are_refused_in_every_content_type(line: Line) -> None:
    many = b"{" + b",".join(b'"a%d":1' % number for number in range(MEGABYTE)) + b"}"

    assert line.refused("POST", "/v1/events", many, Content_Type=SINGLE) == (413, "event_too_large")
    assert line.refused("POST", "/v1/events", many, Content_Type=BATCH) == (422, "invalid_batch")
    assert line.refused("POST", "/v1/events", b"[" + many + b"]", Content_Type=BATCH) == (413, "event_too_large")
    summary = json.loads(line.say("POST", "/v1/events", many, Content_Type=LINES)[2])
    assert [one["problem"]["code"] for one in summary["results"]] == ["event_too_large"]


def test_very_many_events_are_refused_without_being_read(line: Line) -> None:
    assert line.refused("POST", "/v1/events", b"[" + b"[]," * 5 * MEGABYTE, Content_Type=BATCH) == (
        413,
        "too_many_events",
    )
    assert line.refused("POST", "/v1/events", b"1" + b"\n" * 15 * MEGABYTE + b"1", Content_Type=LINES) == (
        413,
        "too_many_events",
    )


# --- headers, paths, parameters ---


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Idempotency-Key", b"\xe9\xff", "invalid_idempotency_key"),
        ("Idempotency-Key", b"", "invalid_idempotency_key"),
        ("Idempotency-Key", b"a b", "invalid_idempotency_key"),
        ("Idempotency-Key", b"x" * 256, "invalid_idempotency_key"),
        ("If-Match", b"\xe9\xff", "invalid_if_match"),
        ("If-Match", b"seven", "invalid_if_match"),
        ("If-Match", b'"-1"', "invalid_if_match"),
        ("If-Match", b'"9999999999999999999999"', "invalid_if_match"),
        ("X-Anything", b"x" * 20_000, "headers_too_large"),
        ("X-Anything", b"x" * 2 * MEGABYTE, "headers_too_large"),
        ("Authorization", b"Bearer \xe9\xff", "invalid_key"),
        ("Authorization", b"Bearer", "missing_key"),
        ("Authorization", b"Basic YTpi", "missing_key"),
    ],
)
def test_a_hostile_header_is_refused(line: Line, header: str, value: bytes, code: str) -> None:
    path = f"/v1/accounts/{line.world.ids['account']}/tier"

    status, answered_code = line.refused(
        "POST", path, b'{"tier":"x"}', Content_Type="application/json", **{header: value}
    )

    assert answered_code == code
    assert status == {"headers_too_large": 431, "invalid_key": 401, "missing_key": 401}.get(code, 400)


WEIRD = ("%00", "ref:%00", "..%2f..", "%2e%2e%2f", "ref:", "ref:%ff", "ref:%ed%a0%80", "x" * 5_000, "ref:" + "x" * 5_000, "'--",
         "acct_", "acct_" + "8" * 26, "%F0%9F%98%80", "%0d%0aSet-Cookie:%20a=b", "*", "null", "-1")  # fmt: skip


@pytest.mark.parametrize("operation", [one for one in READS + WRITES if one.params], ids=lambda one: one.name)
def test_a_weird_name_in_a_path_is_not_found(line: Line, operation: Any) -> None:
    query = "?from=2026-01-01&to=2026-02-01" if "from" in operation.query else ""
    headers = {"Content_Type": operation.media} if operation.media else {}

    before = line.head()
    for weird in WEIRD:
        path = operation.url({**line.world.ids, operation.params[0]: weird})
        status, answer_headers, content = line.say(operation.method, path + query, operation.body, **headers)
        assert (status, answer_headers["content-type"]) == (404, "application/problem+json"), (weird, content)
    assert line.head() == before


QUERIES = ("%00", "%ff", "-1", "9" * 30, "nan", "9999-12-31", "2026-W01-1", "0001-01-01T00:00:00%2B14:00", "", "x" * 4_000,
           "%F0%9F%98%80")  # fmt: skip


@pytest.mark.parametrize("operation", READS, ids=lambda one: one.name)
def test_a_weird_parameter_is_answered_or_refused(worlds: dict[str, SampleAgency], operation: Any) -> None:
    base = "from=2026-01-01&to=2026-02-01&" if "from" in operation.query else ""

    with closing(Line(worlds["sqlite"])) as line, closing(Line(worlds["postgresql"])) as other:
        for name in operation.query:
            for weird in QUERIES:
                if asked(line, operation, f"{base}{name}={weird}") in (200, 404):  # no door refuses it: a database may
                    asked(other, operation, f"{base}{name}={weird}")
        path = f"{operation.url(line.world.ids)}?{base}unheard_of=1"
        assert line.refused("GET", path) == (400, "unknown_parameter")


def asked(line: Line, operation: Any, query: str) -> int:
    """The status of an answer that is none of a fault."""
    path = f"{operation.url(line.world.ids)}?{query}"
    status, answer_headers, content = line.say("GET", path)
    assert status in (200, 400, 404, 422), (path, content)
    if status != 200:
        assert answer_headers["content-type"] == "application/problem+json"
        assert json.loads(content)["code"]
    if "%00" in query:
        assert status == 400, path
    return status


# --- whatever else comes ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
BY_NAME = {one.name: one for one in WRITES}
CHOSEN = ("accounts.open", "interactions.log", "contracts.draft", "contracts.amend", "renewals.set_risk", "api_keys.issue",
          "scope_changes.raise", "events.ingest", "policies.draft", "policies.activate")  # fmt: skip
WHATEVER = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@WHATEVER
@given(st.data())
def test_whatever_a_write_is_sent_it_never_breaks(line: Line, data: st.DataObject) -> None:
    operation = BY_NAME[data.draw(st.sampled_from(CHOSEN))]
    body = json.loads(operation.body or b"{}")
    for member in data.draw(st.lists(st.sampled_from([*body, "effective_at", "reason", "unheard_of"]), max_size=3)):
        body[member] = data.draw(JSON)
    sent = data.draw(st.sampled_from([body, None])) or data.draw(JSON)

    status, _, content = line.say(
        "POST", operation.url(line.world.ids), json.dumps(sent).encode(), Content_Type=operation.media
    )

    assert status < 500, content
    assert status in (200, 201) or json.loads(content)["code"]


@WHATEVER
@given(st.data())
def test_whatever_a_read_is_asked_it_never_breaks(line: Line, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(READS))
    names = st.sampled_from([*operation.query, "unheard_of"])
    texts = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
        ["2026-01-31", "7", "ref:a1", "name", "-name"]
    )
    query = data.draw(st.lists(st.tuples(names, texts), max_size=4))

    status, _, content = line.say("GET", f"{operation.url(line.world.ids)}?{urlencode(query)}")

    assert status < 500, content
    assert status == 200 or json.loads(content)["code"]
