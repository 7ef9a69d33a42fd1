"""Which decision answers which command: one line each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.domain.account import commands as account_commands
from app.domain.account import decisions as account_decisions
from app.domain.account import state as account_state
from app.domain.api_key import commands as api_key_commands
from app.domain.api_key import decisions as api_key_decisions
from app.domain.api_key import state as api_key_state
from app.domain.budget import commands as budget_commands
from app.domain.budget import decisions as budget_decisions
from app.domain.budget import state as budget_state
from app.domain.contract import commands as contract_commands
from app.domain.contract import decisions as contract_decisions
from app.domain.contract import state as contract_state
from app.domain.contract import term_decisions as contract_terms
from app.domain.incentive_statement import commands as incentive_statement_commands
from app.domain.incentive_statement import decisions as incentive_statement_decisions
from app.domain.incentive_statement import state as incentive_statement_state
from app.domain.interaction import commands as interaction_commands
from app.domain.interaction import decisions as interaction_decisions
from app.domain.interaction import state as interaction_state
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.event import Event
from app.domain.kpi_certificate import commands as kpi_certificate_commands
from app.domain.kpi_certificate import decisions as kpi_certificate_decisions
from app.domain.kpi_certificate import state as kpi_certificate_state
from app.domain.opportunity import commands as opportunity_commands
from app.domain.opportunity import decisions as opportunity_decisions
from app.domain.opportunity import state as opportunity_state
from app.domain.period_close import commands as period_close_commands
from app.domain.period_close import decisions as period_close_decisions
from app.domain.period_close import state as period_close_state
from app.domain.policy import commands as policy_commands
from app.domain.policy import decisions as policy_decisions
from app.domain.policy import state as policy_state
from app.domain.proposal import commands as proposal_commands
from app.domain.proposal import concession_decisions as concession
from app.domain.proposal import decisions as proposal_decisions
from app.domain.proposal import state as proposal_state
from app.domain.recorded import Recorded
from app.domain.renewal import commands as renewal_commands
from app.domain.renewal import decisions as renewal_decisions
from app.domain.renewal import state as renewal_state
from app.domain.scope_change import commands as scope_change_commands
from app.domain.scope_change import decisions as scope_change_decisions
from app.domain.scope_change import state as scope_change_state
from app.domain.tenant import commands as tenant_commands
from app.domain.tenant import decisions as tenant_decisions
from app.domain.tenant import state as tenant_state
from app.domain.webhook_endpoint import commands as webhook_endpoint_commands
from app.domain.webhook_endpoint import decisions as webhook_endpoint_decisions
from app.domain.webhook_endpoint import state as webhook_endpoint_state


@dataclass(frozen=True)
class AggregateType:
    """A kind of thing: the prefix of its ids, its state before its first event, and how events change it."""

    prefix: str
    initial: Any
    evolve: Callable[[Any, Recorded], Any]


@dataclass(frozen=True)
class Decision:
    """How a command is decided.

    noun: what it is about. creates: whether it begins a new one. reads: nouns whose state it needs too, found by the
    caller's target, by the command's member or by the state's attribute of that name; with `?` it may be missing.
    ref, called: what a new thing may be called besides its id and `external_ref`, by what is read or by its command.
    kinds: of which noun a thing is that is read under another name.
    claims: what belongs to one thing only from then on, as (name, what); behind a colon in the name stands what the refusal of a
    second one is called.
    """

    noun: str
    decide: Callable[[Any, Any, Context], Sequence[Event | Decided]]
    creates: bool = False
    reads: tuple[str, ...] = ()
    ref: Callable[[Context], str] | None = None
    called: Callable[[Any], str] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    claims: Callable[[Any, Context], Sequence[tuple[str, str]]] | None = None


AGGREGATES: Final[dict[str, AggregateType]] = {
    "tenant": AggregateType("tnt", tenant_state.TenantState(), tenant_state.evolve),
    "api_key": AggregateType("key", api_key_state.ApiKeyState(), api_key_state.evolve),
    "webhook_endpoint": AggregateType(
        "whe", webhook_endpoint_state.WebhookEndpointState(), webhook_endpoint_state.evolve
    ),
    "account": AggregateType("acct", account_state.AccountState(), account_state.evolve),
    "interaction": AggregateType("int", interaction_state.InteractionState(), interaction_state.evolve),
    "contract": AggregateType("ctr", contract_state.ContractState(), contract_state.evolve),
    "renewal": AggregateType("rnw", renewal_state.RenewalState(), renewal_state.evolve),
    "scope_change": AggregateType("scr", scope_change_state.ScopeChangeState(), scope_change_state.evolve),
    "budget": AggregateType("bud", budget_state.BudgetState(), budget_state.evolve),
    "incentive_statement": AggregateType(
        "ist", incentive_statement_state.StatementState(), incentive_statement_state.evolve
    ),
    "kpi_certificate": AggregateType("crt", kpi_certificate_state.KpiCertificateState(), kpi_certificate_state.evolve),
    "period_close": AggregateType("pcl", period_close_state.PeriodCloseState(), period_close_state.evolve),
    "policy": AggregateType("pol", policy_state.PolicyState(), policy_state.evolve),
    "proposal": AggregateType("prp", proposal_state.ProposalState(), proposal_state.evolve),
    "opportunity": AggregateType("opp", opportunity_state.OpportunityState(), opportunity_state.evolve),
}

_REPLACES: Final = {"replaces": "contract"}

DECISIONS: Final[dict[type[Command], Decision]] = {
    tenant_commands.CreateTenant: Decision("tenant", tenant_decisions.create, creates=True),
    api_key_commands.RecordApiKey: Decision("api_key", api_key_decisions.issue, creates=True),
    api_key_commands.RevokeApiKey: Decision("api_key", api_key_decisions.revoke),
    webhook_endpoint_commands.RecordWebhookEndpoint: Decision(
        "webhook_endpoint", webhook_endpoint_decisions.register, creates=True
    ),
    webhook_endpoint_commands.RecordWebhookSecret: Decision("webhook_endpoint", webhook_endpoint_decisions.add_secret),
    webhook_endpoint_commands.RetireWebhookSecret: Decision(
        "webhook_endpoint", webhook_endpoint_decisions.retire_secret
    ),
    webhook_endpoint_commands.CloseWebhookEndpoint: Decision("webhook_endpoint", webhook_endpoint_decisions.close),
    account_commands.OpenAccount: Decision("account", account_decisions.open_, creates=True),
    account_commands.RenameAccount: Decision("account", account_decisions.rename),
    account_commands.SetAccountTier: Decision("account", account_decisions.set_tier),
    account_commands.SetAccountOwner: Decision("account", account_decisions.set_owner),
    account_commands.CloseAccount: Decision("account", account_decisions.close),
    account_commands.ReopenAccount: Decision("account", account_decisions.reopen),
    interaction_commands.LogInteraction: Decision(
        "interaction", interaction_decisions.log, creates=True, reads=("account",)
    ),
    interaction_commands.VoidInteraction: Decision("interaction", interaction_decisions.void),
    contract_commands.DraftContract: Decision(
        "contract", contract_decisions.draft, creates=True, reads=("account", "replaces?"), kinds=_REPLACES
    ),
    contract_commands.RecordContract: Decision(
        "contract", contract_decisions.record, creates=True, reads=("account", "replaces?"), kinds=_REPLACES
    ),
    contract_commands.SignContract: Decision("contract", contract_decisions.sign, reads=("account",)),
    contract_commands.AmendContract: Decision("contract", contract_decisions.amend, reads=("account", "scope_change?")),
    contract_commands.CorrectContract: Decision("contract", contract_terms.correct, reads=("account", "renewal?")),
    contract_commands.GiveNotice: Decision("contract", contract_decisions.give_notice, reads=("account",)),
    contract_commands.WithdrawNotice: Decision("contract", contract_decisions.withdraw_notice, reads=("account",)),
    contract_commands.SuspendContract: Decision("contract", contract_decisions.suspend, reads=("account",)),
    contract_commands.ResumeContract: Decision("contract", contract_decisions.resume, reads=("account",)),
    contract_commands.RenewContract: Decision(
        "contract", contract_terms.renew, reads=("account", "renewal?", "policy?")
    ),
    contract_commands.RenewAutomatically: Decision(
        "contract", contract_terms.renew_automatically, reads=("account", "renewal?")
    ),
    contract_commands.ExpireContract: Decision("contract", contract_terms.expire, reads=("account", "renewal?")),
    contract_commands.TerminateContract: Decision("contract", contract_terms.terminate, reads=("account", "renewal?")),
    renewal_commands.OpenRenewal: Decision(
        "renewal",
        renewal_decisions.open_,
        creates=True,
        reads=("contract",),
        ref=lambda context: f"{context.ids['contract']}@{context.states['contract'].end}",
    ),
    renewal_commands.SetRenewalRisk: Decision("renewal", renewal_decisions.set_risk),
    renewal_commands.DeferRenewal: Decision("renewal", renewal_decisions.defer),
    renewal_commands.SubmitForecast: Decision("renewal", renewal_decisions.submit_forecast),
    renewal_commands.ReachMilestone: Decision("renewal", renewal_decisions.reach_milestone),
    scope_change_commands.RaiseScopeChange: Decision(
        "scope_change", scope_change_decisions.raise_, creates=True, reads=("account", "contract?", "interaction?")
    ),
    scope_change_commands.RequestConsult: Decision(
        "scope_change", scope_change_decisions.request_consult, reads=("account",)
    ),
    scope_change_commands.AnswerConsult: Decision(
        "scope_change", scope_change_decisions.answer_consult, reads=("account",)
    ),
    scope_change_commands.WaiveConsult: Decision(
        "scope_change", scope_change_decisions.waive_consult, reads=("account",)
    ),
    scope_change_commands.AssessImpact: Decision("scope_change", scope_change_decisions.assess, reads=("account",)),
    scope_change_commands.ApproveScopeChange: Decision(
        "scope_change", scope_change_decisions.approve, reads=("account",)
    ),
    scope_change_commands.RespondToClient: Decision(
        "scope_change", scope_change_decisions.respond, reads=("account", "interaction?")
    ),
    scope_change_commands.RecordClientDecision: Decision(
        "scope_change", scope_change_decisions.decide, reads=("account",)
    ),
    scope_change_commands.AbsorbWork: Decision("scope_change", scope_change_decisions.absorb, reads=("account",)),
    scope_change_commands.AmendScopeChange: Decision(
        "scope_change", scope_change_decisions.amend, reads=("account", "contract")
    ),
    scope_change_commands.WithdrawScopeChange: Decision(
        "scope_change", scope_change_decisions.withdraw, reads=("account",)
    ),
    scope_change_commands.DeliverScopeChange: Decision(
        "scope_change", scope_change_decisions.deliver, reads=("account",)
    ),
    budget_commands.SetBudget: Decision("budget", budget_decisions.set_, creates=True, reads=("account", "contract?")),
    budget_commands.ReviseBudget: Decision("budget", budget_decisions.revise, reads=("account",)),
    budget_commands.RecordSpend: Decision("budget", budget_decisions.record_spend, reads=("account",)),
    budget_commands.CorrectSpend: Decision("budget", budget_decisions.correct_spend, reads=("account",)),
    budget_commands.RecordForecast: Decision("budget", budget_decisions.record_forecast, reads=("account",)),
    budget_commands.CloseBudget: Decision("budget", budget_decisions.close, reads=("account",)),
    incentive_statement_commands.RecordStatement: Decision(
        "incentive_statement",
        incentive_statement_decisions.issue,
        creates=True,
        reads=("policy",),
        claims=incentive_statement_decisions.claims,
    ),
    incentive_statement_commands.RecordClawback: Decision(
        "incentive_statement", incentive_statement_decisions.claw_back
    ),
    incentive_statement_commands.DisputeLine: Decision("incentive_statement", incentive_statement_decisions.dispute),
    incentive_statement_commands.ResolveDispute: Decision("incentive_statement", incentive_statement_decisions.resolve),
    kpi_certificate_commands.RecordKpiCertificate: Decision(
        "kpi_certificate", kpi_certificate_decisions.issue, creates=True, reads=("account?",)
    ),
    period_close_commands.RecordPeriodClose: Decision(
        "period_close", period_close_decisions.close, creates=True, called=period_close_decisions.called
    ),
    period_close_commands.RecordPeriodRestatement: Decision("period_close", period_close_decisions.restate),
    policy_commands.DraftPolicy: Decision(
        "policy", policy_decisions.draft, creates=True, called=policy_decisions.called
    ),
    policy_commands.DraftPolicyVersion: Decision("policy", policy_decisions.draft_version),
    policy_commands.ActivatePolicy: Decision("policy", policy_decisions.activate),
    policy_commands.RetirePolicy: Decision("policy", policy_decisions.retire),
    proposal_commands.DraftProposal: Decision(
        "proposal",
        proposal_decisions.draft,
        creates=True,
        reads=("account", "contract?", "renewal?", "opportunity?", "policy?"),
    ),
    proposal_commands.ReviseProposal: Decision("proposal", proposal_decisions.revise, reads=("account", "policy?")),
    proposal_commands.SubmitProposal: Decision("proposal", proposal_decisions.submit, reads=("account", "policy?")),
    proposal_commands.OfferConcession: Decision("proposal", concession.concede, reads=("account", "policy?")),
    proposal_commands.ApproveConcession: Decision("proposal", concession.approve, reads=("account", "policy?")),
    proposal_commands.AcceptProposal: Decision("proposal", proposal_decisions.accept, reads=("account", "policy?")),
    proposal_commands.RecordClientPosition: Decision("proposal", concession.record_position, reads=("account",)),
    proposal_commands.RejectConcession: Decision("proposal", concession.reject, reads=("account",)),
    proposal_commands.DeclineProposal: Decision("proposal", proposal_decisions.decline, reads=("account",)),
    proposal_commands.ExpireProposal: Decision("proposal", proposal_decisions.expire, reads=("account",)),
    proposal_commands.ContractProposal: Decision(
        "proposal", proposal_decisions.take_over, reads=("account", "contract"), claims=proposal_decisions.claims
    ),
    opportunity_commands.IdentifyOpportunity: Decision(
        "opportunity",
        opportunity_decisions.identify,
        creates=True,
        reads=("account", "interaction?", "scope_change?", "contract?", "renewal?"),
    ),
    opportunity_commands.QualifyOpportunity: Decision("opportunity", opportunity_decisions.qualify, reads=("account",)),
    opportunity_commands.EstimateOpportunity: Decision(
        "opportunity", opportunity_decisions.estimate, reads=("account",)
    ),
    opportunity_commands.AdvanceOpportunity: Decision("opportunity", opportunity_decisions.advance, reads=("account",)),
    opportunity_commands.ParkOpportunity: Decision("opportunity", opportunity_decisions.park, reads=("account",)),
    opportunity_commands.LoseOpportunity: Decision("opportunity", opportunity_decisions.lose, reads=("account",)),
    opportunity_commands.WinOpportunity: Decision(
        "opportunity", opportunity_decisions.win, reads=("account", "contract"), claims=opportunity_decisions.claims
    ),
}

_BY_PREFIX: Final = {noun.prefix: noun for noun in AGGREGATES.values()}


def aggregate_of(stream_id: str) -> AggregateType:
    """The kind of thing that a stream is about."""
    return _BY_PREFIX[stream_id.partition("_")[0]]
