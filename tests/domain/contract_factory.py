"""Words that the tests of contracts share."""

from typing import Any

import pytest

from app.domain.account.commands import OpenAccount
from app.domain.contract.commands import AddLine, DraftContract, Line, RemoveLine, SetLine, SignContract
from app.domain.contract.schedule import Schedule, build
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import day_start, unscaled
from tests.support.application import Steward

MAIN = Line(line="main", product="retainer", quantity="1", unit_price="1000.00", interval="month")
YEAR = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "notice_days": 30, "lines": (MAIN,)}


def line(name: str, price: str = "100.00", **members: Any) -> Line:
    """A monthly line."""
    return Line(**{"line": name, "product": name, "unit_price": price, "interval": "month", **members})


def add(name: str, price: str = "100.00", **members: Any) -> AddLine:
    """A monthly line that joins."""
    return AddLine(op="add_line", **line(name, price, **members).model_dump())


def reprice(name: str, price: str, **members: Any) -> SetLine:
    """A line at another price."""
    return SetLine(op="set_line", line=name, unit_price=price, **members)


def remove(name: str) -> RemoveLine:
    """A line that leaves."""
    return RemoveLine(op="remove_line", line=name)


def account(steward: Steward) -> str:
    """An open account."""
    return steward.do(OpenAccount(name="Northwind", currency="EUR")).id


def drafted(steward: Steward, **terms: Any) -> str:
    """A contract on paper: 1000.00 a month over the year 2026, unless said otherwise."""
    return steward.do(DraftContract(**{**YEAR, **terms}), account=account(steward)).id


def signed(steward: Steward, **terms: Any) -> str:
    """A contract that binds."""
    contract = drafted(steward, **terms)
    steward.do(SignContract(signed_at="2025-12-20"), contract=contract)
    return contract


def schedule(steward: Steward, contract: str) -> Schedule:
    """What is paid when, from the handler's own state."""
    held = steward.runtime.handler.load(steward.tenant, "contract", contract)[1]
    return build(held.state.history, steward.runtime.handler.zone(steward.tenant))


def annual(steward: Steward, contract: str, *days: str) -> list[str]:
    """What is paid a year at the beginning of days."""
    where, found = steward.runtime.handler.zone(steward.tenant), schedule(steward, contract)
    return [unscaled(found.annual_at(day_start(day, where))) for day in days]


def refusal(steward: Steward, command: Command, **targets: str) -> str:
    """The kind and code with which a command is refused; nothing is appended."""
    before = steward.runtime.log.head(steward.tenant)
    with pytest.raises(DomainError) as refused:
        steward.do(command, **targets)
    assert steward.runtime.log.head(steward.tenant) == before
    return f"{type(refused.value).__name__} {refused.value.code}"
