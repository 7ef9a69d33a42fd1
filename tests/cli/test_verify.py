"""`steward verify`: ledgers are read from end to end, and the first bad position of each is named."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.account.commands import OpenAccount, RenameAccount
from tests.support.application import Steward
from tests.support.command_line import CommandLine
from tests.support.forgery import forge


@pytest.fixture
def command_line(tmp_path: Path, database_url: str) -> CommandLine:
    """The command line on a fresh database that is at head, once on SQLite and once on PostgreSQL."""
    return CommandLine(tmp_path, database_url)


@pytest.fixture
def beside(command_line: CommandLine) -> Iterator[Steward]:
    """An application in this process, on the command line's database."""
    made = Steward(command_line.url)
    account = made.do(OpenAccount(name="Northwind", currency="EUR")).id
    made.do(RenameAccount(name="Northwind Ltd"), account=account)
    yield made
    made.close()


def test_ledgers_that_nobody_touched_are_intact_and_their_views_equal(
    command_line: CommandLine, beside: Steward
) -> None:
    (checked,) = command_line.json("verify", "--views")

    assert (checked["tenant_id"], checked["head"], checked["intact"], checked["position"]) == (
        beside.tenant,
        3,
        True,
        None,
    )
    assert checked["unequal"] == []
    assert checked["views"]["accounts"] is True


def test_a_changed_event_is_named_the_other_ledgers_are_read_all_the_same_and_the_command_ends_with_1(
    command_line: CommandLine, beside: Steward
) -> None:
    other = beside.new_tenant("Other")
    forge(command_line.url, beside.tenant, 3, "actor", "usr_forged")

    done = command_line.run("verify", "--json")
    rebuilt = command_line.run("rebuild", "accounts", "--tenant", beside.tenant)
    alone = command_line.run("verify", "--tenant", other)

    found = {one["tenant_id"]: (one["intact"], one["position"]) for one in json.loads(done.stdout)}
    assert found == {beside.tenant: (False, 3), other: (True, None)}
    assert (done.returncode, rebuilt.returncode, alone.returncode) == (1, 1, 0)
    assert "log_damaged: the event at position 3 is not the one that was written" in rebuilt.stderr
