"""Contract lines: what is paid when, over business time and over what was known. Every revenue figure reads these rows."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Schedule
from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.contract_schedule import TOPICS, is_anchor, moved
from projections.view import Condition, Key, Rows, View, stream


class ContractLine(NamedTuple):
    """A line in force over [valid_from, valid_to), microseconds. `annual`: its recurring amount a year, in 10^-6.

    held: it rests, so that its amount is 0. source: the event that set it so. place: its place among the contract's lines.
    gross: the annual amount before any discount. lasting, temporary: the annual amounts that discounts take off it; `annual` is
    less the lasting ones only. All three are told of a line that rests as if it did not. noticed_at: microseconds
    from which a notice that still stands was given.
    The row with an empty `line` is the contract's schedule itself, from which the others are made; it is never in force.
    In memory it is a Schedule, in the table the same as JSON.
    """

    contract: str
    line: str
    valid_from: int
    valid_to: int
    account: str
    currency: str
    annual: int
    held: bool
    product: str
    kind: str
    quantity: str
    unit_price: str
    cause: str
    source: str
    place: int
    schedule: Any | None
    gross: int = 0
    lasting: int = 0
    temporary: int = 0
    noticed_at: int | None = None


def _changed(rows: Rows[ContractLine], recorded: Recorded, where: ZoneInfo) -> Rows[ContractLine]:
    contract = recorded.stream_id
    key = (contract, "", 0)
    anchor = rows.get(key)
    if anchor is None:
        if recorded.type != "contract.drafted":
            return rows
        anchor = _anchor(contract, recorded.data["account"], recorded.data["currency"])
    before, after = moved(anchor.schedule, recorded, where)
    if after is before:
        return rows
    if after.frame != before.frame or list(before.lines) != list(after.lines)[: len(before.lines)]:
        made = dict(pair for line in after.lines for pair in _rows(anchor, after, line))
    else:
        made = dict(rows)
        for line in after.lines:
            since = after.changed_since(before, line)
            if since is not None:
                for stale in [one for one in made if one[1] == line and one[2] >= since]:
                    del made[stale]
                made.update(_rows(anchor, after, line, since))
    made[key] = anchor._replace(schedule=after)
    return made


def _anchor(contract: str, account: str, currency: str) -> ContractLine:
    return ContractLine(contract, "", 0, 0, account, currency, 0, False, "", "", "", "", "", "", 0, Schedule())


def _rows(
    anchor: ContractLine, schedule: Schedule, line: str, since: int = -FOREVER
) -> Iterable[tuple[Key, ContractLine]]:
    contract, account, currency = anchor.contract, anchor.account, anchor.currency
    place, noticed = list(schedule.lines).index(line), schedule.frame.noticed
    return [
        # What an interval says of its line, from `annual` on, stands in a row in the same order, its discounts at the end.
        (
            (contract, line, one.start),
            ContractLine(
                contract, line, one.start, one.end, account, currency, *one[3:-3], place, None, *one[-3:], noticed
            ),
        )
        for one in schedule.intervals_of(line, since)
    ]


VIEW = View(
    name="contract_lines",
    version=3,
    row=ContractLine,
    keys=("contract", "line", "valid_from"),
    on=dict.fromkeys(TOPICS, _changed),
    group_of=stream,
    history=True,
    many=True,
    anchor=is_anchor,
    schedule=True,
    indexes=(("account", "valid_from"),),
)


# --- queries ---

BY_PLACE: Final = ("contract", "place")
"""Contract by contract, lines in the order in which they came."""


def in_force(at: int) -> list[Condition]:
    """Lines that are in force at an instant, microseconds."""
    table = VIEW.table
    return [table.c.valid_from <= at, table.c.valid_to > at]


def of_account(account: str) -> Condition:
    """An account's lines."""
    return VIEW.table.c.account == account


def of_contracts(contracts: Sequence[str]) -> Condition:
    """The lines of some contracts."""
    return VIEW.table.c.contract.in_(contracts)
