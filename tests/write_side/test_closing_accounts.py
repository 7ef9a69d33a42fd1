"""An account is closed only when no contract of it goes on, whatever is signed at the same moment."""

from typing import Any

import pytest

from app.domain.account.commands import CloseAccount, OpenAccount
from app.domain.contract.commands import DraftContract, GiveNotice, RecordContract, SignContract, TerminateContract
from app.domain.kernel.errors import Refused
from app.write_side.pending import PendingWrites
from tests.domain.contract.contracts import YEAR
from tests.support.application import Steward


def account(steward: Steward) -> str:
    return steward.do(OpenAccount(name="Fermata", currency="EUR", effective_at="2025-01-01")).id


def refused(steward: Steward, client: str, **members: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        steward.do(CloseAccount(**members), account=client)
    return refusal.value


def test_an_account_with_contracts_that_go_on_is_not_closed_and_they_are_named(steward: Steward) -> None:
    client = account(steward)
    signed = {"signed_at": "2025-12-01"}
    running = steward.do(RecordContract(**YEAR, **signed), account=client).id
    later = steward.do(RecordContract(**YEAR | {"start": "2026-09-01", "end": None}, **signed), account=client).id
    over = {"start": "2024-01-01", "end": "2025-01-01"}
    steward.do(RecordContract(**YEAR | over, **signed), account=client)
    draft = steward.do(DraftContract(**YEAR), account=client).id

    first = refused(steward, client)
    steward.do(TerminateContract(effective_end="2026-01-10", reason="left", voluntary=True), contract=running)
    second = refused(steward, client)
    steward.do(GiveNotice(effective_at="2026-01-12", effective_end="2027-02-01"), contract=later)
    third = refused(steward, client, effective_at="2027-01-31T23:59:59Z")
    steward.do(CloseAccount(effective_at="2027-02-01"), account=client)

    assert (first.code, first.members) == ("contract_in_force", {"contracts": sorted([running, later])})
    assert second.members == third.members == {"contracts": [later]}
    with pytest.raises(Refused, match="account_closed"):
        steward.do(SignContract(signed_at="2026-01-13"), contract=draft)


def test_a_contract_that_is_signed_at_the_same_moment_does_not_slip_through(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = account(steward)
    planner = steward.runtime.handler._planner
    plan = planner.plan
    planned: list[str] = []

    def plan_and_be_late(envelope: Any, pending: PendingWrites) -> Any:
        planned.append(type(envelope.command).__name__)
        made = plan(envelope, pending)
        if planned == ["CloseAccount"]:
            steward.do(RecordContract(**YEAR, signed_at="2025-12-01"), account=client)
        return made

    monkeypatch.setattr(planner, "plan", plan_and_be_late)

    refusal = refused(steward, client)

    assert refusal.code == "contract_in_force"
    assert planned == ["CloseAccount", "RecordContract", "CloseAccount"]
    assert "account.closed" not in steward.topics()


def event(number: int, topic: str, **data: Any) -> dict[str, Any]:
    when = f"2026-01-{number:02d}T00:00:00Z"
    return {"specversion": "1.0", "id": f"c{number}", "source": "urn:test", "type": topic, "subject": "ref:fermata",
            "time": when, "data": data}  # fmt: skip


def test_in_a_batch_a_closing_sees_the_contracts_that_were_signed_before_it(steward: Steward) -> None:
    line = {"line": "main", "product": "retainer", "unit_price": "500", "interval": "month"}
    contract = {"currency": "EUR", "start": "2026-01-02", "lines": [line], "signed_at": "2026-01-02T00:00:00Z"}
    steward.clock.set("2026-02-01T00:00:00Z")

    told = steward.ingest(
        [
            event(1, "account.opened", name="Fermata", currency="EUR", external_ref="fermata"),
            event(2, "contract.signed", contract="ref:f-1", **contract),
            event(3, "account.closed"),
            event(4, "contract.terminated", contract="ref:f-1", effective_end="2026-01-05", reason="x", voluntary=True),
            event(5, "account.closed"),
            event(6, "contract.signed", contract="ref:f-2", **contract),
        ]
    )

    codes = [item.refusal.code if item.refusal else item.status for item in told]
    assert codes == ["accepted", "accepted", "contract_in_force", "accepted", "accepted", "account_closed"]
