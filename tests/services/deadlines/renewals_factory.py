"""Passes over deadlines and their events, for tests."""

from app.domain.recorded import Recorded
from app.services.deadlines import PassResult
from tests.support.application import Steward


def run_pass(steward: Steward) -> PassResult:
    """Runs a pass over everything that may be due, after the views have read the log."""
    steward.catch_up()
    return steward.runtime.watcher.run_once(steward.tenant)


def events(steward: Steward, topic: str) -> list[Recorded]:
    """The events whose topic begins with a text, in order."""
    return [event for event in steward.runtime.log.after(steward.tenant, 0, 10_000) if event.type.startswith(topic)]
