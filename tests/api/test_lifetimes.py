"""Lifetime value, cohorts and concentration over HTTP."""

import json
from typing import Any

import pytest

from app.domain.kernel.principal import Principal
from tests.kpi_queries.test_cohort import TENTH
from tests.support.server import Client, Server

CLV = "/v1/kpis/customer_lifetime_value"
SEEN = {"as_of": "2022-06-30"}


@pytest.fixture(scope="module")
def client(shared_server: Server) -> Client:
    """A client whose ledger holds a tenth of the High End cohort."""
    tenant_id = shared_server.tenant()
    events = [json.loads(line) for line in TENTH.read_text().splitlines()]
    assert {item.status for item in shared_server.runtime.ingestion.ingest(tenant_id, Principal("test"), events)} == {
        "accepted"
    }
    made = Client(shared_server.url, shared_server.key(tenant_id))
    made.position = shared_server.runtime.log.head(tenant_id)
    return made


def test_a_fitted_model_answers_with_everything_it_rests_on(client: Client) -> None:
    figure = client.read(CLV, **SEEN, method="sbg", discount_rate="0.1", margin="0.8", horizon="10", cohort="2015-01")

    assert figure["parameters"] == {"alpha": "0.62246", "beta": "3.408833"}
    assert (figure["unit"], figure["currency"], figure["method"]) == ("money", "USD", "sbg")
    assert (figure["discount_rate"], figure["gross_margin"], figure["horizon"], figure["cohort"]) == (
        "0.1",
        "0.8",
        10,
        "2015-01",
    )
    assert figure["observations"]["periods"][0] == {"period": 1, "at_risk": 100, "lost": 14, "survivors": 86}
    assert [row["period"] for row in figure["survival"]] == list(range(11))
    assert figure["residual_lifetime"][0].keys() == {"renewals_made", "value", "residual_value"}
    assert figure["log_likelihood"].startswith("-16")
    assert {warning["code"] for warning in figure["warnings"]} == {"still_running"}


def test_the_explain_url_keeps_every_option_and_explains_that_very_answer(client: Client) -> None:
    figure = client.read(CLV, **SEEN, method="kaplan_meier", period="quarter", horizon="8", margin="0.5")

    explained = client.get(figure["explain_url"] + "&limit=2").json()

    same = figure.keys() - {"known_at"}
    assert {name: explained["figure"][name] for name in same} == {name: figure[name] for name in same}
    assert explained["has_more"]
    assert explained["data"][0]["tenures"][0]["start"] == "2015-01-01T00:00:00.000000Z"
    second = client.get(figure["explain_url"] + f"&limit=2&cursor={explained['next_cursor']}").json()
    assert len(second["data"]) == 2
    assert second["data"][0]["account"] > explained["data"][1]["account"]


def test_members_that_a_model_knows_nothing_of_are_null(client: Client) -> None:
    simple = client.read(CLV, **SEEN)
    curve = client.read(CLV, **SEEN, method="kaplan_meier")

    assert simple["method"] == "simple"
    for name in ("parameters", "log_likelihood", "survival", "residual_lifetime", "discount_rate", "horizon"):
        assert simple[name] is None
    assert curve["parameters"] is None
    assert curve["survival"][1]["standard_error"] == "0.034699"
    assert "survival" not in client.read("/v1/kpis/mrr", **SEEN)


def test_cohorts_come_ready_to_plot(client: Client) -> None:
    figure = client.read("/v1/kpis/cohort_retention", **SEEN, granularity="year", method="revenue")

    assert figure["cells"][1] == {
        "cohort": "2015", "age": 1, "size": 100, "opening": "10000.00", "value": "8600.00", "share": "0.86", "mature": True,
    }  # fmt: skip
    assert figure["averages"][1]["share"] == "0.86"
    assert (figure["value"], figure["numerator"], figure["denominator"]) == ("0.49", "4900.00", "10000.00")


def test_concentration_lists_the_largest(client: Client) -> None:
    figure = client.read("/v1/kpis/concentration", **SEEN, top="7")

    assert (figure["value"], figure["top"], figure["accounts"], len(figure["largest"])) == ("0.142857", 7, 49, 7)
    assert figure["herfindahl_index"] == "0.020408"


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        (CLV, {"discount_rate": "2"}, 400, "invalid_option"),
        (CLV, {"discount_rate": "-1"}, 400, "invalid_option"),
        (CLV, {"discount_rate": "NaN"}, 400, "invalid_option"),
        (CLV, {"margin": "1e9"}, 400, "invalid_option"),
        (CLV, {"horizon": "0"}, 400, "invalid_option"),
        (CLV, {"horizon": "99999999999999999999"}, 400, "invalid_option"),
        (CLV, {"cohort": "'; DROP TABLE events"}, 400, "invalid_option"),
        (CLV, {"cohort": "0000"}, 200, None),
        (CLV, {"cohort": "9999-12"}, 200, None),
        (CLV, {"period": "fortnight"}, 400, "invalid_option"),
        (CLV, {"method": "guess"}, 400, "unknown_method"),
        (CLV, {"top": "3"}, 400, "option_not_allowed"),
        (CLV, {"as_of": "0001-01-01"}, 200, None),
        (CLV, {"as_of": "9999-12-30"}, 200, None),
        (CLV, {"from_": "2025-01-01", "to": "2026-01-01"}, 400, "period_not_allowed"),
        ("/v1/kpis/cohort_retention", {"granularity": "day"}, 400, "invalid_option"),
        ("/v1/kpis/cohort_retention", {"as_of": "9999-12-30"}, 422, "too_many_cells"),
        ("/v1/kpis/cohort_retention", {"as_of": "9999-12-30", "granularity": "year"}, 200, None),
        ("/v1/kpis/concentration", {"top": "0"}, 400, "invalid_option"),
        ("/v1/kpis/concentration", {"top": "１"}, 400, "invalid_option"),
        ("/v1/kpis/expansion_rate", {"from_": "2025-01-01", "to": "2026-01-01", "top": "1"}, 400, "option_not_allowed"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(
    client: Client, path: str, params: dict[str, Any], status: int, code: str | None
) -> None:
    for suffix in ("", "/explain"):
        for method in ("simple", "kaplan_meier", "sbg") if path == CLV and "method" not in params else (None,):
            answer = client.see(path + suffix, **{**SEEN, **params} if "from_" not in params else params,
                                **({"method": method} if method else {}))  # fmt: skip
            assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_contracts_at_both_ends_of_the_calendar_are_measured_all_the_same(shared_server: Server) -> None:
    client = Client(shared_server.url, shared_server.key(shared_server.tenant()))
    line = {"line": "main", "product": "retainer", "unit_price": "10.00", "interval": "month"}
    for ref, start in (("first", "0001-01-01"), ("last", "9999-12-31")):
        client.write("/v1/accounts", {"name": ref, "currency": "EUR", "external_ref": ref})
        drafted = client.write(
            f"/v1/accounts/ref:{ref}/contracts", {"currency": "EUR", "start": start, "lines": [line]}
        )
        client.write(f"/v1/contracts/{drafted['id']}/signature", {"signed_at": "2025-02-01"})

    for as_of in ("0001-01-01", "0001-01-20", "2025-06-30", "9999-12-30", "9999-12-31T23:59:59.999998Z"):
        for method in ("simple", "kaplan_meier", "sbg"):
            for period in ("month", "year"):
                answer = client.see(CLV, as_of=as_of, method=method, period=period)
                assert answer.status_code == 200, answer.text
        assert client.see("/v1/kpis/cohort_retention", as_of=as_of, granularity="year").status_code == 200
        assert client.see("/v1/kpis/cohort_retention", as_of=as_of).status_code in (200, 422)
        assert client.see("/v1/kpis/concentration", as_of=as_of).status_code == 200


def test_a_key_without_the_scope_and_a_stranger_see_nothing(shared_server: Server, client: Client) -> None:
    keyless = Client(shared_server.url, shared_server.key(shared_server.tenant(), "integration", ("contracts:read",)))
    stranger = Client(shared_server.url, shared_server.key(shared_server.tenant()))

    assert keyless.see(CLV, method="sbg").json()["code"] == "scope_missing"
    assert stranger.read(CLV, **SEEN, method="sbg")["observations"]["accounts"] == 0
    assert client.read(CLV, **SEEN, method="sbg")["observations"]["accounts"] == 100
