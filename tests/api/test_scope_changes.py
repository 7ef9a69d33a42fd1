"""Scope changes over HTTP: the midday juggle as a frontend goes through it."""

from typing import Any

import pytest

from tests.support.server import Client, Server

LINE = {"line": "main", "product": "retainer", "quantity": "1", "unit_price": "1000.00", "interval": "month"}
FEATURE = {"op": "add_line", "line": "feature", "product": "feature", "unit_price": "120.00", "interval": "month"}
WISH = {"title": "A last-minute feature", "request": "Hey, can we add a last-minute feature to this campaign?"}


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
    """A wish."""
    return str(client.write(f"/v1/accounts/{account_id}/scope-changes", {**WISH, **members})["id"])


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

    wish = raised(client, account_id, contract=contract_id, interaction="ref:mail-1", external_ref="W-1")
    there = f"/v1/scope-changes/{wish}"
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
    told = client.read(there)
    assert (told["id"], told["state"], told["waiting_on"]) == (wish, "delivered", [])
    assert told["request"] == WISH["request"]
    creative, pm = told["consults"]
    assert (creative["state"], creative["question"], creative["capacity_note"]) == (
        "answered",
        "How much work is it?",
        "Tight.",
    )
    assert (pm["state"], pm["reason"], pm["question"]) == ("waived", "on leave", None)
    assert told["assessment"]["price"] == {"amount": "1440.00", "currency": "EUR"}
    assert told["assessment"]["effort_hours"] == "16"
    assert told["response"]["message"] == "With pleasure."
    assert told["response"]["options"][0]["description"] == "before the launch"
    assert told["decision"] == {
        "accepted": True,
        "option": "now",
        "by": "Rosa Diaz",
        "decided_at": "2026-01-14T12:30:00.000000Z",
    }
    assert told["amendment"]["contract_event"] == receipt["events"][0]["id"]
    assert told["amendment"]["mrr_delta"] == {"amount": "120.00", "currency": "EUR"}
    assert told["delivery"]["hours"] == "18"
    amended = client.read(f"/v1/contracts/{contract_id}", as_of="2026-02-01")
    assert (amended["mrr"], amended["amendments"][0]["scope_change"]) == (
        {"amount": "1120.00", "currency": "EUR"},
        wish,
    )
    assert client.read("/v1/scope-changes/ref:W-1")["id"] == wish


def test_the_inbox_is_filtered_by_state_turn_account_and_day(server: Server) -> None:
    client = server.client()
    first, second = account(client), account(client)
    asked = raised(client, first, needed_by="2026-02-01")
    absorbed = raised(client, first, needed_by="2026-01-20", external_ref="W-2")
    other = raised(client, second)
    client.write(f"/v1/scope-changes/{asked}/consults", {"team": "ux"})
    unpaid = {"hours": "2", "cost": "160", "cause": "goodwill", "approved_by": "usr_director"}
    client.write(f"/v1/scope-changes/{absorbed}/absorption", unpaid)

    def found(path: str = "/v1/scope-changes", **params: Any) -> list[str]:
        return [row["id"] for row in client.read(path, **params)["data"]]

    assert found() == [asked, absorbed, other]
    assert found(sort="needed_by") == [absorbed, asked, other]
    assert found(waiting_on="ux") == [asked]
    assert found(waiting_on="account_manager") == [absorbed, other]
    assert found(state="absorbed") == [absorbed]
    assert found(needed_before="2026-02-01") == [absorbed]
    assert found(external_ref="W-2") == [absorbed]
    assert found(account=second) == found(f"/v1/accounts/{second}/scope-changes") == [other]
    assert client.read(f"/v1/scope-changes/{absorbed}")["absorption"] | {"absorbed_at": ""} == {
        "absorbed_at": "",
        "hours": "2",
        "cost": {"amount": "160.00", "currency": "EUR"},
        "cause": "goodwill",
        "approved_by": "usr_director",
    }


def test_a_page_of_the_inbox_leads_to_the_next(shared_server: Server) -> None:
    client = shared_server.client()
    account_id = account(client)
    wishes = [raised(client, account_id) for _ in range(3)]

    first = client.read("/v1/scope-changes", limit=2, sort="-raised_at")
    second = client.read("/v1/scope-changes", limit=2, sort="-raised_at", cursor=first["next_cursor"])

    assert [row["id"] for row in (*first["data"], *second["data"])] == wishes[::-1]
    assert second["has_more"] is False


def test_what_was_known_before_a_withdrawal_is_still_answered(shared_server: Server) -> None:
    client = shared_server.client()
    wish = raised(client, account(client))
    position = client.position
    client.write(f"/v1/scope-changes/{wish}/withdrawal", {"reason": "the campaign was called off"})

    assert client.read(f"/v1/scope-changes/{wish}")["closed_as"] == "withdrawn"
    assert client.read(f"/v1/scope-changes/{wish}", known_at=position)["state"] == "raised"
    assert refused(client, f"/v1/scope-changes/{wish}/withdrawal", {}) == (409, "scope_change_withdrawn")


def test_one_key_does_not_assess_and_approve(shared_server: Server) -> None:
    tenant = shared_server.tenant()
    maria, david = (shared_server.client(shared_server.key(tenant, "manager")) for _ in range(2))
    wish = raised(maria, account(maria))
    maria.write(f"/v1/scope-changes/{wish}/assessment", {"effort_hours": "90", "price": "8000.00"})

    assert refused(maria, f"/v1/scope-changes/{wish}/response", {"kind": "accept"}) == (409, "approval_needed")
    assert refused(maria, f"/v1/scope-changes/{wish}/approval", {}) == (409, "self_approval")
    david.write(f"/v1/scope-changes/{wish}/approval")
    maria.write(f"/v1/scope-changes/{wish}/response", {"kind": "accept"})


def test_amending_needs_the_right_to_write_contracts_too(shared_server: Server) -> None:
    tenant = shared_server.tenant()
    desk = shared_server.client(shared_server.key(tenant, "integration", ("scope_changes:write", "scope_changes:read")))
    wish = raised(desk, account(shared_server.client(shared_server.key(tenant))))

    changes = {"effective_at": "2026-02-01", "changes": [FEATURE]}
    assert refused(desk, f"/v1/scope-changes/{wish}/amendment", changes) == (403, "scope_missing")


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
    wish = raised(client, account_id, contract=contract(client, account_id))

    assert refused(client, f"/v1/scope-changes/{wish}/{path}", body) == expected


def test_another_tenants_wish_is_not_there(shared_server: Server) -> None:
    wish = raised(mine := shared_server.client(), account(mine))
    stranger = shared_server.client()

    assert stranger.get(f"/v1/scope-changes/{wish}").status_code == 404
    assert refused(stranger, f"/v1/scope-changes/{wish}/withdrawal", {}) == (404, "scope_change_not_found")


def test_a_stale_version_is_told_the_current_one(shared_server: Server) -> None:
    client = shared_server.client()
    wish = raised(client, account(client))
    client.write(f"/v1/scope-changes/{wish}/consults", {"team": "pm"}, If_Match='"1"')

    answer = client.post(f"/v1/scope-changes/{wish}/consults", json={"team": "ux"}, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.json()["current_version"]) == (412, 2)
