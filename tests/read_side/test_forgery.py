"""Forgery: what somebody changes in the log behind Steward's back is seen wherever events are read in bulk, and no figure is made of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cli.views import rebuild_each
from app.domain.account.commands import OpenAccount, RenameAccount
from app.domain.interaction.commands import LogInteraction, VoidInteraction
from app.domain.kernel.errors import Unavailable
from app.domain.recorded import Recorded
from app.store.across import Heads
from app.store.intact import computed_leaf, require_intact
from app.worker import Worker
from projections import VIEWS
from projections.views import accounts
from tests.support.application import Steward
from tests.support.databases import BACKENDS, Databases
from tests.support.forgery import forge

FORGED: dict[str, tuple[str, Any]] = {
    "body": ("body", rb'{"data":{"name":"Forged"},"meta":{"visibility":"internal"},"salt":"AA==","v":2}'),
    "actor": ("actor", "usr_forged"),
    "type": ("type", "account.closed"),
    "schema": ("schema_version", 2),
    "effective_at": ("effective_at", 1_700_000_000_000_001),
    "recorded_at": ("recorded_at", 1_700_000_000_000_001),
    "event id": ("event_id", "evt_forged"),
    "stream": ("stream_id", "acct_forged"),
    "account": ("account_id", "acct_forged"),
    "no account": ("account_id", None),
    "version": ("version", 77),
    "leaf": ("leaf", b"\x00" * 32),
}
"""Each column of an event, and what somebody writes into it."""


def written(steward: Steward) -> tuple[str, int]:
    """An account with some history, in all views. Gives: its id, and the position of a renaming in its midst."""
    account = steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    steward.do(LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-10T09:00:00Z"), account=account)
    forged_at = steward.do(RenameAccount(name="Northwind Ltd"), account=account).position
    steward.do(RenameAccount(name="Northwind Inc"), account=account)
    steward.catch_up()
    return account, int(forged_at or 0)


def rebuild(steward: Steward, **options: Any) -> tuple[list[Any], list[str]]:
    """What `steward rebuild` does."""
    heads = Heads({steward.tenant: steward.runtime.log.head(steward.tenant)}, {})
    return rebuild_each(steward.runtime, heads, VIEWS, **{"verify": False, "workers": 1, **options})


@pytest.mark.parametrize("what", FORGED)
def test_a_rebuild_stops_at_an_event_that_was_changed_and_swaps_nothing(steward: Steward, what: str) -> None:
    account, forged_at = written(steward)
    before = steward.runtime.reader.one(
        steward.tenant, accounts.VIEW, account, steward.runtime.reader.when(steward.tenant, None, None)
    )
    column, value = FORGED[what]

    forge(steward.settings.database_url, steward.tenant, forged_at, column, value)
    comparisons, failures = rebuild(steward)

    assert comparisons == []
    assert failures == [
        f"{steward.tenant}: log_damaged: the event at position {forged_at} is not the one that was written"
    ]
    after = steward.runtime.reader.one(
        steward.tenant, accounts.VIEW, account, steward.runtime.reader.when(steward.tenant, None, None)
    )
    assert after == before


def test_a_rebuild_stops_where_an_event_was_removed(steward: Steward) -> None:
    _, removed = written(steward)

    forge(steward.settings.database_url, steward.tenant, removed, None, None)
    comparisons, failures = rebuild(steward)

    assert comparisons == []
    assert failures == [
        f"{steward.tenant}: log_damaged: there is no event at position {removed}, though the ledger goes on to {removed + 1}"
    ]


def test_a_replay_refuses_to_answer_from_a_changed_event(steward: Steward) -> None:
    account, forged_at = written(steward)
    known_at = str(forged_at)
    forge(steward.settings.database_url, steward.tenant, forged_at, "actor", "usr_forged")

    with pytest.raises(Unavailable) as refused:
        steward.runtime.reader.one(
            steward.tenant, accounts.VIEW, account, steward.runtime.reader.when(steward.tenant, None, known_at)
        )

    assert (refused.value.code, refused.value.members) == ("log_damaged", {"position": forged_at})


def test_views_go_no_further_than_a_changed_event_and_the_worker_raises_an_alarm(steward: Steward) -> None:
    account, _ = written(steward)
    before = steward.runtime.projector.positions(steward.tenant)
    forged_at = steward.do(RenameAccount(name="Not yet read"), account=account).position
    other = steward.new_tenant("Other")

    forge(steward.settings.database_url, steward.tenant, int(forged_at or 0), "effective_at", 1)
    worker = Worker(steward.runtime)
    worker.update_views()

    assert steward.runtime.projector.positions(steward.tenant) == before
    assert steward.runtime.alarms.stands("log_damaged") == "log_damaged"
    assert set(steward.runtime.projector.positions(other).values()) == {1}


def test_a_row_that_is_folded_again_is_folded_from_no_changed_event(steward: Steward) -> None:
    account, forged_at = written(steward)
    interaction = steward.do(
        LogInteraction(channel="mail", direction="inbound", occurred_at="2026-01-11T09:00:00Z"), account=account
    )
    steward.catch_up()
    forge(steward.settings.database_url, steward.tenant, forged_at, "body", FORGED["body"][1])

    steward.do(VoidInteraction(reason="a mistake"), interaction=interaction.id)  # accounts are folded again without it
    with pytest.raises(Unavailable, match=f"position {forged_at} "):
        steward.catch_up()

    row, _ = steward.runtime.reader.one(
        steward.tenant, accounts.VIEW, account, steward.runtime.reader.when(steward.tenant, None, None)
    )
    assert row.name == "Northwind Inc"


@pytest.fixture(scope="module", params=BACKENDS)
def history(request: pytest.FixtureRequest, databases: Databases) -> Iterator[list[Recorded]]:
    """Events of every kind that a demo has, read with their leaves."""
    made = Steward(databases.fresh(request.param))
    written(made)
    yield made.runtime.log.after(made.tenant, 0, 100, intact=True)
    made.close()


def flipped(data: st.DataObject, name: str, value: Any) -> Any:
    """Another value for a member."""
    if name == "account_id" and value is None:
        return "acct_other"
    if isinstance(value, bytes):
        at = data.draw(st.integers(0, len(value) - 1))
        return value[:at] + bytes([value[at] ^ (1 << data.draw(st.integers(0, 7)))]) + value[at + 1 :]
    if isinstance(value, int):
        return value + data.draw(st.integers(-(2**40), 2**40).filter(bool))
    return data.draw(st.text(max_size=40).filter(lambda text: text != value))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_any_member_passes(history: list[Recorded], data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(history))
    name = data.draw(st.sampled_from([
        "tenant_id", "position", "event_id", "stream_id", "version", "account_id", "type", "schema_version",
        "effective_at", "recorded_at", "actor", "body", "leaf",
    ]))  # fmt: skip
    members = {each: getattr(event, each) for each in Recorded.__slots__ if each not in ("known", "typed", "schedule")}

    require_intact([Recorded(**members)])
    with pytest.raises(Unavailable):
        require_intact([Recorded(**{**members, name: flipped(data, name, members[name])})])


def test_the_leaf_that_is_checked_is_the_one_that_is_written(history: list[Recorded]) -> None:
    made: Callable[[Recorded], bytes] = computed_leaf

    assert [made(event) for event in history] == [event.leaf for event in history]
