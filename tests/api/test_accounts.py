"""Accounts over HTTP."""

import pytest

from tests.api.sample_agency import draft
from tests.support.server import Client

NORTHWIND = {
    "name": "Northwind",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "industry": "retail",
    "country": "DE",
    "tier": "gold",
    "owner": "usr_maria",
    "external_ref": "northwind",
    "effective_at": "2026-01-05",
}


def test_an_account_is_opened_and_read(client: Client) -> None:
    client.write("/v1/users", {"name": "Maria", "external_ref": "usr_maria"})

    answer = client.post("/v1/accounts", json=NORTHWIND)
    receipt = answer.json()
    client.position = receipt["position"]

    page = client.see("/v1/accounts/ref:northwind")

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/accounts/{receipt['id']}"
    assert (answer.headers["etag"], answer.headers["event-position"]) == ('"1"', str(receipt["position"]))
    assert receipt == {"id": receipt["id"], "version": 1, "position": 4,
                       "events": [{"id": receipt["events"][0]["id"], "type": "account.opened", "position": 4}]}  # fmt: skip
    assert page.json() == {
        **{name: NORTHWIND[name] for name in NORTHWIND if name != "effective_at"},
        "id": receipt["id"],
        "backup": None,
        "members": [],
        "key_account": False,
        "status": "open",
        "opened_at": "2026-01-05T00:00:00.000000Z",
        "last_touch_at": None,
        "interactions": 0,
        "version": 1,
        "arr": [],
        "mrr": [],
        "next_renewal": None,
        "as_of": page.json()["as_of"],
        "position": 4,
    }
    assert page.headers["projection-position"] == "4"
    assert client.get(answer.headers["location"]).json()["id"] == receipt["id"]


def test_an_account_is_changed_by_named_facts(client: Client) -> None:
    account = f"/v1/accounts/{client.write('/v1/accounts', NORTHWIND)['id']}"

    client.write(f"{account}/name", {"name": "Northwind Traders"})
    client.write(f"{account}/tier", {"tier": None})
    client.write(f"{account}/owner", {"owner": "usr_tom"})
    client.write(f"{account}/closure", {"reason": "moved away"})
    closed = client.read(account)
    client.write(f"{account}/reopening")

    assert (closed["name"], closed["tier"], closed["owner"], closed["status"]) == (
        "Northwind Traders",
        None,
        "usr_tom",
        "closed",
    )
    assert client.read(account)["status"] == "open"
    assert client.read(account)["version"] == 6


def test_an_account_shows_what_it_is_worth_and_what_falls_due_next(client: Client) -> None:
    account = f"/v1/accounts/{client.write('/v1/accounts', NORTHWIND)['id']}"
    ids = []
    for currency, price, end in (
        ("EUR", "1000.00", "2027-01-01"),
        ("EUR", "100.01", "2026-07-01"),
        ("JPY", "5000", "2028-01-01"),
    ):
        line = {"line": "main", "product": "x", "unit_price": price, "interval": "month"}
        agreed = {"effective_at": "2025-12-20"}
        terms = {**draft(), **agreed, "currency": currency, "end": end, "lines": [line]}
        ids.append(client.write(f"{account}/contracts", terms)["id"])
        client.write(f"/v1/contracts/{ids[-1]}/signature", {**agreed, "signed_at": "2025-12-20"})

    june, august = (
        client.read(account, as_of="2026-06-30"),
        client.read(account, as_of="2026-08-15"),
    )  # its grace is over

    assert june["mrr"] == [{"amount": "1100.01", "currency": "EUR"}, {"amount": "5000", "currency": "JPY"}]
    assert june["arr"] == [{"amount": "13200.12", "currency": "EUR"}, {"amount": "60000", "currency": "JPY"}]
    assert (june["next_renewal"]["contract"], june["next_renewal"]["due"]) == (ids[1], "2026-07-01")
    assert june["next_renewal"]["atr"] == {"amount": "1200.12", "currency": "EUR"}
    assert august["mrr"][0]["amount"] == "1000.00"
    assert (august["next_renewal"]["contract"], august["next_renewal"]["notice_deadline"]) == (ids[0], "2026-12-02")


def test_touches_are_counted_and_the_last_is_shown(client: Client) -> None:
    account = f"/v1/accounts/{client.write('/v1/accounts', NORTHWIND)['id']}"
    for day in ("2026-01-20", "2026-01-10"):
        client.write(f"{account}/interactions",
                     {"channel": "call", "direction": "inbound", "occurred_at": f"{day}T09:00:00Z"})  # fmt: skip

    page = client.read(account)

    assert (page["interactions"], page["last_touch_at"]) == (2, "2026-01-20T09:00:00.000000Z")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["a", "b", "c"]),
        ({"tier": "gold"}, ["a", "b"]),
        ({"tier": ["gold", "iron"]}, ["a", "b", "c"]),
        ({"tier": "gold", "owner": "tom"}, ["b"]),
        ({"status": "closed"}, ["c"]),
        ({"status": "open", "industry": "retail"}, ["a"]),
        ({"external_ref": ["r-a", "r-c"]}, ["a", "c"]),
        ({"tier": "gold", "country": "none"}, []),
        ({"country": "AT"}, ["b"]),
        ({"country": ["DE", "AT"], "tier": "gold"}, ["a", "b"]),
        ({"country": "none"}, ["c"]),
        ({"industry": "none"}, ["b", "c"]),
        ({"industry": ["none", "retail"], "owner": ["none", "maria"]}, ["a"]),
    ],
)
def test_accounts_are_listed_by_what_they_are(visitor: Client, query: dict[str, object], names: list[str]) -> None:
    for name, tier, owner, industry, country in (
        ("a", "gold", "maria", "retail", "DE"),
        ("b", "gold", "tom", None, "AT"),
        ("c", "iron", "tom", None, None),
    ):
        body = {"name": name, "currency": "EUR", "tier": tier, "owner": owner, "external_ref": f"r-{name}"}
        account = visitor.write("/v1/accounts", body | {"industry": industry, "country": country})["id"]
    visitor.write(f"/v1/accounts/{account}/closure")

    assert [one["name"] for one in visitor.read("/v1/accounts", sort="name", **query)["data"]] == names


def test_a_reference_can_be_given_to_one_account_only(client: Client) -> None:
    client.write("/v1/accounts", NORTHWIND)

    answer = client.post("/v1/accounts", json={**NORTHWIND, "name": "Another"})

    assert (answer.status_code, answer.json()["code"]) == (409, "external_ref_taken")
