"""What can have happened to a user, a person of the agency."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Personal, Public


class UserInvited(Event):
    """A person was invited, or took over what was noted under a name. user: the id of the user, whose key seals name and address."""

    TOPIC = "user.invited"
    user: Public[str]
    name: Personal[str]
    address: Personal[str | None] = None
    external_ref: Business[str | None] = None


class UserNoted(Event):
    """Somebody is known by a name, and by nothing else: they have no login and no rights, until they are invited or merged.

    external_ref: the name, as accounts that they work for hold it.
    """

    TOPIC = "user.noted"
    external_ref: Business[str]


class UserMerged(Event):
    """This was another name of a user who is known already. into: the user."""

    TOPIC = "user.merged"
    into: Public[str]


class UserNamesJoined(Event):
    """Further names are the user's. user: whom they were before. names: all names that they had, ids among them."""

    TOPIC = "user.names_joined"
    user: Public[str]
    names: Business[tuple[str, ...]]


class UserLoginBound(Event):
    """A login is the person's from now on. issuer: who vouches for it; subject: what the issuer calls the person."""

    TOPIC = "user.login_bound"
    user: Public[str]
    issuer: Public[str]
    subject: Personal[str]


class UserSuspended(Event):
    """The person may do nothing until they are reinstated, and their keys open nothing."""

    TOPIC = "user.suspended"


class UserReinstated(Event):
    """The person may do again what their roles allow."""

    TOPIC = "user.reinstated"


class RoleGranted(Event):
    """A role was given for the days from `start` until before `end`, without one until it is revoked.

    grant: 1..n within the user. reach: self, team, portfolio, department or tenant. department: of a specialist.
    """

    TOPIC = "role.granted"
    grant: Public[int]
    role: Public[str]
    reach: Public[str]
    department: Business[str | None] = None
    start: Public[str]
    end: Public[str | None] = None


class RoleRevoked(Event):
    """A grant ended at once. grant: which one."""

    TOPIC = "role.revoked"
    grant: Public[int]
    role: Public[str]


class ReportingLineSet(Event):
    """From the day `start` on the person reports to another one, or to nobody."""

    TOPIC = "user.reporting_line_set"
    manager: Public[str | None] = None
    start: Public[str]


EVENTS = (
    UserInvited,
    UserNoted,
    UserMerged,
    UserNamesJoined,
    UserLoginBound,
    UserSuspended,
    UserReinstated,
    RoleGranted,
    RoleRevoked,
    ReportingLineSet,
)
