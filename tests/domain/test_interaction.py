"""The interaction: logged once, and for ever."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.account.commands import CloseAccount, OpenAccount
from app.domain.interaction.commands import LogInteraction, VoidInteraction
from app.domain.kernel.values import micros
from tests.domain.contract_factory import refusal
from tests.support.application import Steward

CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T08:00:00Z"}


@pytest.fixture
def client(sqlite_steward: Steward) -> str:
    """An open account."""
    return sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR")).id


def test_an_interaction_is_true_when_it_took_place(sqlite_steward: Steward, client: str) -> None:
    sqlite_steward.do(LogInteraction(**CALL), account=client)

    event = sqlite_steward.runtime.log.after(sqlite_steward.tenant, 0, 10)[-1]
    assert (event.effective_at, event.account_id) == (micros("2026-01-15T08:00:00Z"), client)
    assert event.recorded_at > event.effective_at


def test_an_interaction_may_be_told_to_count_from_another_moment(sqlite_steward: Steward, client: str) -> None:
    sqlite_steward.do(LogInteraction(**CALL, effective_at="2026-01-10"), account=client)

    assert sqlite_steward.runtime.log.after(sqlite_steward.tenant, 0, 10)[-1].effective_at == micros(
        "2026-01-10T00:00:00Z"
    )


def test_what_was_said_and_by_whom_is_sealed_and_the_rest_is_open(steward: Steward) -> None:
    client = steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    told = LogInteraction(**CALL, subject="secret subject", summary="secret summary", sentiment="-0.5", topics=("price",),
                          participants=("Ada Lind", {"email": "ada@example.com", "role": "client"}))  # fmt: skip

    steward.do(told, account=client)

    event = steward.runtime.log.after(steward.tenant, 0, 10)[-1]
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


def test_nothing_is_logged_before_it_happened(sqlite_steward: Steward, client: str) -> None:
    sqlite_steward.clock.set("2026-01-15T09:00:00Z")

    ahead = LogInteraction(**{**CALL, "occurred_at": "2026-01-15T09:05:01Z"})
    nearly = LogInteraction(**{**CALL, "occurred_at": "2026-01-15T09:05:00Z"})

    assert refusal(sqlite_steward, ahead, account=client) == "Refused occurred_in_future"
    sqlite_steward.do(nearly, account=client)  # a caller's clock may be five minutes ahead


def test_nothing_is_logged_on_a_closed_account(sqlite_steward: Steward, client: str) -> None:
    sqlite_steward.do(CloseAccount(), account=client)

    assert refusal(sqlite_steward, LogInteraction(**CALL), account=client) == "Refused account_closed"


def test_an_interaction_needs_an_account(sqlite_steward: Steward) -> None:
    assert refusal(sqlite_steward, LogInteraction(**CALL)) == "Invalid account_missing"
    assert refusal(sqlite_steward, LogInteraction(**CALL), account="ref:nobody") == "NotFound account_not_found"


def test_a_wrong_entry_is_voided_once_and_stays(sqlite_steward: Steward, client: str) -> None:
    entry = sqlite_steward.do(LogInteraction(**CALL), account=client).id

    sqlite_steward.do(VoidInteraction(), interaction=entry)

    assert refusal(sqlite_steward, VoidInteraction(), interaction=entry) == "Refused interaction_voided"
    assert [row.voided for row in sqlite_steward.rows("interactions")] == [True]
    assert sqlite_steward.topics()[-2:] == ["interaction.logged", "interaction.voided"]


def test_a_reference_belongs_to_one_interaction(sqlite_steward: Steward, client: str) -> None:
    sqlite_steward.do(LogInteraction(**CALL, external_ref="m1"), account=client)

    assert (
        refusal(sqlite_steward, LogInteraction(**CALL, external_ref="m1"), account=client)
        == "Refused external_ref_taken"
    )


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
