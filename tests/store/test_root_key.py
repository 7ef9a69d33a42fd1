"""The root key: a database is sealed under one, and no process makes another or works with a different one."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from app.bootstrap import build, known_root_key
from app.domain.account.commands import OpenAccount
from app.domain.interaction.commands import LogInteraction
from app.domain.kernel.errors import Unavailable
from app.settings import Settings
from app.store.engine import Database
from app.store.root_key import RootKeyMismatch, RootKeyMissing, RootKeyRecord, RootKeyUnreadable
from app.store.tables import root_key
from tests.support.application import Steward
from tests.support.databases import owned
from tests.webhooks.senders import register, sender

CALL = LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-02T00:00:00Z", summary="sealed words")  # type: ignore[arg-type]


@pytest.fixture
def kept(database_url: str, tmp_path: Path) -> Iterator[Steward]:
    """An application whose root key is in a file."""
    made = Steward(database_url, vault_key=None, vault_key_file=str(tmp_path / "keys" / "vault.key"))
    yield made
    made.close()


def started(steward: Steward, **changed: Any) -> str | None:
    """With which code another process refuses to start, or None when it starts."""
    try:
        build(steward.settings.model_copy(update=changed), clock=steward.clock).close()
    except Unavailable as refusal:
        return refusal.code
    return None


def file_of(steward: Steward) -> Path:
    return Path(steward.settings.vault_key_file)


def forgotten(steward: Steward) -> None:
    """The record as it was before there was one."""
    owner = Database(owned(steward.settings.database_url), owner=True)
    with owner.administer() as connection:
        connection.execute(delete(root_key))
    owner.close()


def test_a_first_start_makes_a_key_that_only_its_owner_may_read(kept: Steward) -> None:
    assert file_of(kept).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file_of(kept).parent.iterdir()] == ["vault.key"]
    assert started(kept) is None


def test_a_process_without_the_key_or_with_another_refuses_by_name_and_makes_none(kept: Steward) -> None:
    account = kept.do(OpenAccount(name="Nyckel", currency="SEK")).id
    kept.do(CALL, account=account)
    file = file_of(kept)
    key = file.read_text()

    file.unlink()
    assert started(kept) == "vault_key_missing"
    assert not file.exists()

    for other, code in (
        ("cd" * 32, "vault_key_mismatch"),
        ("", "vault_key_unreadable"),
        ("cd" * 31, "vault_key_unreadable"),
    ):
        file.write_text(other)
        assert started(kept) == code
        assert file.read_text() == other
    assert started(kept, vault_key="ef" * 32) == "vault_key_mismatch"

    file.unlink()
    assert started(kept, vault_key=key.strip()) is None


def test_a_tenant_alone_is_enough_for_no_new_key_to_be_made(kept: Steward) -> None:
    file_of(kept).unlink()

    assert started(kept) == "vault_key_missing"


@pytest.mark.parametrize("sealed", ["an event", "a secret", "a message", "nothing"])
def test_a_database_from_before_keys_were_recorded_must_open_under_the_key(kept: Steward, sealed: str) -> None:
    if sealed == "an event":
        kept.do(CALL, account=kept.do(OpenAccount(name="Nyckel", currency="SEK")).id)
    elif sealed == "a secret":
        register(kept)
    elif sealed == "a message":
        crm = sender(kept)
        crm.deliver({"test": 1})
        kept.runtime.endpoints.secret_store.delete(kept.tenant, kept.state("webhook_endpoint", crm.endpoint_id).secrets)
    forgotten(kept)

    if sealed != "nothing":
        assert started(kept, vault_key="cd" * 32) == "vault_key_mismatch"
    assert started(kept, vault_key_file=str(file_of(kept).with_name("none"))) == "vault_key_missing"
    assert started(kept) is None
    assert started(kept, vault_key="cd" * 32) == "vault_key_mismatch"


def test_of_many_first_starts_with_files_of_their_own_one_key_wins(database_url: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{number % 3}" / "vault.key" for number in range(9)]
    barrier, codes = threading.Barrier(len(files)), []

    def start(file: Path) -> None:
        barrier.wait()
        try:
            build(Settings(database_url=database_url, vault_key_file=str(file))).close()
            codes.append(None)
        except (RootKeyMissing, RootKeyMismatch) as refusal:
            codes.append(refusal.code)

    threads = [threading.Thread(target=start, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(codes) == len(files)
    assert None in codes
    (winner,) = [file for file in set(files) if file.exists()]
    assert sorted(path.name for path in winner.parent.iterdir()) == ["vault.key"]
    database = Database(database_url)
    RootKeyRecord(database).require(known_root_key(Settings(vault_key_file=str(winner))))
    database.close()


def test_the_record_betrays_nothing_of_the_key_and_cannot_be_changed_by_the_application(steward: Steward) -> None:
    with steward.runtime.database.administer() as connection:
        (row,) = connection.exec_driver_sql("SELECT check_value FROM root_key").all()
    assert bytes.fromhex(str(steward.settings.vault_key)) not in bytes(row.check_value)
    if steward.runtime.database.postgres:
        with pytest.raises(Exception, match="permission denied"), steward.runtime.database.administer() as connection:
            connection.execute(delete(root_key))


def test_a_key_that_may_not_be_read_is_named_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(RootKeyUnreadable) as refusal:
        known_root_key(Settings(vault_key_file=str(tmp_path)))
    assert str(tmp_path) not in str(refusal.value)
