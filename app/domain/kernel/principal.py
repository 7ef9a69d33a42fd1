"""Principal: who does something, as the event says it for ever."""

from typing import NamedTuple

from app.domain.kernel.reach import WHOLE, Reach


class Principal(NamedTuple):
    """Who acts, in which role, for whom, through what, and in which run.

    actor: who did it: a user, a key, a system or, later, an agent. role: the actor's, for decisions with limits by role.
    on_behalf_of: for whom, where somebody acts for another. client: through what it came: an API key, a webhook endpoint,
    a command of the command line. run: the caller's own name for the work that this is a part of.
    """

    actor: str
    role: str = ""
    on_behalf_of: str | None = None
    client: str | None = None
    run: str | None = None
    reach: Reach = WHOLE

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
