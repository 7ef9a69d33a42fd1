"""Ingestion: events of other systems become the same commands that the API takes, each exactly once.

A CloudEvent whose `type` is one of our topics, whose `subject` is the account, whose `time` is when it is effective, and
whose `data` holds the command's members.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from app.domain.account import commands as account_commands
from app.domain.aggregates import DECISIONS
from app.domain.budget import commands as budget_commands
from app.domain.contract import commands as contract_commands
from app.domain.interaction import commands as interaction_commands
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError, Invalid
from app.domain.kernel.faults import faults_of
from app.domain.kernel.meaning import meaning
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import REF, as_named
from app.domain.opportunity import commands as opportunity_commands
from app.domain.proposal import commands as proposal_commands
from app.domain.renewal import commands as renewal_commands
from app.domain.scope_change import commands as scope_change_commands
from app.store.canonical import canonical
from app.store.receipts import Receipt, Request, fingerprint
from app.write_side import cloud_events
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler
from app.write_side.noted_people import NotedPeople


@dataclass(frozen=True)
class Topic:
    """How a topic is ingested: the command, the aggregate that it is about, and the member of `data` that names it."""

    command: type[Command]
    noun: str
    member: str | None = None


TOPICS: Final[dict[str, Topic]] = {
    "account.opened": Topic(account_commands.OpenAccount, "account"),
    "account.renamed": Topic(account_commands.RenameAccount, "account"),
    "account.tier_set": Topic(account_commands.SetAccountTier, "account"),
    "account.owner_set": Topic(account_commands.SetAccountOwner, "account"),
    "account.backup_set": Topic(account_commands.SetAccountBackup, "account"),
    "account.member_assigned": Topic(account_commands.AssignAccountMember, "account"),
    "account.member_released": Topic(account_commands.ReleaseAccountMember, "account"),
    "account.key_account_set": Topic(account_commands.SetKeyAccount, "account"),
    "account.country_set": Topic(account_commands.SetAccountCountry, "account"),
    "account.closed": Topic(account_commands.CloseAccount, "account"),
    "account.reopened": Topic(account_commands.ReopenAccount, "account"),
    "interaction.logged": Topic(interaction_commands.LogInteraction, "interaction"),
    "interaction.voided": Topic(interaction_commands.VoidInteraction, "interaction", "interaction"),
    "contract.drafted": Topic(contract_commands.DraftContract, "contract", "contract"),
    "contract.signed": Topic(contract_commands.RecordContract, "contract", "contract"),
    "contract.amended": Topic(contract_commands.AmendContract, "contract", "contract"),
    "contract.corrected": Topic(contract_commands.CorrectContract, "contract", "contract"),
    "contract.notice_given": Topic(contract_commands.GiveNotice, "contract", "contract"),
    "contract.notice_withdrawn": Topic(contract_commands.WithdrawNotice, "contract", "contract"),
    "contract.suspended": Topic(contract_commands.SuspendContract, "contract", "contract"),
    "contract.resumed": Topic(contract_commands.ResumeContract, "contract", "contract"),
    "contract.renewed": Topic(contract_commands.RenewContract, "contract", "contract"),
    "contract.terminated": Topic(contract_commands.TerminateContract, "contract", "contract"),
    "contract.expired": Topic(contract_commands.ExpireContract, "contract", "contract"),
    "renewal.opened": Topic(renewal_commands.OpenRenewal, "renewal", "contract"),
    "renewal.risk_set": Topic(renewal_commands.SetRenewalRisk, "renewal", "renewal"),
    "renewal.deferred": Topic(renewal_commands.DeferRenewal, "renewal", "renewal"),
    "renewal.forecast_submitted": Topic(renewal_commands.SubmitForecast, "renewal", "renewal"),
    "scope_change.raised": Topic(scope_change_commands.RaiseScopeChange, "scope_change", "scope_change"),
    "scope_change.consult_requested": Topic(scope_change_commands.RequestConsult, "scope_change", "scope_change"),
    "scope_change.consult_answered": Topic(scope_change_commands.AnswerConsult, "scope_change", "scope_change"),
    "scope_change.consult_waived": Topic(scope_change_commands.WaiveConsult, "scope_change", "scope_change"),
    "scope_change.assessed": Topic(scope_change_commands.AssessImpact, "scope_change", "scope_change"),
    "scope_change.approved": Topic(scope_change_commands.ApproveScopeChange, "scope_change", "scope_change"),
    "scope_change.responded": Topic(scope_change_commands.RespondToClient, "scope_change", "scope_change"),
    "scope_change.decided": Topic(scope_change_commands.RecordClientDecision, "scope_change", "scope_change"),
    "scope_change.absorbed": Topic(scope_change_commands.AbsorbWork, "scope_change", "scope_change"),
    "scope_change.amended": Topic(
        scope_change_commands.AmendScopeChange, "contract", "scope_change"
    ),  # who may amend contracts
    "scope_change.withdrawn": Topic(scope_change_commands.WithdrawScopeChange, "scope_change", "scope_change"),
    "scope_change.delivered": Topic(scope_change_commands.DeliverScopeChange, "scope_change", "scope_change"),
    "proposal.versioned": Topic(proposal_commands.DraftProposal, "proposal", "proposal"),
    "proposal.submitted": Topic(proposal_commands.SubmitProposal, "proposal", "proposal"),
    "proposal.client_position_recorded": Topic(proposal_commands.RecordClientPosition, "proposal", "proposal"),
    "proposal.concession_offered": Topic(proposal_commands.OfferConcession, "proposal", "proposal"),
    "proposal.accepted": Topic(proposal_commands.AcceptProposal, "proposal", "proposal"),
    "proposal.declined": Topic(proposal_commands.DeclineProposal, "proposal", "proposal"),
    "proposal.expired": Topic(proposal_commands.ExpireProposal, "proposal", "proposal"),
    "proposal.contracted": Topic(proposal_commands.ContractProposal, "proposal", "proposal"),
    "opportunity.identified": Topic(opportunity_commands.IdentifyOpportunity, "opportunity", "opportunity"),
    "opportunity.qualified": Topic(opportunity_commands.QualifyOpportunity, "opportunity", "opportunity"),
    "opportunity.estimated": Topic(opportunity_commands.EstimateOpportunity, "opportunity", "opportunity"),
    "opportunity.advanced": Topic(opportunity_commands.AdvanceOpportunity, "opportunity", "opportunity"),
    "opportunity.parked": Topic(opportunity_commands.ParkOpportunity, "opportunity", "opportunity"),
    "opportunity.won": Topic(opportunity_commands.WinOpportunity, "opportunity", "opportunity"),
    "opportunity.lost": Topic(opportunity_commands.LoseOpportunity, "opportunity", "opportunity"),
    "budget.set": Topic(budget_commands.SetBudget, "budget", "budget"),
    "budget.revised": Topic(budget_commands.ReviseBudget, "budget", "budget"),
    "budget.spend_recorded": Topic(budget_commands.RecordSpend, "budget", "budget"),
    "budget.spend_corrected": Topic(budget_commands.CorrectSpend, "budget", "budget"),
    "budget.forecast_recorded": Topic(budget_commands.RecordForecast, "budget", "budget"),
    "budget.closed": Topic(budget_commands.CloseBudget, "budget", "budget"),
}
LONGEST_KEY: Final = 1000
"""How many bytes a receipt's key may have; PostgreSQL's indexes take 2,704."""


@dataclass(frozen=True)
class Item:
    """What became of one event: accepted, duplicate or refused."""

    status: str
    receipt: Receipt | None = None
    refusal: DomainError | None = None


class Ingestion:
    """Ingests events. Takes: the handler."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self._mark = handler.log.vault.mark
        self._people = NotedPeople(handler.log)

    def ingest(
        self,
        tenant_id: str,
        principal: Principal,
        events: Sequence[Any],
        require: Callable[[str], None] = lambda _noun: None,
    ) -> list[Item]:
        """Ingests events in order; a refused one does not affect the others.

        Takes: `require`, which raises NotAllowed where the principal may not write about an aggregate type. An event that is a
        DomainError is refused with it.
        """
        envelopes: list[CommandEnvelope] = []
        items: list[Item | None] = []
        for event in events:
            try:
                if isinstance(event, DomainError):
                    raise event
                envelopes.append(self.envelope(tenant_id, principal, event, require))
                items.append(None)
            except DomainError as refusal:
                items.append(Item("refused", refusal=refusal))
        noting = self._people.beside(tenant_id, envelopes)
        every = self.handler.handle_batch(tenant_id, [*noting, *envelopes]) if envelopes else []
        outcomes = iter(every[len(noting) :])
        return [item or _item(next(outcomes)) for item in items]

    def envelope(
        self, tenant_id: str, principal: Principal, event: Any, require: Callable[[str], None] = lambda _noun: None
    ) -> CommandEnvelope:
        """The command of an event. Raises: a DomainError that says what is wrong with it."""
        cloud_event = cloud_events.read(event)
        topic = TOPICS.get(cloud_event.type)
        if topic is None:
            raise Invalid("unknown_type", "this type is not one that can be taken in")
        require(topic.noun)
        data = _given(topic.command, cloud_event.data)
        targets: dict[str, str] = {"account": as_named(cloud_event.subject)} if cloud_event.subject else {}
        if topic.member and topic.member in data:
            self._target(topic, data, targets)
        if cloud_event.time is not None:
            data.setdefault("effective_at", cloud_event.time)
        command = validated(topic.command, data)
        try:
            said = canonical([cloud_event.type, targets, meaning(command)])
        except ValueError as error:
            raise Invalid("invalid_event", str(error)) from error
        return CommandEnvelope(
            tenant_id=tenant_id,
            principal=principal,
            command=command,
            request=Request(event_key(cloud_event.source, cloud_event.id), self._mark(tenant_id, fingerprint(said))),
            targets=targets,
            meta={"source": cloud_event.source, "external_id": cloud_event.id},
        )

    def _target(self, topic: Topic, data: dict[str, Any], targets: dict[str, str]) -> None:
        """Moves the aggregate that `data` names to the targets, or to the reference of a new aggregate."""
        id_or_ref = data.pop(str(topic.member))
        if not isinstance(id_or_ref, str):
            raise Invalid("invalid_member", f"data.{topic.member} must be an id or ref: and a reference")
        if topic.member == topic.noun and DECISIONS[topic.command].creates:
            if not id_or_ref.startswith(REF):
                raise Invalid(
                    "invalid_member", f"data.{topic.member} must be ref: and your own reference for a new one"
                )
            data.setdefault("external_ref", id_or_ref.removeprefix(REF))
        else:
            targets[str(topic.member)] = as_named(id_or_ref)


def event_key(source: str, event_id: str) -> str:
    """The receipt key of an event of another system: unique for ever by both, and never too long for an index."""
    key = f"event:{len(source)}:{source}:{event_id}"
    # A character has four bytes at most: a short key need not be encoded to know that it fits.
    if len(key) * 4 <= LONGEST_KEY or len(key.encode()) <= LONGEST_KEY:
        return key
    return f"event:sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def validated(command: type[Command], data: Mapping[str, Any]) -> Command:
    """A command from its members. Raises: Invalid with what is wrong where, without repeating the values."""
    try:
        return command.model_validate(data)
    except ValidationError as error:
        raise Invalid("invalid_command", "the members do not fit the command", errors=faults_of(error, data)) from error


def _given(command: type[Command], data: Mapping[str, Any]) -> dict[str, Any]:
    """The members that a sender gave: one that is null is absent, unless null is what it must say."""
    if None not in data.values():
        return dict(data)
    fields = command.model_fields
    return {
        name: value
        for name, value in data.items()
        if value is not None or name not in fields or fields[name].is_required()
    }


def _item(outcome: Receipt | DomainError) -> Item:
    if isinstance(outcome, Receipt):
        return Item("duplicate" if outcome.replayed else "accepted", receipt=outcome)
    return Item("refused", refusal=outcome)
