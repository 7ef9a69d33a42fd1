"""Who may concede how much: the limits of roles, the margin floor, and who approves more. Pure arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import MICRO, scaled, unscaled
from app.domain.policy.rules import DIRECTING, SENIORITY, ApprovalRules


@dataclass(frozen=True)
class Concession:
    """What was conceded. value: annual, in 10^-6; price: whether it lowers the price; by, role: who offered it; state: awaiting,
    binding or rejected; approved_by: who is responsible for it instead.
    """

    value: int
    price: bool
    by: str
    role: str
    state: str
    approved_by: str | None = None

    @property
    def binds(self) -> bool:
        """Whether it is promised to the client."""
        return self.state == "binding"

    @property
    def responsible(self) -> str:
        """Whose limit it counts against."""
        return self.approved_by or self.by


@dataclass(frozen=True)
class Offer:
    """The live version with what was conceded on it. value, cost, conceded: annual, in 10^-6; approved_margin: the margin that a
    director approved.
    """

    value: int = 0
    cost: int = 0
    conceded: int = 0
    approved_margin: int | None = None

    @property
    def margin(self) -> int:
        """The value less what was conceded and what it costs."""
        return self.value - self.conceded - self.cost

    def margin_suffices(self, rules: ApprovalRules, conceding: int = 0) -> bool:
        """Whether the margin is not below the floor, or below what a director approved. Takes: an amount to concede besides."""
        margin = self.margin - conceding
        return margin * MICRO >= scaled(rules.margin_floor) * self.value or (
            self.approved_margin is not None and margin >= self.approved_margin
        )


def approval_reasons(
    offer: Offer, concessions: Iterable[Concession], amount: int, rules: ApprovalRules, context: Context
) -> tuple[str, ...]:
    """Why a concession of the actor has to wait for approval: limit, margin, both or neither.

    All that the actor conceded or approved on this version counts, so that nobody uses their limit twice.
    """
    limit = rules.limit(context.role)
    own = sum(
        each.value
        for each in concessions
        if each.state != "rejected" and any(context.is_own(one) for one in (each.by, each.approved_by) if one)
    )
    reasons = () if limit is None or own + amount <= limit else ("limit",)
    if offer.margin_suffices(rules, amount) or context.role in DIRECTING:
        return reasons
    return (*reasons, "margin")


def require_senior(role: str, context: Context) -> None:
    """Raises: Refused unless the actor's role is above another."""
    if _rank(context.role) <= _rank(role):
        raise Refused("approval_not_allowed", "only a more senior role may approve or reject that", role=role)


def require_covered(
    concession: Concession, offer: Offer, concessions: Iterable[Concession], rules: ApprovalRules, context: Context
) -> None:
    """Raises: Refused where an approver's own limit does not reach, or the floor asks for a director.

    What the approver and whoever offered it are responsible for already counts too: a sum is not approved in slices.
    """
    limit = rules.limit(context.role)
    responsible_for = sum(
        other.value
        for other in concessions
        if other.binds and (other.responsible == concession.by or context.is_own(other.responsible))
    )
    if limit is not None and responsible_for + concession.value > limit:
        raise Refused("limit_exceeded", "together with what was conceded it goes beyond the approver's limit too")
    if not offer.margin_suffices(rules, concession.value) and context.role not in DIRECTING:
        raise Refused("margin_below_floor", "a director approves what goes below the margin floor")


def limit_of(rules: ApprovalRules, role: str) -> str | None:
    """The limit of a role as a decimal; None where it has none."""
    limit = rules.limit(role)
    return None if limit is None else unscaled(limit)


def _rank(role: str) -> int:
    return SENIORITY.index(role) if role in SENIORITY else -1
