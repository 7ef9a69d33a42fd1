"""Erasing a person changes no figure: what figures are made of is never personal. Source: product facts, law 12."""

from app.domain.interaction.commands import LogInteraction
from app.store.engine import Database
from projections import VIEWS
from tests.kpi_queries.history_player import Told, sums
from tests.kpi_queries.test_laws import for_every_history
from tests.support.application import Steward


def test_erasing_a_person_changes_no_figure_neither_from_what_serves_nor_from_what_is_grown_anew(
    property_steward: Steward,
) -> None:
    def law(told: Told) -> None:
        steward, tenant = told.application, told.tenant
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
        before = sums(told.everything())

        assert steward.runtime.log.erase(tenant, "stk_1")

        assert sums(told.everything()) == before
        owner = Database(steward.settings.database_url, owner=True)
        try:
            grown = steward.runtime.projector.rebuild_all(owner, tenant, VIEWS, verify=True)
        finally:
            owner.close()
        assert all(one.equal for one in grown)

    for_every_history(property_steward, law)
