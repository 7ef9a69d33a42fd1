"""Users: the persons of the agency, their roles and to whom they report. Names and addresses are sealed."""

from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream

Status = Literal["unclaimed", "invited", "active", "suspended", "merged"]


class User(NamedTuple):
    """A user. Instants are microseconds.

    status: unclaimed while only a name is known, merged where they are another user, invited until a login is theirs. merged_into: who they
    are. invitation: the event whose name and address these are. names: of users who were merged into this one. roles: by grant, with role,
    reach, department, start and end (days), granted_at and revoked_at. lines: to whom they report, by first day.
    """

    user: str
    status: str
    name: dict[str, str] | None
    address: dict[str, str] | None
    invitation: str
    issuer: str | None
    login_bound_at: int | None
    roles: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    external_ref: str | None
    names: list[str]
    merged_into: str | None
    invited_at: int
    version: int
    latest_at: int


def _invited(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User:
    data, at = recorded.data, recorded.effective_at
    if row is not None:  # of whom only a name was known
        claimed = {"name": data["name"], "address": data.get("address"), "invitation": recorded.event_id}
        return _changed(row, recorded, status="invited", invited_at=at, **claimed)
    return _new(recorded, status="invited", name=data["name"], address=data.get("address"))


def _noted(_row: User | None, recorded: Recorded, _where: ZoneInfo) -> User:
    return _new(recorded, status="unclaimed", name=None, address=None)


def _merged(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    return None if row is None else _changed(row, recorded, status="merged", merged_into=recorded.data["into"])


def _names_joined(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    return None if row is None else _changed(row, recorded, names=[*row.names, *recorded.data["names"]])


def _new(recorded: Recorded, *, status: Status, name: dict[str, str] | None, address: dict[str, str] | None) -> User:
    at = recorded.effective_at
    return User(
        user=recorded.stream_id,
        status=status,
        name=name,
        address=address,
        invitation=recorded.event_id,
        issuer=None,
        login_bound_at=None,
        roles=[],
        lines=[],
        external_ref=recorded.data.get("external_ref"),
        names=[],
        merged_into=None,
        invited_at=at,
        version=recorded.version,
        latest_at=at,
    )


def _login_bound(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    if row is None:
        return None
    status = "suspended" if row.status == "suspended" else "active"
    return _changed(row, recorded, status=status, issuer=recorded.data["issuer"], login_bound_at=recorded.effective_at)


def _suspended(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    return None if row is None else _changed(row, recorded, status="suspended")


def _reinstated(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    return None if row is None else _changed(row, recorded, status="active" if row.issuer else "invited")


def _granted(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    if row is None:
        return None
    data = recorded.data
    given = {name: data.get(name) for name in ("grant", "role", "reach", "department", "start", "end")}
    grant = {**given, "granted_at": recorded.effective_at, "revoked_at": None}
    return _changed(row, recorded, roles=[*row.roles, grant])


def _revoked(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    if row is None:
        return None
    at, number = recorded.effective_at, recorded.data["grant"]
    roles = [{**grant, "revoked_at": at} if grant["grant"] == number else grant for grant in row.roles]
    return _changed(row, recorded, roles=roles)


def _line_set(row: User | None, recorded: Recorded, _where: ZoneInfo) -> User | None:
    if row is None:
        return None
    start = recorded.data["start"]
    lines = [line for line in row.lines if line["start"] != start]
    line = {"manager": recorded.data.get("manager"), "start": start}
    return _changed(row, recorded, lines=sorted([*lines, line], key=lambda each: str(each["start"])))


def _changed(row: User, recorded: Recorded, **changes: Any) -> User:
    return row._replace(version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at), **changes)


VIEW = View(
    name="users",
    version=2,
    row=User,
    keys=("user",),
    on={
        "user.invited": _invited,
        "user.noted": _noted,
        "user.merged": _merged,
        "user.names_joined": _names_joined,
        "user.login_bound": _login_bound,
        "user.suspended": _suspended,
        "user.reinstated": _reinstated,
        "role.granted": _granted,
        "role.revoked": _revoked,
        "user.reporting_line_set": _line_set,
    },
    group_of=stream,
    noun="user",
)
