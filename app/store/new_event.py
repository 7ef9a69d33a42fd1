"""NewEvent: a decided event that is to become the next of its stream."""

from dataclasses import dataclass

from app.domain.kernel.event import Event


@dataclass(frozen=True)
class NewEvent:
    """An event that is not stored yet. `corrects` is the id of the event that it corrects."""

    event: Event
    event_id: str
    stream_id: str
    version: int
    account_id: str | None
    effective_at: int
    corrects: str | None = None
