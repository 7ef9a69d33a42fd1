"""Who may give how much away: limits of roles, the margin that must be left, and who says yes to more. Pure arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import MICRO, scaled, unscaled
from app.domain.policy.rules import DIRECTING, SENIORITY, ApprovalRules

POLICY: Final = "ref:approval@default"
"""The policy that says how far roles go."""


@dataclass(frozen=True)
class Concession:
    """Something given way. value: annual, in 10^-6; by, role: who offered it; approved_by: who answers for it instead."""

    value: int
    price: bool
    by: str
    role: str
    state: str
    approved_by: str | None = None

    @property
    def binds(self) -> bool:
        """Whether it counts against us."""
        return self.state == "binding"

    @property
    def answerable(self) -> str:
        """Who answers for it."""
        return self.approved_by or self.by


@dataclass(frozen=True)
class Offer:
    """The live version as the negotiation stands. value, cost, conceded: annual, in 10^-6; cleared: what a director lets be left."""

    value: int = 0
    cost: int = 0
    conceded: int = 0
    cleared: int | None = None

    @property
    def left(self) -> int:
        """What is left of the value for us."""
        return self.value - self.conceded - self.cost

    def stands(self, rules: ApprovalRules, given: int = 0) -> bool:
        """Whether the margin stays above the floor, or where a director lets it be, when so much more is given."""
        left = self.left - given
        return left * MICRO >= scaled(rules.margin_floor) * self.value or (
            self.cleared is not None and left >= self.cleared
        )


def needs(
    offer: Offer, concessions: Iterable[Concession], amount: int, rules: ApprovalRules, context: Context
) -> tuple[str, ...]:
    """Why a concession of the actor has to wait: limit, margin, or neither.

    All that the actor gave on this version counts, and what he said yes to: nobody gives his limit twice.
    """
    limit = rules.limit(context.role)
    own = sum(
        one.value for one in concessions if context.actor in (one.by, one.approved_by) and one.state != "rejected"
    )
    found = () if limit is None or own + amount <= limit else ("limit",)
    if offer.stands(rules, amount) or context.role in DIRECTING:
        return found
    return (*found, "margin")


def require_senior(role: str, context: Context) -> None:
    """Raises: Refused unless the actor's role is above another."""
    if _rank(context.role) <= _rank(role):
        raise Refused("approval_not_allowed", "only a more senior role may say that", role=role)


def require_covered(
    one: Concession, offer: Offer, concessions: Iterable[Concession], rules: ApprovalRules, context: Context
) -> None:
    """Raises: Refused where an approver's own limit does not reach, or the floor asks for a director.

    What the approver and the one who offered answer for already counts too: a sum is not approved in slices.
    """
    limit = rules.limit(context.role)
    answered = sum(other.value for other in concessions if other.binds and other.answerable in (one.by, context.actor))
    if limit is not None and answered + one.value > limit:
        raise Refused("limit_exceeded", "together with what was conceded it goes beyond the approver's limit too")
    if not offer.stands(rules, one.value) and context.role not in DIRECTING:
        raise Refused("margin_below_floor", "a director approves what goes below the margin floor")


def limit_of(rules: ApprovalRules, role: str) -> str | None:
    """How far a role goes, as a decimal; none without bound."""
    limit = rules.limit(role)
    return None if limit is None else unscaled(limit)


def _rank(role: str) -> int:
    return SENIORITY.index(role) if role in SENIORITY else -1
