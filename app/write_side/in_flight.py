"""InFlightRequests: the requests that are being handled right now, so that a duplicate waits for the first."""

from app.domain.kernel.errors import DomainError


class InFlight(DomainError):
    """The same request is being handled right now."""


class InFlightRequests:
    """The requests of this process that are being handled, by tenant and idempotency key."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], object] = {}

    def acquire(self, key: tuple[str, str]) -> None:
        """Reserves a key until `release`. Raises: InFlight when it is reserved already."""
        owner = object()
        if self._owners.setdefault(key, owner) is not owner:  # one operation of the interpreter: no lock is needed
            raise InFlight("request_in_flight", "the same request is being handled right now", retry_after=1)

    def release(self, key: tuple[str, str]) -> None:
        """Frees a key."""
        del self._owners[key]
