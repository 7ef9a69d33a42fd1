"""References: one aggregate of a type has one, and what a command does not name is not found."""

from app.domain.account.commands import OpenAccount
from app.domain.interaction.commands import LogInteraction
from tests.domain.scenario import refusal
from tests.support.application import Steward

CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T08:00:00Z"}


def test_an_account_is_found_by_its_reference(steward: Steward) -> None:
    receipt = steward.do(OpenAccount(name="Northwind", currency="EUR", industry="retail", external_ref="nw"))

    assert (receipt.version, [topic for _, topic, _ in receipt.events]) == (1, ["account.opened"])
    assert steward.events()[-1].data == {
        "name": "Northwind", "currency": "EUR", "time_zone": "UTC", "industry": "retail", "external_ref": "nw"}  # fmt: skip
    assert steward.runtime.handler.resolve(steward.tenant, "account", "ref:nw") == receipt.id


def test_a_reference_belongs_to_one_account(steward: Steward) -> None:
    steward.do(OpenAccount(name="Northwind", currency="EUR", external_ref="nw"))
    other = OpenAccount(name="Other", currency="EUR", external_ref="nw")

    assert refusal(steward, other) == "Refused external_ref_taken"


def test_a_reference_belongs_to_one_interaction(sqlite_steward: Steward) -> None:
    client = sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    sqlite_steward.do(LogInteraction(**CALL, external_ref="m1"), account=client)

    again = LogInteraction(**CALL, external_ref="m1")

    assert refusal(sqlite_steward, again, account=client) == "Refused external_ref_taken"


def test_an_interaction_needs_an_account(sqlite_steward: Steward) -> None:
    assert refusal(sqlite_steward, LogInteraction(**CALL)) == "Invalid account_missing"
    assert refusal(sqlite_steward, LogInteraction(**CALL), account="ref:nobody") == "NotFound account_not_found"
