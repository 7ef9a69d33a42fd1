"""Every refusal is a problem document with a stable code, the framework's own included."""

import json
from typing import Any

import httpx
import pytest

from tests.api.sample_agency import draft
from tests.support.server import Client

MEMBERS = {"type", "title", "status", "code", "detail", "instance"}


def problem(answer: httpx.Response) -> dict[str, Any]:
    """A checked problem document."""
    body: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body.keys() >= MEMBERS
    assert body["status"] == answer.status_code
    assert body["type"].endswith(f"/problems/{body['code']}")
    assert body["instance"] == answer.headers["request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return body


def status_and_code(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of a checked problem."""
    return answer.status_code, problem(answer)["code"]


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/accounts/", "/v2/accounts", "/docs/none.js", "/redoc", "/favicon.ico", "/v1/tenants"]
)
def test_a_path_that_leads_nowhere_is_a_problem(visitor: Client, path: str) -> None:
    assert status_and_code(visitor.get(path)) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_method_that_is_not_taken_is_a_problem(visitor: Client, method: str) -> None:
    answer = visitor.request(method, "/v1/accounts")

    assert status_and_code(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_body_of_another_type_is_a_problem(visitor: Client) -> None:
    for media in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        answer = visitor.post("/v1/accounts", content=b"{}", headers={"Content-Type": media})
        assert status_and_code(answer) == (415, "unsupported_media_type")
    answer = visitor.post("/v1/accounts", content=b'{"name":"A","currency":"EUR"}',
                          headers={"Content-Type": "Application/JSON; charset=utf-8"})  # fmt: skip
    assert answer.status_code == 201


def test_a_body_that_is_too_large_is_a_problem(visitor: Client) -> None:
    answer = visitor.post("/v1/accounts", content=b" " * 262_145, headers={"Content-Type": "application/json"})

    assert status_and_code(answer) == (413, "too_large")


def test_a_body_that_is_no_json_is_a_problem(visitor: Client) -> None:
    answer = visitor.post("/v1/accounts", content=b"{", headers={"Content-Type": "application/json"})

    assert status_and_code(answer) == (400, "malformed_json")


def test_members_that_do_not_fit_are_pointed_at(visitor: Client) -> None:
    lines = [{"line": "main", "product": "x", "unit_price": "1e9", "interval": "month"}, {"line": "", "product": "x"}]
    account = visitor.write("/v1/accounts", {"name": "A", "currency": "EUR"})["id"]

    answer = visitor.post(f"/v1/accounts/{account}/contracts", json={**draft(), "lines": lines, "start": 7})

    body = problem(answer)
    assert (answer.status_code, body["code"]) == (422, "invalid_body")
    assert {one["pointer"] for one in body["errors"]} == {
        "#/start", "#/lines/0/unit_price", "#/lines/1/line", "#/lines/1/unit_price"}  # fmt: skip
    assert all(one.keys() == {"pointer", "code", "detail"} for one in body["errors"])


def test_a_pointer_leads_through_alternatives_to_the_member_itself(visitor: Client) -> None:
    changes = [{"op": "set_line", "line": "main"}, {"op": "add_line", "line": "x/y", "product": "p", "a~b/ü": 1},
               {"op": "burn_line"}, {"op": "remove_line"}]  # fmt: skip

    answer = visitor.post("/v1/contracts/ref:a/amendments", json={"effective_at": "2026-01-01", "changes": changes})

    body = problem(answer)
    assert {one["pointer"]: one["code"] for one in body["errors"]} == {
        "#/changes/0": "value_error",
        "#/changes/1/unit_price": "missing",
        "#/changes/1/a~0b~1%C3%BC": "extra_forbidden",
        "#/changes/2": "union_tag_invalid",
        "#/changes/3/line": "missing",
    }
    assert "burn_line" not in answer.text


def test_what_was_sent_is_not_repeated(visitor: Client) -> None:
    secret = "canary-of-mine"

    for body in ({"name": [secret], "currency": secret}, {"name": "A", "currency": "EUR", "time_zone": secret}):
        answer = visitor.post("/v1/accounts", json=body)
        assert answer.status_code == 422
        assert secret not in answer.text


def test_an_unknown_member_is_refused(visitor: Client) -> None:
    for member in ("tenant_id", "actor", "recorded_at", "id", "position", "Name", "owners"):
        answer = visitor.post("/v1/accounts", json={"name": "A", "currency": "EUR", member: "x"})
        assert status_and_code(answer) == (422, "invalid_body")
        assert answer.json()["errors"] == [
            {"pointer": f"#/{member}", "code": "extra_forbidden", "detail": "Extra inputs are not permitted"}
        ]


def test_an_unknown_parameter_is_refused_everywhere(visitor: Client) -> None:
    for path in ("/v1/accounts?stauts=open", "/v1/events?sort=x", "/livez?x=1", "/v1/api-keys?roles=admin"):
        assert status_and_code(visitor.get(path)) == (400, "unknown_parameter")
    assert status_and_code(visitor.post("/v1/accounts?dry_run=1", json={"name": "A", "currency": "EUR"})) == (
        400,
        "unknown_parameter",
    )


def test_a_parameter_that_does_not_fit_is_named(visitor: Client) -> None:
    answer = visitor.get("/v1/accounts?limit=many")

    assert status_and_code(answer) == (400, "invalid_parameter")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["limit"]


@pytest.mark.parametrize("query", ["due_from=soon", "due_to=2026-02-30", "due_from=2026-1-1"])
def test_a_day_that_is_none_is_refused(visitor: Client, query: str) -> None:
    assert status_and_code(visitor.get(f"/v1/renewals?{query}")) == (400, "invalid_parameter")


def test_a_caller_without_a_key_learns_how_to_authenticate(visitor: Client) -> None:
    answer = visitor.get("/v1/accounts", headers={"Authorization": ""})

    assert status_and_code(answer) == (401, "missing_key")
    assert answer.headers["www-authenticate"].startswith("Bearer resource_metadata=")


def test_a_refusal_by_a_rule_is_a_conflict(visitor: Client) -> None:
    account = visitor.write("/v1/accounts", {"name": "A", "currency": "EUR"})["id"]

    assert status_and_code(visitor.post(f"/v1/accounts/{account}/reopening", json={})) == (409, "account_open")


def test_at_most_a_hundred_faults_are_listed(visitor: Client) -> None:
    answer = visitor.post("/v1/accounts", json={f"m{number}": 1 for number in range(900)})

    assert len(problem(answer)["errors"]) == 100


def test_the_same_missing_thing_is_answered_the_same_way_by_every_noun(visitor: Client) -> None:
    paths = {"accounts": "acct", "contracts": "ctr", "interactions": "int", "renewals": "rnw", "scope-changes": "scr",
             "api-keys": "key", "webhook-endpoints": "whe"}  # fmt: skip

    for path, prefix in paths.items():
        for named in (f"{prefix}_01jd7z5m3sf8x9v0w1y2z3a4b5", "ref:nobody", "nonsense", "acct_nonsense"):
            body = problem(visitor.get(f"/v1/{path}/{named}"))
            noun = path.rstrip("s").replace("-", "_")
            assert body["code"] == f"{noun}_not_found"
            assert named not in json.dumps({**body, "instance": ""})
