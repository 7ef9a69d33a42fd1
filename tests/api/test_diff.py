"""What changed on an account between two points of business time, of knowledge, or of both."""

from typing import Any

import pytest

from tests.api.conftest import Calendar
from tests.api.sample_agency import draft
from tests.support.server import Client


@pytest.fixture
def account(calendar: Calendar) -> tuple[Client, str]:
    """An account that was opened on 1 December, its path, on 15 January."""
    client = calendar.client()
    body = {"name": "Northwind", "currency": "EUR", "owner": "anna", "effective_at": "2025-12-01"}
    return client, f"/v1/accounts/{client.write('/v1/accounts', body)['id']}"


def changes(body: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Members with what they were and are."""
    return {one["member"]: (one["before"], one["after"]) for one in body["changes"]}


def types(body: dict[str, Any]) -> list[str]:
    """The types of the events that made the difference."""
    return [one["type"].partition(".")[2] for one in body["events"]]


def test_business_time_tells_what_became_true(account: tuple[Client, str]) -> None:
    client, path = account
    client.write(f"{path}/owner", {"owner": "ben", "effective_at": "2026-01-05"})
    client.write(f"{path}/tier", {"tier": "gold", "effective_at": "2026-02-01"})

    january = client.read(f"{path}/diff", from_="2025-12-31", to="2026-01-31")
    both = client.read(f"{path}/diff", from_="2025-12-31", to="2026-02-28")

    assert changes(january) == {"owner": ("anna", "ben")}
    assert types(january) == ["owner_set"]
    assert changes(both) == {"owner": ("anna", "ben"), "tier": (None, "gold")}
    assert types(both) == ["owner_set", "tier_set"]


def test_knowledge_tells_what_was_learned_also_of_the_past(account: tuple[Client, str]) -> None:
    client, path = account
    before = client.position
    client.write(f"{path}/owner", {"owner": "ben", "effective_at": "2025-12-10"})
    middle = client.position
    client.write(f"{path}/tier", {"tier": "gold", "effective_at": "2025-12-20"})

    all_ = client.read(f"{path}/diff", from_known_at=before)
    first = client.read(f"{path}/diff", from_known_at=before, to_known_at=middle)
    about_then = client.read(f"{path}/diff", from_known_at=before, as_of="2025-12-15")

    assert changes(all_) == {"owner": ("anna", "ben"), "tier": (None, "gold")}
    assert (changes(first), types(first)) == ({"owner": ("anna", "ben")}, ["owner_set"])
    assert (changes(about_then), types(about_then)) == ({"owner": ("anna", "ben")}, ["owner_set"])
    assert (all_["before"]["known_at"], all_["after"]["known_at"]) == (before, None)


def test_both_clocks_at_once(account: tuple[Client, str]) -> None:
    client, path = account
    client.write(f"{path}/owner", {"owner": "ben", "effective_at": "2026-01-05"})
    known = client.position
    client.write(f"{path}/owner", {"owner": "cleo", "effective_at": "2026-01-06"})

    body = client.read(f"{path}/diff", from_="2025-12-31", from_known_at=known, to="2026-01-31")

    assert changes(body) == {"owner": ("anna", "cleo")}
    assert types(body) == ["owner_set", "owner_set"]


def test_the_difference_backwards_has_the_same_events(account: tuple[Client, str]) -> None:
    client, path = account
    client.write(f"{path}/owner", {"owner": "ben", "effective_at": "2026-01-05"})

    body = client.read(f"{path}/diff", from_="2026-01-31", to="2025-12-31")

    assert changes(body) == {"owner": ("ben", "anna")}
    assert types(body) == ["owner_set"]


def test_contracts_and_what_they_are_worth_are_part_of_it(account: tuple[Client, str]) -> None:
    client, path = account
    contract = client.write(f"{path}/contracts", draft())["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-20"})
    client.write(f"/v1/contracts/{contract}/amendments",
                 {"effective_at": "2026-03-01", "changes": [{"op": "set_line", "line": "main", "unit_price": "1500.00"}]})  # fmt: skip

    body = client.read(f"{path}/diff", from_="2026-02-28", to="2026-03-01")

    changed = changes(body)
    assert changed["mrr"] == ([{"amount": "1000.00", "currency": "EUR"}], [{"amount": "1500.00", "currency": "EUR"}])
    assert changed[f"contracts.{contract}.arr.amount"] == ("12000.00", "18000.00")
    assert changed[f"contracts.{contract}.lines.main.unit_price.amount"] == ("1000.00", "1500.00")
    assert "contract.amended" in [one["type"] for one in body["events"]]


def test_an_account_that_was_not_there_yet_came_to_be(account: tuple[Client, str]) -> None:
    client, path = account

    body = client.read(f"{path}/diff", from_="2025-11-30", to="2025-12-01")

    assert changes(body)["name"] == (None, "Northwind")
    assert types(body) == ["opened"]
    assert client.see(f"{path}/diff", from_="2025-11-29", to="2025-11-30").json()["code"] == "account_not_found"


def test_nothing_changed_between_a_point_and_itself(account: tuple[Client, str]) -> None:
    client, path = account

    body = client.read(f"{path}/diff", from_="2026-01-01", to="2026-01-01")

    assert (body["changes"], body["events"], body["more_events"]) == ([], [], False)


def test_a_difference_names_two_hundred_events_and_says_that_there_are_more(account: tuple[Client, str]) -> None:
    client, path = account
    before = client.position
    for number in range(201):
        client.write(f"{path}/tier", {"tier": f"t{number}"})

    body = client.read(f"{path}/diff", from_known_at=before)

    assert (len(body["events"]), body["more_events"]) == (200, True)
    assert changes(body) == {"tier": (None, "t200")}


def test_a_point_before_must_be_named(account: tuple[Client, str]) -> None:
    client, path = account

    for query in ({}, {"to": "2026-01-01"}, {"as_of": "2026-01-01"}):
        answer = client.see(f"{path}/diff", **query)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert client.see(f"{path}/diff", from_="soon").json()["code"] == "invalid_as_of"
    assert client.see(f"{path}/diff", from_known_at="999999").json()["code"] == "position_ahead"
