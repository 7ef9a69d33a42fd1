"""Interactions over HTTP."""

import pytest

from tests.support.server import Client

CALL = {
    "channel": "call",
    "direction": "inbound",
    "occurred_at": "2026-01-15T09:00:00+01:00",
    "subject": "A second campaign",
    "summary": "Asked what it would take",
    "participants": ["Ada Lind", {"name": "Bo", "email": "bo@example.com", "stakeholder": "stk_bo", "role": "client"}],
    "sentiment": "0.5",
    "topics": ["campaign", "price"],
    "duration_seconds": 900,
    "external_ref": "call-1",
    "visibility": "restricted",
}


@pytest.fixture
def account(client: Client) -> str:
    """The path of an account."""
    return f"/v1/accounts/{client.write('/v1/accounts', {'name': 'Northwind', 'currency': 'EUR', 'external_ref': 'nw'})['id']}"


def test_an_interaction_is_logged_and_read_with_what_was_sealed_opened(client: Client, account: str) -> None:
    receipt = client.write(f"{account}/interactions", CALL)

    page = client.read("/v1/interactions/ref:call-1")

    assert page == {
        **{name: CALL[name] for name in CALL if name not in ("occurred_at", "participants")},
        "id": receipt["id"],
        "account": account.rpartition("/")[2],
        "occurred_at": "2026-01-15T08:00:00.000000Z",
        "participants": [{"name": "Ada Lind"}, CALL["participants"][1]],
        "voided": False,
        "actor": page["actor"],
        "version": 1,
        "position": page["position"],
    }
    assert page["actor"].startswith("key_")


def test_what_was_erased_reads_null(client: Client, account: str, each_server: object) -> None:
    receipt = client.write(f"{account}/interactions", CALL)
    tenant = client.read("/v1/events")["data"][0]["source"].removeprefix("urn:steward:")
    log = each_server.runtime.log  # type: ignore[attr-defined]
    tag = client.see(f"/v1/interactions/{receipt['id']}").headers["etag"]

    log.erase(tenant, "stk_bo")
    without_bo = client.read(f"/v1/interactions/{receipt['id']}")
    log.erase(tenant, receipt["events"][0]["id"])
    page = client.get(f"/v1/interactions/{receipt['id']}", headers={"If-None-Match": tag})

    assert (without_bo["subject"], without_bo["participants"][0]["name"]) == (CALL["subject"], "Ada Lind")
    assert without_bo["participants"][1] == {"name": None, "email": None, "stakeholder": "stk_bo", "role": "client"}
    assert page.status_code == 200  # a caller's copy of what was erased is not good any more
    assert (page.json()["subject"], page.json()["summary"], page.json()["participants"][0]) == (
        None,
        None,
        {"name": None},
    )


def test_a_wrong_entry_stays_visible_as_void(client: Client, account: str) -> None:
    entry = client.write(f"{account}/interactions", CALL)["id"]

    client.write(f"/v1/interactions/{entry}/void", {"reason": "wrong account"})

    assert client.read(f"/v1/interactions/{entry}")["voided"] is True
    assert [one["id"] for one in client.read("/v1/interactions", voided="true")["data"]] == [entry]
    assert client.read("/v1/interactions", voided="false")["data"] == []
    assert client.post(f"/v1/interactions/{entry}/void", json={}).json()["code"] == "interaction_voided"


def test_interactions_are_listed_latest_first(client: Client, account: str) -> None:
    other = client.write("/v1/accounts", {"name": "Contoso", "currency": "EUR"})["id"]
    for day, path in ((3, account), (1, account), (2, f"/v1/accounts/{other}")):
        client.write(f"{path}/interactions", {"channel": "mail" if day == 1 else "call", "direction": "outbound",
                                              "occurred_at": f"2026-01-0{day}T09:00:00Z"})  # fmt: skip

    def days(path: str, **query: str) -> list[str]:
        return [one["occurred_at"][9:10] for one in client.read(path, **query)["data"]]

    assert days("/v1/interactions") == ["3", "2", "1"]
    assert days("/v1/interactions", sort="occurred_at") == ["1", "2", "3"]
    assert days("/v1/interactions", account="ref:nw") == days(f"{account}/interactions") == ["3", "1"]
    assert days("/v1/interactions", channel="mail") == ["1"]
    assert days("/v1/interactions", direction="inbound") == []


def test_nothing_is_logged_before_it_happened(client: Client, account: str) -> None:
    answer = client.post(f"{account}/interactions", json={**CALL, "occurred_at": "2999-01-01T00:00:00Z"})

    assert (answer.status_code, answer.json()["code"]) == (409, "occurred_in_future")


def test_an_account_that_is_not_there_has_no_interactions(client: Client) -> None:
    for named in ("acct_01jd7z5m3sf8x9v0w1y2z3a4b5", "ref:nobody"):
        for answer in (
            client.get(f"/v1/accounts/{named}/interactions"),
            client.post(f"/v1/accounts/{named}/interactions", json=CALL),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
