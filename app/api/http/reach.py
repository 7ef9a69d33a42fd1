"""Which reads obey reach. Each is declared here once; a read that nobody declared is refused to whoever reaches a part of the tenant.

Narrowed: its rows and sums are those of accounts in reach, and a thing that is out of reach is not there. Of the tenant: nothing in it
is of an account. Whatever else there is sums over all accounts or shows what came from all of them.
"""

from typing import Final

from app.domain.kernel.reach import Reach
from app.read_side.reaching import beyond_reach

NARROWED: Final = frozenset(
    {
        "suggestions.list", "suggestions.get", "suggestions.inbox",
        "accounts.list", "accounts.get", "accounts.timeline", "accounts.diff", "accounts.budgets", "accounts.contracts",
        "accounts.interactions", "accounts.opportunities", "accounts.proposals", "accounts.renewals", "accounts.scope_changes",
        "audit.access",
        "boards.cohorts", "boards.forecast", "boards.pipeline", "boards.renewals", "boards.waterfall",
        "budgets.list", "budgets.get", "budgets.forecasts", "budgets.spends",
        "contracts.list", "contracts.get",
        "events.list",
        "handovers.list", "handovers.get",
        "incentives.list", "incentives.get", "incentives.preview",
        "interactions.list", "interactions.get",
        "kpi_certificates.list", "kpi_certificates.get", "kpi_certificates.verify", "kpi_certificates.verify_shortly",
        "kpis.get", "kpis.explain", "kpis.restatement", "kpis.series",
        "opportunities.list", "opportunities.get",
        "proposals.list", "proposals.get",
        "renewals.list", "renewals.get", "renewals.forecasts",
        "scope_changes.list", "scope_changes.get",
    }
)  # fmt: skip
OF_TENANT: Final = frozenset(
    {
        "api_keys.list", "api_keys.get", "audit.reads", "issuers.list", "issuers.get",
        "kpis.list",
        "policies.list", "policies.get", "policies.get_version",
        "teams.list", "teams.get", "agents.list", "agents.get",
        "users.list", "users.get", "users.me",
        "webhook_endpoints.list", "webhook_endpoints.get",
    }
)  # fmt: skip
WHOLE: Final = frozenset(
    {
        "period_closes.list", "period_closes.get",
        "webhook_endpoints.messages", "webhook_endpoints.message",
    }
)  # fmt: skip
"""What is read by whoever reaches the whole tenant only; named so that nobody wonders whether it was forgotten."""
WITHOUT_CALLER: Final = frozenset(
    {"issuers.metadata", "issuers.metadata_of_tenant", "system.livez", "system.readyz", "system.metrics"}
)
"""What tells of the process, and of no tenant to anybody."""


def require_readable(reach: Reach, operation: str | None) -> None:
    """Raises: NotAllowed for a read that is not declared to obey reach, where only a part of the tenant is in reach."""
    if not reach.whole and operation not in NARROWED and operation not in OF_TENANT:
        raise beyond_reach()
