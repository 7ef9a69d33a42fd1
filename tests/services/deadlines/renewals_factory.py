"""Passes over deadlines and their events, for tests."""

from app.domain.recorded import Recorded
from app.kpi_queries.renewal_policies import passed
from app.services.deadlines import PassResult
from projections.views import renewals
from projections.views.renewals import Renewal
from tests.support.application import Steward


def run_pass(steward: Steward) -> PassResult:
    """Runs a pass over everything that may be due, after the views have read the log."""
    steward.catch_up()
    return steward.runtime.watcher.run_once(steward.tenant)


def renewals_of(steward: Steward, *, as_of: str | None = None, known_at: str | None = None) -> list[Renewal]:
    """What falls due, as it stood, with what time had decided."""
    steward.catch_up()
    reader, tenant = steward.runtime.reader, steward.tenant
    when = reader.when(tenant, as_of, known_at)
    rows, position = reader.select(tenant, renewals.VIEW, [], when, order=renewals.BY_DUE_DAY)
    time = passed(reader, tenant, when.as_of, position)
    return [time.read(row) for row in rows]


def events(steward: Steward, topic: str) -> list[Recorded]:
    """The events whose topic begins with a text, in order."""
    return [event for event in steward.runtime.log.after(steward.tenant, 0, 10_000) if event.type.startswith(topic)]
