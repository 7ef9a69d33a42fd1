"""Walks: whatever is tried on a proposal in whatever order, what was accepted stays, and nothing that waits is accepted."""

from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.account.state import AccountState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import DomainError
from app.domain.kernel.event import Event
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import MICRO, micros, scaled, zone
from app.domain.policy.rules import DIRECTING, SENIORITY, ApprovalRules
from app.domain.proposal import commands as offers
from app.domain.proposal import concession_decisions as concession
from app.domain.proposal import decisions as proposal_decisions
from app.domain.proposal import state as proposal_state
from app.domain.proposal.aggregate import PROPOSAL
from projections.views.proposals import VIEW
from tests.domain.scenario import recorded
from tests.support.campaigns import examples

ACCOUNT: Final = "acct_01jd0000000000000000000000"
NOW: Final = micros("2026-01-15T09:00:00Z")
LIMITS: Final = {"account_manager": 1000, "senior_account_manager": 10_000}
FLOOR: Final = scaled(ApprovalRules().margin_floor)
WHO: Final = st.sampled_from([(f"{role}{n}", role) for role in (*SENIORITY, "integration") for n in (1, 2)])


def item(price: int) -> offers.Item:
    """One thing at a price a year."""
    return offers.Item(item="main", product="retainer", unit_price=str(price), interval="year")


VERSION: Final = st.builds(
    lambda price, cost: {"items": (item(price),), "cost": str(cost), "valid_until": "2026-03-01"},
    st.integers(0, 30_000),
    st.integers(0, 20_000),
)
NAMES: Final = st.sampled_from([f"c{number}" for number in range(1, 8)])
COMMANDS: Final = st.one_of(
    VERSION.map(lambda members: offers.ReviseProposal(**members)),
    st.just(offers.SubmitProposal()),
    st.builds(
        lambda kind, value: offers.OfferConcession(kind=kind, value=str(value), given="some", in_exchange_for="more"),
        st.sampled_from(["price", "term", "scope", "service"]),
        st.sampled_from([0, 1, 400, 999, 1000, 1001, 6000, 12_000]),
    ),
    st.one_of(st.none(), NAMES).map(lambda name: offers.ApproveConcession(concession=name)),
    NAMES.map(lambda name: offers.RejectConcession(concession=name, reason="no")),
    st.integers(1, 4).map(lambda version: offers.AcceptProposal(version=version)),
    st.just(offers.DeclineProposal(reason="price")),
)
DECIDE: Final[dict[type, Any]] = {
    offers.ReviseProposal: proposal_decisions.revise,
    offers.SubmitProposal: proposal_decisions.submit,
    offers.OfferConcession: concession.concede,
    offers.ApproveConcession: concession.approve,
    offers.RejectConcession: concession.reject,
    offers.AcceptProposal: proposal_decisions.accept,
    offers.DeclineProposal: proposal_decisions.decline,
}


class Walk:
    """A proposal, step by step, and all that happened."""

    def __init__(self) -> None:
        self.state = proposal_state.ProposalState()
        self.events: list[tuple[str, str, Any]] = []
        self.row: Any = None

    def context(self, actor: str, role: str) -> Context:
        """A decision by an actor in a role."""
        return Context(
            tenant_id="tnt",
            principal=Principal(actor, role),
            now=NOW,
            effective_at=NOW,
            zone=zone("UTC"),
            stream_id="prp",
            new_id=lambda prefix: prefix,
            states={"account": AccountState(account=ACCOUNT, open=True)},
            ids={"account": ACCOUNT},
        )

    def take(self, events: tuple[Event, ...], actor: str, role: str) -> None:
        """Appends what was decided."""
        for event in events:
            version = len(self.events) + 1
            latest = recorded(event, stream_id="prp", version=version, recorded_at=NOW, actor=actor)
            self.state = PROPOSAL.fold([latest], self.state)
            self.events.append((actor, role, latest.event))
            rows = {} if self.row is None else {("prp",): self.row}
            self.row = VIEW.fold(rows, latest, zone("UTC"))[("prp",)]


THIN: Final = {"items": (item(1000),), "cost": "900", "valid_until": "2026-03-01"}
NOTHING: Final = offers.OfferConcession(kind="term", value="0", given="a later start", in_exchange_for="two years")


@settings(max_examples=examples(400), deadline=None)
@example(  # a director who gives something stands behind what is left, also where it was too little before
    THIN,
    ("manager1", "account_manager"),
    [
        (NOTHING, ("director1", "director")),
        (offers.SubmitProposal(), ("manager1", "account_manager")),
        (offers.AcceptProposal(version=1), ("manager1", "account_manager")),
    ],
)
@given(VERSION, WHO, st.lists(st.tuples(COMMANDS, WHO), max_size=30))
def test_whatever_is_tried_the_rules_of_negotiation_hold(
    first: dict[str, Any], author: tuple[str, str], steps: list[tuple[Any, tuple[str, str]]]
) -> None:
    walk = Walk()
    draft = offers.DraftProposal(currency="EUR", **first)
    walk.take(proposal_decisions.draft(walk.state, draft, walk.context(*author)), *author)
    frozen = None

    for command, who in steps:
        before = walk.state
        try:
            events = DECIDE[type(command)](walk.state, command, walk.context(*who))
        except DomainError:
            assert walk.state == before
            continue
        assert frozen is None, "nothing happens to a proposal that is decided"
        walk.take(events, *who)
        assert walk.row.conceded == walk.state.offer.conceded
        assert walk.state.outcome != "accepted" or not walk.row.awaiting
        if walk.state.outcome:
            frozen = walk.state
        if walk.state.outcome == "accepted":
            assert not walk.state.awaiting
            assert before.submitted_at is not None

    assert frozen is None or walk.state == frozen
    _approvals_are_of_others_and_cover_what_they_approve(walk)
    _nobody_goes_beyond_their_limit_alone(walk)
    _what_was_sent_is_above_the_floor_or_a_director_stood_behind_it(walk)


def _approvals_are_of_others_and_cover_what_they_approve(walk: Walk) -> None:
    offered = {
        event.concession: (actor, role, event) for actor, role, event in walk.events if _is(event, "concession_offered")
    }
    for actor, role, event in walk.events:
        if _is(event, "approval_granted") and event.concession is not None:
            giver, given_as, concession_ = offered[event.concession]
            assert actor != giver
            assert _rank(role) > _rank(given_as)
            assert role not in LIMITS or scaled(concession_.value) <= LIMITS[role] * MICRO


def _nobody_goes_beyond_their_limit_alone(walk: Walk) -> None:
    given: dict[tuple[int, str], int] = {}
    waiting: dict[str, int] = {}
    for actor, role, event in walk.events:
        amount = None
        if _is(event, "concession_offered") and not event.awaiting_approval:
            amount = scaled(event.value)
        elif _is(event, "concession_offered"):
            waiting[event.concession] = scaled(event.value)
        elif _is(event, "approval_granted") and event.concession is not None:
            amount = waiting.pop(event.concession)
        if amount is not None:
            key = (event.version, actor)
            given[key] = given.get(key, 0) + amount
            limit = LIMITS.get(role, 0 if role not in SENIORITY else None)
            assert limit is None or given[key] <= limit * MICRO


def _what_was_sent_is_above_the_floor_or_a_director_stood_behind_it(walk: Walk) -> None:
    value = left = 0
    directed = False
    waiting: dict[str, int] = {}
    for _, role, event in walk.events:
        if _is(event, "versioned"):
            value, waiting = scaled(event.value), {}
            left = value - scaled(event.cost or "0")
            directed = role in DIRECTING
        elif _is(event, "concession_offered"):
            waiting[event.concession] = scaled(event.value)
            if not event.awaiting_approval:
                left -= waiting.pop(event.concession)
                directed = directed or role in DIRECTING
        elif _is(event, "approval_granted"):
            left -= waiting.pop(event.concession, 0)
            directed = directed or role in DIRECTING
        elif _is(event, "submitted") or _is(event, "accepted"):
            assert left * MICRO >= FLOOR * value or directed


def _is(event: Any, what: str) -> bool:
    return bool(f"proposal.{what}" == event.TOPIC)


def _rank(role: str) -> int:
    return SENIORITY.index(role) if role in SENIORITY else -1
