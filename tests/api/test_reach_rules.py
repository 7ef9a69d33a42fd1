"""Every read is declared: it obeys reach, is about the tenant, or is refused to whoever reaches a part of it only."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from app.api.http.reach import NARROWED, OF_TENANT, WHOLE, WITHOUT_CALLER, require_readable
from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.reach import Reach
from app.read_side import reaching
from projections import VIEWS
from tests.support.server import Client, Server

CONTRACT: Final = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
READS: Final = {
    operations["get"]["operationId"]: path for path, operations in CONTRACT["paths"].items() if "get" in operations
}
"""The path of each GET of the contract."""
ANSWERS: Final = {
    operation["operationId"]
    for operations in CONTRACT["paths"].values()
    for operation in operations.values()
    if isinstance(operation, dict) and "operationId" in operation
}


@pytest.mark.parametrize("operation", READS)
def test_every_read_of_the_contract_is_declared_in_one_way(operation: str) -> None:
    declared = [operation in group for group in (NARROWED, OF_TENANT, WHOLE, WITHOUT_CALLER)]
    assert declared.count(True) == 1, f"say in app/api/http/reach.py how {operation} obeys reach"


def test_no_declaration_is_about_an_operation_that_there_is_no_more() -> None:
    assert not (NARROWED | OF_TENANT | WHOLE | WITHOUT_CALLER) - ANSWERS


def test_what_nobody_declared_is_refused_to_whoever_reaches_a_part_only() -> None:
    part = Reach("portfolio", frozenset({"maria"}))
    for operation in ("things.list", None, *sorted(WHOLE)):
        with pytest.raises(NotAllowed):
            require_readable(part, operation)
        require_readable(Reach(), operation)


def test_a_view_has_an_account_in_its_rows_or_is_one_of_the_tenant_or_is_refused() -> None:
    without = {view.name for view in VIEWS if "account" not in view.members}
    assert reaching.OF_TENANT | {*reaching.OF_PERSON} <= without
    assert without - reaching.OF_TENANT - {*reaching.OF_PERSON} == {"period_closes"}


@pytest.fixture(scope="module")
def limited(shared_server: Server) -> Client:
    """A person with every role that reads, and with no account."""
    admin = shared_server.client()
    user = admin.write("/v1/users", {"name": "Nina"})["id"]
    for role in ("director", "auditor", "finance"):
        admin.write(f"/v1/users/{user}/roles", {"role": role, "reach": "portfolio", "start": "2026-01-01"})
    admin.write("/v1/accounts", {"name": "Northwind", "currency": "EUR", "external_ref": "northwind"})
    return shared_server.client(admin.write("/v1/api-keys", {"user": user})["api_key"])


@pytest.mark.parametrize("operation", sorted((WHOLE | NARROWED) & READS.keys()))
def test_somebody_without_accounts_is_shown_none_by_any_read(limited: Client, operation: str) -> None:
    named = READS[operation].replace("{name}", "mrr").replace("{account}", "ref:northwind")
    while "{" in named:
        named = named[: named.index("{")] + "ref:northwind" + named[named.index("}") + 1 :]
    asked = {
        "boards.forecast": {"from": "2026-01-01", "to": "2027-01-01"},
        "boards.waterfall": {"from": "2026-01-01", "to": "2027-01-01"},
        "accounts.diff": {"from": "2026-01-01"},
        "kpis.series": {"from": "2026-01-01", "to": "2026-03-01"},
        "incentives.preview": {"plan": "ref:x", "payee": "somebody", "from": "2026-01-01", "to": "2026-02-01"},
    }.get(operation, {})

    answer = limited.get(named, params=asked)

    if operation in WHOLE or operation == "incentives.preview":
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond_reach")
        return
    assert answer.status_code in (200, 404), answer.text
    assert "Northwind" not in answer.text
    if answer.status_code == 200:
        assert _rows(answer.json()) == []


def _rows(body: Any) -> list[Any]:
    """What an answer shows of accounts: the rows of a list or of a board, and the rows of figures that are not null."""
    if "name" in body and "numerator" in body:
        return [] if float(body["numerator"]) == 0 else [body]
    if "columns" in body:
        return [card for column in body["columns"] for card in column["cards"]]
    if "stages" in body:
        return [stage for stage in body["stages"] if stage["count"]]
    rows = body.get("data", body.get("movements", body.get("events", [])))
    return [row for row in rows if "account" in row or "subject" in row]
