"""Over real HTTP: what an agent may do, what it suggests, and what persons make of that."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.sample_agency import draft
from tests.support.clock import Clock
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server

NOW = "2026-11-02T09:00:00Z"
CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-11-02T08:00:00Z"}


@dataclass
class Agency:
    """A tenant with two persons: a manager whose account it is, and her senior; and who administers it."""

    server: Server
    clock: Clock
    admin: Client
    manager: Client
    senior: Client
    user: str
    account: str
    contract: str

    def key(self, **of: str) -> Client:
        """A client with a new key."""
        return self.server.client(self.admin.write("/v1/api-keys", of)["api_key"])

    def agent(self, **bounds: Any) -> tuple[str, Client]:
        """An agent of the manager, and a client with its key."""
        body = {"name": "Assistant", "user": self.user, "purpose": "Helps", **bounds}
        made = self.admin.write("/v1/agents", body)["id"]
        return made, self.key(agent=made)

    def log(self, client: Client, **headers: str) -> Any:
        """A contact, logged. Gives: the response."""
        return client.post(f"/v1/accounts/{self.account}/interactions", json=CALL, headers=headers)

    def amendment(self, price: str) -> dict[str, Any]:
        """A write that makes the contract dearer, as it is suggested."""
        change = {"op": "set_line", "line": "main", "quantity": "1", "unit_price": price}
        body = {"effective_at": "2026-12-01", "changes": [change]}
        return {"path": f"/v1/contracts/{self.contract}/amendments", "body": body}

    def suggest(self, client: Client, command: dict[str, Any], **more: Any) -> str:
        """A suggestion. Gives: its id."""
        made = client.write("/v1/suggestions", {"command": command, "reason": "They asked for it", **more})
        for each in (self.admin, self.senior, self.manager):
            each.position = max(each.position, client.position)
        return str(made["id"])

    def amended(self) -> list[str]:
        """The ids of the amendments that there are."""
        events = self.admin.read("/v1/events", types="contract.amended", limit=1000)["data"]
        return [event["id"] for event in events]


@pytest.fixture(params=BACKENDS)
def agency(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Agency]:
    """An agency on a server of its own, which looks at each key anew."""
    clock = Clock(NOW)
    with Server(databases.fresh(request.param), clock=clock, key_cache_seconds=0) as server:
        admin = server.client()
        persons = {}
        for name, role in (("maria", "account_manager"), ("ruth", "senior_account_manager")):
            made = admin.write("/v1/users", {"name": name.title(), "external_ref": name})["id"]
            admin.write(f"/v1/users/{made}/roles", {"role": role, "start": "2026-01-01"})
            persons[name] = made
        admin.write(f"/v1/users/{persons['maria']}/reporting-line", {"manager": persons["ruth"], "start": "2026-01-01"})
        account = admin.write("/v1/accounts", {"name": "Northwind", "currency": "EUR", "owner": "maria"})["id"]
        contract = admin.write(f"/v1/accounts/{account}/contracts", draft())["id"]
        admin.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-20"})
        keys = {
            name: server.client(admin.write("/v1/api-keys", {"user": user})["api_key"])
            for name, user in persons.items()
        }
        for each in keys.values():
            each.position = admin.position
        yield Agency(server, clock, admin, keys["maria"], keys["ruth"], persons["maria"], account, contract)


def code(answer: Any) -> tuple[int, str]:
    """The status and the code of a refusal."""
    return answer.status_code, answer.json().get("code", "")


# --- agents ---


def test_an_agent_at_its_ceiling_is_refused_and_its_person_is_not(agency: Agency) -> None:
    _, agent = agency.agent(may_execute=["interactions.log"], ceilings={"commands_per_day": 3})

    answers = [agency.log(agent) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 403, 403]
    assert code(answers[-1]) == (403, "agent_ceiling_reached")
    assert agency.log(agency.manager).status_code == 201
    agency.clock.set("2026-11-03T00:00:00Z")
    assert agency.log(agent).status_code == 201


def test_writes_that_race_are_counted_exactly(agency: Agency) -> None:
    made, agent = agency.agent(may_execute=["interactions.log"], ceilings={"commands_per_day": 7})
    other = agency.key(agent=made)
    statuses: list[int] = []

    def write(client: Client) -> None:
        statuses.extend(agency.log(client).status_code for _ in range(5))

    threads = [threading.Thread(target=write, args=(client,)) for client in (agent, other, agent, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201] * 7 + [403] * 13
    done = agency.admin.read("/v1/events", actor=made, limit=100)["data"]
    assert len(done) == 7


def test_an_agent_outside_its_hours_is_refused(agency: Agency) -> None:
    hours = {"from": "08:00", "to": "10:00", "days": [1, 2, 3, 4, 5]}
    _, agent = agency.agent(may_execute=["interactions.log"], ceilings={"hours": hours})
    inside = agency.log(agent)
    agency.clock.set("2026-11-02T10:00:00Z")
    late = agency.log(agent)
    agency.clock.set("2026-11-07T09:00:00Z")
    on_saturday = agency.log(agent)

    assert inside.status_code == 201
    assert code(late) == code(on_saturday) == (403, "agent_outside_hours")
    assert agency.log(agency.manager).status_code == 201


def test_an_agent_loses_what_its_person_loses(agency: Agency) -> None:
    _, agent = agency.agent(may_execute=["interactions.log"])
    assert agency.log(agent).status_code == 201
    agency.admin.write(f"/v1/users/{agency.user}/roles/1/revocation", {"reason": "Another post"})
    without = agency.log(agent)
    agency.admin.write(f"/v1/users/{agency.user}/suspension", {"reason": "Left"})

    assert without.status_code == 403
    assert without.json()["code"] in ("scope_missing", "not_yours_to_do")
    assert code(agency.log(agent)) == (401, "user_suspended")


def test_an_agent_that_is_suspended_or_has_ended_does_nothing_and_its_person_goes_on(agency: Agency) -> None:
    made, agent = agency.agent(may_execute=["interactions.log"], ends_at="2026-12-01T00:00:00Z")
    agency.admin.write(f"/v1/agents/{made}/suspension", {"reason": "A wrong client"})
    suspended = agency.log(agent)
    agency.admin.write(f"/v1/agents/{made}/resumption", {})
    resumed = agency.log(agent)
    agency.clock.set("2026-12-01T00:00:00Z")
    past = agency.log(agent)
    agency.clock.set("2026-11-30T00:00:00Z")
    agency.admin.write(f"/v1/agents/{made}/end", {})
    ended = agency.log(agent)

    assert code(suspended) == (401, "agent_suspended")
    assert resumed.status_code == 201
    assert code(past) == code(ended) == (401, "agent_ended")
    assert agency.log(agency.manager).status_code == 201


def test_an_agent_does_only_what_it_is_told_and_about_no_more_money_than_it_is_told(agency: Agency) -> None:
    most = {"money_per_command": {"amount": "1000.00", "currency": "EUR"}}
    _, agent = agency.agent(may_execute=["opportunities.identify", "opportunities.estimate"], ceilings=most)
    forbidden = agency.log(agent)
    opportunity = agent.write(
        f"/v1/accounts/{agency.account}/opportunities", {"title": "More", "kind": "upsell", "source": "usage"}
    )["id"]
    estimate = {"annual_value": "1000.00", "currency": "EUR", "probability": "0.5", "close_by": "2026-12-31"}
    path = f"/v1/opportunities/{opportunity}/estimate"

    assert code(forbidden) == (403, "agent_command_not_allowed")
    assert forbidden.json()["may_suggest"] is True
    assert agent.post(path, json=estimate).status_code == 201
    assert code(agent.post(path, json={**estimate, "annual_value": "1000.01"})) == (403, "agent_amount_above_ceiling")
    assert code(agent.post(path, json={**estimate, "annual_value": "1.00", "currency": "USD"}))[0] != 201


def test_no_agent_takes_events_in_or_makes_keys(agency: Agency) -> None:
    made, agent = agency.agent(may_execute=["interactions.log"])
    event = {"specversion": "1.0", "id": "1", "source": "urn:x", "type": "interaction.logged", "subject": agency.account,
             "data": CALL}  # fmt: skip

    ingested = agent.post("/v1/events", json=event, headers={"Content-Type": "application/cloudevents+json"})

    assert code(ingested) == (403, "agent_command_not_allowed")
    assert agent.post("/v1/api-keys", json={"agent": made}).status_code == 403
    refused = agency.admin.post(f"/v1/agents/{made}/bounds", json={"may_execute": ["suggestions.approve"]})
    assert code(refused) == (422, "agent_never_may")


def test_every_event_of_a_run_is_found_by_it(agency: Agency) -> None:
    made, agent = agency.agent(may_execute=["interactions.log"])
    for run in ("one", "two", "one"):
        assert agency.log(agent, **{"Steward-Run": run}).status_code == 201
    agent.write("/v1/suggestions", {"command": agency.amendment("1200.00")}, Steward_Run="one")
    agency.admin.position = agent.position

    events = agency.admin.read("/v1/events", run="one")["data"]

    assert [event["type"] for event in events] == ["interaction.logged", "interaction.logged", "suggestion.made"]
    assert {(event["actor"], event["meta"]["on_behalf_of"]) for event in events} == {(made, agency.user)}


# --- suggestions ---


def test_what_an_agent_suggests_is_done_as_the_write_of_who_approves(agency: Agency) -> None:
    made, agent = agency.agent()
    suggestion = agency.suggest(agent, agency.amendment("1200.00"))
    shown = agency.admin.read(f"/v1/suggestions/{suggestion}")
    before = agency.admin.read("/v1/suggestions/inbox")
    agency.senior.position = agent.position

    receipt = agency.senior.write(f"/v1/suggestions/{suggestion}/approval", {})

    agency.admin.position = receipt["position"]
    event = agency.admin.read("/v1/events", types="contract.amended")["data"][-1]
    assert (shown["author"], shown["person"], shown["status"]) == (made, agency.user, "open")
    assert [figure["after"] for figure in shown["preview"]["figures"]] == ["1200.00"]
    assert before["open"] == 1
    assert event["data"] == shown["preview"]["events"][0]["data"]
    assert event["actor"].startswith("usr_")
    assert event["meta"]["suggestion"] == suggestion
    after = agency.admin.read(f"/v1/suggestions/{suggestion}")
    assert (after["status"], after["appended"]) == ("approved", [event["id"]])


def test_a_suggestion_is_stale_once_what_it_rests_on_has_moved(agency: Agency) -> None:
    _, agent = agency.agent()
    suggestion = agency.suggest(agent, agency.amendment("1200.00"))
    agency.admin.write(
        f"/v1/contracts/{agency.contract}/amendments",
        {"effective_at": "2026-11-15", "changes": [{"op": "set_line", "line": "main", "unit_price": "1100.00"}]},
    )

    answer = agency.senior.post(f"/v1/suggestions/{suggestion}/approval", json={})

    assert code(answer) == (409, "suggestion_stale")
    assert answer.json()["moved"] == [{"stream": agency.contract, "version": 2, "current_version": 3}]
    assert len(agency.amended()) == 1


def test_nobody_approves_their_own_by_any_key_and_no_agent_approves(agency: Agency) -> None:
    rename = {"path": f"/v1/accounts/{agency.account}/name", "body": {"name": "Northwind Traders"}}
    suggestion = agency.suggest(agency.senior, rename)
    ruth = agency.admin.read(f"/v1/suggestions/{suggestion}")["author"]
    second = agency.key(user=ruth)
    _, agent = agency.agent()

    answers = [
        client.post(f"/v1/suggestions/{suggestion}/approval", json={}) for client in (agency.senior, second, agent)
    ]
    rejected = second.post(f"/v1/suggestions/{suggestion}/rejection", json={"reason": "No"})

    assert [code(answer) for answer in answers] == [
        (403, "own_suggestion"), (403, "own_suggestion"), (403, "agent_command_not_allowed")
    ]  # fmt: skip
    assert code(rejected) == (403, "own_suggestion")
    assert agency.manager.post(f"/v1/suggestions/{suggestion}/approval", json={}).status_code == 201


def test_who_could_neither_approve_it_nor_has_it_made_for_them_does_not_reject_it(agency: Agency) -> None:
    senior = agency.suggest(agency.senior, agency.amendment("1200.00"))
    _, agent = agency.agent()
    for_manager = agency.suggest(agent, agency.amendment("1300.00"))
    path = "/v1/suggestions/{}/rejection"

    answers = [
        client.post(path.format(suggestion), json={"reason": "No"})
        for client, suggestion in ((agency.manager, senior), (agency.manager, for_manager), (agency.admin, senior))
    ]

    assert code(answers[0]) == (403, "not_yours_to_do")
    assert "senior_account_manager" in answers[0].json()["may"]
    assert [answer.status_code for answer in answers[1:]] == [201, 201]


def test_who_approves_what_another_one_suggests_may_be_named_as_who_allowed_it(agency: Agency) -> None:
    request = {"title": "More", "request": "Could we have more?"}
    change = agency.admin.write(f"/v1/accounts/{agency.account}/scope-changes", request)["id"]
    agency.manager.position = agency.senior.position = agency.admin.position
    ruth = agency.senior.read("/v1/me")["user"]["id"]
    path = f"/v1/scope-changes/{change}/absorption"
    body = {"hours": "3", "cause": "goodwill", "approved_by": ruth}
    suggestion = agency.suggest(agency.manager, {"path": path, "body": body})
    own = agency.senior.post(path, json=body)
    named = agency.senior.post(f"/v1/suggestions/{suggestion}/approval", json={})

    assert code(own) == (409, "self_approval")
    assert named.status_code == 201, named.text


def test_two_who_approve_at_once_write_one_event(agency: Agency) -> None:
    _, agent = agency.agent()
    for price in ("1200.00", "1300.00", "1400.00"):
        suggestion, before = agency.suggest(agent, agency.amendment(price)), len(agency.amended())
        answers: list[Any] = []
        path = f"/v1/suggestions/{suggestion}/approval"

        def approve(client: Client, path: str = path, answers: list[Any] = answers) -> None:
            answers.append(client.post(path, json={}))

        threads = [threading.Thread(target=approve, args=(client,)) for client in (agency.senior, agency.admin) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert {code(answer)[1] for answer in answers if answer.status_code == 409} == {"suggestion_decided"}
        agency.admin.position = max(int(answer.headers.get("Event-Position", 0)) for answer in answers)
        assert len(agency.amended()) == before + 1


def test_who_may_not_do_it_suggests_it_and_who_may_approves(agency: Agency) -> None:
    command = agency.amendment("1200.00")
    refused = agency.manager.post(command["path"], json=command["body"])
    suggestion = agency.suggest(agency.manager, command)
    shown = agency.admin.read(f"/v1/suggestions/{suggestion}")

    own = agency.manager.post(f"/v1/suggestions/{suggestion}/approval", json={})

    assert code(refused) == (403, "needs_suggestion")
    assert refused.json()["may_suggest"] is True
    assert "senior_account_manager" in shown["may"]
    assert "account_manager" not in shown["may"]
    assert code(own) == (403, "own_suggestion")
    assert agency.senior.read("/v1/suggestions/inbox")["awaiting_me"] == 1
    assert [row["id"] for row in agency.senior.read("/v1/suggestions", awaiting="senior_account_manager")["data"]] == [
        suggestion
    ]
    assert agency.senior.post(f"/v1/suggestions/{suggestion}/approval", json={}).status_code == 201


def test_a_suggestion_is_edited_rejected_withdrawn_or_expires_once(agency: Agency) -> None:
    made, agent = agency.agent()
    edited, rejected, withdrawn = (agency.suggest(agent, agency.amendment("1200.00")) for _ in range(3))
    expiring = agency.suggest(agent, agency.amendment("1200.00"), expires_at="2026-11-02T10:00:00Z")
    body = agency.amendment("1250.00")["body"]
    agency.senior.write(f"/v1/suggestions/{edited}/approval", {"body": body})
    agency.senior.write(f"/v1/suggestions/{rejected}/rejection", {"reason": "Too much"})
    not_author = agency.senior.post(f"/v1/suggestions/{withdrawn}/withdrawal", json={})
    agent.write(f"/v1/suggestions/{withdrawn}/withdrawal", {})
    agency.clock.set("2026-11-02T10:00:00Z")
    late = agency.senior.post(f"/v1/suggestions/{expiring}/approval", json={})
    runtime, tenant = agency.server.runtime, agency.admin.read("/v1/me")["tenant"]["id"]
    runtime.projector.catch_up(tenant)
    passes = [runtime.expiries.run_once(tenant).expired for _ in range(2)]
    agency.admin.position = runtime.log.head(tenant)

    rows = {row["id"]: row for row in agency.admin.read("/v1/suggestions")["data"]}

    assert code(not_author) == (403, "not_the_author")
    assert code(late) == (409, "suggestion_expired")
    assert passes == [1, 0]
    assert [rows[each]["status"] for each in (edited, rejected, withdrawn, expiring)] == [
        "approved", "rejected", "withdrawn", "expired"
    ]  # fmt: skip
    assert (rows[edited]["edited"], rows[rejected]["rejection"]) == (True, "Too much")
    assert (rows[withdrawn]["decided_by"], rows[expiring]["decided_by"]) == (made, "system:suggestions")


@pytest.mark.parametrize(
    ("command", "more", "expected"),
    [
        ({"path": "/v1/accounts/ref:nobody/name", "body": {"name": "X"}}, {}, (404, "account_not_found")),
        ({"path": "/v1/nothing/here", "body": {}}, {}, (422, "unknown_command")),
        (
            {"path": "/v1/period-closes", "body": {"from": "2026-01-01", "to": "2026-02-01"}},
            {},
            (409, "not_suggestible"),
        ),
        ({"path": "/v1/accounts", "body": {"currency": "EUR"}}, {}, (422, "invalid_body")),
        (
            {"path": "/v1/accounts", "body": {"name": "X", "currency": "EUR"}},
            {"cites": ["evt_01jd7z5m3sf8x9v0w1y2z3a4b5"]},
            (422, "unknown_event"),
        ),
    ],
)
def test_what_could_not_be_done_is_not_suggested(
    agency: Agency, command: dict[str, Any], more: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = agency.admin.post("/v1/suggestions", json={"command": command, **more})

    assert code(answer) == expected
