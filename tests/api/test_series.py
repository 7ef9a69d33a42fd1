"""Figures over time: a series is the single answers side by side, and the waterfall board lays them out for a chart."""

from decimal import Decimal
from typing import Any

import pytest

from tests.api.test_kpi_certificates import CORRECTION, YEAR, fixture_client
from tests.support.server import Server

SHARED = ("value", "numerator", "denominator", "currency", "warnings", "as_of")


@pytest.mark.parametrize("name", ["net_revenue_retention", "mrr_waterfall", "quick_ratio", "renewal_rate"])
def test_every_interval_of_a_series_is_answered_as_a_single_question_about_it_is(
    each_server: Server, name: str
) -> None:
    client = fixture_client(each_server)

    series = client.read(f"/v1/kpis/{name}/series", **YEAR, interval="quarter")["data"]

    assert [(one["from"], one["to"]) for one in series] == [
        ("2025-01-01", "2025-04-01"), ("2025-04-01", "2025-07-01"), ("2025-07-01", "2025-10-01"), ("2025-10-01", "2026-01-01"),
    ]  # fmt: skip
    shared = {*SHARED, "rows"} - (
        {"as_of"} if name == "renewal_rate" else set()
    )  # renewals are read as of now, each time anew
    for one in series:
        alone = client.read(f"/v1/kpis/{name}", **{"from": one["from"], "to": one["to"]})
        assert {member: one.get(member) for member in shared} == {member: alone.get(member) for member in shared}


def test_a_series_of_a_point_tells_the_end_of_each_interval_the_last_of_which_may_be_shorter(
    each_server: Server,
) -> None:
    client = fixture_client(each_server)

    series = client.read("/v1/kpis/mrr/series", **{"from": "2025-10-15", "to": "2026-01-01"})["data"]

    assert [(one["to"], one["as_of"], one["value"]) for one in series] == [
        ("2025-11-15", "2025-11-14T23:59:59.999999Z", "5500.00"),
        ("2025-12-15", "2025-12-14T23:59:59.999999Z", "5500.00"),
        ("2026-01-01", "2025-12-31T23:59:59.999999Z", "5500.00"),
    ]


def test_a_series_of_what_was_known_stays_as_it_was(each_server: Server) -> None:
    client = fixture_client(each_server)
    before = client.read("/v1/kpis/mrr/series", **YEAR, known_at=client.position)
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)

    assert client.read("/v1/kpis/mrr/series", **YEAR, known_at=before["position"]) == before
    assert client.read("/v1/kpis/mrr/series", **YEAR)["data"][-1]["value"] == "5400.00"


def test_months_are_counted_from_the_first_day_so_that_the_31st_comes_back(shared_server: Server) -> None:
    client = fixture_client(shared_server)

    series = client.read("/v1/kpis/mrr/series", **{"from": "2025-01-31", "to": "2025-05-01"})["data"]

    assert [one["from"] for one in series] == ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": "2025-01-01"}, "period_missing"),
        ({"from": "2025-01-01", "to": "2025-01-01"}, "invalid_period"),
        ({"from": "2025-01-01", "to": "2028-01-01", "interval": "week"}, "too_many_points"),
        ({"from": "0001-01-01", "to": "9999-12-31", "interval": "week"}, "too_many_points"),
        ({"from": "2025-01-01", "to": "2026-01-01", "interval": "day"}, "invalid_parameter"),
        ({"from": "2025-01-01", "to": "2026-01-01", "method": "guess"}, "unknown_method"),
        ({"from": "soon", "to": "2026-01-01"}, "invalid_parameter"),
        ({"from": "2025-01-01", "to": "2026-01-01", "limit": 5}, "unknown_parameter"),
    ],
)
def test_a_series_that_cannot_be_computed_is_refused_by_name(
    shared_server: Server, params: dict[str, Any], code: str
) -> None:
    for path in ("/v1/kpis/mrr/series", "/v1/boards/waterfall"):
        if path.endswith("waterfall") and (code == "unknown_method" or "to" not in params):
            continue
        answer = fixture_client(shared_server).see(path, **params)
        assert (answer.status_code, answer.json()["code"]) == (400, code), path


def test_120_points_are_answered_and_the_next_one_is_too_many(shared_server: Server) -> None:
    client = shared_server.client()

    longest = client.read("/v1/kpis/mrr/series", **{"from": "2016-01-01", "to": "2026-01-01"})
    longer = client.see("/v1/kpis/mrr/series", **{"from": "2016-01-01", "to": "2026-01-02"})

    assert len(longest["data"]) == 120
    assert longer.json()["code"] == "too_many_points"


def test_the_waterfall_board_chains_and_adds_up_as_it_is_written(each_server: Server) -> None:
    client = fixture_client(each_server)

    board = client.read("/v1/boards/waterfall", **YEAR)

    assert (board["currency"], len(board["data"])) == ("USD", 12)
    for bars in board["data"]:
        amount = {
            name: Decimal(bar)
            for name, bar in bars.items()
            if name not in ("from", "to", "policy_version", "fx_version")
        }
        gains = amount["new"] + amount["expansion"] + amount["reactivation"] + amount["fx"] + amount["transfer"]
        assert amount["opening"] + gains - amount["contraction"] - amount["churn"] == amount["closing"]
        assert amount["closing"] - amount["opening"] == amount["net"]
    closings = [bars["closing"] for bars in board["data"]]
    assert [bars["opening"] for bars in board["data"]] == ["4500.00", *closings[:-1]]
    assert closings[-1] == "5500.00"
    assert client.read("/v1/boards/waterfall", **YEAR, account="ref:G")["data"][4]["closing"] == "250.00"


def test_the_cohorts_board_has_the_cells_of_the_figure_a_row_for_each_cohort(each_server: Server) -> None:
    client = fixture_client(each_server)

    for method in ("logos", "revenue"):
        board = client.read("/v1/boards/cohorts", as_of="2025-12-31", granularity="quarter", method=method)
        figure = client.read("/v1/kpis/cohort_retention", as_of="2025-12-31", granularity="quarter", method=method)

        flat = [
            {"cohort": row["cohort"], "size": row["size"], "opening": row["opening"], **cell}
            for row in board["data"]
            for cell in row["cells"]
        ]
        assert flat == figure["cells"]
        assert board["averages"] == figure["averages"]
        counted = [row for row in board["data"] if Decimal(row["opening"])]
        assert {row["cells"][0]["share"] for row in counted} == {"1"}
        assert len(counted) >= 2
    odd = client.see("/v1/boards/cohorts", granularity="week")
    assert (odd.status_code, odd.json()["code"]) == (400, "invalid_parameter")


# --- restatements over HTTP ---


def test_a_restatement_leads_from_page_to_page_with_both_clocks_held(each_server: Server) -> None:
    client = fixture_client(each_server)
    first = client.read("/v1/kpis/mrr/restatement", as_of="2025-12-31", limit=2)
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)

    events, page = first["events"], first
    while page["next"]:
        answer = client.get(page["next"])
        assert answer.status_code == 200, answer.text
        page = answer.json()
        events += page["events"]

    assert (first["from"]["value"], first["to"]["value"], page["to"]["value"]) == ("0.00", "5500.00", "5500.00")
    assert sum(Decimal(event["contribution"]) for event in events) == Decimal(first["difference"]) == 5500
    assert all(event["position"] <= first["position"] for event in events)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from_known_at": "9", "to_known_at": "3"}, "known_at_reversed"),
        ({"from_known_at": "99999"}, "position_ahead"),
        ({"after": 99999}, "position_ahead"),
        ({"from_known_at": "soon"}, "invalid_known_at"),
        ({"to_known_at": "2999-01-01"}, "known_at_ahead"),
        ({"limit": 201}, "invalid_parameter"),
        ({"after": -1}, "invalid_parameter"),
        ({"from": "2025-01-01"}, "period_not_allowed"),
    ],
)
def test_a_restatement_that_cannot_be_computed_is_refused_by_name(
    shared_server: Server, params: dict[str, Any], code: str
) -> None:
    answer = fixture_client(shared_server).see("/v1/kpis/mrr/restatement", **params)

    assert (answer.status_code, answer.json()["code"]) == (409 if code == "position_ahead" else 400, code)
