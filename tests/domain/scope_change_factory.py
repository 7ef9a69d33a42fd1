"""Words that the tests of scope changes share."""

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
from tests.support.application import Steward

ADD_LINE = {
    "op": "add_line",
    "line": "feature",
    "product": "feature",
    "kind": "recurring",
    "quantity": "1",
    "unit_price": "250.00",
    "interval": "month",
}


def account(steward: Steward, currency: str = "EUR") -> str:
    """An open account."""
    return steward.do(OpenAccount(name="Northwind", currency=currency)).id


def closed(steward: Steward, account_id: str) -> None:
    """An account that was closed."""
    steward.do(CloseAccount(), account=account_id)


def contract(steward: Steward, account_id: str, **members: Any) -> str:
    """A signed contract of 1000.00 a month over the year 2026."""
    line = Line(line="main", product="retainer", quantity="1", unit_price="1000.00", interval="month")
    told = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "signed_at": "2025-12-20", "lines": (line,)}
    return steward.do(RecordContract(**{**told, **members}), account=account_id).id


def raised(steward: Steward, account_id: str, **members: Any) -> str:
    """A wish."""
    told = {"title": "A last-minute feature", "request": "Hey, can we add a last-minute feature to this campaign?"}
    return steward.do(RaiseScopeChange(**{**told, **members}), account=account_id).id


def assessed(steward: Steward, wish: str, actor: str = "maria", **members: Any) -> None:
    """A wish whose impact is known: small, unless said otherwise."""
    steward.do(AssessImpact(**{"effort_hours": "12", "price": "900.00", **members}), scope_change=wish, actor=actor)


def accepted(steward: Steward, wish: str) -> None:
    """A wish that was offered and taken."""
    assessed(steward, wish)
    steward.do(RespondToClient(kind="accept"), scope_change=wish)
    steward.do(RecordClientDecision(accepted=True), scope_change=wish)


def amendment(**members: Any) -> AmendScopeChange:
    """The wish as a line of its own from February on."""
    return AmendScopeChange(**{"effective_at": "2026-02-01", "changes": (ADD_LINE,), **members})


def refusal(steward: Steward, command: Command, actor: str = "test", **targets: str) -> str:
    """The code with which a command is refused; nothing is stored."""
    before = steward.runtime.log.head(steward.tenant)
    with pytest.raises(Refused) as refused:
        steward.do(command, actor=actor, **targets)
    assert steward.runtime.log.head(steward.tenant) == before
    return refused.value.code
