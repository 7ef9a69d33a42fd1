"""Contracts and their lines, as the tests need them."""

from typing import Any

from app.domain.account.commands import OpenAccount
from app.domain.contract.commands import AddLine, DraftContract, Line, RemoveLine, SetLine, SignContract
from app.domain.contract.schedule import Schedule, build
from app.domain.kernel.values import day_start, unscaled
from tests.domain.scenario import TakesCommands

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


def account(scenario: TakesCommands) -> str:
    """An open account."""
    return scenario.do(OpenAccount(name="Northwind", currency="EUR")).id


def drafted(scenario: TakesCommands, **terms: Any) -> str:
    """A contract on paper: 1000.00 a month over the year 2026, unless said otherwise."""
    return scenario.do(DraftContract(**{**YEAR, **terms}), account=account(scenario)).id


def signed(scenario: TakesCommands, **terms: Any) -> str:
    """A contract that binds."""
    contract = drafted(scenario, **terms)
    scenario.do(SignContract(signed_at="2025-12-20"), contract=contract)
    return contract


def schedule(scenario: TakesCommands, contract: str) -> Schedule:
    """What is paid when, from the state that decisions see."""
    return build(scenario.state("contract", contract).history, scenario.zone)


def annual(scenario: TakesCommands, contract: str, *days: str) -> list[str]:
    """What is paid a year at the beginning of days."""
    known = schedule(scenario, contract)
    return [unscaled(known.annual_at(day_start(day, scenario.zone))) for day in days]
