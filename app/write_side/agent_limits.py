"""Agent limits: each write of an agent is held to its bounds, and counted in the same append.

The count is exact whatever races: the n-th write of an agent on a day claims the number n of that day, as references are claimed,
under the lock of the ledger. Two writes that would both be the n-th cannot both be stored: one of them is decided again. Only writes of
agents cost this: one probe of an index, and one row a write.
"""

from typing import Final
from zoneinfo import ZoneInfo

from app.domain.agent.bounds import require_alive, require_within
from app.domain.agent.state import AgentState
from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.values import day_of
from app.store.batch import COUNTED
from app.store.log import CacheMiss
from app.write_side.aggregate_loader import AggregateLoader
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.pending import PendingWrites
from app.write_side.state_cache import VersionedState

DIGITS: Final = 9
"""Of a write's number, with zeros before it, so that the last one of a day is the greatest text, however texts are ordered."""


class AgentLimits:
    """Holds agents to their bounds. Takes: the loader."""

    def __init__(self, loader: AggregateLoader) -> None:
        self._loader = loader

    def require(
        self,
        envelope: CommandEnvelope,
        read: dict[str, VersionedState],
        pending: PendingWrites,
        now: int,
        zone: ZoneInfo,
    ) -> tuple[str, str]:
        """The claim by which the write is counted. The agent is added to what the write has read: its bounds hold until it is stored.

        Raises: NotAllowed, Unauthenticated; CacheMiss where nothing may be read, for the count is never cached.
        """
        stream_id, agent = self._loader.load(envelope.tenant_id, "agent", envelope.principal.actor, pending)
        state: AgentState = agent.state
        require_alive(state, now)
        require_within(state, envelope.operation, envelope.command, now, zone)
        if pending.cache_only:
            raise CacheMiss
        read[stream_id] = agent
        day = f"{COUNTED}{stream_id}/{day_of(now, zone)}"
        number = self._next(envelope.tenant_id, day)
        most = state.bounds.commands_per_day
        if most is not None and number > most:
            raise NotAllowed(
                "agent_ceiling_reached", f"the agent has written {most} times today, and may do so again tomorrow"
            )
        return day, f"{number:0{DIGITS}}"

    def _next(self, tenant_id: str, day: str) -> int:
        """The number of the next write of a day."""
        return int(self._loader.log.last_ref(tenant_id, day) or 0) + 1
