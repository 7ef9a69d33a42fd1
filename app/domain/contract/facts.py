"""The facts of a contract: its events as they should have been, corrections of terms applied to the events that they name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

from app.domain.catalogue import CATALOGUE
from app.domain.recorded import Recorded

MEMBERS: Final[tuple[str, ...]] = ("start", "end", "auto_renew", "notice_days", "effective_end")
"""The members that a correction of terms may set."""


class Said(Protocol):
    """An event, or what is kept of one: its topic and its members."""

    @property
    def type(self) -> str:
        """The topic."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The members."""


AnySaid = TypeVar("AnySaid", bound=Said)


def standing_notice(facts: Iterable[AnySaid]) -> AnySaid | None:
    """The notice that is in effect: given, and since then neither withdrawn nor voided by a renewal.

    Takes: the facts of a contract in the order in which they were decided. What renews itself voids nothing.
    """
    notice: AnySaid | None = None
    for fact in facts:
        if fact.type == "contract.notice_given":
            notice = fact
        elif fact.type == "contract.notice_withdrawn" or (
            fact.type == "contract.renewed" and not fact.data.get("automatic")
        ):
            notice = None
    return notice


def as_corrected(
    history: Iterable[Recorded], corrects: str = "", members: Mapping[str, Any] | None = None
) -> Iterator[Recorded]:
    """The events of a contract in the order in which they were recorded, without corrections of terms but as these say.

    Takes: one more correction, as the id of the event that it names and the members which that should have had.
    """
    events = list(history)
    right: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.type == "contract.terms_corrected":
            said = {name: event.data[name] for name in MEMBERS if name in event.data}
            right.setdefault(event.data["corrects"], {}).update(said)
    if members:
        right.setdefault(corrects, {}).update(members)
    for event in events:
        if event.type != "contract.terms_corrected":
            yield with_members(event, right[event.event_id]) if event.event_id in right else event


def with_members(event: Recorded, members: Mapping[str, Any]) -> Recorded:
    """An event with other members than it has in the log."""
    content = {**event.content, "data": {**event.data, **members}}
    return replace(event, known=content, schema_version=CATALOGUE[event.type].VERSION, typed=None)
