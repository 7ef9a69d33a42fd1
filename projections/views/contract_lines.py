"""Contract lines: what is paid when, over business time and over what was known. Every revenue figure reads these rows."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Interval, Schedule
from app.domain.recorded import Recorded
from projections.contract_schedule import TOPICS, advance, is_schedule_row
from projections.view import Condition, Key, Rows, View, stream


class ContractLine(NamedTuple):
    """A line in force over [valid_from, valid_to), microseconds. `annual`: its recurring amount a year, in 10^-6.

    held: the line is suspended, so that its amount is 0. source: the event that set it so. place: its place among the
    contract's lines. gross: the annual amount before any discount. lasting, temporary: the annual amounts that discounts take
    off it; `annual` is less the lasting ones only. For a suspended line all three are as if it were not. noticed_at:
    microseconds; when a notice was given that still stands. trial: of a line for which nothing has been paid yet, what it is
    contracted at a year; its `annual` is 0. None from the first paid day on.
    The row with an empty `line` is the schedule row, from which the others are made; it is never in force.
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
    trial: int | None = None


def _changed(rows: Rows[ContractLine], recorded: Recorded, where: ZoneInfo) -> Rows[ContractLine]:
    contract = recorded.stream_id
    key = (contract, "", 0)
    schedule_row = rows.get(key)
    if schedule_row is None:
        if recorded.type != "contract.drafted":
            return rows
        schedule_row = _schedule_row(contract, recorded.data["account"], recorded.data["currency"])
    before, after = advance(schedule_row.schedule, recorded, where)
    if after is before:
        return rows
    if (
        after.terms != before.terms
        or list(before.lines) != list(after.lines)[: len(before.lines)]
        or after.may_have_trials()
    ):
        made = dict(_rows(schedule_row, after, after.intervals()))
    else:
        made = dict(rows)
        for line in after.lines:
            since = after.changed_since(before, line)
            if since is not None:
                for stale in [other for other in made if other[1] == line and other[2] >= since]:
                    del made[stale]
                made.update(_rows(schedule_row, after, after.intervals_of(line, since)))
    made[key] = schedule_row._replace(schedule=after)
    return made


def _schedule_row(contract: str, account: str, currency: str) -> ContractLine:
    return ContractLine(
        contract=contract,
        line="",
        valid_from=0,
        valid_to=0,
        account=account,
        currency=currency,
        annual=0,
        held=False,
        product="",
        kind="",
        quantity="",
        unit_price="",
        cause="",
        source="",
        place=0,
        schedule=Schedule(),
    )


def _rows(
    schedule_row: ContractLine, schedule: Schedule, intervals: Iterable[Interval]
) -> Iterator[tuple[Key, ContractLine]]:
    """The rows of intervals."""
    places = {line: place for place, line in enumerate(schedule.lines)}
    for interval in intervals:
        row = ContractLine(
            contract=schedule_row.contract,
            line=interval.line,
            valid_from=interval.start,
            valid_to=interval.end,
            account=schedule_row.account,
            currency=schedule_row.currency,
            annual=interval.annual,
            held=interval.suspended,
            product=interval.product,
            kind=interval.kind,
            quantity=interval.quantity,
            unit_price=interval.unit_price,
            cause=interval.cause,
            source=interval.source,
            place=places[interval.line],
            schedule=None,
            gross=interval.gross,
            lasting=interval.lasting,
            temporary=interval.temporary,
            noticed_at=schedule.terms.noticed_at,
            trial=interval.trial,
        )
        yield (row.contract, row.line, row.valid_from), row


VIEW = View(
    name="contract_lines",
    version=5,
    row=ContractLine,
    keys=("contract", "line", "valid_from"),
    on=dict.fromkeys(TOPICS, _changed),
    group_of=stream,
    history=True,
    many=True,
    unversioned=is_schedule_row,
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
