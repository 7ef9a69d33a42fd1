"""The declaration of the aggregate type `proposal`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional, required
from app.domain.proposal import commands, concession_decisions, decisions
from app.domain.proposal.state import ProposalState, evolve

PROPOSAL: Final = AggregateType(
    name="proposal",
    id_prefix="prp",
    initial=ProposalState(),
    evolve=evolve,
    decisions={
        commands.DraftProposal: Decision(
            decisions.draft,
            creates=True,
            reads=(
                required("account"),
                optional("contract"),
                optional("renewal"),
                optional("opportunity"),
                optional("policy"),
            ),
        ),
        commands.ReviseProposal: Decision(decisions.revise, reads=(required("account"), optional("policy"))),
        commands.SubmitProposal: Decision(decisions.submit, reads=(required("account"), optional("policy"))),
        commands.OfferConcession: Decision(
            concession_decisions.concede, reads=(required("account"), optional("policy"))
        ),
        commands.ApproveConcession: Decision(
            concession_decisions.approve, reads=(required("account"), optional("policy"))
        ),
        commands.AcceptProposal: Decision(decisions.accept, reads=(required("account"), optional("policy"))),
        commands.RecordClientPosition: Decision(concession_decisions.record_position, reads=(required("account"),)),
        commands.RejectConcession: Decision(concession_decisions.reject, reads=(required("account"),)),
        commands.DeclineProposal: Decision(decisions.decline, reads=(required("account"),)),
        commands.ExpireProposal: Decision(decisions.expire, reads=(required("account"),)),
        commands.ContractProposal: Decision(
            decisions.take_over, reads=(required("account"), required("contract")), claims=decisions.claims
        ),
    },
)
