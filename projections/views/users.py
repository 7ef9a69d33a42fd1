"""Users: the persons of the agency, their roles and to whom they report. Names and addresses are sealed."""

from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream

Status = Literal["invited", "active", "suspended"]


class User(NamedTuple):
    """A user. Instants are microseconds.

    status: invited until a login is theirs. invitation: the event whose name and address these are. roles: by grant, with role, reach,
    department, start and end (days), granted_at and revoked_at. lines: to whom they report, by first day.
    """

    user: str
    status: str
    name: dict[str, str]
    address: dict[str, str] | None
    invitation: str
    issuer: str | None
    login_bound_at: int | None
    roles: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    external_ref: str | None
    invited_at: int
    version: int
    latest_at: int


def _invited(_row: User | None, recorded: Recorded, _where: ZoneInfo) -> User:
    data, at = recorded.data, recorded.effective_at
    return User(
        user=recorded.stream_id,
        status="invited",
        name=data["name"],
        address=data.get("address"),
        invitation=recorded.event_id,
        issuer=None,
        login_bound_at=None,
        roles=[],
        lines=[],
        external_ref=data.get("external_ref"),
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
    version=1,
    row=User,
    keys=("user",),
    on={
        "user.invited": _invited,
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
