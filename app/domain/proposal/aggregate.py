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
            "negotiate",
            creates=True,
            reads=(
                required("account"),
                optional("contract"),
                optional("renewal"),
                optional("opportunity"),
                optional("policy"),
            ),
        ),
        commands.ReviseProposal: Decision(
            decisions.revise, "negotiate", reads=(required("account"), optional("policy"))
        ),
        commands.SubmitProposal: Decision(
            decisions.submit, "negotiate", reads=(required("account"), optional("policy"))
        ),
        commands.OfferConcession: Decision(
            concession_decisions.concede, "concede", reads=(required("account"), optional("policy"))
        ),
        commands.ApproveConcession: Decision(
            concession_decisions.approve, "concede", reads=(required("account"), optional("policy"))
        ),
        commands.AcceptProposal: Decision(
            decisions.accept, "negotiate", reads=(required("account"), optional("policy"))
        ),
        commands.RecordClientPosition: Decision(
            concession_decisions.record_position, "negotiate", reads=(required("account"),)
        ),
        commands.RejectConcession: Decision(
            concession_decisions.reject, "reject_concession", reads=(required("account"),)
        ),
        commands.DeclineProposal: Decision(decisions.decline, "negotiate", reads=(required("account"),)),
        commands.ExpireProposal: Decision(decisions.expire, "negotiate", reads=(required("account"),)),
        commands.ContractProposal: Decision(
            decisions.take_over, "negotiate", reads=(required("account"), required("contract")), claims=decisions.claims
        ),
    },
)
