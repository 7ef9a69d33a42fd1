"""What may be done next: what an answer offers is taken, and what it does not offer is refused."""

from typing import Any, Final

from tests.api.sample_agency import draft
from tests.api.test_proposals import GIVE, ITEM, account, drafted, table
from tests.support.server import Client, Server

PROPOSAL: Final[dict[str, dict[str, Any]]] = {
    "versions": {"items": [ITEM], "cost": "6000.00", "valid_until": "2099-01-01"},
    "client-positions": {"position": "Too dear"},
    "concessions": {**GIVE, "value": "1"},
    "submission": {},
    "approvals": {"concession": "c1"},
    "rejections": {"concession": "c1", "reason": "no"},
    "acceptance": {"version": 1},
    "decline": {"reason": "price"},
    "expiry": {},
    "contract": {"contract": "", "event": ""},
}
OPPORTUNITY: Final[dict[str, dict[str, Any]]] = {
    "qualification": {"need": "more"},
    "estimate": {"annual_value": "1", "currency": "EUR", "probability": "0.5", "close_by": "2099-01-01"},
    "stage": {"stage": "identified"},
    "parking": {"until": "2099-01-01", "reason": "later"},
    "win": {"contract": "", "event": ""},
    "loss": {"reason": "price"},
}
BUDGET: Final[dict[str, dict[str, Any]]] = {
    "revisions": {"amount": "2000", "reason": "more"},
    "spend": {"amount": "1", "document": "D2", "spent_at": "2026-01-05"},
    "spend-corrections": {"document": "D1", "amount": "2"},
    "forecasts": {"at_completion": "900"},
    "closure": {},
}
RENEWAL: Final[dict[str, dict[str, Any]]] = {
    "risk": {"risk": "watch"},
    "forecasts": {"category": "commit", "expected_value": "1"},
    "deferral": {"new_due": "2027-06-01"},
}


def offered(client: Client, path: str) -> set[str]:
    """What an answer offers next."""
    return set(client.read(path)["actions"])


def assert_the_rest_is_refused(client: Client, path: str, bodies: dict[str, dict[str, Any]]) -> set[str]:
    """Everything else is refused by name and leaves no trace. Gives: what is offered."""
    actions = offered(client, path)
    before = client.read(path)["version"]
    for name in bodies.keys() - actions:
        answer = client.post(f"{path}/{name}", json=bodies[name])
        assert answer.status_code in (403, 409), (name, answer.text)
    assert client.read(path)["version"] == before
    return actions


def contract(client: Client, of: str) -> dict[str, str]:
    """A signed contract and the event that drafted it."""
    made = client.write(f"/v1/accounts/{of}/contracts", draft())
    client.write(f"/v1/contracts/{made['id']}/signature", {"signed_at": "2025-12-20T10:00:00Z"})
    return {"contract": made["id"], "event": made["events"][0]["id"]}


def test_a_proposal_offers_each_role_what_it_may_do_next(each_server: Server) -> None:
    who = table(each_server)
    manager, senior = who["account_manager"], who["senior_account_manager"]
    of = account(manager)
    bodies = {**PROPOSAL, "contract": contract(senior, of)}
    always = {"versions", "client-positions", "concessions", "decline"}
    there = drafted(manager, of)

    def actions_of(client: Client) -> set[str]:
        client.position = max(each.position for each in who.values())
        return assert_the_rest_is_refused(client, there, bodies)

    assert actions_of(manager) == always | {"submission"}
    manager.write(f"{there}/concessions", {**GIVE, "value": "1200.00"})
    assert actions_of(manager) == always | {"rejections"}
    assert actions_of(senior) == always | {"approvals", "rejections"}
    assert actions_of(who["auditor"]) == set()
    senior.write(f"{there}/approvals", {"concession": "c1"})
    assert actions_of(manager) == always | {"submission"}
    manager.write(f"{there}/submission")
    assert actions_of(manager) == always | {"acceptance"}
    manager.write(f"{there}/acceptance", {"version": 1})
    assert actions_of(manager) == {"contract"}

    other = drafted(manager, of)
    manager.write(f"{other}/submission")
    manager.write(f"{other}/acceptance", {"version": 1})
    manager.write(f"{other}/contract", bodies["contract"])
    there = other
    assert actions_of(manager) == set()


def test_a_margin_below_the_floor_is_offered_to_directors_only(each_server: Server) -> None:
    who = table(each_server)
    there = drafted(who["account_manager"], account(who["account_manager"]), cost="11000.00")

    def actions_of(role: str) -> set[str]:
        who[role].position = who["account_manager"].position
        return offered(who[role], there)

    assert {role for role in who if "approvals" in actions_of(role)} == {"director", "admin"}
    assert {role for role in who if "submission" in actions_of(role)} == set()
    who["director"].write(f"{there}/approvals", {})
    who["account_manager"].position = who["director"].position
    assert "submission" in actions_of("account_manager")


def test_a_proposal_that_is_not_valid_any_more_may_expire(each_server: Server) -> None:
    client = each_server.client()
    of = account(client)
    there = drafted(client, of, valid_until="2026-02-01", effective_at="2026-01-01")

    actions = assert_the_rest_is_refused(client, there, {**PROPOSAL, "contract": contract(client, of)})

    assert "expiry" in actions
    assert "submission" not in actions
    client.write(f"{there}/expiry")
    assert offered(client, there) == set()


def test_an_opportunity_offers_what_its_stage_allows(each_server: Server) -> None:
    client = each_server.client()
    of = account(client)
    seen = client.write(f"/v1/accounts/{of}/opportunities", {"title": "more", "kind": "upsell", "source": "usage"})
    there, bodies = f"/v1/opportunities/{seen['id']}", {**OPPORTUNITY, "win": contract(client, of)}

    assert assert_the_rest_is_refused(client, there, bodies) == bodies.keys()
    client.write(f"{there}/parking", bodies["parking"])
    assert assert_the_rest_is_refused(client, there, bodies) == {"stage", "parking", "loss"}
    client.write(f"{there}/stage", bodies["stage"])
    client.write(f"{there}/win", bodies["win"])
    assert assert_the_rest_is_refused(client, there, bodies) == set()


def test_a_budget_offers_everything_until_it_is_closed(each_server: Server) -> None:
    client = each_server.client()
    terms = {"title": "Spring", "currency": "EUR", "amount": "1000", "start": "2026-01-01", "end": "2027-01-01"}
    there = f"/v1/budgets/{client.write(f'/v1/accounts/{account(client)}/budgets', terms)['id']}"

    assert assert_the_rest_is_refused(client, there, BUDGET) == BUDGET.keys() - {"spend-corrections"}
    client.write(f"{there}/spend", {**BUDGET["spend"], "document": "D1"})
    assert offered(client, there) == BUDGET.keys()
    client.write(f"{there}/closure")
    assert assert_the_rest_is_refused(client, there, BUDGET) == set()


def test_a_renewal_cycle_offers_its_work_until_it_is_decided(each_server: Server) -> None:
    client = each_server.client()
    path = f"/v1/contracts/{contract(client, account(client))['contract']}"
    there = f"/v1/renewals/{client.write(f'{path}/renewal-cycles')['id']}"

    assert offered(client, there) == RENEWAL.keys()
    client.write(f"{path}/renewals", {"end": "2028-01-01"})
    assert assert_the_rest_is_refused(client, there, RENEWAL) == set()
