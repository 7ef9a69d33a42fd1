"""Accounts: one row each, as the list and the account page show it."""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, account, newest, overlay

Status = Literal["open", "closed"]


class Account(NamedTuple):
    """An account. `opened_at`, `last_touch_at`, `latest_at` (of its events) are microseconds; stamps are the fold's own.

    members: who works for it besides its owner and who stands in for them, as {member, function}, in that order.
    """

    account: str
    name: str
    currency: str
    time_zone: str
    industry: str | None
    country: str | None
    tier: str | None
    owner: str | None
    backup: str | None
    members: list[dict[str, str]]
    key_account: bool
    status: str
    external_ref: str | None
    opened_at: int
    last_touch_at: int | None
    interactions: int
    version: int
    latest_at: int
    stamps: dict[str, int]


_CHANGES: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "account.renamed": lambda data: {"name": data["name"]},
    "account.tier_set": lambda data: {"tier": data.get("tier")},
    "account.owner_set": lambda data: {"owner": data["owner"]},
    "account.backup_set": lambda data: {"backup": data.get("backup")},
    "account.key_account_set": lambda data: {"key_account": data["key_account"]},
    "account.country_set": lambda data: {"country": data.get("country")},
    "account.closed": lambda _: {"status": "closed"},
    "account.reopened": lambda _: {"status": "open"},
}


def _opened(_row: Account | None, recorded: Recorded, _where: ZoneInfo) -> Account:
    data, at = recorded.data, recorded.effective_at
    return Account(
        account=recorded.stream_id,
        name=data["name"],
        currency=data["currency"],
        time_zone=data["time_zone"],
        industry=data.get("industry"),
        country=data.get("country"),
        tier=data.get("tier"),
        owner=data.get("owner"),
        backup=None,
        members=[],
        key_account=False,
        status="open",
        external_ref=data.get("external_ref"),
        opened_at=at,
        last_touch_at=None,
        interactions=0,
        version=recorded.version,
        latest_at=at,
        stamps={},
    )


def _changed(row: Account | None, recorded: Recorded, _where: ZoneInfo) -> Account | None:
    if row is None:
        return None
    changes = _CHANGES[recorded.type](recorded.data)
    changed: Account = overlay(row, recorded.effective_at, **changes)
    return changed._replace(version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at))


def _member_changed(row: Account | None, recorded: Recorded, _where: ZoneInfo) -> Account | None:
    """Somebody more or less, unless an event that is effective later says otherwise of them."""
    if row is None:
        return None
    member = {name: recorded.data[name] for name in ("member", "function")}
    stamp = f"member {member['function']} {member['member']}"
    if newest(row.stamps, stamp, recorded.effective_at):
        others = [each for each in row.members if each != member]
        assigned = [member] * (recorded.type == "account.member_assigned")
        members = sorted([*others, *assigned], key=lambda each: (each["member"], each["function"]))
        row = row._replace(members=members, stamps={**row.stamps, stamp: recorded.effective_at})
    return row._replace(version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at))


def _touched(row: Account | None, recorded: Recorded, _where: ZoneInfo) -> Account | None:
    if row is None:
        return None
    at, last = recorded.effective_at, row.last_touch_at
    # By position, the only such call: every interaction makes one. `test_rows` compares it member by member.
    return Account(
        row.account,
        row.name,
        row.currency,
        row.time_zone,
        row.industry,
        row.country,
        row.tier,
        row.owner,
        row.backup,
        row.members,
        row.key_account,
        row.status,
        row.external_ref,
        row.opened_at,
        at if last is None or last < at else last,
        row.interactions + 1,
        row.version,
        row.latest_at if at < row.latest_at else at,
        row.stamps,
    )


def _touch_voided(row: Account | None, recorded: Recorded, _where: ZoneInfo) -> Account | None:
    """An interaction that is taken back; the row is folded again without it."""
    return None if row is None else row._replace(latest_at=max(row.latest_at, recorded.effective_at))


VIEW = View(
    name="accounts",
    version=4,
    row=Account,
    keys=("account",),
    on={
        "account.opened": _opened,
        "account.renamed": _changed,
        "account.tier_set": _changed,
        "account.owner_set": _changed,
        "account.backup_set": _changed,
        "account.member_assigned": _member_changed,
        "account.member_released": _member_changed,
        "account.key_account_set": _changed,
        "account.country_set": _changed,
        "account.closed": _changed,
        "account.reopened": _changed,
        "interaction.logged": _touched,
        "interaction.voided": _touch_voided,
    },
    group_of=account,
    indexes=(("name", "account"), ("owner", "account")),
    noun="account",
    retracted={"interaction.voided": "interaction.logged"},
)
