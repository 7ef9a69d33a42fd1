"""Contract lines: what is paid when, over business time and over what was known. Every revenue figure reads these rows."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from app.domain.schedule import Schedule, apply
from projections.base import Rows, View, stream


@dataclass(frozen=True)
class ContractLine:
    """A line in force over [valid_from, valid_to), microseconds. `annual`: its recurring amount a year, in 10^-6.

    held: it rests, so that its amount is 0. source: the event that set it so.
    The row with an empty `line` is the contract's schedule itself, from which the others are made; it is never in force.
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
    schedule: dict[str, Any] | None


def _changed(rows: Rows[ContractLine], recorded: Recorded, where: ZoneInfo) -> Rows[ContractLine]:
    contract = recorded.stream_id
    anchor = rows.get((contract, "", 0))
    if anchor is None:
        if recorded.type != "contract.drafted":
            return rows
        account, currency, before = recorded.data["account"], recorded.data["currency"], Schedule()
    else:
        account, currency, before = anchor.account, anchor.currency, Schedule.load(anchor.schedule or {})
    after = apply(before, recorded, where)
    made = [
        ContractLine(
            contract,
            one.line,
            one.start,
            one.end,
            account,
            currency,
            one.annual,
            one.held,
            one.product,
            one.kind,
            one.quantity,
            one.unit_price,
            one.cause,
            one.source,
            None,
        )
        for one in after.intervals()
    ]
    made.append(
        ContractLine(
            contract, "", 0, 0, account, currency, 0, False, "", "", "", "", "", recorded.event_id, after.dump()
        )
    )
    return {(row.contract, row.line, row.valid_from): row for row in made}


VIEW = View(
    name="contract_lines",
    version=1,
    row=ContractLine,
    keys=("contract", "line", "valid_from"),
    on={
        f"contract.{what}": _changed
        for what in (
            "drafted",
            "signed",
            "amended",
            "corrected",
            "notice_given",
            "notice_withdrawn",
            "suspended",
            "resumed",
            "renewed",
            "terminated",
        )
    },
    group_of=stream,
    history=True,
    many=True,
    schedule=True,
    indexes=(("account", "valid_from"),),
)
