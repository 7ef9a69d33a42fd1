"""Reach over HTTP: a person reads and writes about the accounts that name them, or whom they lead, and about no others."""

from typing import Any, NamedTuple

import pytest

from projections.views import account_access
from tests.support.server import Client, Server

PERIOD = {"from": "2026-01-01", "to": "2026-07-01"}


class Agency(NamedTuple):
    """Two account managers under a senior, whom a director leads, each with accounts; and what reads everything."""

    admin: Client
    people: dict[str, str]
    clients: dict[str, Client]
    accounts: dict[str, str]
    contracts: dict[str, str]


OWNERS = {"ash": "anna", "birch": "anna", "cedar": "ben", "dogwood": "sonja", "elm": "otto"}
"""The account of each name, and whose it is; otto leads nobody and reports to nobody."""
SEES = {
    "anna": {"ash", "birch"},
    "ben": {"cedar"},
    "sonja": {"ash", "birch", "cedar", "dogwood"},
    "dora": {"ash", "birch", "cedar", "dogwood"},
    "otto": {"elm"},
    "vera": {*OWNERS},
    "nina": set(),
}
ROLES = {
    "anna": "account_manager",
    "ben": "account_manager",
    "sonja": "senior_account_manager",
    "dora": "director",
    "otto": "account_manager",
    "vera": "vp",
    "nina": "account_manager",
}


def agency(server: Server) -> Agency:
    """An agency with an account and a contract for each name, and a key for each person."""
    admin = server.client()
    people, clients = {}, {}
    for name, role in ROLES.items():
        people[name] = admin.write("/v1/users", {"name": name.title(), "external_ref": name})["id"]
        admin.write(f"/v1/users/{people[name]}/roles", {"role": role, "start": "2026-01-01"})
        clients[name] = server.client(admin.write("/v1/api-keys", {"user": people[name]})["api_key"])
    for name, manager in {"anna": "sonja", "ben": "sonja", "sonja": "dora"}.items():
        admin.write(f"/v1/users/{people[name]}/reporting-line", {"manager": people[manager], "start": "2026-01-01"})
    accounts, contracts = {}, {}
    for number, (name, owner) in enumerate(OWNERS.items(), start=1):
        body = {
            "name": name.title(),
            "currency": "EUR",
            "external_ref": name,
            "tier": "gold",
            "effective_at": "2025-12-01",
        }
        accounts[name] = admin.write("/v1/accounts", {**body, "owner": owner})["id"]
        line = {
            "line": "a",
            "product": "care",
            "kind": "recurring",
            "quantity": "1",
            "unit_price": f"{number}00.00",
            "interval": "month",
        }
        draft = admin.write(
            f"/v1/accounts/{accounts[name]}/contracts",
            {
                "currency": "EUR",
                "start": "2026-01-01",
                "end": "2027-01-01",
                "external_ref": f"c-{name}",
                "lines": [line],
            },
        )
        admin.write(f"/v1/contracts/{draft['id']}/signature", {"signed_at": "2025-12-15T09:00:00Z"})
        contracts[name] = draft["id"]
    for client in clients.values():
        client.position = admin.position
    return Agency(admin, people, clients, accounts, contracts)


@pytest.fixture(scope="module")
def house(each_server: Server) -> Agency:
    return agency(each_server)


@pytest.mark.parametrize("name", SEES)
def test_a_list_has_the_accounts_in_reach_and_no_others(house: Agency, name: str) -> None:
    client, own = house.clients[name], {house.accounts[one] for one in SEES[name]}

    listed = {row["id"] for row in client.read("/v1/accounts")["data"]}
    contracts = {row["account"] for row in client.read("/v1/contracts")["data"]}
    table = client.get("/v1/accounts", headers={"Accept": "text/csv"}).text

    assert listed == contracts == own
    assert {line.split(",")[0] for line in table.splitlines()[1:]} == own


def test_of_many_names_the_same_accounts_are_in_reach_as_of_few(house: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: house.clients[name].read("/v1/accounts")["data"] for name in SEES}
    monkeypatch.setattr(account_access, "MANY", 0)
    many = {name: house.clients[name].read("/v1/accounts")["data"] for name in SEES}
    assert many == few


@pytest.mark.parametrize("name", SEES)
def test_what_is_out_of_reach_is_missing_in_the_same_words(house: Agency, name: str) -> None:
    client = house.clients[name]
    for account, key in house.accounts.items():
        for path in ("", "/timeline", "/contracts", "/interactions", "/renewals"):
            for named in (key, f"ref:{account}"):
                answer = client.get(f"/v1/accounts/{named}{path}")
                if account in SEES[name]:
                    assert answer.status_code == 200
                    continue
                missing = client.get(f"/v1/accounts/ref:nobody{path}")
                assert (answer.status_code, _plain(answer)) == (404, _plain(missing))
        contract = client.get(f"/v1/contracts/{house.contracts[account]}")
        assert contract.status_code == (200 if account in SEES[name] else 404)


@pytest.mark.parametrize("name", SEES)
def test_a_figure_over_reach_is_the_sum_of_the_accounts_that_the_reader_can_open(house: Agency, name: str) -> None:
    client = house.clients[name]
    for kpi, clocks in {
        "mrr": {"as_of": "2026-06-30"},
        "arr": {"as_of": "2026-06-30"},
        "net_revenue_retention": {"from": "2026-02-01", "to": "2026-07-01"},
        "renewal_rate": {"from": "2026-06-01", "to": "2027-06-01"},
    }.items():
        figure = client.read(f"/v1/kpis/{kpi}", **clocks)
        of_each = [client.read(f"/v1/kpis/{kpi}", account=house.accounts[one], **clocks) for one in sorted(SEES[name])]
        explained = client.read(f"/v1/kpis/{kpi}/explain", **clocks)

        assert float(figure["numerator"]) == sum(float(one["numerator"]) for one in of_each)
        assert {row["account"] for row in explained["data"]} <= {house.accounts[one] for one in SEES[name]}
        assert ("reach" in figure["scope"]) is (name != "vera")
        if name != "vera":
            assert figure["scope"]["reach"]["user"] == house.people[name]


@pytest.mark.parametrize("name", SEES)
def test_the_feed_leaves_out_events_of_accounts_out_of_reach_and_its_positions_go_on(house: Agency, name: str) -> None:
    client, own = house.clients[name], {house.accounts[one] for one in SEES[name]}
    after, found, head = 0, [], house.admin.read("/v1/events")["position"]
    while True:
        page = client.read("/v1/events", after=after, limit=3)
        found += page["data"]
        after = page["next_after"]
        if not page["has_more"]:
            break

    everything = house.admin.read("/v1/events", limit=1000)["data"]
    expected = [event["id"] for event in everything if name == "vera" or event["subject"] in own]
    assert [event["id"] for event in found] == expected
    assert after == head


def test_a_command_about_what_is_out_of_reach_is_answered_as_if_it_were_missing(house: Agency) -> None:
    anna = house.clients["anna"]
    call = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"}
    for named in (house.accounts["cedar"], "ref:cedar"):
        answer = anna.post(f"/v1/accounts/{named}/interactions", json=call)
        missing = anna.post("/v1/accounts/ref:nobody/interactions", json=call)
        assert (answer.status_code, _plain(answer)) == (404, _plain(missing))
    notice = {"effective_at": "2026-05-01", "effective_end": "2027-01-01", "reason": "budget"}
    answer = anna.post(f"/v1/contracts/{house.contracts['cedar']}/notice", json=notice)
    missing = anna.post("/v1/contracts/ref:nobody/notice", json=notice)
    stale = anna.post(f"/v1/contracts/{house.contracts['cedar']}/notice", json=notice, headers={"If-Match": '"1"'})
    assert (answer.status_code, _plain(answer)) == (404, _plain(missing)) == (stale.status_code, _plain(stale))

    event = {
        "specversion": "1.0", "id": "1", "source": "urn:x", "type": "interaction.logged", "subject": "ref:cedar",
        "time": "2026-01-15T09:00:00Z", "data": call,
    }  # fmt: skip
    (item,) = anna.post(
        "/v1/events", json=[event], headers={"Content-Type": "application/cloudevents-batch+json"}
    ).json()["results"]
    assert (item["status"], item["problem"]["code"]) == ("refused", "account_not_found")
    assert anna.post(f"/v1/accounts/{house.accounts['ash']}/interactions", json=call).status_code == 201


def test_what_sums_over_more_than_the_reach_is_refused(house: Agency) -> None:
    dora = house.clients["dora"]
    close = {"from": "2026-01-01", "to": "2026-02-01"}
    assert _code(dora.get("/v1/period-closes")) == (403, "beyond_reach")
    assert _code(dora.post("/v1/period-closes", json=close)) == (403, "beyond_reach")
    whole = {"kpi": "mrr", "as_of": "2026-01-31"}
    assert _code(dora.post("/v1/kpi-certificates", json=whole)) == (403, "beyond_reach")
    foreign = {**whole, "scope": {"account": house.accounts["elm"]}}
    assert _code(dora.post("/v1/kpi-certificates", json=foreign)) == (404, "account_not_found")
    own = dora.write("/v1/kpi-certificates", {**whole, "scope": {"account": house.accounts["ash"]}})
    tenants = house.admin.write("/v1/kpi-certificates", whole)
    assert {row["id"] for row in dora.read("/v1/kpi-certificates")["data"]} == {own["id"]}
    assert dora.get(f"/v1/kpi-certificates/{tenants['id']}").status_code == 404
    assert dora.post(f"/v1/kpi-certificates/{own['id']}/verification").json()["verified"]


def test_one_readers_answer_is_no_cache_entry_of_anothers(house: Agency) -> None:
    admin, anna, ben = house.admin, house.clients["anna"], house.clients["ben"]
    for path in ("/v1/accounts", "/v1/kpis/mrr", f"/v1/accounts/{house.accounts['ash']}"):
        seen = admin.get(path)
        own = anna.get(path, headers={"If-None-Match": seen.headers["ETag"]})
        assert "Authorization" in seen.headers["Vary"]
        assert seen.headers["Cache-Control"].startswith("private")
        if path.endswith(house.accounts["ash"]):
            assert own.status_code == 304
            assert ben.get(path, headers={"If-None-Match": seen.headers["ETag"]}).status_code == 404
            assert ben.get(path, headers={"If-None-Match": "*"}).status_code == 404
        else:
            assert own.status_code == 200


def test_what_was_known_earlier_is_read_by_the_reach_of_today(house: Agency) -> None:
    head = house.admin.read("/v1/events")["position"]
    for name in ("anna", "sonja", "otto", "nina", "vera"):
        client = house.clients[name]
        for clocks in ({"known_at": head}, {"as_of": "2026-03-01"}, {"as_of": "2026-03-01", "known_at": head}):
            listed = {row["id"] for row in client.read("/v1/accounts", **clocks)["data"]}
            board = client.read("/v1/boards/renewals", **clocks)
            cards = {card["account"] for column in board["columns"] for card in column["cards"]}
            assert listed == cards == {house.accounts[one] for one in SEES[name]}


def _plain(answer: Any) -> dict[str, Any]:
    """A refusal without what names the request."""
    return {name: value for name, value in answer.json().items() if name not in ("instance", "request_id", "trace_id")}


def _code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
