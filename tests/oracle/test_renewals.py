"""Whatever happens to contracts, in whatever order it is told: renewals are what a naive model works out, under both clocks.

The same few histories in the suite, many others in a campaign: `make oracle`, with `SEED=` for one that can be repeated. A failure
prints the smallest history that fails.
"""

from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.oracle.comparing import differences
from tests.oracle.histories import QUESTIONS, Step, histories
from tests.oracle.telling import Telling
from tests.support.clock import Clock
from tests.support.databases import Databases
from tests.support.server import Server


def holds(databases: Databases, history: list[Step], questions: list[dict[str, Any]]) -> None:
    """Tells a history to a server of its own, whose clock it moves, and asks the questions."""
    clock = Clock(f"{history[0]['day']}T06:00:00Z")
    with Server(databases.fresh("sqlite"), clock=clock, projector=False) as server:
        telling = Telling(server, clock, history[0])
        for step in history[1:]:
            telling.play(step)
        server.runtime.projector.catch_up(telling.tenant)
        telling.client.position = server.runtime.log.head(telling.tenant)
        found = [difference for question in questions for difference in differences(telling, question)]
    assert not found, "\n".join([f"zone {telling.zone}, rules {telling.rules}", *telling.log, "", *found])


def test_renewals_are_what_a_naive_model_works_out_day_by_day(databases: Databases) -> None:
    campaign = settings.get_current_profile_name() == "oracle"

    @settings(
        max_examples=2_000 if campaign else 15, derandomize=not campaign, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(histories(), QUESTIONS)
    def same(history: list[Step], questions: list[dict[str, Any]]) -> None:
        holds(databases, history, questions)

    same()
