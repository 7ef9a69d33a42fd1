"""The declaration of the aggregate type `suggestion`: one line a command. It is approved beside the events of its own write."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional
from app.domain.suggestion import commands, decisions
from app.domain.suggestion.state import SuggestionState, evolve

SUGGESTION: Final = AggregateType(
    name="suggestion",
    id_prefix="sug",
    initial=SuggestionState(),
    evolve=evolve,
    decisions={
        commands.RecordSuggestion: Decision(decisions.make, "suggest", creates=True, reads=(optional("account"),)),
        commands.RejectSuggestion: Decision(decisions.reject, "suggest"),
        commands.WithdrawSuggestion: Decision(decisions.withdraw, "suggest"),
        commands.ExpireSuggestion: Decision(decisions.expire, "watch"),
    },
)
