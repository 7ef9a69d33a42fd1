"""Erasing a person changes no figure: what figures are made of is never personal. Source: product facts, law 12."""

from app.domain.interaction.commands import LogInteraction
from app.store.engine import Database
from projections import VIEWS
from tests.kpi_queries.history_player import PlayedHistory, sums
from tests.kpi_queries.test_laws import for_every_history
from tests.support.application import Steward
from tests.support.databases import owned


def test_erasing_a_person_changes_no_figure_neither_from_the_views_nor_from_views_rebuilt(
    property_steward: Steward,
) -> None:
    def law(played: PlayedHistory) -> None:
        steward, tenant = played.application, played.tenant
        account = next(iter(steward.rows("accounts", tenant=tenant))).account
        command = LogInteraction.model_validate(
            {
                "channel": "call",
                "direction": "inbound",
                "occurred_at": "2025-03-01T09:00:00Z",
                "participants": [{"name": "Ada", "stakeholder": "stk_1"}],
            }
        )
        steward.do(command, tenant=tenant, account=account)
        steward.catch_up(tenant)
        before = sums(played.every_figure())

        assert steward.runtime.log.erase(tenant, "stk_1")

        assert sums(played.every_figure()) == before
        owner = Database(owned(steward.settings.database_url), owner=True)
        try:
            rebuilt = steward.runtime.projector.rebuild_all(owner, tenant, VIEWS, verify=True)
        finally:
            owner.close()
        assert all(report.equal for report in rebuilt)

    for_every_history(property_steward, law)
