"""Opportunities over HTTP: from a hint to a contract's event, and the board of all that is open."""

from typing import Any

from tests.support.server import Client, Server

LINE = {"line": "main", "product": "retainer", "unit_price": "1000.00", "interval": "month"}
ESTIMATE = {"annual_value": "6000.00", "currency": "EUR", "probability": "0.4", "close_by": "2026-06-30"}


def account(client: Client, **members: Any) -> str:
    """A client of the application."""
    return str(client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR", **members})["id"])


def seen(client: Client, account_id: str, **members: Any) -> str:
    """The path of a new opportunity."""
    body = {"title": "A second market", "kind": "upsell", "source": "review", **members}
    return f"/v1/opportunities/{client.write(f'/v1/accounts/{account_id}/opportunities', body)['id']}"


def refused(client: Client, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """The status and code of a write that must fail."""
    answer = client.post(path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_an_upsell_goes_from_a_review_to_an_amendment_that_says_what_it_is_worth(
    each_server: Server,
) -> None:
    client = each_server.client()
    mine = account(client)
    terms = {"currency": "EUR", "start": "2026-01-01", "lines": [LINE]}
    contract = client.write(f"/v1/accounts/{mine}/contracts", terms)["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-20"})
    there = seen(client, mine, contract=contract, external_ref="O-1")
    client.write(f"{there}/qualification", {"need": "Ada opens in France", "budget_known": True})
    client.write(f"{there}/estimate", ESTIMATE)
    client.write(f"{there}/stage", {"stage": "negotiation"})

    page = client.read(there)
    assert (page["stage"], page["outcome"]) == ("negotiation", "open")
    assert page["weighted_value"] == {"amount": "2400.00", "currency": "EUR"}
    assert page["qualification"]["need"] == "Ada opens in France"
    more = {"op": "add_line", "line": "fr", "product": "retainer", "unit_price": "550.00", "interval": "month"}
    amended = client.write(f"/v1/contracts/{contract}/amendments", {"effective_at": "2026-02-01", "changes": [more]})
    event = amended["events"][0]["id"]
    assert refused(client, f"{there}/win", {"event": event, "value": "6000.00"}) == (409, "value_differs")
    client.write(f"{there}/win", {"event": event, "value": "6600.00"})

    page = client.read("/v1/opportunities", external_ref="O-1")["data"][0]
    assert (page["outcome"], page["won"]["amount"], page["contract_event"]) == ("won", "6600.00", event)
    assert refused(client, f"{there}/loss", {"reason": "price"}) == (409, "opportunity_won")
    other = seen(client, mine, contract=contract)
    assert refused(client, f"{other}/win", {"event": event}) == (409, "contract_event_taken")


def test_opportunities_are_listed_by_page_and_by_what_they_are(client: Client) -> None:
    mine, other = account(client), account(client)
    first = seen(client, mine, source="usage")
    second = seen(client, other, kind="cross_sell")
    client.write(f"{second}/loss", {"reason": "price", "competitor": "Contoso"})

    def ids(path: str = "/v1/opportunities", **filters: Any) -> list[str]:
        return [f"/v1/opportunities/{one['id']}" for one in client.read(path, **filters)["data"]]

    page = client.read("/v1/opportunities", limit=1)
    assert page["has_more"]
    assert ids(limit=1, cursor=page["next_cursor"]) == [second]
    assert ids(account=mine) == ids(f"/v1/accounts/{mine}/opportunities") == ids(source="usage") == [first]
    assert ids(outcome="lost") == ids(kind="cross_sell") == [second]
    assert ids(stage="proposed") == []
    assert client.see("/v1/opportunities", source="nowhere").status_code == 400


def _values(currency: str, value: str, weighted: str) -> dict[str, Any]:
    """What one opportunity comes to in a column of the board."""
    amounts = {"value": value, "weighted": weighted}
    return {
        "currency": currency,
        "count": 1,
        **{name: {"amount": amount, "currency": currency} for name, amount in amounts.items()},
    }


def test_the_board_shows_what_is_open_by_stage_and_currency_under_both_clocks(each_server: Server) -> None:
    client = each_server.client()
    mine, other = account(client, owner="mia", effective_at="2026-01-01"), account(client, effective_at="2026-01-01")

    def estimated(account_id: str, value: str, probability: str, currency: str = "EUR", **members: Any) -> str:
        there = seen(client, account_id, effective_at="2026-01-02", **members)
        body = {**ESTIMATE, "annual_value": value, "probability": probability, "currency": currency}
        client.write(f"{there}/estimate", {**body, "effective_at": "2026-01-03"})
        return there

    first = estimated(mine, "6000.00", "0.4", source="usage")
    estimated(other, "1000.01", "0.333333")
    estimated(mine, "500000", "0.5", "JPY")
    seen(client, mine, effective_at="2026-01-02")
    client.write(f"{first}/qualification", {"need": "more", "effective_at": "2026-01-05"})
    known = client.position
    client.write(f"{first}/parking", {"until": "2099-01-01", "reason": "no budget", "effective_at": "2026-01-08"})

    def stages(**params: Any) -> dict[str, Any]:
        board = client.read("/v1/boards/pipeline", **params)
        return {one["stage"]: one for one in [*board["stages"], board["total"]]}

    now = stages(as_of="2026-01-09")
    assert list(now) == ["identified", "qualified", "proposed", "negotiation", "parked", "total"]
    assert now["identified"] == {
        "stage": "identified", "count": 3, "unestimated": 1,
        "values": [_values("EUR", "1000.01", "333.34"), _values("JPY", "500000", "250000")],
    }  # fmt: skip
    assert (now["parked"]["count"], now["total"]["count"]) == (1, 3)
    then = stages(as_of="2026-01-06")
    assert then["qualified"]["values"] == [_values("EUR", "6000.00", "2400.00")]
    assert (then["parked"]["count"], then["total"]["count"]) == (0, 4)
    assert stages(as_of="2026-01-09", known_at=known)["parked"]["count"] == 0
    assert stages(as_of="2026-01-01")["total"]["count"] == 0
    assert stages(as_of="2026-01-09", owner="mia")["total"]["count"] == 2
    assert stages(as_of="2026-01-06", source="usage")["total"]["count"] == 1
    figure = client.read("/v1/kpis/pipeline_value", as_of="2026-01-06", currency="EUR", method="weighted")
    total = next(one for one in then["total"]["values"] if one["currency"] == "EUR")
    assert figure["value"] == total["weighted"]["amount"]


def test_hostile_numbers_and_words_are_refused_by_name_and_nothing_is_stored(client: Client) -> None:
    mine = account(client)
    there = seen(client, mine)
    head = client.position

    for path, body in (
        (f"{there}/estimate", {**ESTIMATE, "annual_value": "-1"}),
        (f"{there}/estimate", {**ESTIMATE, "annual_value": 6000.5}),
        (f"{there}/estimate", {**ESTIMATE, "annual_value": "1000000000000"}),
        (f"{there}/estimate", {**ESTIMATE, "probability": "1.01"}),
        (f"{there}/estimate", {**ESTIMATE, "probability": "-0.1"}),
        (f"{there}/estimate", {**ESTIMATE, "close_by": "soon"}),
        (f"{there}/stage", {"stage": "won"}),
        (f"{there}/parking", {"until": "2001-01-01", "reason": "no"}),
        (f"{there}/loss", {}),
        (f"{there}/win", {"event": ""}),
        (f"/v1/accounts/{mine}/opportunities", {"title": "x", "kind": "upsell"}),
        (f"/v1/accounts/{mine}/opportunities", {"title": "x", "kind": "upsell", "source": "luck"}),
    ):
        status, code = refused(client, path, body)
        assert status == 422, (path, body, code)
    for path, body, expected in (
        (f"{there}/win", {"contract": "ref:none", "event": "evt_x"}, (404, "contract_not_found")),
        ("/v1/opportunities/opp_x/loss", {"reason": "price"}, (404, "opportunity_not_found")),
        (f"{there}/stage", {"stage": "qualified"}, (409, "not_qualified")),
    ):
        assert refused(client, path, body) == expected
    assert client.read("/v1/events", after=head)["data"] == []
