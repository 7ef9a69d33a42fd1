"""The declaration of the aggregate type `scope_change`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional, required
from app.domain.scope_change import commands, decisions
from app.domain.scope_change.state import ScopeChangeState, evolve

SCOPE_CHANGE: Final = AggregateType(
    name="scope_change",
    id_prefix="scr",
    initial=ScopeChangeState(),
    evolve=evolve,
    decisions={
        commands.RaiseScopeChange: Decision(
            decisions.raise_,
            "raise_scope_change",
            creates=True,
            reads=(required("account"), optional("contract"), optional("interaction")),
        ),
        commands.RequestConsult: Decision(
            decisions.request_consult, "handle_scope_change", reads=(required("account"),)
        ),
        commands.AnswerConsult: Decision(decisions.answer_consult, "answer_consult", reads=(required("account"),)),
        commands.WaiveConsult: Decision(decisions.waive_consult, "handle_scope_change", reads=(required("account"),)),
        commands.AssessImpact: Decision(decisions.assess, "handle_scope_change", reads=(required("account"),)),
        commands.ApproveScopeChange: Decision(decisions.approve, "approve_scope_change", reads=(required("account"),)),
        commands.RespondToClient: Decision(
            decisions.respond, "respond", reads=(required("account"), optional("interaction"), optional("policy"))
        ),
        commands.RecordClientDecision: Decision(decisions.decide, "handle_scope_change", reads=(required("account"),)),
        commands.AbsorbWork: Decision(decisions.absorb, "absorb", reads=(required("account"),)),
        commands.AmendScopeChange: Decision(decisions.amend, "sign", reads=(required("account"), required("contract"))),
        commands.WithdrawScopeChange: Decision(
            decisions.withdraw, "handle_scope_change", reads=(required("account"), optional("contract"))
        ),
        commands.DeliverScopeChange: Decision(decisions.deliver, "handle_scope_change", reads=(required("account"),)),
    },
)
