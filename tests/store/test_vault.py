"""The vault: what is sealed is nowhere in the clear, opens only where it belongs, and is gone with its key."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from app.domain.account.commands import OpenAccount
from app.domain.interaction.commands import LogInteraction
from app.domain.kernel.principal import Principal
from app.store.receipts import Request, fingerprint
from app.store.vault import Vault, hkdf, sealed_keys
from app.write_side.command_envelope import CommandEnvelope
from tests.store.test_leaves import leaf_of, rows
from tests.support.application import Steward
from tests.support.databases import superuser

PRIMITIVES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "envelope_primitives.json").read_text()
)
CANARY = "Canary-Kanarienvogel"


def talk(steward: Steward, stakeholder: str | None = "stk_1") -> str:
    """An interaction whose every sealed member says the canary's name, and its id."""
    account = steward.do(OpenAccount(name="Open", currency="EUR")).id
    command = LogInteraction.model_validate(
        {
            "channel": "call",
            "direction": "inbound",
            "occurred_at": "2026-01-10T09:00:00Z",
            "reason": f"{CANARY} in a reason",
            "subject": f"{CANARY} in a subject",
            "summary": f"{CANARY} in a summary",
            "participants": [
                {"name": f"{CANARY} in a name", "email": f"{CANARY}@example.org", "stakeholder": stakeholder},
                f"{CANARY} without a stakeholder",
            ],
        }
    )
    request = Request(steward.runtime.new_id("req"), fingerprint(command.model_dump_json().encode()))
    return steward.runtime.handler.handle(
        CommandEnvelope(steward.tenant, Principal("test"), command, request, {"account": account})
    ).id


def revealed(steward: Steward, stream_id: str) -> list[dict[str, Any]]:
    """The data of a stream's events, opened."""
    events = list(steward.runtime.log.stream(steward.tenant, stream_id))
    return steward.runtime.log.reveal(steward.tenant, [(event.event_id, event.data) for event in events])


def contains(haystack: bytes) -> bool:
    """Whether the canary is in there, plain or in a simple disguise."""
    plain = CANARY.encode()
    disguises = [plain, plain.hex().encode(), plain.hex().upper().encode(), plain.decode().encode("utf-16-le")]
    disguises += [base64.b64encode(b"x" * at + plain)[(4 * at + 2) // 3 + 1 : -5] for at in range(3)]
    return any(disguise in haystack for disguise in disguises)


def everything(steward: Steward) -> Iterable[bytes]:
    """All that the database keeps: on SQLite the bytes of its files, on PostgreSQL every row of every table."""
    database = steward.runtime.database
    if not database.postgres:
        path = Path(str(database.url.database))
        with database.administer() as connection:
            connection.connection.driver_connection.commit()
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        yield from (file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        return
    with psycopg.connect(superuser(str(database.url.render_as_string(hide_password=False)))) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for (table,) in tables.fetchall():
            yield from (row.encode() for (row,) in connection.execute(f"SELECT CAST(t AS text) FROM {table} AS t"))


def test_the_scan_would_find_what_is_not_sealed(steward: Steward) -> None:
    steward.do(OpenAccount(name=CANARY, currency="EUR"))
    assert any(contains(part) for part in everything(steward))
    assert all(contains(base64.b64encode(b"x" * at + CANARY.encode() + b"y" * 9)) for at in range(6))


def test_what_is_sealed_is_nowhere_in_the_database(steward: Steward) -> None:
    stream = talk(steward)
    steward.catch_up()

    assert contains(json.dumps(revealed(steward, stream)).encode())
    assert not any(contains(part) for part in everything(steward))


def test_what_is_sealed_is_read_again_in_place(steward: Steward) -> None:
    data = revealed(steward, talk(steward))[0]

    assert data["summary"] == f"{CANARY} in a summary"
    assert data["participants"] == [
        {"name": f"{CANARY} in a name", "email": f"{CANARY}@example.org", "stakeholder": "stk_1"},
        {"name": f"{CANARY} without a stakeholder"},
    ]


def test_erasing_a_person_takes_their_values_and_leaves_notes_and_leaves(steward: Steward) -> None:
    first, second = talk(steward), talk(steward)
    before = [leaf_of(row) for row in rows(steward)]

    assert steward.runtime.log.erase(steward.tenant, "stk_1")
    assert not steward.runtime.log.erase(steward.tenant, "stk_1")

    for stream in (first, second):
        data = revealed(steward, stream)[0]
        assert data["participants"] == [
            {"name": None, "email": None, "stakeholder": "stk_1"},
            {"name": f"{CANARY} without a stakeholder"},
        ]
        assert data["summary"] == f"{CANARY} in a summary"
    assert [bytes(row["leaf"]) for row in rows(steward)] == before


def test_a_person_who_comes_back_gets_another_key_and_what_was_erased_stays_so(steward: Steward) -> None:
    first = talk(steward)
    steward.runtime.log.erase(steward.tenant, "stk_1")
    second = talk(steward)

    assert revealed(steward, first)[0]["participants"][0]["name"] is None
    assert revealed(steward, second)[0]["participants"][0]["name"] == f"{CANARY} in a name"


def test_every_note_has_a_key_of_its_own(steward: Steward) -> None:
    streams = [talk(steward, None), talk(steward, None)]
    events = [next(iter(steward.runtime.log.stream(steward.tenant, stream))) for stream in streams]
    keys = [sealed_keys(event.data) for event in events]

    assert keys == [{event.event_id} for event in events]
    assert [sealed_keys(event.meta) for event in events] == [{f"{event.event_id}.reason"} for event in events]
    steward.runtime.log.erase(steward.tenant, events[0].event_id)
    assert [revealed(steward, stream)[0]["summary"] for stream in streams] == [None, f"{CANARY} in a summary"]


def test_a_reason_is_read_where_it_was_said_and_nowhere_else(steward: Steward) -> None:
    event = next(iter(steward.runtime.log.stream(steward.tenant, talk(steward))))
    log = steward.runtime.log

    assert log.reveal(steward.tenant, [(event.event_id, event.meta)], "meta")[0]["reason"] == f"{CANARY} in a reason"
    assert log.reveal(steward.tenant, [("evt_other", event.meta)], "meta")[0]["reason"] is None
    assert log.reveal(steward.tenant, [(event.event_id, event.meta)], "data")[0]["reason"] is None


@pytest.mark.parametrize(
    "moved",
    [
        {"tenant_id": "tnt_other"},
        {"event_id": "evt_other"},
        {"path": "data.subject"},
        {"key": "another"},
        {"ct": "flipped"},
    ],
)
def test_a_sealed_value_opens_only_where_it_was_sealed(moved: dict[str, str]) -> None:
    vault, key = Vault(bytes(range(32))), bytes(32)
    place = {"tenant_id": "tnt_1", "event_id": "evt_1", "path": "data.summary"}
    envelope = vault.seal(key, CANARY, key_id="stk_1", **place)
    flipped = bytearray(base64.b64decode(envelope["ct"]))
    flipped[0] ^= 1

    assert vault.open(key, envelope, **place) == CANARY
    if "key" in moved:
        envelope["key"] = moved["key"]
    elif "ct" in moved:
        envelope["ct"] = base64.b64encode(flipped).decode()
    else:
        place |= moved
    assert vault.open(key, envelope, **place) is None


def test_a_data_key_opens_under_its_tenant_and_its_root_only() -> None:
    vault = Vault(bytes(range(32)))
    key, stored = vault.new_key("tnt_1", "stk_1")

    assert vault.unwrap("tnt_1", stored.wrapped) == key
    assert vault.unwrap("tnt_2", stored.wrapped) is None
    assert Vault(bytes(32)).unwrap("tnt_1", stored.wrapped) is None
    assert key not in stored.wrapped


def test_bytes_locked_for_one_purpose_are_not_unlocked_for_another() -> None:
    vault = Vault(bytes(range(32)))
    locked = vault.lock("tnt_1", "inbox", CANARY.encode())

    assert vault.unlock("tnt_1", "inbox", locked) == CANARY.encode()
    assert vault.unlock("tnt_1", "secret", locked) is None
    assert vault.unlock("tnt_2", "inbox", locked) is None
    assert not contains(locked)


def test_a_root_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(31))


def test_keys_are_wrapped_as_rfc_3394_says() -> None:
    vector = {name: bytes.fromhex(value) for name, value in PRIMITIVES["aes_key_wrap"].items()}
    assert aes_key_wrap(vector["kek"], vector["key"]) == vector["wrapped"]
    with pytest.raises(InvalidUnwrap):
        aes_key_unwrap(vector["kek"], vector["must_fail_to_unwrap"])


def test_keys_are_derived_as_rfc_5869_says() -> None:
    """Test case 3 of appendix A: no salt, no info; the first 32 of its 42 bytes."""
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert hkdf(bytes.fromhex(PRIMITIVES["hkdf_sha256"]["ikm"]), "").hex() == expected
    assert hkdf(b"secret", "one purpose") != hkdf(b"secret", "another purpose")


def test_values_are_encrypted_as_the_gcm_standard_says() -> None:
    vector = {name: bytes.fromhex(value) for name, value in PRIMITIVES["aes_256_gcm"].items()}
    assert (
        AESGCM(vector["key"]).encrypt(vector["nonce"], vector["plaintext"], vector["aad"])
        == vector["ciphertext_and_tag"]
    )
