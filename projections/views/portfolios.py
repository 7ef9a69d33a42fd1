"""Portfolios: whose an account was and in which tier, over business time and over what was known."""

from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.view import Condition, Partial, Rows, View, account


class Holding(NamedTuple):
    """An account's owner and tier over [valid_from, valid_to), in microseconds."""

    account: str
    valid_from: int
    valid_to: int
    owner: str | None
    tier: str | None
    told: dict[str, bool]
    """Which members were said to change here, so that a change told later may reach across the rest."""


def _opened(_rows: Rows[Holding], recorded: Recorded, _where: ZoneInfo) -> Rows[Holding]:
    data = recorded.data
    row = Holding(
        recorded.stream_id,
        recorded.effective_at,
        FOREVER,
        data.get("owner"),
        data.get("tier"),
        {"owner": True, "tier": True},
    )
    return {(row.account, row.valid_from): row}


def _set(rows: Rows[Holding], recorded: Recorded, _where: ZoneInfo) -> Rows[Holding]:
    if not rows:
        return rows
    member = "owner" if recorded.type == "account.owner_set" else "tier"
    value, at = recorded.data.get(member), recorded.effective_at
    ordered = sorted(rows.values(), key=lambda row: row.valid_from)
    at = max(at, ordered[0].valid_from)
    split: list[Holding] = []
    for row in ordered:
        if row.valid_from < at < row.valid_to:
            split += [row._replace(valid_to=at), row._replace(valid_from=at, told={})]
        else:
            split.append(row)
    changed, reaches = [], False
    for row in split:
        if row.valid_from == at:
            reaches = True
            changed.append(_with(row, member, value, told=True))
        elif reaches and not row.told.get(member):
            changed.append(_with(row, member, value, told=False))
        else:
            reaches = reaches and row.valid_from <= at
            changed.append(row)
    return {(row.account, row.valid_from): row for row in changed}


def _with(row: Holding, member: str, value: str | None, *, told: bool) -> Holding:
    marks = {**row.told, member: True} if told else row.told
    return row._replace(owner=value, told=marks) if member == "owner" else row._replace(tier=value, told=marks)


VIEW = View(
    name="portfolios",
    version=1,
    row=Holding,
    keys=("account", "valid_from"),
    on={"account.opened": _opened, "account.owner_set": _set, "account.tier_set": _set},
    group_of=account,
    history=True,
    many=True,
    schedule=True,
    indexes=tuple(
        Partial(held, (held, "account", "valid_from", "valid_to", "pos_to", "pos_from"), f"{held} IS NOT NULL")
        for held in ("owner", "tier")
    ),
)


# --- queries ---


def ever_owned_by(owner: str) -> Condition:
    """The times over which somebody owned an account."""
    return VIEW.table.c.owner == owner


def of_accounts(accounts: Sequence[str]) -> Condition:
    """All times of some accounts."""
    return VIEW.table.c.account.in_(accounts)
