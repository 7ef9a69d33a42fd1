"""The declaration of the aggregate type `contract`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional, required
from app.domain.contract import commands, cycles, decisions, term_decisions
from app.domain.contract.state import ContractState, evolve

CONTRACT: Final = AggregateType(
    name="contract",
    id_prefix="ctr",
    initial=ContractState(),
    evolve=evolve,
    decisions={
        commands.DraftContract: Decision(
            decisions.draft,
            "draft_contract",
            creates=True,
            reads=(required("account"), optional("replaces", aggregate="contract")),
        ),
        commands.RecordContract: Decision(
            decisions.record,
            "sign",
            creates=True,
            reads=(required("account"), optional("replaces", aggregate="contract")),
        ),
        commands.SignContract: Decision(decisions.sign, "sign", reads=(required("account"),)),
        commands.AmendContract: Decision(
            decisions.amend, "sign", reads=(required("account"), optional("scope_change"))
        ),
        commands.CorrectContract: Decision(
            term_decisions.correct,
            "correct",
            authored=cycles.corrected,
            reads=(required("account"), optional("renewal", named_by=cycles.last_agreed)),
        ),
        commands.GiveNotice: Decision(decisions.give_notice, "sign", reads=(required("account"),)),
        commands.WithdrawNotice: Decision(decisions.withdraw_notice, "sign", reads=(required("account"),)),
        commands.SuspendContract: Decision(decisions.suspend, "sign", reads=(required("account"),)),
        commands.ResumeContract: Decision(decisions.resume, "sign", reads=(required("account"),)),
        commands.RenewContract: Decision(
            term_decisions.renew,
            "sign",
            reads=(required("account"), optional("renewal", named_by=cycles.renewed), optional("policy")),
        ),
        commands.RenewAutomatically: Decision(
            term_decisions.renew_automatically,
            "sign",
            reads=(required("account"), optional("renewal", named_by=cycles.begun)),
        ),
        commands.ExpireContract: Decision(
            term_decisions.expire, "sign", reads=(required("account"), optional("renewal", named_by=cycles.expired))
        ),
        commands.TerminateContract: Decision(
            term_decisions.terminate, "sign", reads=(required("account"), optional("renewal", named_by=cycles.ended))
        ),
    },
)
