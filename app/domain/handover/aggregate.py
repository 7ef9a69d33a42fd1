"""The declaration of the aggregate type `handover`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional, required
from app.domain.handover import commands, decisions
from app.domain.handover.state import HandoverState, evolve
from app.domain.user.names import id_or_ref

ACCOUNT: Final = required("account")
STARTED: Final = optional(
    "receiver_user", aggregate="user", named_by=lambda _state, command, _day: id_or_ref(command.receiver)
)
RECEIVER: Final = optional(
    "receiver_user", aggregate="user", named_by=lambda state, _command, _day: id_or_ref(state.receiver)
)
HANDOVER: Final = AggregateType(
    name="handover",
    id_prefix="hnd",
    initial=HandoverState(),
    evolve=evolve,
    decisions={
        commands.StartHandover: Decision(decisions.start, "hand_over", creates=True, reads=(ACCOUNT, STARTED)),
        commands.FillSection: Decision(decisions.fill, "hand_over", reads=(ACCOUNT,)),
        commands.SubmitHandover: Decision(decisions.submit, "hand_over", reads=(ACCOUNT,)),
        commands.AcceptHandover: Decision(decisions.accept, "take_over", reads=(ACCOUNT, RECEIVER)),
        commands.RejectHandover: Decision(decisions.reject, "take_over", reads=(ACCOUNT, RECEIVER)),
        commands.IntroduceToClient: Decision(
            decisions.introduce, "hand_over", reads=(ACCOUNT, optional("interaction"))
        ),
    },
)
