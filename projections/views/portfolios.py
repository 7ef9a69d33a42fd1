"""Portfolios: whose an account was and in which tier, over business time and over what was known."""

from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.view import Condition, Partial, Rows, View, account


class Holding(NamedTuple):
    """An account's owner, tier and industry over [valid_from, valid_to), in microseconds."""

    account: str
    valid_from: int
    valid_to: int
    owner: str | None
    tier: str | None
    industry: str | None
    told: dict[str, bool]
    """The members that an event changed here; a change recorded later reaches up to the next of these."""


def _opened(_rows: Rows[Holding], recorded: Recorded, _where: ZoneInfo) -> Rows[Holding]:
    data = recorded.data
    row = Holding(
        account=recorded.stream_id,
        valid_from=recorded.effective_at,
        valid_to=FOREVER,
        owner=data.get("owner"),
        tier=data.get("tier"),
        industry=data.get("industry"),
        told={"owner": True, "tier": True},
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
            changed.append(_holding(row, member, value, marked=True))
        elif reaches and not row.told.get(member):
            changed.append(_holding(row, member, value, marked=False))
        else:
            reaches = reaches and row.valid_from <= at
            changed.append(row)
    return {(row.account, row.valid_from): row for row in changed}


def _holding(row: Holding, member: str, value: str | None, *, marked: bool) -> Holding:
    """A row with another owner or tier. Takes: `marked`, whether the event changed it here."""
    marks = {**row.told, member: True} if marked else row.told
    return row._replace(owner=value, told=marks) if member == "owner" else row._replace(tier=value, told=marks)


VIEW = View(
    name="portfolios",
    version=2,
    row=Holding,
    keys=("account", "valid_from"),
    on={"account.opened": _opened, "account.owner_set": _set, "account.tier_set": _set},
    group_of=account,
    history=True,
    many=True,
    schedule=True,
    indexes=tuple(
        Partial(member, (member, "account", "valid_from", "valid_to", "pos_to", "pos_from"), f"{member} IS NOT NULL")
        for member in ("owner", "tier")
    ),
)


# --- queries ---


def ever_owned_by(owner: str) -> Condition:
    """The times over which somebody owned an account."""
    return VIEW.table.c.owner == owner


def of_accounts(accounts: Sequence[str]) -> Condition:
    """All times of some accounts."""
    return VIEW.table.c.account.in_(accounts)
