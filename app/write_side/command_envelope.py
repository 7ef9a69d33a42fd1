"""CommandEnvelope: a command with everything around it that handling it needs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from app.domain.kernel.command import Command
from app.domain.kernel.principal import Principal
from app.store.receipts import Request


class Approval(NamedTuple):
    """That a command is a suggestion's, which is approved with it. edited: whether it is not what was suggested."""

    suggestion: str
    edited: bool = False


class CommandEnvelope(NamedTuple):
    """A command with its tenant, its principal, its targets, and the request that it came with.

    targets: aggregate type to id, or to `ref:` and the caller's own reference. if_match: the version that the caller saw.
    new_id: the id of a new aggregate, where the caller has made one. meta: what else the events say of themselves.
    operation: what the contract calls it, where it came over HTTP: an agent may do only what is named so.
    approves: the suggestion that is approved with it.
    people_known: whether whoever the command names must be a user, as over HTTP; else it states facts.
    """

    tenant_id: str
    principal: Principal
    command: Command
    request: Request
    targets: Mapping[str, str] = MappingProxyType({})
    if_match: int | None = None
    new_id: str | None = None
    meta: Mapping[str, Any] = MappingProxyType({})
    operation: str = ""
    approves: Approval | None = None
    people_known: bool = False

    def target(self, name: str) -> str | None:
        """The id or reference that the caller gives under a name, in the path or in the command."""
        # `vars`: pydantic is slower to say that an attribute is missing than all the rest of planning together.
        return self.targets.get(name) or vars(self.command).get(name)
