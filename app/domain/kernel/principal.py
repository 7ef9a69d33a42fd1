"""Principal: who does something, as the event says it for ever."""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from app.domain.kernel.reach import WHOLE, Reach

JUDGED: Final = ("usr_", "key_", "agt_")
"""How actors are called whom a credential names: each is judged by its roles, unless it is said to be trusted."""
USER: Final = "usr_"
AGENT: Final = "agt_"
"""How the ids of agents begin: such an actor acts for a person, within bounds."""


class Principal(NamedTuple):
    """Who acts, in which role, for whom, through what, and in which run.

    actor: who did it: a user, a key, a system or, later, an agent. role: the actor's, for decisions with limits by role.
    on_behalf_of: for whom, where somebody acts for another. client: through what it came: an API key, a webhook endpoint,
    a command of the command line. run: the caller's own name for the work that this is a part of.
    roles: all in which they act. reaches: the reach of each, where they have several; else `reach` is it. trust: whether what they do is
    judged by the table of rights: `person` by their roles, `service` and `system` by what let them in; if nothing is said, who is
    no user, key or agent is the system. narrowed: refuses what is asked, by raising, where their rights are narrower than those of
    their roles; it is called with the `Asked`.
    """

    actor: str
    role: str = ""
    on_behalf_of: str | None = None
    client: str | None = None
    run: str | None = None
    reach: Reach = WHOLE
    reaches: tuple[tuple[str, Reach], ...] = ()
    roles: tuple[str, ...] = ()
    trust: Literal["person", "service", "system"] | None = None
    narrowed: Callable[[Any], None] | None = None

    @property
    def trusted_as(self) -> Literal["service", "system"] | None:
        """As what they may do whatever was let in; None for who is judged by their roles."""
        if self.trust is None:
            return None if self.actor.startswith(JUDGED) else "system"
        return None if self.trust == "person" else self.trust

    @property
    def is_person(self) -> bool:
        """Whether a user did it, or an agent for one."""
        return self.actor.startswith((USER, AGENT))

    def said(self) -> dict[str, str]:
        """What the `meta` of an event says of it, beside the actor, who has a column. What is not known is not said."""
        meta = {}
        if self.on_behalf_of is not None:
            meta["on_behalf_of"] = self.on_behalf_of
        if self.client is not None:
            meta["client"] = self.client
        if self.run is not None:
            meta["run"] = self.run
        return meta
