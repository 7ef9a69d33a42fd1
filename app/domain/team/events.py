"""What can have happened to a team."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Public


class TeamFormed(Event):
    """A team was formed. parent: the team that it is a part of."""

    TOPIC = "team.formed"
    name: Business[str]
    parent: Public[str | None] = None
    external_ref: Business[str | None] = None


class TeamRenamed(Event):
    """The team goes by another name."""

    TOPIC = "team.renamed"
    name: Business[str]


class TeamMemberAdded(Event):
    """A user belongs to the team from the day `start` until before the day `end`; without one, until they are removed."""

    TOPIC = "team.member_added"
    user: Public[str]
    start: Public[str]
    end: Public[str | None] = None


class TeamMemberRemoved(Event):
    """A user belongs to the team no more from the day `end` on."""

    TOPIC = "team.member_removed"
    user: Public[str]
    end: Public[str]


class TeamDissolved(Event):
    """There is no such team any more, and nobody belongs to it from the day `end` on."""

    TOPIC = "team.dissolved"
    end: Public[str]


EVENTS = (TeamFormed, TeamRenamed, TeamMemberAdded, TeamMemberRemoved, TeamDissolved)
