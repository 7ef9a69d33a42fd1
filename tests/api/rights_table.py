"""The table of roles and permissions, written down a second time from the domain model, and which operation asks for which row.

It shares nothing with `app.domain.kernel.rights`: a cell that is changed there by mistake is found here.
"""

from typing import Final

ROLES: Final = (
    "coordinator", "account_manager", "senior_account_manager", "director", "vp", "project_manager", "customer_success", "sales",
    "specialist", "finance", "auditor", "admin",
)  # fmt: skip
ROWS: Final = {
    "Log interaction, task": "y y y y y y y y y - - -",
    "Raise scope change": "y y y y y y y y - - - -",
    "Answer consult": "- - - - - y y - y y - -",
    "Respond to client on scope": "draft y y y y - - - - - - -",
    "Absorb work": "- propose y y y propose - - - - - -",
    "Offer concession": "- y y y y - - - - - - -",
    "Veto a concession": "- y y y y - - - - y - -",
    "Sign, amend, renew": "- propose y y y - - - - - - -",
    "Submit forecast": "- y y y y - - - - - - -",
    "Transfer ownership": "- - propose y y - - - - - - -",
    "Activate policies, close period": "- - - propose y - - - - y - -",
    "Correct an event of others": "- - y y y - - - - - - -",
    "Correct money of others": "- - y y y - - - - y - -",
    "Grant roles, keys, webhooks": "- - - - - - - - - - - y",
    # What the table does not name:
    "Work on a scope change": "- y y y y y y - - - - -",
    "Approve an assessment": "- - y y y - - - - - - -",
    "Keep an account": "- y y y y - - y - - - -",
    "Say who works for an account": "- y y y y - - - - - - -",
    "Hand an account over": "- y y y y - - y - - - -",
    "Take an account over": "- y y y y - - - - - - -",
    "Flag a key account": "- - propose y y - - - - - - -",
    "Draft a contract": "- y y y y - - y - - - -",
    "Work on a renewal": "- y y y y - - - - - - -",
    "Negotiate": "- y y y y - - y - - - -",
    "Sell more": "- y y y y - y y - - - -",
    "Keep a budget": "- y y y y - - - - y - -",
    "Certify": "- y y y y - - - - y - -",
    "Draft a policy": "- - - y y - - - - y - -",
    "Pay incentives": "- - - y y - - - - y - -",
}
"""For each capability a cell for each role, for what nobody of the table did themselves: on a contract that is not an account's first."""
OPERATIONS: Final = {
    "Log interaction, task": "interactions.log",
    "Raise scope change": "scope_changes.raise",
    "Answer consult": "scope_changes.answer_consult",
    "Respond to client on scope": "scope_changes.respond",
    "Absorb work": "scope_changes.absorb",
    "Offer concession": "proposals.concede proposals.approve",
    "Veto a concession": "proposals.reject",
    "Sign, amend, renew": "contracts.sign contracts.amend contracts.give_notice contracts.withdraw_notice contracts.suspend "
    "contracts.resume contracts.expire contracts.renew_automatically contracts.renew contracts.terminate scope_changes.amend",
    "Submit forecast": "renewals.forecast",
    "Transfer ownership": "accounts.set_owner",
    "Activate policies, close period": "policies.activate policies.retire period_closes.close period_closes.restate",
    "Correct an event of others": "interactions.void contracts.correct",
    "Correct money of others": "budgets.correct_spend",
    "Grant roles, keys, webhooks": "users.invite users.bind_login users.suspend users.reinstate users.grant_role "
    "users.revoke_role users.set_reporting_line teams.form teams.rename teams.add_member teams.remove_member teams.dissolve "
    "api_keys.issue api_keys.revoke webhook_endpoints.register webhook_endpoints.add_secret webhook_endpoints.retire_secret "
    "webhook_endpoints.close webhook_endpoints.redrive users.claim users.merge issuers.register issuers.close "
    "agents.register agents.bound agents.suspend agents.resume agents.end",
    "Work on a scope change": "scope_changes.request_consult scope_changes.waive_consult scope_changes.assess "
    "scope_changes.decide scope_changes.withdraw scope_changes.deliver",
    "Approve an assessment": "scope_changes.approve",
    "Keep an account": "accounts.open accounts.rename accounts.set_tier accounts.set_country accounts.close accounts.reopen",
    "Say who works for an account": "accounts.set_backup accounts.assign_member accounts.release_member",
    "Hand an account over": "handovers.start handovers.fill handovers.submit handovers.introduce",
    "Take an account over": "handovers.accept handovers.reject",
    "Flag a key account": "accounts.set_key_account",
    "Draft a contract": "contracts.draft",
    "Work on a renewal": "renewals.open renewals.set_risk renewals.defer",
    "Negotiate": "proposals.draft proposals.revise proposals.submit proposals.record_client_position proposals.accept "
    "proposals.decline proposals.expire proposals.take_over",
    "Sell more": "opportunities.identify opportunities.qualify opportunities.estimate opportunities.advance opportunities.park "
    "opportunities.win opportunities.lose",
    "Keep a budget": "budgets.set budgets.revise budgets.record_spend budgets.record_forecast budgets.close",
    "Certify": "kpi_certificates.issue",
    "Draft a policy": "policies.draft policies.draft_version",
    "Pay incentives": "incentives.issue incentives.claw_back incentives.dispute incentives.resolve",
}
"""The operations of each row."""
ROW_OF: Final = {name: row for row, names in OPERATIONS.items() for name in names.split()}
REACHES: Final = {
    "own": {*ROLES},
    "team": {"senior_account_manager", "director", "vp", "finance", "auditor", "admin"},
    "foreign": {"vp", "finance", "auditor", "admin"},
    "tenant": set(),
}
"""Who reaches which account: their own; that of who reports to them, or to those who do; that of a stranger; another tenant's."""


def cell(operation: str, role: str) -> str:
    """What a role may: y, draft, propose or -."""
    return ROWS[ROW_OF[operation]].split()[ROLES.index(role)]
