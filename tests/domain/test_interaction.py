"""The interaction: logged once, and for ever."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.account.commands import CloseAccount, OpenAccount
from app.domain.interaction.commands import LogInteraction, VoidInteraction
from app.domain.kernel.values import micros
from tests.domain.contract_factory import refusal
from tests.support.applications import House

CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T08:00:00Z"}


@pytest.fixture
def client(cottage: House) -> str:
    """An open account."""
    return cottage.do(OpenAccount(name="Northwind", currency="EUR")).id


def test_an_interaction_is_true_when_it_took_place(cottage: House, client: str) -> None:
    cottage.do(LogInteraction(**CALL), account=client)

    event = cottage.runtime.log.after(cottage.tenant, 0, 10)[-1]
    assert (event.effective_at, event.account_id) == (micros("2026-01-15T08:00:00Z"), client)
    assert event.recorded_at > event.effective_at


def test_an_interaction_may_be_told_to_count_from_another_moment(cottage: House, client: str) -> None:
    cottage.do(LogInteraction(**CALL, effective_at="2026-01-10"), account=client)

    assert cottage.runtime.log.after(cottage.tenant, 0, 10)[-1].effective_at == micros("2026-01-10T00:00:00Z")


def test_what_was_said_and_by_whom_is_sealed_and_the_rest_is_open(house: House) -> None:
    client = house.do(OpenAccount(name="Northwind", currency="EUR")).id
    told = LogInteraction(**CALL, subject="secret subject", summary="secret summary", sentiment="-0.5", topics=("price",),
                          participants=("Ada Lind", {"email": "ada@example.com", "role": "client"}))  # fmt: skip

    house.do(told, account=client)

    event = house.runtime.log.after(house.tenant, 0, 10)[-1]
    for word in (b"secret", b"Ada", b"example.com"):
        assert word not in event.body
    assert (event.data["sentiment"], event.data["topics"], event.data["participants"][1]["role"]) == (
        "-0.5",
        ["price"],
        "client",
    )
    opened = house.runtime.log.reveal(house.tenant, [(event.event_id, event.data)])[0]
    assert (opened["subject"], opened["summary"]) == ("secret subject", "secret summary")
    assert [one.get("name") or one.get("email") for one in opened["participants"]] == ["Ada Lind", "ada@example.com"]


def test_nothing_is_logged_before_it_happened(cottage: House, client: str) -> None:
    cottage.clock.set("2026-01-15T09:00:00Z")

    ahead = LogInteraction(**{**CALL, "occurred_at": "2026-01-15T09:05:01Z"})
    nearly = LogInteraction(**{**CALL, "occurred_at": "2026-01-15T09:05:00Z"})

    assert refusal(cottage, ahead, account=client) == "Refused occurred_in_future"
    cottage.do(nearly, account=client)  # a caller's clock may be five minutes ahead


def test_nothing_is_logged_on_a_closed_account(cottage: House, client: str) -> None:
    cottage.do(CloseAccount(), account=client)

    assert refusal(cottage, LogInteraction(**CALL), account=client) == "Refused account_closed"


def test_an_interaction_needs_an_account(cottage: House) -> None:
    assert refusal(cottage, LogInteraction(**CALL)) == "Invalid account_missing"
    assert refusal(cottage, LogInteraction(**CALL), account="ref:nobody") == "NotFound account_not_found"


def test_a_wrong_entry_is_voided_once_and_stays(cottage: House, client: str) -> None:
    entry = cottage.do(LogInteraction(**CALL), account=client).id

    cottage.do(VoidInteraction(), interaction=entry)

    assert refusal(cottage, VoidInteraction(), interaction=entry) == "Refused interaction_voided"
    assert [row.voided for row in cottage.rows("interactions")] == [True]
    assert cottage.topics()[-2:] == ["interaction.logged", "interaction.voided"]


def test_a_reference_belongs_to_one_interaction(cottage: House, client: str) -> None:
    cottage.do(LogInteraction(**CALL, external_ref="m1"), account=client)

    assert refusal(cottage, LogInteraction(**CALL, external_ref="m1"), account=client) == "Refused external_ref_taken"


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
