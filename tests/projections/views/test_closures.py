"""Closures as a view: told in any order, an account is closed when the latest event before an instant says so."""

from app.domain.account.commands import CloseAccount, OpenAccount, ReopenAccount
from app.domain.kernel.values import FOREVER, micros
from tests.support.application import Steward
from tests.support.views import assert_views_are_right


def test_closures_told_out_of_order_hold_until_the_next_event_and_equal_a_rebuild(steward: Steward) -> None:
    steward.clock.set("2026-06-01T00:00:00Z")
    client, other = (steward.do(OpenAccount(name=name, currency="EUR")).id for name in ("Fermata", "Andante"))
    for command, day in ((CloseAccount, "05-01"), (ReopenAccount, "03-01"), (CloseAccount, "02-01")):
        steward.do(command(effective_at=f"2026-{day}"), account=client)
        steward.catch_up()
    steward.do(CloseAccount(effective_at="2026-09-01"), account=other)

    rows = steward.rows("closures")

    days = {name: micros(f"2026-{name}T00:00:00Z") for name in ("02-01", "03-01", "05-01", "09-01")}
    told = [(row.valid_from, row.valid_to, row.closed) for row in rows if row.account == client]
    assert told == [
        (days["02-01"], days["03-01"], True),
        (days["03-01"], days["05-01"], False),
        (days["05-01"], FOREVER, True),
    ]
    assert [(row.valid_from, row.closed) for row in rows if row.account == other] == [(days["09-01"], True)]
    assert_views_are_right(steward)
