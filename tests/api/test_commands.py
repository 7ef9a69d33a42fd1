"""The fast route of commands answers as the framework's route does, and every plain command takes it."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute

from app.api import ROUTERS
from app.api.http.fast_commands import FastCommandRouter, FastRoutes
from tests.support.databases import Databases
from tests.support.server import Server

ORDINARY_ROUTES = {
    "suggestions.make",
    "suggestions.approve",
    "users.revoke_role",
    "events.ingest",  # bodies of three kinds
    "inbound.receive",  # no command and no key: the sender signs
    "scope_changes.answer_consult",  # a team in the path, which is one of a few words
    "scope_changes.waive_consult",
    "handovers.fill",  # a section in the path, in the same way
    "webhook_endpoints.redrive",  # no body
    "policies.activate",  # a number in the path
    "policies.retire",
    "kpi_certificates.verify",  # reads
    "kpi_certificates.verify_shortly",
}
QUOTAS = ("ratelimit", "ratelimit-policy")
"""What the framework refuses before it knows whose request it is bears none of these headers."""
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
    """Two servers on one database: one with the fast route of commands, and one without."""
    url = databases.fresh("sqlite")
    with Server(url) as fast, Server(url) as ordinary:
        ordinary.client().get("/livez")  # the framework builds its stack with the first request
        surround = ordinary.app.middleware_stack
        surround.app = surround.app.app  # type: ignore[union-attr]
        yield fast, ordinary


def test_every_command_takes_the_fast_route_except_those_that_are_named() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    commands = FastCommandRouter(lambda *_: None, FastRoutes(routes))  # type: ignore[arg-type, return-value]

    def is_fast(route: APIRoute) -> bool:
        scope = {"path": route.path.replace("{", "").replace("}", ""), "query_string": b""}
        fast = commands._match(scope)
        return fast is not None and fast[0].route is route

    writes = [route for route in routes if route.methods == {"POST"}]
    assert {route.operation_id for route in writes if not is_fast(route)} == ORDINARY_ROUTES


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_routes_give_the_same_answer(both: tuple[Server, Server], case: str) -> None:
    headers, body = CASES[case]
    answers_of_servers = []
    for server in both:
        client = server.client()
        sent = {"Content-Type": "application/json", **headers}
        answers = [
            client.post(path, content=body, headers=sent)
            for path in ("/v1/accounts", "/v1/accounts", "/v1/accounts/acct_nobody/name")
        ]
        answers_of_servers.append([_shown(answer) for answer in answers])

    assert answers_of_servers[0] == answers_of_servers[1]


def _shown(answer: httpx.Response) -> object:
    """An answer without what differs from request to request."""
    body = {name: value for name, value in answer.json().items() if name not in ("id", "instance", "events")}
    own = ("request-id", "date", "location", "idempotency-key", "content-length", *QUOTAS)
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in own)
    return answer.status_code, headers, body
