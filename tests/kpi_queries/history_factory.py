"""Accounts, contracts and queries that the tests of figures share."""

from decimal import Decimal
from typing import Any

from app import kpi_queries as figures
from app.domain.account.commands import OpenAccount
from app.domain.contract.commands import Line, RecordContract
from app.domain.policy.commands import ActivatePolicy, DraftPolicy
from app.domain.policy.rules import FxRate, FxRules, Rules
from app.kpi_queries import KpiQuery, Scope
from tests.support.application import Steward

YEAR = ("2025-01-01", "2026-01-01")


def ask(
    steward: Steward,
    name: str,
    period: tuple[str, str] | None = YEAR,
    method: str | None = None,
    *,
    as_of: str | None = None,
    known_at: object = None,
    policy: str | None = None,
    reporting: str | None = None,
    options: dict[str, str] | None = None,
    **scope: Any,
) -> dict[str, Any]:
    """A figure's answer."""
    query = KpiQuery(
        name, *(period or (None, None)), method, Scope(**scope), tuple((options or {}).items()), policy, reporting
    )
    when = steward.runtime.reader.when(steward.tenant, as_of, None if known_at is None else str(known_at))
    return figures.evaluate(steward.runtime.reader, steward.tenant, query, when)


def explained(
    steward: Steward,
    name: str,
    period: tuple[str, str] | None = YEAR,
    *,
    limit: int = 100,
    after: str | None = None,
    known_at: object = None,
    as_of: str | None = None,
    method: str | None = None,
    policy: str | None = None,
    reporting: str | None = None,
    options: dict[str, str] | None = None,
    **scope: Any,
) -> tuple[dict[str, Any], list[dict[str, Any]], str | None]:
    """A figure's explanation."""
    query = KpiQuery(
        name, *(period or (None, None)), method, Scope(**scope), tuple((options or {}).items()), policy, reporting
    )
    when = steward.runtime.reader.when(steward.tenant, as_of, None if known_at is None else str(known_at))
    return figures.explain(steward.runtime.reader, steward.tenant, query, when, limit=limit, after=after)


def in_force(steward: Steward, rules: Rules, start: str | None = "2020-01-01", tenant: str | None = None) -> str:
    """A policy with its first version, in force from a day on, or a draft."""
    policy = steward.do(DraftPolicy(rules=rules), tenant=tenant).id  # type: ignore[arg-type]
    if start is not None:
        steward.do(ActivatePolicy(number=1, start=start), tenant=tenant, policy=policy)
    return policy


def rates(*rows: tuple[str, str, str], base: str = "USD") -> FxRules:
    """A table of (date, currency, rate)."""
    return FxRules(base=base, rates=tuple(FxRate(date=date, currency=money, rate=rate) for date, money, rate in rows))


def account(steward: Steward, name: str, opened: str = "2024-01-01", **members: Any) -> str:
    """An open account."""
    return steward.do(OpenAccount(name=name, currency="USD", effective_at=opened, **members)).id


def contract(
    steward: Steward,
    account_id: str,
    price: str,
    start: str = "2024-01-01",
    end: str | None = None,
    **members: Any,
) -> str:
    """A signed contract of one line a month."""
    line = Line(line="main", product="retainer", unit_price=price, interval=members.pop("interval", "month"))
    terms = {
        "currency": "USD",
        "start": start,
        "end": end,
        "signed_at": start,
        "lines": (line,),
        "effective_at": start,
        **members,
    }
    return steward.do(RecordContract(**terms), account=account_id).id


RISING = rates(("2023-01-01", "EUR", "1.1"), ("2025-03-01", "EUR", "1.2"), ("2025-10-01", "EUR", "1.25"))


def amounts(answer: dict[str, object]) -> dict[str, str]:
    """The waterfall's rows that are not 0."""
    by_name = {row["name"]: row["amount"] for row in answer["rows"]}  # type: ignore[attr-defined]
    return {name: amount for name, amount in by_name.items() if Decimal(amount)}


def two_currencies(steward: Steward) -> None:
    """Dollars that stay, euros that grow in April."""
    contract(steward, account(steward, "Dollars"), "100.00")
    euros = account(steward, "Euros")
    contract(steward, euros, "100.00", currency="EUR")
    contract(steward, euros, "50.00", start="2025-04-01", currency="EUR")
