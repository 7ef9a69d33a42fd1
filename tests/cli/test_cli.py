"""The command line, as scripts and people meet it: real processes, real databases."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import __version__
from app.auth.caller import Caller
from app.auth.keys import ApiKeyAuthenticator
from app.cli import COMMANDS, app
from app.domain.catalogue import CATALOGUE
from app.domain.kernel.errors import Unauthenticated
from app.store.engine import Database
from tests.support.application import Steward
from tests.support.command_line import ROOT, CommandLine
from tests.support.databases import Databases, owned


@pytest.fixture
def steward(tmp_path: Path, databases: Databases) -> CommandLine:
    """The command line on a fresh SQLite file that is at head."""
    return CommandLine(tmp_path, databases.fresh("sqlite"))


@pytest.fixture
def beside(steward: CommandLine) -> Iterator[Steward]:
    """An application in this process, on the command line's database."""
    made = Steward(steward.url)
    yield made
    made.close()


def caller(steward: Steward, key: str) -> Caller:
    """The caller that the server sees for a key."""
    return ApiKeyAuthenticator(steward.runtime.handler, steward.clock, 0).check(key)


# --- the list of commands ---


def test_the_list_of_commands_is_shown_without_importing_what_they_need() -> None:
    script = "import sys, app.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not {"fastapi", "sqlalchemy", "pydantic", "rich", "cryptography", "eventsourcing"} & set(loaded)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_the_list_can_be_called_and_shows_its_own_help(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "-h"])

    assert shown.exit_code == 0
    assert f"Usage: steward {name}" in shown.output


def test_the_version_is_shown(steward: CommandLine) -> None:
    assert steward.run("--version").stdout == f"steward {__version__}\n"


def test_a_shell_completes_the_names_of_commands(steward: CommandLine) -> None:
    steward.environment |= {"_STEWARD_COMPLETE": "complete_bash", "COMP_WORDS": "steward se", "COMP_CWORD": "1"}

    assert steward.run().stdout.split() == ["serve", "settings"]


def test_without_arguments_the_command_line_shows_its_commands(steward: CommandLine) -> None:
    done = steward.run()

    assert done.returncode == 0
    for command in (
        "migrate",
        "serve",
        "worker",
        "tenants",
        "keys",
        "demo",
        "import",
        "distribute",
        "rebuild",
        "openapi",
        "events",
    ):
        assert command in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nonsense",), "error: usage: No such command"),
        (("import", "--tenant", "tnt_x"), "error: usage: Missing argument"),
        (("rebuild", "nonsense"), "error: unknown_view: there is no view 'nonsense'"),
        (("import", "nowhere.ndjson", "--tenant", "tnt_x"), "error: file_unreadable: nowhere.ndjson"),
    ],
)
def test_a_misuse_is_one_line_and_exit_code_2(steward: CommandLine, words: tuple[str, ...], message: str) -> None:
    status, line = steward.refusal(*words)

    assert status == 2
    assert line.startswith(message)


def test_a_setting_that_does_not_exist_or_does_not_fit_is_named_without_its_value(tmp_path: Path) -> None:
    unknown = CommandLine(tmp_path, "sqlite://", no_such_thing="1").refusal("status")
    unfit = CommandLine(tmp_path, "sqlite://", workers="hunter2").refusal("status")
    nowhere = CommandLine(tmp_path, "mongodb://me:hunter2@host/name").refusal("status")

    assert unknown == (2, "error: invalid_settings: no such setting: STEWARD_NO_SUCH_THING")
    assert unfit[0] == 2
    assert unfit[1].startswith("error: invalid_settings: STEWARD_WORKERS: ")
    assert nowhere == (
        2,
        "error: invalid_settings: STEWARD_DATABASE_URL: must be sqlite:///path or postgresql+psycopg://…",
    )
    assert "hunter2" not in unfit[1]


def test_settings_are_shown_with_their_source_and_without_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ours\nSTEWARD_PORT=9000\n")
    url = "postgresql+psycopg://me:hunter2@db/steward"

    shown = {one["name"]: one for one in CommandLine(tmp_path, url).json("settings")}

    assert shown["STEWARD_DATABASE_URL"]["value"] == "postgresql+psycopg://me:***@db/steward"
    assert shown["STEWARD_DATABASE_URL"]["source"] == "environment"
    assert shown["STEWARD_VAULT_KEY"]["value"] == "********"
    assert (shown["STEWARD_PORT"]["value"], shown["STEWARD_PORT"]["source"]) == (9000, ".env")
    assert shown["STEWARD_HOST"]["source"] == "default"
    assert all(one["meaning"] for one in shown.values())


# --- the schema ---


@pytest.mark.parametrize("words", [("status",), ("serve", "--port", "0")])
def test_an_older_schema_is_refused_by_name(tmp_path: Path, words: tuple[str, ...]) -> None:
    status, line = CommandLine(tmp_path, f"sqlite:///{tmp_path}/empty.db").refusal(*words)

    assert status == 1
    assert line.startswith("error: schema_outdated: ")
    assert "steward migrate" in line


def test_a_newer_schema_is_refused_by_every_command_with_both_revisions(tmp_path: Path, databases: Databases) -> None:
    url = databases.fresh("sqlite")
    owner = Database(owned(url), owner=True)
    with owner.administer() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0417'")
    owner.close()

    for words in (("migrate",), ("worker",), ("tenants", "list")):
        status, line = CommandLine(tmp_path, url).refusal(*words)

        assert status == 1
        assert line.startswith("error: schema_newer: the database is at 0417, this Steward at 00")
        assert "newer than this program" in line


def test_migrate_makes_the_database_ready_and_may_be_repeated(tmp_path: Path) -> None:
    steward = CommandLine(tmp_path, f"sqlite:///{tmp_path}/var/new.db")

    first, again = steward.json("migrate"), steward.json("migrate")

    assert first == again
    assert steward.json("status") == []


# --- tenants and keys ---


def test_a_new_tenant_comes_with_a_key_that_opens_its_ledger(steward: CommandLine, beside: Steward) -> None:
    made = steward.json("tenants", "create", "Harbour & Pine", "--time-zone", "Europe/Berlin", "--currency", "EUR")
    listed = {one["tenant_id"]: one for one in steward.json("tenants", "list")}[made["tenant_id"]]

    assert set(made) == {"tenant_id", "api_key"}
    assert caller(beside, made["api_key"]).tenant_id == made["tenant_id"]
    assert (listed["name"], listed["time_zone"], listed["currency"]) == ("Harbour & Pine", "Europe/Berlin", "EUR")


def test_a_tenant_in_no_time_zone_is_refused(steward: CommandLine) -> None:
    status, line = steward.refusal("tenants", "create", "Nowhere", "--time-zone", "Mars/Olympus")

    assert status == 1
    assert line.startswith("error: invalid_command: time_zone: ")


def test_a_key_is_issued_listed_without_its_secret_and_revoked(steward: CommandLine, beside: Steward) -> None:
    tenant = beside.tenant
    options = ("--role", "integration", "--scope", "events:write", "--scope", "accounts:read", "--label", "crm")

    made = steward.json("keys", "create", "--tenant", tenant, *options)
    before = caller(beside, made["api_key"])
    steward.json("keys", "revoke", made["key_id"], "--tenant", tenant)
    listed = steward.run("keys", "list", "--tenant", tenant, "--json").stdout

    assert before.scopes == {"events:write", "accounts:read"}
    with pytest.raises(Unauthenticated):
        caller(beside, made["api_key"])
    assert {one["key_id"]: one["revoked"] for one in json.loads(listed)}[made["key_id"]] is True
    assert made["api_key"] not in listed


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--role", "emperor"), "invalid_command"),
        (("--role", "integration", "--scope", "moon:read"), "unknown_scope"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_by_name(
    steward: CommandLine, beside: Steward, words: tuple[str, ...], code: str
) -> None:
    status, line = steward.refusal("keys", "create", "--tenant", beside.tenant, *words)

    assert status == 1
    assert line.startswith(f"error: {code}: ")


def test_nothing_is_written_for_a_tenant_that_does_not_exist(steward: CommandLine, beside: Steward) -> None:
    stranger = f"tnt_{'0' * 26}"

    for words in (("keys", "create", "--role", "admin"), ("import", __file__)):
        assert steward.refusal(*words, "--tenant", stranger) == (1, "error: tenant_not_found: there is no such tenant")
    assert list(beside.runtime.log.tenants()) == [beside.tenant]


def test_a_webhook_endpoint_gets_an_address_and_a_secret_that_is_shown_once(
    steward: CommandLine, beside: Steward
) -> None:
    tenant = beside.tenant

    made = steward.json("webhooks", "create", "--tenant", tenant, "--provider", "standard_webhooks")
    with_secret = steward.json("webhooks", "create", "--tenant", tenant, "--provider", "standard-webhooks", "--secret", "-",
                         stdin=f"{made['secret']}\n".encode())  # fmt: skip
    unknown = steward.refusal("webhooks", "create", "--tenant", tenant, "--provider", "pigeon_post")

    assert made["url"].endswith(f"/v1/inbound/standard-webhooks/{made['id']}")
    assert made["secret"].startswith("whsec_")
    assert with_secret["secret"] is None
    assert unknown[0] == 1


# --- the contract and the catalogue ---


def test_the_contract_is_printed_as_it_is_committed(steward: CommandLine) -> None:
    printed = steward.run("openapi").stdout

    assert "/v1/accounts" in json.loads(printed)["paths"]
    assert printed == (ROOT / "docs" / "openapi.json").read_text()


def test_the_catalogue_names_every_event_and_how_each_member_is_stored(steward: CommandLine) -> None:
    catalogue = steward.json("events")
    document = steward.run("events", "--markdown").stdout

    assert [one["topic"] for one in catalogue] == list(CATALOGUE)
    assert all(
        field["classification"]
        for one in catalogue
        for field in one["fields"]
        if field["type"] not in ("object", "list of object")
    )
    logged = {
        field["name"]: field["classification"]
        for one in catalogue
        if one["topic"] == "interaction.logged"
        for field in one["fields"]
    }
    assert (logged["summary"], logged["participants[].name"], logged["channel"]) == ("free_text", "personal", "public")
    assert all(f"## `{topic}`" in document for topic in CATALOGUE)
