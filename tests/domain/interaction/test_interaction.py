"""The interaction: logged once, and for ever."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.account.commands import OpenAccount
from app.domain.account.events import AccountClosed
from app.domain.interaction.commands import LogInteraction, VoidInteraction
from app.domain.interaction.events import InteractionLogged, InteractionVoided
from tests.domain.scenario import OPENED, given, refusal
from tests.support.application import Steward

CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T08:00:00Z"}
LOGGED = InteractionLogged(
    account="acct_1", channel="call", direction="inbound", occurred_at="2026-01-15T08:00:00.000000Z"
)


def test_an_interaction_is_true_when_it_took_place() -> None:
    client = given(OPENED)

    outcome = client.when(LogInteraction(**CALL))

    outcome.then(LOGGED.model_copy(update={"account": client.account})).effective_at("2026-01-15T08:00:00Z")


def test_an_interaction_may_be_dated_to_another_moment() -> None:
    given(OPENED).when(LogInteraction(**CALL, effective_at="2026-01-10")).effective_at("2026-01-10T00:00:00Z")


def test_what_was_said_and_by_whom_is_sealed_and_the_rest_is_open(steward: Steward) -> None:
    client = steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    call = LogInteraction(**CALL, subject="secret subject", summary="secret summary", sentiment="-0.5", topics=("price",),
                          participants=("Ada Lind", {"email": "ada@example.com", "role": "client"}))  # fmt: skip

    steward.do(call, account=client)

    event = steward.events()[-1]
    assert event.account_id == client
    assert event.recorded_at > event.effective_at
    for word in (b"secret", b"Ada", b"example.com"):
        assert word not in event.body
    assert (event.data["sentiment"], event.data["topics"], event.data["participants"][1]["role"]) == (
        "-0.5",
        ["price"],
        "client",
    )
    opened = steward.runtime.log.reveal(steward.tenant, [(event.event_id, event.data)])[0]
    assert (opened["subject"], opened["summary"]) == ("secret subject", "secret summary")
    assert [one.get("name") or one.get("email") for one in opened["participants"]] == ["Ada Lind", "ada@example.com"]


def test_nothing_is_logged_before_it_happened() -> None:
    client = given(OPENED, now="2026-01-15T09:00:00Z")

    client.when(LogInteraction(**{**CALL, "occurred_at": "2026-01-15T09:05:01Z"})).refused("occurred_in_future")
    nearly = client.when(LogInteraction(**{**CALL, "occurred_at": "2026-01-15T09:05:00Z"}))

    nearly.effective_at("2026-01-15T09:05:00Z")  # a caller's clock may be five minutes ahead


def test_nothing_is_logged_on_a_closed_account() -> None:
    given(OPENED, AccountClosed()).when(LogInteraction(**CALL)).refused("account_closed")


def test_a_wrong_entry_is_voided_once() -> None:
    given(LOGGED).when(VoidInteraction()).then(InteractionVoided())
    given(LOGGED, InteractionVoided()).when(VoidInteraction()).refused("interaction_voided")


def test_a_wrong_entry_is_voided_and_stays(sqlite_steward: Steward) -> None:
    client = sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    entry = sqlite_steward.do(LogInteraction(**CALL), account=client).id

    sqlite_steward.do(VoidInteraction(), interaction=entry)

    assert refusal(sqlite_steward, VoidInteraction(), interaction=entry) == "Refused interaction_voided"
    assert [row.voided for row in sqlite_steward.rows("interactions")] == [True]
    assert sqlite_steward.topics()[-2:] == ["interaction.logged", "interaction.voided"]


@pytest.mark.parametrize(
    "members",
    [{"channel": "fax"}, {"direction": "sideways"}, {"occurred_at": "2026-01-15"}, {"occurred_at": "soon"},
     {"sentiment": "1.1"}, {"sentiment": 0.5}, {"duration_seconds": -1}, {"duration_seconds": "60"},
     {"topics": ("",)}, {"topics": ("x",) * 51}, {"participants": ("x",) * 201}, {"participants": ({"phone": "1"},)},
     {"summary": ""}, {"summary": "x" * 20_001}],
)  # fmt: skip
def test_an_interaction_that_makes_no_sense_is_none(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LogInteraction(**{**CALL, **members})
