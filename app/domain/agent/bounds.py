"""What bounds each write of an agent, beside the rights of its person. Pure: a state, a command and an instant in, a refusal out."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from app.domain.agent.state import AgentState, Bounds
from app.domain.kernel.errors import NotAllowed, Unauthenticated
from app.domain.kernel.values import MICRO, MONEY, micros, scaled

SUGGESTING: Final = "suggest:"
"""What stands before the name of an operation that is only suggested."""
OWN: Final = frozenset({"suggestions.withdraw"})
"""What every agent may do: take its own suggestion back."""
UNKNOWN: Final = 2**62
"""Stands for an amount that a command does not say: no ceiling is above it."""
_COUNT: Final = "quantity"
_PRICE: Final = "unit_price"


def require_alive(state: AgentState, now: int) -> None:
    """Raises: Unauthenticated for an agent that is suspended or has ended: its keys open nothing."""
    if state.ended or (state.bounds.ends_at is not None and micros(state.bounds.ends_at) <= now):
        raise Unauthenticated("agent_ended", "the agent of this key has ended")
    if state.suspended:
        raise Unauthenticated("agent_suspended", "the agent of this key is suspended")


def require_within(state: AgentState, operation: str, command: BaseModel, now: int, zone: ZoneInfo) -> None:
    """Raises: NotAllowed for what an agent may not do, not by itself, not now, or not about so much money. Takes: the operation's name."""
    bounds = state.bounds
    _require_allowed(bounds, operation)
    _require_hours(bounds, now, zone)
    _require_money(bounds, command)


def _require_allowed(bounds: Bounds, operation: str) -> None:
    named = operation.removeprefix(SUGGESTING)
    may_suggest = bounds.may_suggest is None or named in bounds.may_suggest or named in bounds.may_execute
    allowed = may_suggest if operation.startswith(SUGGESTING) else named in bounds.may_execute or named in OWN
    if not allowed:
        instead = "; suggest it to a person: POST /v1/suggestions" if may_suggest and operation == named else ""
        raise NotAllowed(
            "agent_command_not_allowed",
            f"the agent may not do {operation or 'this'} itself{instead}",
            may_suggest=bool(instead),
        )


def _require_hours(bounds: Bounds, now: int, zone: ZoneInfo) -> None:
    hours = bounds.hours
    if hours is None:
        return
    there = datetime.fromtimestamp(now // MICRO, zone)
    if there.isoweekday() not in hours.days or not hours.start <= there.strftime("%H:%M") < hours.end:
        days = ", ".join(map(str, hours.days))
        raise NotAllowed("agent_outside_hours", f"the agent writes from {hours.start} to {hours.end} on days {days}")


def _require_money(bounds: Bounds, command: BaseModel) -> None:
    """An amount that names no currency, or another one, cannot be compared: then only 0 is surely below."""
    most = bounds.money_per_command
    if most is None:
        return
    ceiling, own = scaled(most.amount), vars(command).get("currency")
    for amount, currency in amounts(command):
        if abs(amount) > (ceiling if (currency or own or most.currency) == most.currency else 0):
            raise NotAllowed(
                "agent_amount_above_ceiling", f"the agent writes about {most.amount} {most.currency} at the most"
            )


def amounts(value: Any) -> Iterator[tuple[int, str | None]]:
    """Every amount of money in a command, in 10^-6, and its currency where it says it. A price counts as often as it is taken."""
    if isinstance(value, BaseModel):
        members = vars(value)
        count = members.get(_COUNT)
        if _COUNT in members and _PRICE in members and (count is None) != (members[_PRICE] is None):
            yield UNKNOWN, None  # the other factor is the contract's, which the command does not say
        for name, field in type(value).model_fields.items():
            member = members[name]
            if member is None:
                continue
            if MONEY in field.metadata or _has_money(get_args(field.annotation)):
                text = str(member)
                times = scaled(str(count)) if isinstance(count, str) and name == _PRICE else MICRO
                yield scaled_any(text) * times // MICRO, getattr(member, "currency", None)
            else:
                yield from amounts(member)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from amounts(each)


def scaled_any(text: str) -> int:
    """A decimal in 10^-6, rounded up: a price may have more digits than an amount."""
    whole, _, digits = text.partition(".")
    return scaled(f"{whole}.{digits[:6]}" if digits else whole) + (1 if digits[6:].strip("0") else 0)


def _has_money(parts: Iterable[Any]) -> bool:
    return any(MONEY in getattr(part, "__metadata__", ()) for part in parts)
