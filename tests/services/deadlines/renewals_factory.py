"""Words that the tests of watchers share."""

from app.domain.recorded import Recorded
from app.services.deadlines import PassResult
from tests.support.applications import House


def look(house: House) -> PassResult:
    """A pass over what may be due, once views have read the log."""
    house.catch_up()
    return house.runtime.watcher.look(house.tenant)


def events(house: House, topic: str) -> list[Recorded]:
    """The events whose topic begins so, in order."""
    return [one for one in house.runtime.log.after(house.tenant, 0, 10_000) if one.type.startswith(topic)]
