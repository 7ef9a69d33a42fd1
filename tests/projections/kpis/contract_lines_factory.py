"""Books for pure tests: contract lines written down as `account, monthly price, from, to`, and figures over them."""

from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import annual
from app.domain.kernel.values import FOREVER, day_start
from app.domain.policy.rules import MetricRules
from projections.kpis import KPIS
from projections.kpis.account_movements import AccountMovements, account_movements
from projections.kpis.base import Measure, measure
from projections.kpis.revenue import waterfall
from projections.kpis.rule_sets import DEFAULT_RULES
from projections.views.contract_lines import ContractLine

UTC = ZoneInfo("UTC")


def at(day: str | None) -> int:
    """A day's first microsecond in UTC, or never."""
    return FOREVER if day is None else day_start(day, UTC)


def line(account: str, price: str, start: str, end: str | None = None, **more: Any) -> ContractLine:
    """A line in force over [start, end). `interval`: month by default; `held`: it rests; `discount`, `temporary`: percents
    that last or do not; `trial`: nothing has been paid for it yet; `noticed`: the day of a notice that stands; others as in the view.
    """
    held, kind, interval = more.get("held", False), more.get("kind", "recurring"), more.get("interval", "month")
    gross = 0 if kind == "one_off" else annual("1", price, interval)
    lasting, temporary = (
        gross - annual("1", price, interval, more.get(name, "0")) if gross else 0 for name in ("discount", "temporary")
    )
    return ContractLine(
        contract=more.get("contract", f"{account}-1"),
        line=more.get("line", "main"),
        valid_from=at(start),
        valid_to=at(end),
        account=account,
        currency=more.get("currency", "USD"),
        annual=0 if held or more.get("trial") else gross - lasting,
        held=held,
        product="retainer",
        kind=kind,
        quantity="1",
        unit_price=price,
        cause=more.get("cause", "negotiation"),
        source=more.get("source", "evt_1"),
        place=0,
        schedule=None,
        gross=gross,
        lasting=lasting,
        temporary=temporary,
        noticed_at=at(more["noticed"]) if "noticed" in more else None,
        trial=gross if more.get("trial") else None,
    )


def steady(
    number: int, price: str, start: str = "2024-01-01", end: str | None = None, name: str = "steady"
) -> list[ContractLine]:
    """So many accounts that pay the same."""
    return [line(f"{name}-{at}", price, start, end) for at in range(number)]


def changed(account: str, *prices: tuple[str, str]) -> list[ContractLine]:
    """An account's line with another price from each of some days on; `0` is none."""
    ends = [start for start, _ in prices[1:]] + [None]
    return [line(account, price, start, end) for (start, price), end in zip(prices, ends, strict=True) if price != "0"]


def over(lines: list[ContractLine], start: str, end: str, rules: MetricRules = DEFAULT_RULES) -> list[AccountMovements]:
    """The standings of a period."""
    return account_movements(lines, at(start), at(end), rules)


def measured(
    name: str,
    lines: list[ContractLine],
    start: str,
    end: str,
    method: str | None = None,
    rules: MetricRules = DEFAULT_RULES,
) -> Measure:
    """A KPI of contract lines over a period."""
    kpi = next(kpi for kpi in KPIS if kpi.name == name)
    return measure(kpi.methods[method or kpi.default], over(lines, start, end, rules))


def value(
    name: str,
    lines: list[ContractLine],
    start: str,
    end: str,
    method: str | None = None,
    rules: MetricRules = DEFAULT_RULES,
) -> Fraction | None:
    """The exact value of a KPI of contract lines over a period."""
    return measured(name, lines, start, end, method, rules).value


def moved(lines: list[ContractLine], start: str, end: str, rules: MetricRules = DEFAULT_RULES) -> dict[str, Fraction]:
    """The waterfall's rows, monthly, those that are 0 left out."""
    steps = waterfall(over(lines, start, end, rules))
    return {step.name: Fraction(step.amount, 12_000_000) for step in steps if step.amount}
