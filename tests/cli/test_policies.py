"""`steward policies`: rules from files, drafted, put in force and listed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.application import Steward
from tests.support.command_line import CommandLine
from tests.support.databases import Databases

APPROVAL = {"kind": "approval", "limits": [{"role": "account_manager", "amount": "100"}]}


@pytest.fixture
def steward(tmp_path: Path, databases: Databases) -> CommandLine:
    """The command line on a fresh SQLite file that is at head."""
    return CommandLine(tmp_path, databases.fresh("sqlite"))


@pytest.fixture
def tenant(steward: CommandLine) -> str:
    """A tenant of its own."""
    steward = Steward(steward.url)
    steward.close()
    return steward.tenant


def written(steward: CommandLine, rules: Any) -> str:
    """A file of rules."""
    file = steward.folder / "rules.json"
    file.write_text(json.dumps(rules))
    return str(file)


def test_rules_are_drafted_from_a_file_put_in_force_replaced_and_retired(steward: CommandLine, tenant: str) -> None:
    of = ("--tenant", tenant)
    first = steward.json("policies", "draft", written(steward, APPROVAL), *of)
    second = steward.json(
        "policies", "draft", written(steward, {"margin_floor": "0.1"}), "--kind", "approval", "--reason", "too low", *of
    )
    steward.json("policies", "activate", first["policy"], "1", "--start", "2020-01-01", *of)
    steward.json("policies", "activate", "ref:approval@default", "2", "--start", "2021-01-01", "--replaces", "1", *of)

    listed = steward.json("policies", "list", *of)
    steward.json("policies", "retire", "ref:approval@default", "2", "--end", "2022-01-01", *of)

    assert (first["policy"], first["number"], second["policy"], second["number"]) == (
        second["policy"], 1, first["policy"], 2)  # fmt: skip
    assert [(one["name"], one["status"], one["start"], one["end"], one["in_force"]) for one in listed] == [
        ("approval@default/1", "retired", "2020-01-01", "2021-01-01", False),
        ("approval@default/2", "active", "2021-01-01", None, True),
    ]
    assert [one["in_force"] for one in steward.json("policies", "list", *of)] == [False, False]
    assert "approval@default/2" in steward.run("policies", "list", *of).stdout


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"kind": "x" * 262_144}, "error: too_large: rules may have 262144 bytes"),
        ([1], "error: file_unfit: rules.json holds no JSON object"),
        ({"kind": "weather"}, "error: invalid_command: rules: "),
        ({"kind": {"a": 1}}, "error: invalid_command: rules: "),
        ({"margin_floor": "0.1"}, "error: invalid_command: rules: "),
        (
            {"kind": "fx", "base": "EUR", "rates": [
                {"date": "2026-01-01", "currency": "USD", "rate": "1"}, {"date": "2026-01-02", "currency": "CHF", "rate": "1"},
            ]},
            "error: invalid_command: rules.fx: no rate for CHF on 2026-01-01",
        ),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_in_one_line(
    steward: CommandLine, tenant: str, rules: Any, message: str
) -> None:
    status, line = steward.refusal("policies", "draft", written(steward, rules), "--tenant", tenant)

    assert status in (1, 2)
    assert line.startswith(message)


def test_two_versions_on_one_day_are_refused_by_name(steward: CommandLine, tenant: str) -> None:
    for _ in range(2):
        steward.json("policies", "draft", written(steward, APPROVAL), "--tenant", tenant)
    steward.json("policies", "activate", "ref:approval@default", "1", "--start", "2026-01-01", "--tenant", tenant)

    refused = steward.refusal(
        "policies", "activate", "ref:approval@default", "2", "--start", "2026-06-01", "--tenant", tenant
    )

    assert refused == (1, "error: policies_overlap: approval@default/1 is in force from 2026-01-01")
