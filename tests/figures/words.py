"""Words that the tests of figures share."""

from typing import Any

from app import figures
from app.domain.account import OpenAccount
from app.domain.contract_commands import (
    Line,
    RecordContract,
)
from app.figures import FigureQuestion, Scope
from tests.support.house import House

YEAR = ("2025-01-01", "2026-01-01")


def ask(
    house: House, name: str, period: tuple[str, str] | None = YEAR, method: str | None = None, *, as_of: str | None = None,
    known_at: object = None, **scope: Any,
) -> dict[str, Any]:  # fmt: skip
    """A figure's answer."""
    question = FigureQuestion(name, *(period or (None, None)), method, Scope(**scope))
    when = house.runtime.reader.when(house.tenant, as_of, None if known_at is None else str(known_at))
    return figures.answer(house.runtime.reader, house.tenant, question, when)


def explained(
    house: House, name: str, period: tuple[str, str] | None = YEAR, *, limit: int = 100, after: str | None = None, known_at: object = None,
    method: str | None = None, **scope: Any,
) -> tuple[dict[str, Any], list[dict[str, Any]], str | None]:  # fmt: skip
    """A figure's explanation."""
    question = FigureQuestion(name, *(period or (None, None)), method, Scope(**scope))
    when = house.runtime.reader.when(house.tenant, None, None if known_at is None else str(known_at))
    return figures.explain(house.runtime.reader, house.tenant, question, when, limit=limit, after=after)


def account(house: House, name: str, opened: str = "2024-01-01", **members: Any) -> str:
    """An open account."""
    return house.do(OpenAccount(name=name, currency="USD", effective_at=opened, **members)).id


def contract(
    house: House, account_id: str, price: str, start: str = "2024-01-01", end: str | None = None, **members: Any
) -> str:
    """A signed contract of one line a month."""
    line = Line(line="main", product="retainer", unit_price=price, interval=members.pop("interval", "month"))
    told = {
        "currency": "USD",
        "start": start,
        "end": end,
        "signed_at": start,
        "lines": (line,),
        "effective_at": start,
        **members,
    }
    return house.do(RecordContract(**told), account=account_id).id
