"""What a decision may read besides its state and its command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import Invalid
from app.domain.kernel.event import Event
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import day_of


@dataclass(slots=True)
class Context:
    """By whom, for which tenant, when and about which aggregate a command is decided.

    `now` and `effective_at` are microseconds since 1970; `stream_id` is the id of the aggregate that the command is
    about; `states` and `ids` hold the other aggregates that the decision reads, by name; `new_id` makes an id with a prefix.
    `limit` is the cell of the table of rights by which the actor's role may do it, empty where it says no more than that.
    `behind` finds the person behind an actor, such as who issued the key of a service. `mark` makes of a text what only
    this tenant's key can make of it, for what must be found again and tells nothing by itself.
    `suggested_by`: the person from whose suggestion it is done, or for whom an agent suggested it; none for one's own idea.
    `people_known`: whether whoever is named must be a user; else it is stated as a fact who it was.
    It is never changed; it is not frozen because that costs time with every command.
    """

    tenant_id: str
    principal: Principal
    now: int
    effective_at: int
    zone: ZoneInfo
    stream_id: str
    new_id: Callable[[str], str]
    states: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    people_known: bool = False
    suggested_by: str | None = None
    limit: str = ""
    behind: Callable[[str], str] = str
    mark: Callable[[str], str] = str

    @property
    def actor(self) -> str:
        """Who does it."""
        return self.principal.actor

    @property
    def role(self) -> str:
        """The actor's role."""
        return self.principal.role

    def is_own(self, actor: str) -> bool:
        """Whether the actor is somebody, or the same person is behind both: a second key, or the key of a service that they issued."""
        if actor in (self.principal.actor, self.principal.on_behalf_of):
            return True
        return self.behind(actor) in {
            self.behind(each) for each in (self.principal.actor, self.principal.on_behalf_of) if each
        }

    @property
    def day(self) -> str:
        """The tenant's day on which the command takes effect."""
        return day_of(self.effective_at, self.zone)

    @property
    def today(self) -> str:
        """The tenant's day, whenever the command takes effect."""
        return day_of(self.now, self.zone)

    def require_now(self, instead: str) -> None:
        """Raises: Invalid for a date that lies ahead, where what is decided counts at once. Takes: what to do instead."""
        if self.effective_at > self.now:
            raise Invalid("effective_in_future", instead)


class Decided(NamedTuple):
    """An event to append, where more than the event itself must be named.

    beside: the name of the related aggregate whose stream it belongs to, where it is not the one decided on. event_id: its id,
    when another event of the same decision names it. effective_at: microseconds, when not the command's.
    """

    event: Event
    beside: str | None = None
    event_id: str | None = None
    effective_at: int | None = None
