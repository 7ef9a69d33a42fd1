"""Scope changes, as the tests need them."""

from typing import Any

import pytest

from app.domain.account.commands import CloseAccount, OpenAccount
from app.domain.contract.commands import Line, RecordContract
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Refused
from app.domain.scope_change.commands import (
    AmendScopeChange,
    AssessImpact,
    RaiseScopeChange,
    RecordClientDecision,
    RespondToClient,
)
from tests.domain.scenario import TakesCommands

ADD_LINE = {
    "op": "add_line",
    "line": "feature",
    "product": "feature",
    "kind": "recurring",
    "quantity": "1",
    "unit_price": "250.00",
    "interval": "month",
}


def account(scenario: TakesCommands, currency: str = "EUR") -> str:
    """An open account."""
    return scenario.do(OpenAccount(name="Northwind", currency=currency)).id


def closed(scenario: TakesCommands, account_id: str) -> None:
    """An account that was closed."""
    scenario.do(CloseAccount(), account=account_id)


def contract(scenario: TakesCommands, account_id: str, **members: Any) -> str:
    """A signed contract of 1000.00 a month over the year 2026."""
    line = Line(line="main", product="retainer", quantity="1", unit_price="1000.00", interval="month")
    told = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "signed_at": "2025-12-20", "lines": (line,)}
    return scenario.do(RecordContract(**{**told, **members}), account=account_id).id


def raised(scenario: TakesCommands, account_id: str, **members: Any) -> str:
    """A scope change that was raised."""
    told = {"title": "A last-minute feature", "request": "Hey, can we add a last-minute feature to this campaign?"}
    return scenario.do(RaiseScopeChange(**{**told, **members}), account=account_id).id


def assessed(scenario: TakesCommands, change: str, actor: str = "maria", **members: Any) -> None:
    """A scope change whose impact is assessed: small, unless said otherwise."""
    scenario.do(AssessImpact(**{"effort_hours": "12", "price": "900.00", **members}), scope_change=change, actor=actor)


def accepted(scenario: TakesCommands, change: str) -> None:
    """A scope change that was offered and accepted."""
    assessed(scenario, change)
    scenario.do(RespondToClient(kind="accept"), scope_change=change)
    scenario.do(RecordClientDecision(accepted=True), scope_change=change)


def amendment(**members: Any) -> AmendScopeChange:
    """The change as a line of its own from February on."""
    return AmendScopeChange(**{"effective_at": "2026-02-01", "changes": (ADD_LINE,), **members})


def refusal(scenario: TakesCommands, command: Command, actor: str = "test", **targets: str) -> str:
    """The code with which a command is refused; nothing is stored."""
    before = len(scenario.topics())
    with pytest.raises(Refused) as refused:
        scenario.do(command, actor=actor, **targets)
    assert len(scenario.topics()) == before
    return refused.value.code
