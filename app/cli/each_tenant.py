"""Commands that go over all tenants: one that fails is reported in the end, and keeps none of the others from its turn."""

from collections.abc import Callable
from typing import Final, TypeVar

from app.domain.kernel.errors import DomainError, Refused
from app.observe.logs import logger
from app.runtime import Runtime

T = TypeVar("T")
NAMED: Final = 5
"""How many tenants a sentence names at most."""


class EachTenant:
    """Goes over tenants, and remembers which of them failed. Takes: the runtime; a tenant, where only that one is meant."""

    def __init__(self, runtime: Runtime, only: str | None = None) -> None:
        self.failures: dict[str, str] = {}
        """By tenant, why it failed."""
        heads = runtime.log.heads()
        self.heads = {one: head for one, head in heads.known.items() if only in (None, one)}
        for tenant_id, fault in heads.away.items():
            if only in (None, tenant_id):
                self._note(tenant_id, fault)

    def collect(self, do: Callable[[str, int], T]) -> list[T]:
        """What is done for each tenant, by its id and head; without those for whom it cannot be done now."""
        done = []
        for tenant_id, head in self.heads.items():
            try:
                done.append(do(tenant_id, head))
            except (DomainError, RuntimeError) as fault:  # the latter where a log is broken
                self._note(tenant_id, fault)
        return done

    def _note(self, tenant_id: str, fault: DomainError | RuntimeError) -> None:
        self.failures[tenant_id] = fault.code if isinstance(fault, DomainError) else str(fault)
        logger().warning("tenant_left_out", tenant_id=tenant_id, why=self.failures[tenant_id])

    def require_all(self) -> None:
        """Raises: Refused, with whom it failed for and why."""
        if not self.failures:
            return
        named = [f"{tenant_id} ({why})" for tenant_id, why in self.failures.items()]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        raise Refused("tenants_left_out", f"not done for {', '.join(named[:NAMED])}{more}")
