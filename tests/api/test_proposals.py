"""Proposals over HTTP: a negotiation from the first version to the contract, with a key of each role at the table."""

from typing import Any

from tests.support.server import Client, Server

ITEM = {"item": "main", "product": "retainer", "unit_price": "1000.00", "interval": "month"}
OFFER = {"currency": "EUR", "items": [ITEM], "cost": "6000.00", "valid_until": "2099-01-01"}
GIVE = {"kind": "price", "given": "something off", "in_exchange_for": "a term of two years"}


def account(client: Client) -> str:
    """A client of the application."""
    return str(client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})["id"])


def drafted(client: Client, account_id: str, **members: Any) -> str:
    """The path of a new proposal."""
    return f"/v1/proposals/{client.write(f'/v1/accounts/{account_id}/proposals', {**OFFER, **members})['id']}"


def refused(client: Client, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """The status and code of a write that must fail."""
    answer = client.post(path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def table(server: Server) -> dict[str, Client]:
    """A key of each role in one tenant."""
    tenant = server.tenant()
    return {
        role: server.client(server.key(tenant, role))
        for role in ("account_manager", "senior_account_manager", "director", "admin", "auditor")
    }


def test_a_negotiation_goes_from_a_draft_over_an_approval_to_the_contract(each_server: Server) -> None:
    who = table(each_server)
    manager, senior = who["account_manager"], who["senior_account_manager"]
    mine = account(manager)
    there = drafted(manager, mine, title="Two years", terms="In advance", value_evidence=["leads up by a third"])
    manager.write(f"{there}/submission")
    manager.write(f"{there}/client-positions", {"position": "Too dear, says Ada", "wants": ["a tenth off"]})
    manager.write(f"{there}/concessions", {**GIVE, "value": "400.00"})
    receipt = manager.write(f"{there}/concessions", {**GIVE, "value": "800.00"})
    assert [event["type"] for event in receipt["events"]] == [
        "proposal.concession_offered",
        "proposal.approval_requested",
    ]

    assert refused(manager, f"{there}/acceptance", {"version": 1}) == (409, "approval_needed")
    assert refused(manager, f"{there}/approvals", {"concession": "c2"}) == (409, "self_approval")
    assert refused(who["auditor"], f"{there}/approvals", {"concession": "c2"}) == (403, "scope_missing")
    page = manager.read(there)
    assert page["awaiting_approval"] is True
    assert (page["conceded"]["amount"], page["effective_margin"]) == ("400.00", "0.466667")
    senior.position = manager.position
    senior.write(f"{there}/approvals", {"concession": "c2"})
    manager.write(f"{there}/acceptance", {"version": 1, "by": "Ada Lind"})

    line = {"line": "main", "product": "retainer", "unit_price": "900.00", "interval": "month"}
    contract = manager.write(
        f"/v1/accounts/{mine}/contracts",
        {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "lines": [line]},
    )
    manager.write(f"{there}/contract", {"contract": contract["id"], "event": contract["events"][0]["id"]})

    page = manager.read(there)
    assert (page["status"], page["accepted_by"], page["basis"]) == ("accepted", "Ada Lind", "whole")
    assert page["annual_value"] == {"amount": "10800.00", "currency": "EUR"}
    assert page["contract_event"] == contract["events"][0]["id"]
    assert page["positions"][0]["position"] == "Too dear, says Ada"
    assert page["versions"][0]["terms"] == "In advance"
    first, second = page["concessions"]
    assert (first["status"], first["needs"], first["limit_rule"]) == ("binding", [], None)
    assert (second["status"], second["needs"], second["limit_rule"]) == ("binding", ["limit"], "default/1")
    assert second["offered_by"] != second["settled_by"]
    assert refused(manager, f"{there}/concessions", {**GIVE, "value": "1"}) == (409, "proposal_accepted")
    assert refused(manager, f"{there}/versions", {"items": [ITEM], "valid_until": "2099-01-01"}) == (
        409,
        "proposal_accepted",
    )
    sentences = [one["sentence"] for one in manager.read(f"/v1/accounts/{mine}/timeline")["data"]]
    assert any("waits for approval" in one for one in sentences)
    assert not any("Ada" in one for one in sentences)


def test_each_role_goes_as_far_as_its_limit_and_approves_for_those_below(each_server: Server) -> None:
    who = table(each_server)
    mine = account(who["account_manager"])
    large = [{**ITEM, "unit_price": "10000.00"}]

    def states(role: str, value: str) -> str:
        there = drafted(who["account_manager"], mine, items=large)
        who[role].position = who["account_manager"].position
        who[role].write(f"{there}/concessions", {**GIVE, "value": value})
        return str(who[role].read(there)["concessions"][0]["status"])

    assert [states(role, "1000.00") for role in ("account_manager", "senior_account_manager", "director", "admin")] == [
        "binding"
    ] * 4
    assert [states(role, "10000.00") for role in ("account_manager", "senior_account_manager", "director")] == [
        "awaiting_approval", "binding", "binding",
    ]  # fmt: skip
    assert [states(role, "10000.01") for role in ("senior_account_manager", "director")] == [
        "awaiting_approval",
        "binding",
    ]

    there = drafted(who["account_manager"], mine, items=large)
    who["account_manager"].write(f"{there}/concessions", {**GIVE, "value": "10000.01"})
    assert refused(who["senior_account_manager"], f"{there}/approvals", {"concession": "c1"}) == (409, "limit_exceeded")
    who["director"].write(f"{there}/approvals", {"concession": "c1"})


def test_a_sum_that_was_accepted_is_frozen_under_both_clocks(each_server: Server) -> None:
    client = each_server.client()
    there = drafted(client, account(client))
    before = client.position
    client.write(
        f"{there}/versions", {"items": [ITEM, {**ITEM, "item": "more"}], "cost": "6000", "valid_until": "2099-01-01"}
    )
    client.write(f"{there}/submission")
    client.write(f"{there}/acceptance", {"version": 2})

    now = client.read(there)
    assert (now["live_version"], now["value"]["amount"], [one["status"] for one in now["versions"]]) == (
        2, "24000.00", ["superseded", "accepted"],
    )  # fmt: skip
    then = client.read(there, known_at=before)
    assert (then["live_version"], then["status"], then["value"]["amount"]) == (1, "drafted", "12000.00")
    assert client.get(there, params={"as_of": "2020-01-01"}).status_code == 404


def test_proposals_are_listed_by_page_and_by_what_they_are(each_server: Server) -> None:
    client = table(each_server)["account_manager"]
    mine, other = account(client), account(client)
    waiting, plain = drafted(client, mine, cost="11000.00", external_ref="P-1"), drafted(client, other)
    client.write(f"{plain}/decline", {"reason": "price"})

    def ids(path: str = "/v1/proposals", **filters: Any) -> list[str]:
        return [f"/v1/proposals/{one['id']}" for one in client.read(path, **filters)["data"]]

    first = client.read("/v1/proposals", limit=1)
    assert first["has_more"]
    assert ids(limit=1, cursor=first["next_cursor"]) == [plain]
    assert ids(status="declined") == [plain]
    assert ids(account=mine) == ids(f"/v1/accounts/{mine}/proposals") == [waiting]
    assert ids(awaiting_approval="true") == ids(external_ref="P-1") == [waiting]
    assert ids(awaiting_approval="false") == [plain]
    assert ids(**{"valid_until.lt": "2099-01-01"}) == []
    assert client.see("/v1/proposals", colour="red").status_code == 400


def test_hostile_numbers_and_words_are_refused_by_name_and_nothing_is_stored(client: Client) -> None:
    mine = account(client)
    there = drafted(client, mine)
    head = client.position

    for path, body in (
        (f"{there}/concessions", {**GIVE, "value": "-1"}),
        (f"{there}/concessions", {**GIVE, "value": 1.5}),
        (f"{there}/concessions", {**GIVE, "value": "1e9"}),
        (f"{there}/concessions", {**GIVE, "value": "NaN"}),
        (f"{there}/concessions", {**GIVE, "value": "1", "kind": "everything"}),
        (f"{there}/acceptance", {"version": 2**70}),
        (f"{there}/acceptance", {"version": True}),
        (f"{there}/acceptance", {"version": "1"}),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "items": []}),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "items": [ITEM, ITEM]}),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "items": [{**ITEM, "unit_price": "999999999999.999999"}]}),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "items": [{**ITEM, "kind": "one_off"}]}),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "valid_until": "9999-99-99"}),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "valid_until": "2001-01-01"}),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "currency": "euro"}),
    ):
        status, code = refused(client, path, body)
        assert status == 422, (path, body, code)
    for path, body, expected in (
        (f"{there}/concessions", {**GIVE, "value": "12000.01"}, (409, "concession_exceeds_value")),
        (f"{there}/concessions", {"kind": "price", "value": "1", "given": "x"}, (409, "exchange_missing")),
        (f"{there}/approvals", {"concession": "c\u202e9"}, (422, "invalid_body")),
        (f"{there}/approvals", {"concession": "c9"}, (409, "unknown_concession")),
        (f"{there}/contract", {"event": "evt_x"}, (422, "contract_missing")),
        (f"{there}/contract", {"contract": "ctr_x", "event": "evt_x"}, (404, "contract_not_found")),
        ("/v1/proposals/prp_x/submission", {}, (404, "proposal_not_found")),
        (f"/v1/accounts/{mine}/proposals", {**OFFER, "opportunity": "ref:none"}, (404, "opportunity_not_found")),
        (f"{there}/expiry", {}, (409, "still_valid")),
    ):
        assert refused(client, path, body) == expected
    assert client.read("/v1/events", after=head)["data"] == []


def test_a_margin_is_only_shown_where_the_cost_is(each_server: Server) -> None:
    client = each_server.client()
    mine = account(client)

    assert client.read(drafted(client, mine))["effective_margin"] == "0.5"
    assert client.read(drafted(client, mine, cost=None))["effective_margin"] is None
