"""No JSON answer has a number with a fraction or an exponent in it, and every amount is a decimal string.

Every GET of the contract is read, KPIs by every method over tenants in which much has happened.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from projections.kpis import KPIS
from projections.kpis.base import RowKind
from tests.api.contract import READS, Operation
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.server import Client, Server

AMOUNT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
MONEY = re.compile(
    r"amount|value|mrr|arr|arpa|annual_value|base|low|high|atr|uplift|spent|numerator|denominator|opening|closing|churn|expansion|contraction"
    r"|unit_price|quantity|rate|probability|margin|at_completion|contribution|share|net|gross|lasting|temporary|forecast|total|listed"
    r"|conceded|cost|price|renewed|expiring|available_to_renew|standard_error|hours|log_likelihood|expected_value|annual"
)
"""Members that hold an amount, a rate or a share, wherever they are; the percent of a budget's threshold is a whole number."""
PERIOD = {"from": "2025-12-01", "to": "2027-06-01"}


class Inexact(Exception):
    """A number with a fraction or an exponent."""


def refuse(text: str) -> Any:
    """What the reader of JSON does with a number that is no integer."""
    raise Inexact(text)


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member inside JSON, with its name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


def hold(text: str) -> None:
    """Reads an answer. Raises: Inexact for a float; AssertionError for an amount that is a number."""
    document = json.loads(text, parse_float=refuse, parse_constant=refuse)
    for name, inner in members(document):
        if MONEY.fullmatch(name):
            assert not isinstance(inner, int) or isinstance(inner, bool), (name, inner)
        if name == "amount" and isinstance(inner, str):
            assert AMOUNT.fullmatch(inner), (name, inner)


@pytest.fixture(scope="module")
def world(shared_server: Server) -> SampleAgency:
    """A furnished tenant in which somebody is lost, somebody grows and somebody pays a third of a cent."""
    world = furnish(shared_server.client(), accounts=3)
    client = world.client
    for number, price in enumerate(("33.333333", "0.003333", "1000.01")):
        opened = client.write(
            "/v1/accounts", {"name": f"Third {number}", "currency": "EUR", "effective_at": "2025-11-01"}
        )
        line = {
            "line": "main",
            "product": "retainer",
            "quantity": "3",
            "unit_price": price,
            "interval": "week",
            "discount_percent": "12.5",
        }
        draft = {"currency": "EUR", "start": "2025-12-01", "end": "2026-12-01", "lines": [line]}
        contract = client.write(f"/v1/accounts/{opened['id']}/contracts", draft)["id"]
        client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-01"})
        change = {"op": "set_line", "line": "main", "unit_price": f"{number}.777777"}
        client.write(f"/v1/contracts/{contract}/amendments", {"effective_at": "2026-02-01", "changes": [change]})
        if number:
            ended = {"effective_end": "2026-06-01", "reason": "dear", "voluntary": True}
            client.write(f"/v1/contracts/{contract}/termination", ended)
    return world


def answer_text(client: Client, path: str, params: dict[str, str]) -> str:
    """An answer as it was written. Gives: nothing where the query is refused."""
    answer = client.see(path, **params)
    assert answer.status_code in (200, 400, 422), (path, answer.text)
    hold(answer.text)
    return answer.text if answer.status_code == 200 else ""


@pytest.mark.parametrize("operation", READS, ids=lambda one: one.name)
def test_no_answer_has_a_number_with_a_fraction(world: SampleAgency, operation: Operation) -> None:
    text = answer_text(world.client, operation.url(world.ids), operation.required_query)

    assert text, operation.name


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_no_figure_by_any_method_has_a_number_with_a_fraction(world: SampleAgency, kpi: Any) -> None:
    narrowed = {} if kpi.reads is RowKind.SCOPE_CHANGES else {"currency": "EUR"}
    when = PERIOD if kpi.kind == "period" else {"as_of": "2026-08-31"}
    for method in kpi.methods:
        params = {**when, **narrowed, "method": method}
        assert answer_text(world.client, f"/v1/kpis/{kpi.name}", params), (kpi.name, method)
        assert answer_text(world.client, f"/v1/kpis/{kpi.name}/explain", params), (kpi.name, method)


def test_a_number_with_a_fraction_would_be_found() -> None:
    for text in ('{"a": [1.5]}', '{"a": 1e3}', '{"a": {"b": NaN}}', '{"a": -0.0}', "[Infinity]"):
        with pytest.raises(Inexact):
            hold(text)
    for text in ('{"amount": 5}', '{"rows": [{"value": 7}]}', '{"money": {"amount": "1e3"}}'):
        with pytest.raises(AssertionError):
            hold(text)
    hold('{"amount": "-5.00", "value": null, "position": 7}')
