"""Forecasts over HTTP: submitted, never overwritten, read as they were known, summed, and shown on boards."""

from decimal import Decimal
from typing import Any

import pytest

from tests.api.sample_agency import LINE, draft
from tests.support.server import Client


@pytest.fixture
def agency(client: Client) -> Client:
    """A client with an account of maria's."""
    account = {"name": "Northwind", "currency": "EUR", "external_ref": "nw", "owner": "maria", "tier": "gold"}
    client.write("/v1/accounts", {**account, "effective_at": "2025-06-01"})
    return client


def cycle(client: Client, ref: str, price: str = "1000.00", account: str = "ref:nw", **terms: Any) -> str:
    """The path of an open renewal cycle, due on 2027-01-01 unless the terms differ."""
    terms_of_contract = draft(external_ref=ref, **terms)
    terms_of_contract["lines"] = [
        {**terms_of_contract["lines"][0], "unit_price": price, "product": terms.get("currency", "retainer")}
    ]
    contract = client.write(f"/v1/accounts/{account}/contracts", terms_of_contract)["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-20"})
    return f"/v1/renewals/{client.write(f'/v1/contracts/{contract}/renewal-cycles')['id']}"


def say(client: Client, renewal: str, category: str, value: str, probability: str | None = None, **more: Any) -> int:
    """Submits a forecast. Gives: its position."""
    members = {"category": category, "expected_value": value, "probability": probability, **more}
    body = {name: member for name, member in members.items() if member is not None}
    return int(client.write(f"{renewal}/forecasts", body)["position"])


YEAR = {"from_": "2027-01-01", "to": "2028-01-01"}


def forecast(client: Client, **query: Any) -> dict[str, Any]:
    """The forecast of 2027."""
    params = {name.rstrip("_"): value for name, value in {**YEAR, **query}.items()}
    return client.read("/v1/kpis/renewal_forecast", **params)


def test_every_forecast_stays_and_the_newest_counts(agency: Client) -> None:
    renewal = cycle(agency, "a")

    first = say(agency, renewal, "best_case", "12000.00", "0.6", currency="EUR")
    say(agency, renewal, "commit", "12600.00", "0.9")
    forecasts = agency.read(f"{renewal}/forecasts")["data"]
    now, then = agency.read(renewal), agency.read(renewal, known_at=first)

    assert [(one["category"], one["probability"], one["expected_value"]["amount"]) for one in forecasts] == [
        ("best_case", "0.6", "12000.00"), ("commit", "0.9", "12600.00")]  # fmt: skip
    assert forecasts[0]["by"].startswith("key_")
    assert now["forecast"]["category"] == "commit"
    assert then["forecast"]["category"] == "best_case"
    assert [one["category"] for one in agency.read(f"{renewal}/forecasts", known_at=first)["data"]] == ["best_case"]
    assert [one["position"] for one in agency.read(f"{renewal}/forecasts", sort="-position")["data"]] == [
        first + 1,
        first,
    ]
    assert (forecast(agency)["value"], forecast(agency, known_at=first)["value"]) == ("11340.00", "7200.00")


def test_forecasts_are_paged(agency: Client) -> None:
    renewal = cycle(agency, "a")
    positions = [say(agency, renewal, "commit", f"{value}.00") for value in range(1, 6)]

    listed, cursor = [], {}
    while True:
        page = agency.read(f"{renewal}/forecasts", limit=2, **cursor)
        listed += [one["position"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert listed == positions


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"category": "commit", "expected_value": "1.00", "currency": "USD"}, 422, "other_currency"),
        ({"category": "commit", "expected_value": "1.00", "probability": "-0.1"}, 422, "probability_out_of_range"),
        ({"category": "commit", "expected_value": "1.00", "probability": "1.1"}, 422, "validation_error"),
        ({"category": "commit", "expected_value": "-1.00"}, 422, "validation_error"),
        ({"category": "commit", "expected_value": "1" * 13}, 422, "validation_error"),
        ({"category": "hope", "expected_value": "1.00"}, 422, "validation_error"),
        ({"category": "commit"}, 422, "validation_error"),
        ({"category": "commit", "expected_value": "1.00", "by": "key_1"}, 422, "validation_error"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_appended(agency: Client, body: Any, status: int, code: str) -> None:
    renewal = cycle(agency, "a")
    head = agency.read("/v1/events", after=0, limit=1000)["position"]

    answer = agency.post(f"{renewal}/forecasts", json=body)

    assert answer.status_code == status
    if code != "validation_error":
        assert answer.json()["code"] == code
    assert agency.read("/v1/events", after=0, limit=1000)["position"] == head


def test_nothing_is_forecast_for_what_is_decided_or_for_nobody(agency: Client) -> None:
    renewal = cycle(agency, "a")
    contract = agency.read(renewal)["contract"]
    agency.write(f"/v1/contracts/{contract}/renewals", {"end": "2028-01-01"})
    body = {"category": "commit", "expected_value": "1.00"}

    closed = agency.post(f"{renewal}/forecasts", json=body)
    nobody = agency.post("/v1/renewals/rnw_01jd7z5m3wf8x9v0w1y2z3a4b5/forecasts", json=body)

    assert (closed.status_code, closed.json()["code"]) == (409, "renewal_closed")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "renewal_not_found")
    assert agency.see("/v1/renewals/rnw_01jd7z5m3wf8x9v0w1y2z3a4b5/forecasts").status_code == 404


def test_d19_and_its_explanation_and_groups(agency: Client) -> None:
    """Source: reference/product.md 3.8, D19: a pool of 2,000,000 at 90%."""
    other = agency.write(
        "/v1/accounts", {"name": "Contoso", "currency": "EUR", "owner": "tom", "effective_at": "2025-06-01"}
    )
    one, two = cycle(agency, "a", "100000.00"), cycle(agency, "b", "66666.67", other["id"])
    say(agency, one, "commit", "1200000.00", "0.9")
    say(agency, two, "best_case", "800000.00", "0.9")

    figure = forecast(agency, group_by="owner")
    explained = agency.read("/v1/kpis/renewal_forecast/explain", **{"from": "2027-01-01", "to": "2028-01-01"})

    assert (figure["value"], figure["low"], figure["high"]) == ("1800000.00", "1080000.00", "2000000.00")
    assert [(group["name"], group["base"]) for group in figure["groups"]] == [
        ("maria", "1080000.00"),
        ("tom", "720000.00"),
    ]
    assert [row["contribution"]["numerator"] for row in explained["data"]] == ["1080000.00", "720000.00"]
    assert [item["probability"] for row in explained["data"] for item in row["items"]] == ["0.9", "0.9"]
    assert {event["type"] for row in explained["data"] for event in row["events"]} >= {"renewal.forecast_submitted"}
    assert [group["name"] for group in forecast(agency, group_by="tier")["groups"]] == ["gold", None]
    assert forecast(agency, owner="tom")["value"] == "720000.00"
    bad = agency.see("/v1/kpis/renewal_forecast", group_by="moon", **{"from": "2027-01-01", "to": "2028-01-01"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_option")
    alien = agency.see("/v1/kpis/win_rate", group_by="owner", **{"from": "2027-01-01", "to": "2028-01-01"})
    assert (alien.status_code, alien.json()["code"]) == (400, "option_not_allowed")


def test_what_is_available_and_what_is_at_risk(agency: Client) -> None:
    sure, doubted, unsaid = (cycle(agency, ref) for ref in "abc")
    agency.write(f"{sure}/risk", {"risk": "on_track"})
    agency.write(f"{doubted}/risk", {"risk": "at_risk"})
    contract = agency.read(unsaid)["contract"]
    change = {"op": "add_line", **LINE, "line": "social", "unit_price": "50.00"}
    agency.write(f"/v1/contracts/{contract}/amendments", {"effective_at": "2026-08-01", "changes": [change]})

    def figure(name: str, **query: Any) -> dict[str, Any]:
        return agency.read(f"/v1/kpis/{name}", **{"from": "2027-01-01", "to": "2027-02-01", **query})

    assert figure("available_to_renew")["value"] == "36600.00"
    assert figure("available_to_renew", method="frozen")["value"] == "36000.00"  # half a year before
    risk = figure("revenue_at_risk")
    assert (risk["value"], risk["warnings"][0]) == ("12000.00", {"code": "unassessed_renewals", "count": 1})
    rows = agency.read("/v1/kpis/revenue_at_risk/explain", **{"from": "2027-01-01", "to": "2027-02-01"})["data"]
    assert [row["contribution"]["numerator"] for row in rows] == ["12000.00"]


def test_several_currencies_are_never_summed(agency: Client) -> None:
    cycle(agency, "a")
    cycle(agency, "b", currency="USD")

    for name in ("available_to_renew", "revenue_at_risk", "renewal_forecast", "forecast_accuracy"):
        answer = agency.see(f"/v1/kpis/{name}", **{"from": "2027-01-01", "to": "2028-01-01"})
        assert (answer.status_code, answer.json()["code"]) == (422, "mixed_currencies"), name
    assert forecast(agency, currency="USD")["value"] == "11400.00"
    sums = agency.read("/v1/boards/renewals")["columns"][1]["sums"]
    assert [(one["currency"], one["atr"]["amount"]) for one in sums] == [("EUR", "12000.00"), ("USD", "12000.00")]


def valued(client: Client, *rates: tuple[str, str]) -> None:
    """A table of rates of a euro in dollars, in force; what begins on the first day of 2027 comes too late for it."""
    dated = [{"date": day, "currency": "EUR", "rate": rate} for day, rate in rates]
    policy = client.write("/v1/policies", {"rules": {"kind": "fx", "base": "USD", "rates": dated}})["id"]
    client.write(f"/v1/policies/{policy}/versions/1/activation", {"start": "2024-01-01"})


RISING = (("2024-01-01", "1.1"), ("2026-06-01", "1.2"), ("2027-01-01", "1.5"))


def test_several_currencies_are_reported_in_one_at_the_openings_rates_and_explained_alike(agency: Client) -> None:
    euros, dollars = cycle(agency, "a"), cycle(agency, "b", currency="USD")
    say(agency, euros, "best_case", "13000.00", "0.5")
    change = {"op": "add_line", **LINE, "line": "social", "unit_price": "50.00"}
    more = {"effective_at": "2026-08-01", "changes": [change]}
    agency.write(f"/v1/contracts/{agency.read(euros)['contract']}/amendments", more)
    params = {"from": "2027-01-01", "to": "2028-01-01", "reporting_currency": "USD"}
    nothing = agency.see("/v1/kpis/renewal_forecast", **params)
    assert (nothing.status_code, nothing.json()["code"]) == (422, "fx_table_missing")
    twice = agency.see("/v1/kpis/renewal_forecast", currency="EUR", **params)
    assert (twice.status_code, twice.json()["code"]) == (400, "currency_twice")
    valued(agency, *RISING)

    figure = agency.read("/v1/kpis/renewal_forecast", group_by="product", **params)

    # 13,000 x 0.5 x 1.2 + 12,000 x 0.95; what is committed is the dollars
    assert (figure["low"], figure["base"], figure["high"]) == ("11400.00", "19200.00", "27600.00")
    assert (figure["available_to_renew"], figure["uplift"], figure["currency"]) == ("27120.00", "240.00", "USD")
    assert [(one["name"], one["base"]) for one in figure["groups"]] == [("USD", "11400.00"), ("retainer", "7800.00")]
    assert figure["fx_version"] == "fx@default/1"
    assert figure["fx_rates"] == [{"currency": "EUR", "base": "USD", "date": "2026-06-01", "rate": "1.2"}]
    figures = {
        "renewal_forecast": {None: "19200.00"},
        "available_to_renew": {"in_force": "27120.00", "frozen": "26400.00"},
        "revenue_at_risk": {None: "15120.00"},
    }
    for name, methods in figures.items():
        for method, value in methods.items():
            answer = agency.read(f"/v1/kpis/{name}", **params, **({"method": method} if method else {}))
            explained = agency.get(answer["explain_url"]).json()
            assert (answer["value"], explained["figure"]["value"]) == (value, value)
            assert sum(Decimal(row["contribution"]["numerator"]) for row in explained["data"]) == Decimal(value)
            assert explained["figure"]["fx_rates"] == figure["fx_rates"]
            assert {item["currency"] for row in explained["data"] for item in row["items"]} == {"USD"}
    assert forecast(agency, reporting_currency="EUR")["base"] == "16000.00"
    assert forecast(agency, currency="EUR")["base"] == "6500.00"

    policy = agency.write("/v1/policies", {"rules": {"kind": "metric", "reporting_currency": "EUR"}})["id"]
    agency.write(f"/v1/policies/{policy}/versions/1/activation", {"start": "2024-01-01"})
    assert (forecast(agency)["base"], forecast(agency)["policy_version"]) == ("16000.00", "metric@default/1")
    series = agency.read(
        "/v1/kpis/available_to_renew/series", interval="year", **{"from": "2026-01-01", "to": "2028-01-01"}
    )
    assert [point["value"] for point in series["data"]] == ["0.00", "22600.00"]
    assert agency.read(dollars)["atr"] == {"amount": "12000.00", "currency": "USD"}


def test_how_well_forecasts_came_true_is_reported_in_one_currency(agency: Client) -> None:
    euros, dollars = cycle(agency, "a"), cycle(agency, "b", currency="USD")
    say(agency, euros, "commit", "12000.00", "0.9", effective_at="2026-10-01")
    say(agency, dollars, "best_case", "12000.00", "0.5", effective_at="2026-10-01")
    for renewal in (euros, dollars):
        agency.write(f"/v1/contracts/{agency.read(renewal)['contract']}/renewals", {"end": "2028-01-01"})
    valued(agency, *RISING)
    year = {"from": "2027-01-01", "to": "2028-01-01"}

    figure = agency.read("/v1/kpis/forecast_accuracy", reporting_currency="USD", **year)

    # forecast 12,960 + 6,000, renewed 14,400 + 12,000
    assert (figure["numerator"], figure["denominator"]) == ("18960.00", "26400.00")
    assert (figure["value"], figure["bias"], figure["brier_score"]) == ("0.718182", "-0.281818", "0.13")
    assert [(one["value"], one["renewals"]) for one in figure["by_person"]] == [("0.718182", 2)]
    rows = agency.get(figure["explain_url"]).json()["data"]
    assert [row["contribution"] for row in rows] == [{"numerator": "18960.00", "denominator": "26400.00"}]


def test_accuracy_takes_the_forecast_that_stood_so_many_days_before(agency: Client) -> None:
    renewal = cycle(agency, "a")
    say(agency, renewal, "commit", "12000.00", "0.9", effective_at="2026-10-01")
    say(agency, renewal, "at_risk", "12000.00", "0.2", effective_at="2026-12-20")
    contract = agency.read(renewal)["contract"]
    agency.write(f"/v1/contracts/{contract}/renewals", {"end": "2028-01-01"})

    def accuracy(**query: Any) -> dict[str, Any]:
        return agency.read("/v1/kpis/forecast_accuracy", **{"from": "2027-01-01", "to": "2027-02-01", **query})

    assert (accuracy()["value"], accuracy()["brier_score"], accuracy()["bias"]) == ("0.9", "0.01", "-0.1")
    assert (accuracy(days_before=7)["value"], accuracy(days_before=7)["brier_score"]) == ("0.2", "0.64")
    assert accuracy(days_before=200)["null_reason"] == "no_forecasts_in_period"
    assert [one["value"] for one in accuracy()["by_person"]] == ["0.9"]
    for wrong in ("-1", "x", "1001"):
        answer = agency.see(
            "/v1/kpis/forecast_accuracy", days_before=wrong, **{"from": "2027-01-01", "to": "2027-02-01"}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_option")


# --- boards ---


def test_the_board_has_open_renewals_by_stage_and_by_month_with_their_sums(agency: Client) -> None:
    first, second = cycle(agency, "a"), cycle(agency, "b", "500.00")
    say(agency, first, "commit", "12000.00", "0.9")
    agency.write(f"{second}/deferral", {"new_due": "2027-03-01"})
    third = cycle(agency, "c")
    agency.write(f"/v1/contracts/{agency.read(third)['contract']}/renewals", {"end": "2028-01-01"})

    by_stage = agency.read("/v1/boards/renewals", as_of="2026-12-02")
    by_month = agency.read("/v1/boards/renewals", columns="month", as_of="2026-12-02")

    columns = {one["name"]: one for one in by_stage["columns"]}
    assert list(columns) == ["ahead", "opened", "approaching", "deferred", "noticed", "overdue"]
    [card] = columns["opened"]["cards"]
    assert (card["days_left"], card["deadline"], card["owner"], card["forecast"]["amount"]) == (
        30, "2027-01-01", "maria", "10800.00")  # fmt: skip
    assert columns["deferred"]["cards"][0]["deadline"] == "2027-03-01"
    assert columns["ahead"]["cards"][0]["id"] is None  # the term that was agreed with the renewal
    assert [one["name"] for one in by_month["columns"]] == ["2027-01", "2027-03", "2028-01"]
    assert [one["sums"][0]["atr"]["amount"] for one in by_month["columns"]] == ["12000.00", "6000.00", "12000.00"]
    late = {one["name"]: one["renewals"] for one in agency.read("/v1/boards/renewals", as_of="2027-01-20")["columns"]}
    assert (late["overdue"], late["deferred"]) == (1, 1)
    listed = agency.read("/v1/renewals", as_of="2027-06-01", due_to="2027-12-01")["data"]
    outcomes = [(one["due"], one["outcome"], one["reason"]) for one in listed]
    assert sorted(outcomes) == [("2027-01-01", "lost", "expired")] * 2 + [("2027-01-01", "renewed", None)]
    narrow = agency.see("/v1/boards/renewals", columns="month", owner="nobody")
    assert (narrow.status_code, narrow.json()["code"]) == (400, "unknown_owner")


def test_the_board_shows_so_many_cards_and_sums_all(agency: Client) -> None:
    for number in range(3):
        cycle(agency, f"c{number}")

    [column] = agency.read("/v1/boards/renewals", columns="month", limit=2)["columns"]

    assert (len(column["cards"]), column["renewals"], column["has_more"]) == (2, 3, True)
    assert column["sums"][0]["atr"]["amount"] == "36000.00"


def test_the_forecast_board_tells_what_moved_it_and_by_which_events(agency: Client) -> None:
    one, two, three = (cycle(agency, ref, price) for ref, price in (("a", "1000.00"), ("b", "333.33"), ("c", "100.00")))
    say(agency, one, "best_case", "12000.00", "0.5")
    before = agency.position
    submitted = say(agency, one, "commit", "13000.00", "0.9")
    contract = agency.read(two)["contract"]
    won = agency.write(f"/v1/contracts/{contract}/renewals", {"end": "2028-01-01"})

    board = agency.read("/v1/boards/forecast", from_known_at=before, **{"from": "2027-01-01", "to": "2027-02-01"})

    assert (board["from"]["position"], board["from"]["base"]) == (before, "10939.96")
    assert (board["from"]["low"], board["to"]["low"], board["to"]["high"]) == ("4939.96", "16839.96", "18199.96")
    moves = board["movements"]
    assert [(move["renewal"], move["change"]) for move in moves] == [
        (one.rpartition("/")[2], "recategorised"), (two.rpartition("/")[2], "won")]  # fmt: skip
    assert [event["position"] for event in moves[0]["events"]] == [submitted]
    assert {event["type"] for event in moves[1]["events"]} == {one["type"] for one in won["events"]}
    assert (board["changed"], board["has_more"]) == (2, False)
    cents = [round(float(move["difference"]["base"]) * 100) for move in moves]
    assert sum(cents) == round(float(board["difference"]["base"]) * 100)
    assert three.rpartition("/")[2] not in {move["renewal"] for move in moves}
    again = agency.read(
        "/v1/boards/forecast", from_known_at=before, to_known_at=before, **{"from": "2027-01-01", "to": "2027-02-01"}
    )
    assert (again["movements"], again["difference"]) == ([], {"low": "0.00", "base": "0.00", "high": "0.00"})


def test_the_board_compares_both_positions_at_the_same_rates_so_that_none_of_them_moves_it(agency: Client) -> None:
    euros = cycle(agency, "a")
    cycle(agency, "b", currency="USD")
    before = agency.position
    params = {"from": "2027-01-01", "to": "2028-01-01", "from_known_at": before, "reporting_currency": "USD"}
    assert agency.see("/v1/boards/forecast", **params).json()["code"] == "fx_table_missing"
    valued(agency, *RISING)

    still = agency.read("/v1/boards/forecast", **params)
    say(agency, euros, "best_case", "13000.00", "0.5")
    board = agency.read("/v1/boards/forecast", **params)

    assert (still["movements"], still["difference"]["base"]) == ([], "0.00")  # the table came in between
    assert (still["from"]["base"], still["to"]["base"]) == ("25080.00", "25080.00")
    assert (board["currency"], board["fx_version"]) == ("USD", "fx@default/1")
    assert board["fx_rates"] == [{"currency": "EUR", "base": "USD", "date": "2026-06-01", "rate": "1.2"}]
    assert (board["from"]["low"], board["from"]["base"], board["from"]["position"]) == ("25080.00", "25080.00", before)
    assert (board["to"]["low"], board["to"]["base"], board["to"]["high"]) == ("11400.00", "19200.00", "27600.00")
    [move] = board["movements"]
    assert (move["change"], move["difference"]["base"]) == ("recategorised", "-5880.00")
    assert (move["before"]["base"], move["after"]["base"]) == ("13680.00", "7800.00")
    assert board["difference"] == {"low": "-13680.00", "base": "-5880.00", "high": "1200.00"}
    mixed = agency.see("/v1/boards/forecast", **{"from": "2027-01-01", "to": "2028-01-01"})
    assert (mixed.status_code, mixed.json()["code"]) == (422, "mixed_currencies")
    one = agency.read("/v1/boards/forecast", currency="USD", **{"from": "2027-01-01", "to": "2028-01-01"})
    assert (one["to"]["base"], "fx_rates" in one) == ("11400.00", False)
    twice = agency.see("/v1/boards/forecast", currency="USD", **params)
    assert (twice.status_code, twice.json()["code"]) == (400, "currency_twice")


def test_the_board_of_an_account_that_is_newer_than_the_earlier_position_shows_what_appeared(agency: Client) -> None:
    before = agency.position
    new = agency.write("/v1/accounts", {"name": "Contoso", "currency": "EUR", "effective_at": "2025-06-01"})["id"]
    cycle(agency, "a", account=new)
    year = {"from": "2027-01-01", "to": "2028-01-01"}

    board = agency.read("/v1/boards/forecast", from_known_at=before, account=new, **year)

    assert [(move["change"], move["difference"]["base"]) for move in board["movements"]] == [("appeared", "11400.00")]


def test_knowledge_that_goes_backwards_is_refused(agency: Client) -> None:
    cycle(agency, "a")
    answer = agency.see(
        "/v1/boards/forecast", from_known_at=5, to_known_at=2, **{"from": "2027-01-01", "to": "2028-01-01"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_known_at")
