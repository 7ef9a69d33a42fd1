"""Leaves: every one can be made again from the columns by somebody who has none of our code."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.account.commands import OpenAccount, RenameAccount
from app.domain.account.events import AccountRenamed
from app.domain.interaction.commands import LogInteraction
from app.store import mapper
from app.store.mapper import SealedEvent, StoredEnvelope
from app.store.new_event import NewEvent
from tests.support.application import Steward

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"

HEADER = (
    b'"actor":"usr_1","body":"%b","effective_at":"2026-01-31T23:00:00.000001Z","id":"evt_2","position":42,'
    b'"recorded_at":"2026-02-01T09:00:00.000000Z","schema":1,"stream":"acct_3","tenant":"tnt_4","type":"account.renamed",'
)
FIRST_BODY = b'{"data":{"name":"N\xc3\xb6rd"},"meta":{},"salt":"AA=="}'
SECOND_BODY = b'{"data":{"name":"N\xc3\xb6rd"},"meta":{"client":"key_5","run":"r-6"},"salt":"AA==","v":2}'
FIRST = b"{" + HEADER % b"YdEor55lF6DxWQdC1yL7IZSasAHOeTlDnCLFOyGOwUo=" + b'"v":1,"version":7}'
SECOND = HEADER % b"bcoyVGVf77s/nIm2HF0sByaUXxwIKE7qa0LjYei6jzw=" + b'"v":2,"version":7}'
GOLDEN: dict[str, tuple[bytes, str | None, bytes, str]] = {
    "first": (FIRST_BODY, "acct_3", FIRST, "f8c3fae4273da05bbd8018f986760f372b22eca1694badcd421ea04ee6fc6ce9"),
    "first_without_account": (
        FIRST_BODY,
        None,
        FIRST,
        "f8c3fae4273da05bbd8018f986760f372b22eca1694badcd421ea04ee6fc6ce9",
    ),
    "second": (
        SECOND_BODY,
        "acct_3",
        b'{"account":"acct_3",' + SECOND,
        "dfe6020febe50a29bf1f4cb0b58f3baedcd5f57855abc6cc031ea202d5d6fd46",
    ),
    "second_without_account": (
        SECOND_BODY,
        None,
        b'{"account":null,' + SECOND,
        "fccd89ad77aad060d8af779adec0ee367bdc6f9366bfa4fcdd28f50ea9edbc45",
    ),
}
"""Body, account, header and leaf of an event of each version of the envelope: never otherwise, whatever the code becomes."""


def stored(body: bytes, account_id: str | None) -> StoredEnvelope:
    """The event of the goldens."""
    return StoredEnvelope(
        originator_id="acct_3",
        originator_version=7,
        topic="account.renamed",
        state=body,
        event_id="evt_2",
        account_id=account_id,
        schema_version=1,
        effective_at=1_769_900_400_000_001,
        actor="usr_1",
    )


def rows(steward: Steward) -> list[Any]:
    """The events as they stand in the table."""
    with steward.runtime.database.read(steward.tenant) as connection:
        query = text("SELECT * FROM events WHERE tenant_id = :tenant ORDER BY position")
        return list(connection.execute(query, {"tenant": steward.tenant}).mappings())


def plain(micros: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S.%fZ}"


def leaf_of(row: Any) -> bytes:
    """The leaf by the specification: RFC 6962 over a header of the columns."""
    version = json.loads(bytes(row["body"])).get("v", 1)
    header = ({"account": row["account_id"]} if version == 2 else {}) | {
        "actor": row["actor"],
        "body": base64.standard_b64encode(hashlib.sha256(bytes(row["body"])).digest()).decode("ascii"),
        "effective_at": plain(row["effective_at"]),
        "id": row["event_id"],
        "position": row["position"],
        "recorded_at": plain(row["recorded_at"]),
        "schema": row["schema_version"],
        "stream": row["stream_id"],
        "tenant": row["tenant_id"],
        "type": row["type"],
        "v": version,
        "version": row["version"],
    }
    written = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return hashlib.sha256(b"\x00" + written).digest()


def test_every_leaf_is_the_hash_of_its_columns_and_every_body_is_in_canonical_form(steward: Steward) -> None:
    steward.ingest_file(F1)
    account = steward.do(OpenAccount(name="Größe & Co — 日本 \U0001f600", currency="EUR"), actor="usr_größe").id
    steward.do(
        LogInteraction(
            channel="call", direction="inbound", occurred_at="2026-01-10T08:00:00.5+02:00", summary="Sealed."
        ),
        account=account,
    )

    found = rows(steward)
    assert len(found) == steward.runtime.log.head(steward.tenant) > 20
    for row in found:
        body = bytes(row["body"])
        content = json.loads(body)
        assert bytes(row["leaf"]) == leaf_of(row)
        assert set(content) == {"data", "meta", "salt", "v"}
        assert content["v"] == 2
        assert len(base64.b64decode(content["salt"], validate=True)) == 16
        assert json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == body
    assert len({json.loads(bytes(row["body"]))["salt"] for row in found}) == len(found)


@pytest.mark.parametrize(("body", "account_id", "header", "leaf"), GOLDEN.values(), ids=list(GOLDEN))
def test_a_header_is_written_so_and_never_otherwise(
    body: bytes, account_id: str | None, header: bytes, leaf: str
) -> None:
    event = stored(body, account_id)

    assert mapper.header("tnt_4", event, 42, 1_769_936_400_000_000) == header
    assert mapper.leaf("tnt_4", event, 42, b"2026-02-01T09:00:00.000000Z").hex() == leaf
    assert hashlib.sha256(b"\x00" + header).hexdigest() == leaf


def test_an_event_of_the_second_version_is_never_passed_off_as_one_of_the_first() -> None:
    written = mapper.leaf("tnt_4", stored(SECOND_BODY, "acct_3"), 42, b"2026-02-01T09:00:00.000000Z")
    bodies = (SECOND_BODY, SECOND_BODY.replace(b',"v":2', b""), SECOND_BODY.replace(b'"v":2', b'"v":1'), FIRST_BODY)
    accounts = ("acct_3", "acct_9", None)

    same = {
        (body, account)
        for body in bodies
        for account in accounts
        if mapper.leaf("tnt_4", stored(body, account), 42, b"2026-02-01T09:00:00.000000Z") == written
    }
    assert same == {(SECOND_BODY, "acct_3")}


def test_an_event_of_the_first_version_is_read_and_keeps_its_leaf_beside_newer_ones(steward: Steward) -> None:
    account = steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    old = replace(stored(FIRST_BODY, account), originator_id=account, originator_version=2)
    steward.runtime.log.recorder(steward.tenant).insert_events([old])
    steward.do(RenameAccount(name="Newer"), account=account)

    opened, renamed, newer = rows(steward)[-3:]

    assert [json.loads(bytes(row["body"])).get("v") for row in (opened, renamed, newer)] == [2, None, 2]
    assert all(bytes(row["leaf"]) == leaf_of(row) for row in (opened, renamed, newer))
    assert leaf_of({**renamed, "account_id": "acct_9"}) == leaf_of(renamed)  # why there is a second version
    assert leaf_of({**newer, "account_id": "acct_9"}) != leaf_of(newer)
    read = steward.stream(account)[1]
    assert (read.data, read.meta) == ({"name": "Nörd"}, {})


def test_no_column_can_be_another_without_another_leaf(sqlite_steward: Steward) -> None:
    sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR"))
    row = dict(rows(sqlite_steward)[-1])
    others = {
        "account_id": "x",
        "actor": "x",
        "body": b'{"v":2}',
        "effective_at": 1,
        "event_id": "x",
        "position": 9,
        "recorded_at": 1,
        "schema_version": 9,
        "stream_id": "x",
        "tenant_id": "x",
        "type": "x",
        "version": 9,
    }

    leaves = {leaf_of({**row, column: other}) for column, other in others.items()}
    assert len(leaves | {leaf_of(row)}) == len(others) + 1


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
MOMENTS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
"""From the year 1 to 9999."""


@given(
    words=st.tuples(WORDS, WORDS, WORDS, WORDS),
    account_id=st.none() | WORDS,
    version=st.integers(1, 2**53 - 1),
    position=st.integers(1, 2**53 - 1),
    moments=st.tuples(MOMENTS, MOMENTS),
)
def test_a_leaf_whose_header_was_prepared_is_the_leaf_of_the_specification(
    words: tuple[str, str, str, str],
    account_id: str | None,
    version: int,
    position: int,
    moments: tuple[int, int],
) -> None:
    tenant, event_id, stream_id, actor = words
    effective_at, recorded_at = moments
    new = NewEvent(
        event=AccountRenamed(name="x"),
        event_id=event_id,
        stream_id=stream_id,
        version=version,
        account_id=account_id,
        effective_at=effective_at,
    )
    event = mapper.encoded(tenant, SealedEvent(new, {"name": "x"}, {}, actor))
    expected = leaf_of(
        {
            "tenant_id": tenant,
            "position": position,
            "event_id": event_id,
            "stream_id": stream_id,
            "version": version,
            "account_id": account_id,
            "type": "account.renamed",
            "schema_version": event.schema_version,
            "effective_at": effective_at,
            "recorded_at": recorded_at,
            "actor": actor,
            "body": event.state,
        }
    )

    assert event.header is not None
    assert mapper.leaf(tenant, event, position, plain(recorded_at).encode()) == expected
    assert mapper.leaf(tenant, replace(event, header=None), position, plain(recorded_at).encode()) == expected
