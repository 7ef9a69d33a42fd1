"""Portfolios: whose an account was, in which tier, industry and country, over business time and over what was known."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.view import Condition, Partial, Rows, View, account


class Holding(NamedTuple):
    """An account's owner, tier, industry and country over [valid_from, valid_to), in microseconds."""

    account: str
    valid_from: int
    valid_to: int
    owner: str | None
    tier: str | None
    industry: str | None
    country: str | None
    told: dict[str, bool]
    """The members that an event changed here; a change recorded later reaches up to the next of these."""


MEMBERS: Final = ("owner", "tier", "industry", "country")
"""What accounts are asked for by."""
SETS: Final = {"account.owner_set": "owner", "account.tier_set": "tier", "account.country_set": "country"}
"""The member that an event changes."""


def _opened(_rows: Rows[Holding], recorded: Recorded, _where: ZoneInfo) -> Rows[Holding]:
    data = recorded.data
    row = Holding(
        account=recorded.stream_id,
        valid_from=recorded.effective_at,
        valid_to=FOREVER,
        owner=data.get("owner"),
        tier=data.get("tier"),
        industry=data.get("industry"),
        country=data.get("country"),
        told=dict.fromkeys(SETS.values(), True),
    )
    return {(row.account, row.valid_from): row}


def _set(rows: Rows[Holding], recorded: Recorded, _where: ZoneInfo) -> Rows[Holding]:
    if not rows:
        return rows
    member = SETS[recorded.type]
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
    """A row with another owner, tier or country. Takes: `marked`, whether the event changed it here."""
    marks = {**row.told, member: True} if marked else row.told
    changes: dict[str, Any] = {member: value, "told": marks}
    return row._replace(**changes)


VIEW = View(
    name="portfolios",
    version=3,
    row=Holding,
    keys=("account", "valid_from"),
    on={"account.opened": _opened, **dict.fromkeys(SETS, _set)},
    group_of=account,
    history=True,
    many=True,
    schedule=True,
    indexes=tuple(
        Partial(member, (member, "account", "valid_from", "valid_to", "pos_to", "pos_from"), f"{member} IS NOT NULL")
        for member in MEMBERS
    ),
)


# --- queries ---


def ever_with(member: str, value: str) -> Condition:
    """The times over which an account had an owner, a tier or another member."""
    return VIEW.table.c[member] == value


def of_accounts(accounts: Sequence[str]) -> Condition:
    """All times of some accounts."""
    return VIEW.table.c.account.in_(accounts)


def ever_owned() -> Condition:
    """The times over which an account had an owner, whoever it was."""
    return VIEW.table.c.owner.is_not(None)
