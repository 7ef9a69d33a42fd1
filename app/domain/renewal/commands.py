"""The commands of a renewal cycle; each is the body of its request."""

from typing import Literal

from pydantic import AliasChoices, Field

from app.domain.kernel.command import Command
from app.domain.kernel.values import Currency, Day, Label, Money, Share

Risk = Literal["on_track", "watch", "at_risk", "critical"]
Category = Literal["commit", "best_case", "at_risk", "lost"]


class OpenRenewal(Command):
    """Begins the work on a contract's renewal."""


class SetRenewalRisk(Command):
    """Rates how likely the renewal is."""

    risk: Risk
    probability: Share | None = Field(None, description='from "0" to "1"')
    drivers: tuple[Label, ...] = Field((), max_length=20)


class DeferRenewal(Command):
    """Defers the decision."""

    new_due: Day = Field(
        validation_alias=AliasChoices("deferred_to", "new_due"), description="the day to which the decision is put off"
    )


class SubmitForecast(Command):
    """Forecasts the renewal; earlier forecasts stay, and the newest counts."""

    category: Category
    probability: Share | None = Field(None, description='from "0" to "1"; default: by the category')
    expected_value: Money = Field(description="a year, of the new term if there is one")
    currency: Currency | None = Field(None, description="default: the contract's; another one is refused")


class ReachMilestone(Command):
    """Records that so many days are left."""

    days: int = Field(ge=1, le=1_000)
