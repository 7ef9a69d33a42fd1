"""What is taken back leaves nothing behind: a count or a maximum in a row is what it would be if the thing had never been."""

import random
from datetime import UTC, datetime, timedelta

from app.domain.account.commands import OpenAccount
from app.domain.interaction.commands import LogInteraction, VoidInteraction
from app.domain.kernel.values import micros
from projections.views import accounts
from tests.support.application import Steward
from tests.support.views import assert_views_are_right

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def log(steward: Steward, account: str, number: int) -> tuple[str, int]:
    """A contact so many hours into the year: its id, and when it was."""
    at = (FIRST + timedelta(hours=number)).isoformat().replace("+00:00", "Z")
    command = LogInteraction(channel="call", direction="inbound", occurred_at=at)
    return steward.do(command, account=account).id, micros(at)


def test_touches_that_are_voided_in_any_order_leave_the_account_as_if_they_had_never_been(steward: Steward) -> None:
    chance = random.Random(5)
    steward.clock.set("2026-06-01T00:00:00Z")
    clients = [steward.do(OpenAccount(name=name, currency="EUR")).id for name in ("Northwind", "Südwind")]
    touches: dict[str, dict[str, int]] = {client: {} for client in clients}
    for _ in range(8):
        for client in clients:
            touches[client].update(log(steward, client, chance.randrange(3000)) for _ in range(3))
            for entry in chance.sample(sorted(touches[client]), chance.randrange(len(touches[client]) + 1)):
                steward.do(VoidInteraction(), interaction=entry)
                del touches[client][entry]
        steward.catch_up()
        shown = {row.account: (row.interactions, row.last_touch_at) for row in steward.rows("accounts")}
        assert shown == {client: (len(left), max(left.values(), default=None)) for client, left in touches.items()}

    assert_views_are_right(steward)


def test_a_voided_touch_stays_what_it_was_for_whoever_asks_what_was_known(sqlite_steward: Steward) -> None:
    steward = sqlite_steward
    steward.clock.set("2026-06-01T00:00:00Z")
    client = steward.do(OpenAccount(name="Northwind", currency="EUR", effective_at="2026-01-01")).id
    _, first = log(steward, client, 24)
    entry, second = log(steward, client, 48)
    known = steward.runtime.log.head(steward.tenant)
    steward.do(VoidInteraction(), interaction=entry)
    steward.catch_up()
    reader = steward.runtime.reader

    def touch(as_of: str | None = None, known_at: str | None = None) -> tuple[int, int | None]:
        when = reader.when(steward.tenant, as_of, known_at)
        row = reader.one(steward.tenant, accounts.VIEW, client, when)[0]
        return row.interactions, row.last_touch_at

    assert touch() == touch("2026-01-20") == touch("2026-01-04") == (1, first)
    assert touch(known_at=str(known)) == touch("2026-01-20", str(known)) == (2, second)
    assert touch("2026-01-01") == (0, None)
