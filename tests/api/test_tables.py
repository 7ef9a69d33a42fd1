"""Lists as CSV: every one of them, page by page, in a form that programs read and spreadsheets do not run."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.http.csv import prefers_csv, written
from tests.api.contract import READS, SCHEMA, Operation
from tests.api.sample_agency import SampleAgency, draft, furnish
from tests.support.databases import Databases
from tests.support.server import Server

PERIOD = {"from": "2026-01-01", "to": "2026-02-01"}
LISTS = ("data", "events", "groups")
TABLES = [one for one in READS if "text/csv" in one.spec.get("x-also", ())]
OTHERS = [one for one in READS if one not in TABLES]
EVERY_TABLE = pytest.mark.parametrize("operation", TABLES, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[SampleAgency]:
    """A furnished tenant, some of whose texts would be formulas to a spreadsheet."""
    with Server(databases.fresh("sqlite")) as server:
        made = furnish(server.client(), accounts=3)
        body = {"name": "Foo;=1+1", "currency": "EUR", "owner": "@SUM(A1)", "tier": "+cmd", "industry": "a, -2+3"}
        account = made.write("/v1/accounts", body)["id"]
        drafted = made.write(f"/v1/accounts/{account}/contracts", draft())["id"]
        made.write(f"/v1/contracts/{drafted}/signature", {"signed_at": "2025-12-20T10:00:00Z"})
        logged = {"channel": "mail", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"}
        made.write(
            f"/v1/accounts/{account}/interactions", {**logged, "subject": "=HYPERLINK(1)", "topics": ["=1", "x;@y"]}
        )
        made.write(f"/v1/accounts/{account}/scope-changes", {"title": "@me", "request": "=1"})
        yield made


def parsed(text: str) -> list[dict[str, str]]:
    """The rows of a file."""
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """A row's members by the name of their column, nothing left out."""
    if isinstance(value, dict) and value:
        return {name: member for key, one in value.items() for name, member in flat(one, f"{path}.{key}").items()}
    return {path.removeprefix("."): None if value == {} else value}


def meant(cell: str, value: Any) -> bool:
    """Whether a cell says what a member is."""
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == ("true" if value else "false")
    if isinstance(value, list):
        return bool(within(json.loads(cell)) == value)
    return unguarded(cell) == str(value)


def within(value: Any) -> Any:
    """A list's texts without the apostrophes that stand before signs."""
    if isinstance(value, dict):
        return {name: within(member) for name, member in value.items()}
    if isinstance(value, list):
        return [within(member) for member in value]
    return unguarded(value) if isinstance(value, str) else value


def unguarded(cell: str) -> str:
    """A cell without the apostrophes that stand before signs."""
    quiet = r"[\s\"\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*"
    return re.sub(rf"((?:^|[;,|\t\r\n]){quiet})'(?='*[=+\-@＝＋－＠])|^'(?='*[\t\r\n])", r"\1", cell)


def list_request(operation: Operation, world: SampleAgency) -> tuple[str, dict[str, Any]]:
    """The path of a list and the query that it requires."""
    period = dict(PERIOD) if "from" in operation.query else {}
    if operation.name == "kpis.get":
        return "/v1/kpis/mrr_waterfall", period | {"group_by": "tier"}
    return operation.url(world.ids), operation.required_query | period


def test_every_list_of_the_contract_is_a_table_and_nothing_else_is() -> None:
    paged = {one.name for one in READS if "cursor" in one.query}
    others = {"kpis.list", "kpis.get", "kpis.series", "kpis.restatement", "boards.waterfall", "boards.cohorts"}

    assert {one.name for one in TABLES} >= paged | others
    assert "events.list" not in {one.name for one in TABLES}
    for one in TABLES:
        schema = one.spec["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert set(LISTS) & SCHEMA["components"]["schemas"][schema]["properties"].keys()


@EVERY_TABLE
def test_a_table_has_the_rows_of_the_list_with_every_member_of_each(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)
    listed = world.client.read(path, **params)
    rows = next(listed[name] for name in LISTS if name in listed)
    assert rows or operation.name != "kpis.get"

    answer = world.client.get(path, params=params, headers={"Accept": "text/csv"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert answer.headers["content-disposition"].endswith('.csv"')
    assert answer.headers["projection-position"]
    assert "Accept" in answer.headers["vary"].split(", ")
    table = parsed(answer.text)
    assert len(table) == len(rows)
    for cells, row in zip(table, rows, strict=True):
        members = flat(row)
        for name, value in members.items():
            if name in cells:
                assert meant(cells[name], value), (name, value, cells[name])
            else:  # a member that is null here and has members in other rows
                assert value is None
                assert any(column.startswith(f"{name}.") for column in cells)
        assert all(cells[name] == "" for name in cells if name not in members)


@EVERY_TABLE
def test_no_cell_of_a_table_is_a_formula(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)

    answer = world.client.get(path, params=params, headers={"Accept": "text/csv"})

    for row in csv.reader(io.StringIO(answer.text, newline="")):
        for cell in row:
            for part in re.split("[;,|\t\r\n]", cell):
                begins = part.lstrip(' \u00a0\u200b\ufeff"[')
                assert not begins.startswith(("=", "+", "@", "＝")), cell
                assert not begins.startswith("-") or begins.rstrip('"]')[1:].replace(".", "").isdigit(), cell


@pytest.mark.parametrize("operation", [one for one in TABLES if "cursor" in one.query], ids=lambda one: one.name)
def test_the_pages_of_a_table_have_the_same_columns_and_lead_on(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)

    first = world.client.get(path, params={**params, "limit": 1}, headers={"Accept": "text/csv"})
    second = world.client.get(first.headers["link"].partition(">")[0][1:], headers={"Accept": "text/csv"})

    assert 'rel="next"' in first.headers["link"]
    assert second.status_code == 200
    assert first.text.splitlines()[1:] != second.text.splitlines()[1:]


@pytest.mark.parametrize("operation", [one for one in TABLES if "as_of" in one.query and "cursor" in one.query],
                         ids=lambda one: one.name)  # fmt: skip
def test_a_list_of_nothing_still_has_its_header(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)
    if "{" in operation.path:
        return  # the thing itself was not there
    full = world.client.get(path, params=params, headers={"Accept": "text/csv"})

    empty = world.client.get(path, params={**params, "known_at": 0}, headers={"Accept": "text/csv"})

    assert parsed(empty.text) == []
    assert set(empty.text.strip().split(",")) - {""} <= set(full.text.splitlines()[0].split(","))
    assert empty.text.endswith("\r\n")


@pytest.mark.parametrize("operation", OTHERS, ids=lambda one: one.name)
def test_what_is_no_list_is_answered_as_json_whatever_is_accepted(world: SampleAgency, operation: Operation) -> None:
    path, params = list_request(operation, world)

    answer = world.client.get(path, params=params, headers={"Accept": "text/csv"})

    assert answer.headers["content-type"] == "application/json"


def test_a_refusal_stays_a_problem_document(world: SampleAgency) -> None:
    answer = world.client.get("/v1/accounts", params={"sort": "nothing"}, headers={"Accept": "text/csv"})

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("accept", "table"),
    [
        ("text/csv", True),
        ("TEXT/CSV; header=present", True),
        ("text/csv;q=0.1", True),
        ("text/*", True),
        ("text/csv, */*", True),
        ("text/csv;q=0.9, application/json;q=0.8", True),
        ("text/csv, application/json;q=0.9", True),
        ("application/json;q=0, */*;q=0.1, text/csv;q=0.1", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/csv", False),
        ("text/csv;q=0.5, application/json", False),
        ("text/csv;q=0", False),
        ("text/csv;q=0, text/*", False),
        ("text/csv;q=abc", False),
        ("text/csv;q=-1", False),
        ("text/html, application/xml;q=0.9, */*;q=0.8", False),
        ("application/pdf", False),
        (";,;q=,,", False),
    ],
)
def test_what_a_caller_accepts_decides(accept: str, table: bool) -> None:
    assert prefers_csv(accept) == table


def test_cells_are_quoted_and_members_within_members_have_dots_in_their_names() -> None:
    rows = [
        {"id": "a", "atr": {"amount": "-5.00", "currency": "EUR"}, "drivers": ["x", "y"], "open": True, "note": None},
        {"id": 'b,"c"', "atr": None, "drivers": [], "open": False, "note": "two\r\nlines", "count": 3},
    ]

    assert written(rows) == (
        "id,atr.amount,atr.currency,drivers,open,note,count\r\n"
        'a,-5.00,EUR,"[""x"",""y""]",true,,\r\n'
        '"b,""c""",,,[],false,"two\r\nlines",3\r\n'
    )


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1+1", "'+1+1"),
        ("-2-3", "'-2-3"),
        ("＝1", "'＝1"),
        ("-12.50", "-12.50"),
        ("+7", "+7"),
        ("plain = text", "plain = text"),
        ("Foo;=1+1", "Foo;'=1+1"),
        ("a,b|\t\u00a0@x", "a,b|\t\u00a0'@x"),
        ("\u200b\ufeff=1", "\u200b\ufeff'=1"),
        ('x;"+cmd', "x;\"'+cmd"),
        ("line\n-2", "line\n'-2"),
        ("'=1", "''=1"),
        ("'quoted'", "'quoted'"),
        ("\tx", "'\tx"),
        ("A-B;C=D", "A-B;C=D"),
    ],
)
def test_a_text_that_would_be_a_formula_gets_an_apostrophe_and_a_number_does_not(text: str, cell: str) -> None:
    assert parsed(written([{"text": text}])) == [{"text": cell}]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(), min_size=3), max_size=5))
def test_whatever_a_text_holds_a_table_reads_back_as_it_was(rows: list[dict[str, str]]) -> None:
    back = parsed(written(rows))

    for cells, row in zip(back, rows, strict=True):
        for name, text in row.items():
            assert unguarded(cells[name]) == text
