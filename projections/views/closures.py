"""Closures: when accounts were closed, over business time and over what was known."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.view import Condition, Rows, View, account


class Closure(NamedTuple):
    """Whether an account was closed over [valid_from, valid_to), in microseconds. One that never was has no row."""

    account: str
    valid_from: int
    valid_to: int
    closed: bool


def _set(rows: Rows[Closure], recorded: Recorded, _where: ZoneInfo) -> Rows[Closure]:
    """Each of the events holds until the next one in business time; of two at one instant the later recorded counts."""
    states = {row.valid_from: row.closed for row in rows.values()}
    states[recorded.effective_at] = recorded.type == "account.closed"
    instants = sorted(states)
    return {
        (recorded.stream_id, begins): Closure(
            account=recorded.stream_id, valid_from=begins, valid_to=ends, closed=states[begins]
        )
        for begins, ends in zip(instants, [*instants[1:], FOREVER], strict=True)
    }


VIEW = View(
    name="closures",
    version=1,
    row=Closure,
    keys=("account", "valid_from"),
    on={"account.closed": _set, "account.reopened": _set},
    group_of=account,
    history=True,
    many=True,
    schedule=True,
)


# --- queries ---


def closed_at(at: int) -> list[Condition]:
    """The closures that hold at an instant, microseconds."""
    table = VIEW.table
    return [table.c.closed, table.c.valid_from <= at, table.c.valid_to > at]
