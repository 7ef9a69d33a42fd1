"""What a decision may know besides its state and its command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.event import Event
from app.domain.kernel.values import instant


@dataclass(slots=True)
class Context:
    """Who asks, for which tenant, when, and about what.

    `now` and `effective_at` are microseconds since 1970; `stream_id` is the id of the thing that is decided on; `states`
    holds the other things that the decision reads, by noun; `new_id` makes an id with a prefix; `role` is the actor's. Nobody
    changes one; it is not frozen only because every command makes one.
    """

    tenant_id: str
    actor: str
    now: int
    effective_at: int
    zone: ZoneInfo
    stream_id: str
    new_id: Callable[[str], str]
    states: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    role: str = ""

    @property
    def effective(self) -> str:
        """`effective_at` as RFC 3339 text."""
        return instant(self.effective_at)


class Decided(NamedTuple):
    """An event that a decision wants appended, where the plain event would not say enough.

    beside: the noun whose stream it belongs to, when not the one decided on. event_id: its id, when another event of the
    same decision names it. effective_at: microseconds, when not the command's.
    """

    event: Event
    beside: str | None = None
    event_id: str | None = None
    effective_at: int | None = None
