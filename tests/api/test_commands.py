"""The short way of commands answers as the framework's way does, and every plain command takes it."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute

from app.api import ROUTERS
from app.api.http.fast_commands import FastCommandRouter
from tests.support.databases import Databases
from tests.support.server import Server

LONG_WAYS = {
    "events.ingest",  # bodies of three kinds
    "inbound.receive",  # no command and no key: a sender signs
    "scope_changes.answer_consult",  # a team in the path, which is one of a few words
    "scope_changes.waive_consult",
    "webhook_endpoints.redrive",  # no body
    "policies.activate",  # a number in the path
    "policies.retire",
    "kpi_certificates.verify",  # reads
    "kpi_certificates.verify_shortly",
}
BODY = b'{"name":"Northwind","currency":"EUR"}'
CASES = {
    "a good one": ({}, BODY),
    "a good one that is sent with its own key": ({"Idempotency-Key": "same"}, BODY),
    "no body": ({}, b""),
    "no JSON": ({}, b"{"),
    "no UTF-8": ({}, b'{"name":"\xff"}'),
    "a float": ({}, b'{"name":1.5,"currency":"EUR"}'),
    "a list": ({}, b"[]"),
    "a member that misses": ({}, b'{"name":"Northwind"}'),
    "a member too many": ({}, b'{"name":"Northwind","currency":"EUR","colour":"red"}'),
    "several faults": ({}, b'{"name":7,"currency":"euro","effective_at":"soon"}'),
    "another media type": ({"Content-Type": "text/plain"}, BODY),
    "a media type with a charset": ({"Content-Type": "application/json; charset=utf-8"}, BODY),
    "a key that no header may bear": ({"Idempotency-Key": "two words"}, BODY),
    "a version to match where there is none": ({"If-Match": '"3"'}, BODY),
    "a version that is none": ({"If-Match": "three"}, BODY),
    "a key of nobody": ({"Authorization": "Bearer stw_nobody"}, BODY),
    "another scheme": ({"Authorization": "Basic YTpi"}, BODY),
}


@pytest.fixture(scope="module")
def both(databases: Databases) -> Iterator[tuple[Server, Server]]:
    """Two servers on one database: one that goes the short way, and one that never does."""
    url = databases.fresh("sqlite")
    with Server(url) as short, Server(url) as long:
        long.client().get("/livez")  # the framework builds its stack with the first request
        surround = long.app.middleware_stack
        surround.app = surround.app.app  # type: ignore[union-attr]
        yield short, long


def test_every_command_goes_the_short_way_but_those_that_are_named() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    commands = FastCommandRouter(lambda *_: None, routes)  # type: ignore[arg-type, return-value]

    def found(route: APIRoute) -> bool:
        scope = {"path": route.path.replace("{", "").replace("}", ""), "query_string": b""}
        short = commands._match(scope)
        return short is not None and short[0].route is route

    writes = [route for route in routes if route.methods == {"POST"}]
    assert {route.operation_id for route in writes if not found(route)} == LONG_WAYS


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_ways_give_the_same_answer(both: tuple[Server, Server], case: str) -> None:
    headers, body = CASES[case]
    told = []
    for server in both:
        client = server.client()
        sent = {"Content-Type": "application/json", **headers}
        answers = [
            client.post(path, content=body, headers=sent)
            for path in ("/v1/accounts", "/v1/accounts", "/v1/accounts/acct_nobody/name")
        ]
        told.append([_shown(answer) for answer in answers])

    assert told[0] == told[1]


def _shown(answer: httpx.Response) -> object:
    """An answer without what differs from request to request."""
    body = {name: value for name, value in answer.json().items() if name not in ("id", "instance", "events")}
    own = ("request-id", "date", "location", "idempotency-key", "content-length")
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in own)
    return answer.status_code, headers, body
