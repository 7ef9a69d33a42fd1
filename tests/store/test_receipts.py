"""Receipts: one text is stored and answered, the first time and every time again."""

import json

from sqlalchemy import text

from app.domain.account.commands import OpenAccount
from tests.support.applications import House


def test_what_is_answered_is_what_is_stored_the_first_time_and_again(house: House) -> None:
    first = house.do(OpenAccount(name="Once", currency="EUR"), key="the-key")
    again = house.do(OpenAccount(name="Once", currency="EUR"), key="the-key")

    with house.runtime.database.read(house.tenant) as connection:
        query = text("SELECT response FROM receipts WHERE tenant_id = :tenant AND key = 'the-key'")
        stored = connection.execute(query, {"tenant": house.tenant}).scalar_one()

    assert again.replayed
    assert first.encoded == again.encoded == stored
    assert stored == json.dumps(first.body(), separators=(",", ":"))
