"""Scope changes over HTTP: the midday juggle as a frontend goes through it."""

from typing import Any

import pytest

from tests.support.server import Client, Server

LINE = {"line": "main", "product": "retainer", "quantity": "1", "unit_price": "1000.00", "interval": "month"}
FEATURE = {"op": "add_line", "line": "feature", "product": "feature", "unit_price": "120.00", "interval": "month"}
SCOPE_CHANGE = {"title": "A last-minute feature", "request": "Hey, can we add a last-minute feature to this campaign?"}


def account(client: Client) -> str:
    """A client of the application."""
    return str(client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})["id"])


def contract(client: Client, account_id: str) -> str:
    """A signed contract of 1000.00 a month."""
    terms = {"currency": "EUR", "start": "2026-01-01", "lines": [LINE]}
    contract_id = str(client.write(f"/v1/accounts/{account_id}/contracts", terms)["id"])
    client.write(f"/v1/contracts/{contract_id}/signature", {"signed_at": "2025-12-20"})
    return contract_id


def raised(client: Client, account_id: str, **members: Any) -> str:
    """The id of a new scope change."""
    return str(client.write(f"/v1/accounts/{account_id}/scope-changes", {**SCOPE_CHANGE, **members})["id"])


def refused(client: Client, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """The status and code of a write that must fail."""
    answer = client.post(path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_last_minute_feature_goes_from_a_mail_to_an_amendment(server: Server) -> None:
    client = server.client()
    account_id = account(client)
    contract_id = contract(client, account_id)
    mail = {"channel": "mail", "direction": "inbound", "occurred_at": "2026-01-14T10:00:00Z", "external_ref": "mail-1"}
    client.write(f"/v1/accounts/{account_id}/interactions", mail)

    scope_change = raised(client, account_id, contract=contract_id, interaction="ref:mail-1", external_ref="W-1")
    there = f"/v1/scope-changes/{scope_change}"
    client.write(f"{there}/consults", {"team": "creative", "question": "How much work is it?", "due": "2026-01-16"})
    client.write(f"{there}/consults", {"team": "pm"})
    assert client.read(there)["waiting_on"] == ["creative", "pm"]
    assert refused(client, f"{there}/response", {"kind": "accept"}) == (409, "impact_not_assessed")
    client.write(
        f"{there}/consults/creative/answer", {"feasible": True, "effort_hours": "16", "capacity_note": "Tight."}
    )
    client.write(f"{there}/consults/pm/waiver", {"reason": "on leave"})
    client.write(
        f"{there}/assessment", {"effort_hours": "16", "price": "1440.00", "cost": "800", "timeline_shift_days": 2}
    )
    options = [{"option": "now", "price": "1440.00", "description": "before the launch"}]
    client.write(f"{there}/response", {"kind": "accept", "options": options, "message": "With pleasure."})
    client.write(f"{there}/decision", {"option": "now", "by": "Rosa Diaz", "at": "2026-01-14T12:30:00Z"})
    changes = {"effective_at": "2026-02-01", "changes": [FEATURE]}
    receipt = client.write(f"{there}/amendment", changes)
    client.write(f"{there}/delivery", {"hours": "18"})

    assert [event["type"] for event in receipt["events"]] == ["contract.amended", "scope_change.amended"]
    page = client.read(there)
    assert (page["id"], page["status"], page["waiting_on"]) == (scope_change, "delivered", [])
    assert page["request"] == SCOPE_CHANGE["request"]
    creative, pm = page["consults"]
    assert (creative["status"], creative["question"], creative["capacity_note"]) == (
        "answered",
        "How much work is it?",
        "Tight.",
    )
    assert (pm["status"], pm["reason"], pm["question"]) == ("waived", "on leave", None)
    assert page["assessment"]["price"] == {"amount": "1440.00", "currency": "EUR"}
    assert page["assessment"]["effort_hours"] == "16"
    assert page["response"]["message"] == "With pleasure."
    assert page["response"]["options"] == [
        {"option": "now", "price": {"amount": "1440.00", "currency": "EUR"}, "description": "before the launch"}
    ]
    assert page["decision"] == {
        "accepted": True,
        "option": "now",
        "by": "Rosa Diaz",
        "decided_at": "2026-01-14T12:30:00.000000Z",
    }
    assert page["amendment"]["contract_event"] == receipt["events"][0]["id"]
    assert page["amendment"]["mrr_delta"] == {"amount": "120.00", "currency": "EUR"}
    assert page["delivery"]["hours"] == "18"
    amended = client.read(f"/v1/contracts/{contract_id}", as_of="2026-02-01")
    assert (amended["mrr"], amended["amendments"][0]["scope_change"]) == (
        {"amount": "1120.00", "currency": "EUR"},
        scope_change,
    )
    assert client.read("/v1/scope-changes/ref:W-1")["id"] == scope_change


def test_the_inbox_is_filtered_by_state_turn_account_and_day(server: Server) -> None:
    client = server.client()
    first, second = account(client), account(client)
    consulted = raised(client, first, needed_by="2026-02-01")
    absorbed = raised(client, first, needed_by="2026-01-20", external_ref="W-2")
    other = raised(client, second)
    client.write(f"/v1/scope-changes/{consulted}/consults", {"team": "ux"})
    unpaid = {"hours": "2", "cost": "160", "cause": "goodwill", "approved_by": "usr_director"}
    client.write(f"/v1/scope-changes/{absorbed}/absorption", unpaid)

    def ids(path: str = "/v1/scope-changes", **params: Any) -> list[str]:
        return [row["id"] for row in client.read(path, **params)["data"]]

    assert ids() == [consulted, absorbed, other]
    assert ids(sort="needed_by") == [absorbed, consulted, other]
    assert ids(waiting_on="ux") == [consulted]
    assert ids(waiting_on="account_manager") == [absorbed, other]
    assert ids(status="absorbed") == [absorbed]
    assert ids(**{"needed_by.lt": "2026-02-01"}) == [absorbed]
    assert ids(external_ref="W-2") == [absorbed]
    assert ids(account=second) == ids(f"/v1/accounts/{second}/scope-changes") == [other]
    assert client.read(f"/v1/scope-changes/{absorbed}")["absorption"] | {"absorbed_at": ""} == {
        "absorbed_at": "",
        "hours": "2",
        "cost": {"amount": "160.00", "currency": "EUR"},
        "currency": "EUR",
        "cause": "goodwill",
        "approved_by": "usr_director",
    }


def test_a_page_of_the_inbox_leads_to_the_next(shared_server: Server) -> None:
    client = shared_server.client()
    account_id = account(client)
    scope_changes = [raised(client, account_id) for _ in range(3)]

    first = client.read("/v1/scope-changes", limit=2, sort="-raised_at")
    second = client.read("/v1/scope-changes", limit=2, sort="-raised_at", cursor=first["next_cursor"])

    assert [row["id"] for row in (*first["data"], *second["data"])] == scope_changes[::-1]
    assert second["has_more"] is False


def test_what_was_known_before_a_withdrawal_is_still_answered(shared_server: Server) -> None:
    client = shared_server.client()
    scope_change = raised(client, account(client))
    position = client.position
    client.write(f"/v1/scope-changes/{scope_change}/withdrawal", {"reason": "the campaign was called off"})

    assert client.read(f"/v1/scope-changes/{scope_change}")["closed_as"] == "withdrawn"
    assert client.read(f"/v1/scope-changes/{scope_change}", known_at=position)["status"] == "raised"
    assert refused(client, f"/v1/scope-changes/{scope_change}/withdrawal", {}) == (409, "scope_change_withdrawn")


def test_one_key_does_not_assess_and_approve(shared_server: Server) -> None:
    tenant = shared_server.tenant()
    roles = ("senior_account_manager", "senior_account_manager")
    maria, david = (shared_server.client(shared_server.key(tenant, role)) for role in roles)
    scope_change = raised(maria, account(maria))
    maria.write(f"/v1/scope-changes/{scope_change}/assessment", {"effort_hours": "90", "price": "12000.00"})

    assert refused(maria, f"/v1/scope-changes/{scope_change}/response", {"kind": "accept"}) == (409, "approval_needed")
    assert refused(maria, f"/v1/scope-changes/{scope_change}/approval", {}) == (409, "self_approval")
    david.write(f"/v1/scope-changes/{scope_change}/approval")
    maria.write(f"/v1/scope-changes/{scope_change}/response", {"kind": "accept"})


def test_amending_needs_the_right_to_write_contracts_too(shared_server: Server) -> None:
    tenant = shared_server.tenant()
    desk = shared_server.client(shared_server.key(tenant, "integration", ("scope_changes:write", "scope_changes:read")))
    scope_change = raised(desk, account(shared_server.client(shared_server.key(tenant))))

    changes = {"effective_at": "2026-02-01", "changes": [FEATURE]}
    assert refused(desk, f"/v1/scope-changes/{scope_change}/amendment", changes) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("consults", {"team": "choir"}, (422, "invalid_body")),
        ("consults/choir/answer", {"feasible": True}, (404, "not_found")),
        ("consults/pm/answer", {"feasible": "yes"}, (422, "invalid_body")),
        ("consults/pm/answer", {"feasible": True, "team": "pm"}, (422, "invalid_body")),
        ("consults/pm/waiver", {}, (422, "invalid_body")),
        ("assessment", {"effort_hours": "-1"}, (422, "invalid_body")),
        ("assessment", {"effort_hours": "1", "timeline_shift_days": 1.5}, (422, "float_not_allowed")),
        ("response", {"kind": "maybe"}, (422, "invalid_body")),
        ("response", {"kind": "absorb", "options": [{"option": "a"}, {"option": "a"}]}, (422, "invalid_body")),
        ("response", {"kind": "absorb", "interaction": "ref:nowhere"}, (404, "interaction_not_found")),
        ("decision", {}, (422, "invalid_body")),
        ("absorption", {"hours": "1", "cause": "goodwill"}, (422, "invalid_body")),
        ("amendment", {"effective_at": "2026-02-01", "changes": []}, (422, "invalid_body")),
        ("amendment", {"effective_at": "2026-02-01", "changes": [FEATURE]}, (409, "not_accepted")),
        (
            "amendment",
            {"contract": "ref:x", "effective_at": "2026-02-01", "changes": [FEATURE]},
            (404, "contract_not_found"),
        ),
        ("delivery", {"hours": "many"}, (422, "invalid_body")),
        ("withdrawal", {"why": "so"}, (422, "invalid_body")),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    shared_server: Server, path: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    client = shared_server.client()
    account_id = account(client)
    scope_change = raised(client, account_id, contract=contract(client, account_id))

    assert refused(client, f"/v1/scope-changes/{scope_change}/{path}", body) == expected


def test_another_tenants_scope_change_is_not_found(shared_server: Server) -> None:
    scope_change = raised(mine := shared_server.client(), account(mine))
    stranger = shared_server.client()

    assert stranger.get(f"/v1/scope-changes/{scope_change}").status_code == 404
    assert refused(stranger, f"/v1/scope-changes/{scope_change}/withdrawal", {}) == (404, "scope_change_not_found")


def test_a_stale_version_is_answered_with_the_current_one(shared_server: Server) -> None:
    client = shared_server.client()
    scope_change = raised(client, account(client))
    client.write(f"/v1/scope-changes/{scope_change}/consults", {"team": "pm"}, If_Match='"1"')

    answer = client.post(f"/v1/scope-changes/{scope_change}/consults", json={"team": "ux"}, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.json()["current_version"]) == (412, 2)
