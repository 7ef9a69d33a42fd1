"""Receipts: one text is stored and answered, the first time and every time again."""

import json

from sqlalchemy import text

from app.domain.account.commands import OpenAccount
from tests.support.application import Steward


def test_what_is_answered_is_what_is_stored_the_first_time_and_again(steward: Steward) -> None:
    first = steward.do(OpenAccount(name="Once", currency="EUR"), key="the-key")
    again = steward.do(OpenAccount(name="Once", currency="EUR"), key="the-key")

    with steward.runtime.database.read(steward.tenant) as connection:
        query = text("SELECT response FROM receipts WHERE tenant_id = :tenant AND key = 'the-key'")
        stored = connection.execute(query, {"tenant": steward.tenant}).scalar_one()

    assert again.replayed
    assert first.encoded == again.encoded == stored
    assert stored == json.dumps(first.body(), separators=(",", ":"))
