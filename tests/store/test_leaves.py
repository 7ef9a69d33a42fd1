"""Leaves: every one can be made again from the columns by somebody who has none of our code."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.account.commands import OpenAccount
from app.domain.account.events import AccountRenamed
from app.domain.interaction.commands import LogInteraction
from app.store import mapper
from app.store.mapper import SealedEvent, StoredEnvelope
from app.store.new_event import NewEvent
from tests.support.application import Steward

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"

GOLDEN_HEADER = (
    b'{"actor":"usr_1","body":"YdEor55lF6DxWQdC1yL7IZSasAHOeTlDnCLFOyGOwUo=","effective_at":"2026-01-31T23:00:00.000001Z",'
    b'"id":"evt_2","position":42,"recorded_at":"2026-02-01T09:00:00.000000Z","schema":1,"stream":"acct_3","tenant":"tnt_4",'
    b'"type":"account.renamed","v":1,"version":7}'
)
GOLDEN_EVENT = StoredEnvelope(
    originator_id="acct_3",
    originator_version=7,
    topic="account.renamed",
    state=b'{"data":{"name":"N\xc3\xb6rd"},"meta":{},"salt":"AA=="}',
    event_id="evt_2",
    account_id="acct_3",
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
    header = {
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
        "v": 1,
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

    stored = rows(steward)
    assert len(stored) == steward.runtime.log.head(steward.tenant) > 20
    for row in stored:
        body = bytes(row["body"])
        content = json.loads(body)
        assert bytes(row["leaf"]) == leaf_of(row)
        assert set(content) == {"data", "meta", "salt"}
        assert len(base64.b64decode(content["salt"], validate=True)) == 16
        assert json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == body
    assert len({json.loads(bytes(row["body"]))["salt"] for row in stored}) == len(stored)


def test_a_header_is_written_so_and_never_otherwise() -> None:
    header = mapper.header("tnt_4", GOLDEN_EVENT, 42, 1_769_936_400_000_000)

    assert header == GOLDEN_HEADER
    assert (
        mapper.leaf("tnt_4", GOLDEN_EVENT, 42, b"2026-02-01T09:00:00.000000Z")
        == hashlib.sha256(b"\x00" + GOLDEN_HEADER).digest()
    )


def test_no_column_can_be_another_without_another_leaf(sqlite_steward: Steward) -> None:
    sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR"))
    row = dict(rows(sqlite_steward)[-1])
    others = {
        "actor": "x",
        "body": b"{}",
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
    version=st.integers(1, 2**53 - 1),
    position=st.integers(1, 2**53 - 1),
    moments=st.tuples(MOMENTS, MOMENTS),
)
def test_a_leaf_whose_header_was_prepared_is_the_leaf_of_the_specification(
    words: tuple[str, str, str, str], version: int, position: int, moments: tuple[int, int]
) -> None:
    tenant, event_id, stream_id, actor = words
    effective_at, recorded_at = moments
    new = NewEvent(
        event=AccountRenamed(name="x"),
        event_id=event_id,
        stream_id=stream_id,
        version=version,
        account_id=None,
        effective_at=effective_at,
    )
    stored = mapper.encoded(tenant, SealedEvent(new, {"name": "x"}, {}, actor))
    expected = leaf_of(
        {
            "tenant_id": tenant,
            "position": position,
            "event_id": event_id,
            "stream_id": stream_id,
            "version": version,
            "type": "account.renamed",
            "schema_version": stored.schema_version,
            "effective_at": effective_at,
            "recorded_at": recorded_at,
            "actor": actor,
            "body": stored.state,
        }
    )

    assert stored.header is not None
    assert mapper.leaf(tenant, stored, position, plain(recorded_at).encode()) == expected
    assert mapper.leaf(tenant, replace(stored, header=None), position, plain(recorded_at).encode()) == expected
