"""Account access: by which names an account is somebody's, as owner, backup or member, or as a key account; under both clocks.

It folds events of accounts only. Who goes by a name, and who may act for whom, is read from users and teams when it is asked.
"""

from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, select

from app.domain.kernel.reach import Reach
from app.domain.kernel.values import FOREVER, day_start
from app.domain.recorded import Recorded
from projections.view import Condition, Partial, Rows, View, account

Via = Literal["owner", "backup", "member", "key_account"]
MANY: Final = 20
"""From how many names on the accounts of a page are looked up one by one."""
KEY_ACCOUNT: Final = ""
"""The name under which a key account stands; nobody is called so."""


class Access(NamedTuple):
    """A name that an account has over [valid_from, valid_to), in microseconds.

    slot: what is filled by one name at a time: owner, backup, key_account, or a member in a function. name: none where it is empty.
    """

    account: str
    slot: str
    valid_from: int
    valid_to: int
    via: str
    name: str | None


def _filled(recorded: Recorded, where: ZoneInfo) -> tuple[str, str, str | None, int]:
    """What an event fills: the slot, via, the name, and from when on."""
    data, at = recorded.data, recorded.effective_at
    match recorded.type:
        case "account.opened" | "account.owner_set":
            return "owner", "owner", data.get("owner"), at
        case "account.backup_set":
            return "backup", "backup", data.get("backup"), at
        case "account.key_account_set":
            return "key_account", "key_account", KEY_ACCOUNT if data["key_account"] else None, at
        case _:
            name = data["member"] if recorded.type == "account.member_assigned" else None
            start = data.get("start") if name is not None else None
            slot = f"member {data['function']} {data['member']}"
            return slot, "member", name, at if start is None else day_start(start, where)


def _folded(rows: Rows[Access], recorded: Recorded, where: ZoneInfo) -> Rows[Access]:
    """One more name: it holds until the next event of its slot, whichever was recorded first."""
    slot, via, name, at = _filled(recorded, where)
    owners = [row.valid_from for row in rows.values() if row.slot == "owner"]
    if recorded.type != "account.opened":
        if not owners:
            return rows
        at = max(at, min(owners))
    key = recorded.account_id or recorded.stream_id
    same = {row.valid_from: row for row in rows.values() if row.slot == slot}
    before = max((since for since in same if since < at), default=None)
    until = min((since for since in same if since > at), default=FOREVER)
    changed = {**rows}
    if before is not None:
        changed[key, slot, before] = same[before]._replace(valid_to=at)
    changed[key, slot, at] = Access(account=key, slot=slot, valid_from=at, valid_to=until, via=via, name=name)
    return changed


TOPICS: Final = (
    "account.opened",
    "account.owner_set",
    "account.backup_set",
    "account.member_assigned",
    "account.member_released",
    "account.key_account_set",
)
VIEW = View(
    name="account_access",
    version=1,
    row=Access,
    keys=("account", "slot", "valid_from"),
    on=dict.fromkeys(TOPICS, _folded),
    group_of=account,
    history=True,
    many=True,
    schedule=True,
    indexes=(
        Partial("now", ("name", "account", "valid_from", "valid_to"), f"name IS NOT NULL AND pos_to = {FOREVER}"),
    ),
    noun="account",
)
_TABLE: Final = VIEW.table


# --- queries ---


def names_of(reach: Reach) -> list[str]:
    """The names whose accounts are in reach."""
    return sorted({*reach.names, *([KEY_ACCOUNT] if reach.key_accounts else [])})


def in_reach(tenant_id: str, reach: Reach, at: int) -> Any:
    """The accounts that are in reach at an instant, by all that is known, as a SELECT of their ids."""
    return select(_TABLE.c.account).where(
        _TABLE.c.tenant_id == tenant_id,
        _TABLE.c.pos_to == FOREVER,
        _TABLE.c.name.is_not(None),
        _TABLE.c.name.in_(names_of(reach)),
        _TABLE.c.valid_from <= at,
        _TABLE.c.valid_to > at,
    )


def of_reach(column: ColumnElement[str], tenant_id: str, reach: Reach, at: int) -> Condition:
    """Rows of accounts that are in reach at an instant. Takes: the column of their account.

    Few names lead to their accounts; of many it is looked up for each row whether its account has one, because a page needs few rows.
    """
    if len(names_of(reach)) <= MANY:
        return column.in_(in_reach(tenant_id, reach, at))
    held = _TABLE.alias("held")
    own = [held.c.tenant_id == tenant_id, held.c.account == column, held.c.pos_to == FOREVER]
    named = [held.c.name.is_not(None), held.c.name.in_(names_of(reach)), held.c.valid_from <= at, held.c.valid_to > at]
    return exists(select(1).select_from(held).where(*own, *named))


def at_instant(at: int, account: str | None = None) -> list[Condition]:
    """The names that accounts have at an instant, with a row for each slot that is empty. Takes: one account; all where it is none."""
    conditions = [_TABLE.c.valid_from <= at, _TABLE.c.valid_to > at]
    return conditions if account is None else [*conditions, _TABLE.c.account == account]
