"""Rights over HTTP: limits by role, own work, what only some may begin, and what an event says of it."""

from typing import Any

import pytest

from tests.api.sample_agency import draft
from tests.support.clock import Clock
from tests.support.databases import Databases
from tests.support.server import Client, Server

SINCE = {"start": "2026-01-01"}
CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"}
OFFER = {
    "currency": "EUR",
    "items": [{"item": "retainer", "product": "retainer", "unit_price": "1000.00", "interval": "month"}],
    "cost": "6000.00",
    "valid_until": "2099-01-01",
}
GIVE = {"kind": "price", "value": "1200.00", "given": "a discount", "in_exchange_for": "two years", "concession": "c1"}


class Agency:
    """People by the name of their role, all of them at work for one account."""

    def __init__(self, server: Server, *roles: str) -> None:
        self.server = server
        self.tenant = server.tenant()
        self.admin = server.client(server.key(self.tenant))
        self.users: dict[str, str] = {}
        self.clients: dict[str, Client] = {}
        for role in roles:
            name = f"the {role}"
            user = self.admin.write("/v1/users", {"name": name, "external_ref": name})["id"]
            more = {"department": "creative"} if role == "specialist" else {}
            self.admin.write(f"/v1/users/{user}/roles", {"role": role, **SINCE, **more})
            self.users[role], self.clients[role] = user, self.key(user)
        body = {"name": "Northwind", "currency": "EUR", "owner": f"the {roles[0]}", "effective_at": "2026-01-01"}
        self.account = f"/v1/accounts/{self.admin.write('/v1/accounts', body)['id']}"
        for role in roles[1:]:
            self.admin.write(f"{self.account}/members", {"member": f"the {role}", "function": "specialist"})

    def key(self, user: str) -> Client:
        """A client with a new key of a person."""
        return self.server.client(self.admin.write("/v1/api-keys", {"user": user})["api_key"])

    def request(self, price: str, shift: int = 0) -> str:
        """A scope change that the admin's service assessed."""
        raised = self.admin.write(f"{self.account}/scope-changes", {"title": "More", "request": "more"})["id"]
        body = {"effort_hours": "9", "price": price, "timeline_shift_days": shift}
        self.admin.write(f"/v1/scope-changes/{raised}/assessment", body)
        return f"/v1/scope-changes/{raised}"


def said(answer: Any) -> tuple[int, str | None]:
    """The status and the code of an answer."""
    return answer.status_code, answer.json().get("code")


def test_what_may_be_promised_without_approval_grows_with_the_role(each_server: Server) -> None:
    agency = Agency(each_server, "account_manager", "senior_account_manager", "director")
    manager, senior, director = agency.clients.values()

    def answers(client: Client, price: str, shift: int = 0) -> tuple[int, str | None]:
        return said(client.post(f"{agency.request(price, shift)}/response", json={"kind": "accept"}))

    assert answers(manager, "4999.00") == (201, None)
    assert answers(manager, "5000.00") == (409, "approval_needed")
    assert answers(senior, "10000.00") == (201, None)
    assert answers(senior, "10001.00") == (409, "approval_needed")
    assert answers(senior, "10.00", 14) == (409, "approval_needed")
    assert answers(director, "90000.00", 90) == (201, None)


def test_unpaid_work_is_proposed_done_up_to_the_threshold_or_done(each_server: Server) -> None:
    agency = Agency(each_server, "account_manager", "senior_account_manager", "director")
    manager, senior, director = agency.clients.values()

    def answers(client: Client, cost: str) -> tuple[int, str | None]:
        body = {"hours": "9", "cost": cost, "cause": "goodwill", "approved_by": "the vp"}
        return said(client.post(f"{agency.request('10.00')}/absorption", json=body))

    assert answers(manager, "1.00") == (403, "needs_suggestion")
    assert answers(senior, "4999.00") == (201, None)
    assert answers(senior, "5000.00") == (409, "approval_needed")
    assert answers(director, "5000.00") == (201, None)


def test_finance_says_no_to_a_concession_and_offers_none(each_server: Server) -> None:
    agency = Agency(each_server, "account_manager", "finance")
    manager, finance = agency.clients.values()
    proposal = f"/v1/proposals/{manager.write(f'{agency.account}/proposals', OFFER)['id']}"
    manager.write(f"{proposal}/concessions", GIVE)

    assert said(finance.post(f"{proposal}/concessions", json=GIVE)) == (403, "not_yours_to_do")
    assert said(finance.post(f"{proposal}/approvals", json={"concession": "c1"})) == (403, "not_yours_to_do")
    finance.position = manager.position
    assert finance.read(proposal)["actions"] == ["rejections"]
    assert said(finance.post(f"{proposal}/rejections", json={"concession": "c1", "reason": "no"})) == (201, None)


def test_sales_signs_the_first_contract_of_an_account_and_no_second_one(each_server: Server) -> None:
    agency = Agency(each_server, "sales")
    (sales,) = agency.clients.values()
    first, second = (sales.write(f"{agency.account}/contracts", draft())["id"] for _ in range(2))
    signed = {"signed_at": "2025-12-20T10:00:00Z"}

    assert said(sales.post(f"/v1/contracts/{first}/signature", json=signed)) == (201, None)
    refused = sales.post(f"/v1/contracts/{second}/signature", json=signed)

    assert said(refused) == (403, "not_yours_to_do")
    assert refused.json()["rule"] == "sign:sales:first"


def test_nobody_approves_their_own_by_another_key_or_by_the_key_of_a_service_that_they_issued(
    each_server: Server,
) -> None:
    agency = Agency(each_server, "director", "senior_account_manager", "admin")
    director, senior, _ = agency.clients.values()
    agency.admin.write(f"/v1/users/{agency.users['director']}/roles", {"role": "admin", **SINCE})
    both = agency.key(agency.users["director"])
    service = agency.server.client(both.write("/v1/api-keys", {"role": "vp"})["api_key"])
    further = agency.server.client(both.write("/v1/api-keys", {"role": "senior_account_manager"})["api_key"])

    def assessed(by: Client) -> str:
        raised = agency.admin.write(f"{agency.account}/scope-changes", {"title": "More", "request": "more"})["id"]
        by.write(f"/v1/scope-changes/{raised}/assessment", {"effort_hours": "90", "price": "8000.00"})
        return f"/v1/scope-changes/{raised}/approval"

    for author in (director, service):
        for approver in (director, both, service, further):
            assert said(approver.post(assessed(author), json={})) == (409, "self_approval")
        assert said(senior.post(assessed(author), json={})) == (201, None)


def test_one_corrects_ones_own_for_a_day_and_who_leads_corrects_it_later(databases: Databases) -> None:
    clock = Clock("2026-01-15T09:00:00Z")
    with Server(databases.fresh("sqlite"), clock=clock, key_cache_seconds=0) as server:
        agency = Agency(server, "account_manager", "coordinator", "specialist", "senior_account_manager")
        manager, coordinator, specialist, senior = agency.clients.values()

        def logged(by: Client) -> str:
            return f"/v1/interactions/{by.write(f'{agency.account}/interactions', CALL)['id']}/void"

        theirs, soon, late, later = logged(manager), logged(coordinator), logged(coordinator), logged(specialist)
        assert said(coordinator.post(theirs, json={})) == (403, "not_yours_to_do")
        assert said(coordinator.post(soon, json={})) == (201, None)
        clock.set("2026-01-16T09:01:00Z")
        assert said(coordinator.post(late, json={})) == (403, "not_yours_to_do")
        assert said(specialist.post(later, json={})) == (201, None)
        assert said(senior.post(late, json={})) == (201, None)


def test_an_event_names_the_rule_that_it_was_done_by(each_server: Server) -> None:
    agency = Agency(each_server, "account_manager")
    (manager,) = agency.clients.values()
    manager.write(f"{agency.account}/interactions", CALL)

    events = agency.admin.read("/v1/events", after=manager.position - 1)["data"]

    assert [event["meta"]["authorised_by"] for event in events] == [{"rule": "log:account_manager", "version": 1}]


def test_an_event_that_comes_in_is_judged_as_its_command(each_server: Server) -> None:
    agency = Agency(each_server, "account_manager")
    (manager,) = agency.clients.values()
    contract = {**draft(external_ref="c1"), "signed_at": "2025-12-20T10:00:00Z", "contract": "ref:c1"}
    contract.pop("external_ref")
    event = {
        "specversion": "1.0",
        "source": "crm",
        "subject": agency.account.rpartition("/")[2],
        "time": "2026-01-01T00:00:00Z",
    }
    sent = [
        {**event, "id": "1", "type": "contract.signed", "data": contract},
        {**event, "id": "2", "type": "interaction.logged", "data": CALL},
    ]

    answer = manager.post("/v1/events", json=sent, headers={"Content-Type": "application/cloudevents-batch+json"})

    refused, accepted = answer.json()["results"]
    assert (refused["problem"]["code"], refused["problem"]["may_suggest"]) == ("needs_suggestion", True)
    assert accepted["status"] == "accepted"


@pytest.mark.parametrize("role", ["account_manager", "coordinator"])
def test_a_service_is_judged_by_the_role_of_its_key(each_server: Server, role: str) -> None:
    agency = Agency(each_server, "account_manager")
    service = each_server.client(each_server.key(agency.tenant, role))

    answer = service.post(f"{agency.account}/owner", json={"owner": "the account_manager"})

    assert answer.status_code == 403
    assert {"director", "vp"} <= {*answer.json()["may"]}
