"""Which decision answers which command: one line each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.domain.account import decisions as account
from app.domain.api_key import decisions as api_key
from app.domain.budget import decisions as budget
from app.domain.contract import commands as contract_commands
from app.domain.contract import decisions as contract
from app.domain.contract import term_decisions as contract_terms
from app.domain.incentive_statement import decisions as incentive_statement
from app.domain.interaction import decisions as interaction
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.event import Event
from app.domain.kpi_certificate import decisions as kpi_certificate
from app.domain.opportunity import commands as opportunity_commands
from app.domain.opportunity import decisions as opportunity
from app.domain.period_close import decisions as period_close
from app.domain.policy import decisions as policy
from app.domain.proposal import commands as proposal_commands
from app.domain.proposal import concession_decisions as concession
from app.domain.proposal import decisions as proposal
from app.domain.recorded import Recorded
from app.domain.renewal import decisions as renewal
from app.domain.scope_change import commands as scope_change_commands
from app.domain.scope_change import decisions as scope_change
from app.domain.tenant import decisions as tenant
from app.domain.webhook_endpoint import decisions as webhook_endpoint


@dataclass(frozen=True)
class Noun:
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


NOUNS: Final[dict[str, Noun]] = {
    "tenant": Noun("tnt", tenant.TenantState(), tenant.evolve),
    "api_key": Noun("key", api_key.ApiKeyState(), api_key.evolve),
    "webhook_endpoint": Noun("whe", webhook_endpoint.WebhookEndpointState(), webhook_endpoint.evolve),
    "account": Noun("acct", account.AccountState(), account.evolve),
    "interaction": Noun("int", interaction.InteractionState(), interaction.evolve),
    "contract": Noun("ctr", contract.ContractState(), contract.evolve),
    "renewal": Noun("rnw", renewal.RenewalState(), renewal.evolve),
    "scope_change": Noun("scr", scope_change.ScopeChangeState(), scope_change.evolve),
    "budget": Noun("bud", budget.BudgetState(), budget.evolve),
    "incentive_statement": Noun("ist", incentive_statement.StatementState(), incentive_statement.evolve),
    "kpi_certificate": Noun("crt", kpi_certificate.KpiCertificateState(), kpi_certificate.evolve),
    "period_close": Noun("pcl", period_close.PeriodCloseState(), period_close.evolve),
    "policy": Noun("pol", policy.PolicyState(), policy.evolve),
    "proposal": Noun("prp", proposal.ProposalState(), proposal.evolve),
    "opportunity": Noun("opp", opportunity.OpportunityState(), opportunity.evolve),
}

_REPLACES: Final = {"replaces": "contract"}

DECISIONS: Final[dict[type[Command], Decision]] = {
    tenant.CreateTenant: Decision("tenant", tenant.create, creates=True),
    api_key.RecordApiKey: Decision("api_key", api_key.issue, creates=True),
    api_key.RevokeApiKey: Decision("api_key", api_key.revoke),
    webhook_endpoint.RecordWebhookEndpoint: Decision("webhook_endpoint", webhook_endpoint.register, creates=True),
    webhook_endpoint.RecordWebhookSecret: Decision("webhook_endpoint", webhook_endpoint.add_secret),
    webhook_endpoint.RetireWebhookSecret: Decision("webhook_endpoint", webhook_endpoint.retire_secret),
    webhook_endpoint.CloseWebhookEndpoint: Decision("webhook_endpoint", webhook_endpoint.close),
    account.OpenAccount: Decision("account", account.open_, creates=True),
    account.RenameAccount: Decision("account", account.rename),
    account.SetAccountTier: Decision("account", account.set_tier),
    account.SetAccountOwner: Decision("account", account.set_owner),
    account.CloseAccount: Decision("account", account.close),
    account.ReopenAccount: Decision("account", account.reopen),
    interaction.LogInteraction: Decision("interaction", interaction.log, creates=True, reads=("account",)),
    interaction.VoidInteraction: Decision("interaction", interaction.void),
    contract_commands.DraftContract: Decision(
        "contract", contract.draft, creates=True, reads=("account", "replaces?"), kinds=_REPLACES
    ),
    contract_commands.RecordContract: Decision(
        "contract", contract.record, creates=True, reads=("account", "replaces?"), kinds=_REPLACES
    ),
    contract_commands.SignContract: Decision("contract", contract.sign, reads=("account",)),
    contract_commands.AmendContract: Decision("contract", contract.amend, reads=("account", "scope_change?")),
    contract_commands.CorrectContract: Decision("contract", contract_terms.correct, reads=("account", "renewal?")),
    contract_commands.GiveNotice: Decision("contract", contract.give_notice, reads=("account",)),
    contract_commands.WithdrawNotice: Decision("contract", contract.withdraw_notice, reads=("account",)),
    contract_commands.SuspendContract: Decision("contract", contract.suspend, reads=("account",)),
    contract_commands.ResumeContract: Decision("contract", contract.resume, reads=("account",)),
    contract_commands.RenewContract: Decision(
        "contract", contract_terms.renew, reads=("account", "renewal?", "policy?")
    ),
    contract_commands.RenewAutomatically: Decision(
        "contract", contract_terms.renew_automatically, reads=("account", "renewal?")
    ),
    contract_commands.ExpireContract: Decision("contract", contract_terms.expire, reads=("account", "renewal?")),
    contract_commands.TerminateContract: Decision("contract", contract_terms.terminate, reads=("account", "renewal?")),
    renewal.OpenRenewal: Decision(
        "renewal",
        renewal.open_,
        creates=True,
        reads=("contract",),
        ref=lambda context: f"{context.ids['contract']}@{context.states['contract'].end}",
    ),
    renewal.SetRenewalRisk: Decision("renewal", renewal.set_risk),
    renewal.DeferRenewal: Decision("renewal", renewal.defer),
    renewal.SubmitForecast: Decision("renewal", renewal.submit_forecast),
    renewal.ReachMilestone: Decision("renewal", renewal.reach_milestone),
    scope_change_commands.RaiseScopeChange: Decision(
        "scope_change", scope_change.raise_, creates=True, reads=("account", "contract?", "interaction?")
    ),
    scope_change_commands.RequestConsult: Decision("scope_change", scope_change.request_consult, reads=("account",)),
    scope_change_commands.AnswerConsult: Decision("scope_change", scope_change.answer_consult, reads=("account",)),
    scope_change_commands.WaiveConsult: Decision("scope_change", scope_change.waive_consult, reads=("account",)),
    scope_change_commands.AssessImpact: Decision("scope_change", scope_change.assess, reads=("account",)),
    scope_change_commands.ApproveScopeChange: Decision("scope_change", scope_change.approve, reads=("account",)),
    scope_change_commands.RespondToClient: Decision(
        "scope_change", scope_change.respond, reads=("account", "interaction?")
    ),
    scope_change_commands.RecordClientDecision: Decision("scope_change", scope_change.decide, reads=("account",)),
    scope_change_commands.AbsorbWork: Decision("scope_change", scope_change.absorb, reads=("account",)),
    scope_change_commands.AmendScopeChange: Decision("scope_change", scope_change.amend, reads=("account", "contract")),
    scope_change_commands.WithdrawScopeChange: Decision("scope_change", scope_change.withdraw, reads=("account",)),
    scope_change_commands.DeliverScopeChange: Decision("scope_change", scope_change.deliver, reads=("account",)),
    budget.SetBudget: Decision("budget", budget.set_, creates=True, reads=("account", "contract?")),
    budget.ReviseBudget: Decision("budget", budget.revise, reads=("account",)),
    budget.RecordSpend: Decision("budget", budget.record_spend, reads=("account",)),
    budget.CorrectSpend: Decision("budget", budget.correct_spend, reads=("account",)),
    budget.RecordForecast: Decision("budget", budget.record_forecast, reads=("account",)),
    budget.CloseBudget: Decision("budget", budget.close, reads=("account",)),
    incentive_statement.RecordStatement: Decision(
        "incentive_statement",
        incentive_statement.issue,
        creates=True,
        reads=("policy",),
        claims=incentive_statement.claims,
    ),
    incentive_statement.RecordClawback: Decision("incentive_statement", incentive_statement.claw_back),
    incentive_statement.DisputeLine: Decision("incentive_statement", incentive_statement.dispute),
    incentive_statement.ResolveDispute: Decision("incentive_statement", incentive_statement.resolve),
    kpi_certificate.RecordKpiCertificate: Decision(
        "kpi_certificate", kpi_certificate.issue, creates=True, reads=("account?",)
    ),
    period_close.RecordPeriodClose: Decision(
        "period_close", period_close.close, creates=True, called=period_close.called
    ),
    period_close.RecordPeriodRestatement: Decision("period_close", period_close.restate),
    policy.DraftPolicy: Decision("policy", policy.draft, creates=True, called=policy.called),
    policy.DraftPolicyVersion: Decision("policy", policy.draft_version),
    policy.ActivatePolicy: Decision("policy", policy.activate),
    policy.RetirePolicy: Decision("policy", policy.retire),
    proposal_commands.DraftProposal: Decision(
        "proposal",
        proposal.draft,
        creates=True,
        reads=("account", "contract?", "renewal?", "opportunity?", "policy?"),
    ),
    proposal_commands.ReviseProposal: Decision("proposal", proposal.revise, reads=("account", "policy?")),
    proposal_commands.SubmitProposal: Decision("proposal", proposal.submit, reads=("account", "policy?")),
    proposal_commands.OfferConcession: Decision("proposal", concession.concede, reads=("account", "policy?")),
    proposal_commands.ApproveConcession: Decision("proposal", concession.approve, reads=("account", "policy?")),
    proposal_commands.AcceptProposal: Decision("proposal", proposal.accept, reads=("account", "policy?")),
    proposal_commands.RecordClientPosition: Decision("proposal", concession.record_position, reads=("account",)),
    proposal_commands.RejectConcession: Decision("proposal", concession.reject, reads=("account",)),
    proposal_commands.DeclineProposal: Decision("proposal", proposal.decline, reads=("account",)),
    proposal_commands.ExpireProposal: Decision("proposal", proposal.expire, reads=("account",)),
    proposal_commands.ContractProposal: Decision(
        "proposal", proposal.take_over, reads=("account", "contract"), claims=proposal.claims
    ),
    opportunity_commands.IdentifyOpportunity: Decision(
        "opportunity",
        opportunity.identify,
        creates=True,
        reads=("account", "interaction?", "scope_change?", "contract?", "renewal?"),
    ),
    opportunity_commands.QualifyOpportunity: Decision("opportunity", opportunity.qualify, reads=("account",)),
    opportunity_commands.EstimateOpportunity: Decision("opportunity", opportunity.estimate, reads=("account",)),
    opportunity_commands.AdvanceOpportunity: Decision("opportunity", opportunity.advance, reads=("account",)),
    opportunity_commands.ParkOpportunity: Decision("opportunity", opportunity.park, reads=("account",)),
    opportunity_commands.LoseOpportunity: Decision("opportunity", opportunity.lose, reads=("account",)),
    opportunity_commands.WinOpportunity: Decision(
        "opportunity", opportunity.win, reads=("account", "contract"), claims=opportunity.claims
    ),
}

_BY_PREFIX: Final = {noun.prefix: noun for noun in NOUNS.values()}


def noun_of(stream_id: str) -> Noun:
    """The kind of thing that a stream is about."""
    return _BY_PREFIX[stream_id.partition("_")[0]]
