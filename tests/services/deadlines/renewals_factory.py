"""What the tests of deadlines share."""

from app.domain.recorded import Recorded
from app.services.deadlines import PassResult
from tests.support.application import Steward


def run_pass(steward: Steward) -> PassResult:
    """A pass over what may be due, once views have read the log."""
    steward.catch_up()
    return steward.runtime.watcher.run_once(steward.tenant)


def events(steward: Steward, topic: str) -> list[Recorded]:
    """The events whose topic begins so, in order."""
    return [one for one in steward.runtime.log.after(steward.tenant, 0, 10_000) if one.type.startswith(topic)]
