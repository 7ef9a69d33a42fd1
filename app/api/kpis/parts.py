"""What figures are made of, as they are answered: rows, groups, cells, rates, and the accounts and events behind them."""

from pydantic import BaseModel, ConfigDict, Field

from app.api.http.response_models import EXAMPLE_ACCOUNT
from app.domain.kernel.roles import Reach


class FigureReachBody(BaseModel):
    """Whose reach a figure sums over."""

    kind: Reach = Field(description="over whose accounts they may act", examples=["portfolio"])
    user: str = Field(description="whose reach it is", examples=["usr_01jd7z5m3wf8x9v0w1y2z3a4b5"])


class FigureScopeBody(BaseModel):
    """What narrows a figure; a member that is left out does not."""

    account: str | None = None
    owner: str | None = None
    tier: str | None = None
    industry: str | None = None
    country: str | None = None
    currency: str | None = None
    reporting_currency: str | None = None
    attribution: str | None = Field(
        None, description="when it counts whose and what an account is: start, end or a day", examples=["start"]
    )
    reach: FigureReachBody | None = Field(
        None, description="present where only a part of the tenant is in the caller's reach: the figure is of that part"
    )


class WaterfallRowBody(BaseModel):
    """A bar of a waterfall. Losses are positive."""

    name: str = Field(examples=["expansion"])
    amount: str
    of_which_hold: str | None = Field(None, description="of expansion and contraction: by rests and their ends")
    of_which_contracted_escalator: str | None = Field(None, description="of expansion: by increases agreed before")


class FigureGroupBody(BaseModel):
    """What one owner, country, product and so on gives to a figure, whichever it is grouped by."""

    name: str | None = Field(
        description="null for what has none, or is not known to have one; of voluntary, true or false"
    )
    value: str | None = Field(description="the figure of the group; null where its denominator is 0")
    numerator: str = Field(description="those of all groups sum to the figure's")
    denominator: str | None = Field(description="those of all groups sum to the figure's; null of a plain sum")
    null_reason: str | None = Field(None, description="present where the value is null")
    rows: list[WaterfallRowBody] | None = Field(None, description="present for a waterfall")
    low: str | None = Field(
        None, description="present for a forecast: what is certain or committed, at its probability"
    )
    base: str | None = Field(None, description="present for a forecast: each value times its probability")
    high: str | None = Field(None, description="present for a forecast: the whole value of what is not given up")
    renewals: int | None = Field(None, description="present for a forecast: how many fall due")


class PersonAccuracyBody(BaseModel):
    """How well one person's forecasts came true."""

    by: str = Field(description="who recorded them")
    value: str | None
    bias: str | None = Field(description="by how much too high, as a share")
    brier_score: str | None = Field(description="the mean squared error of probabilities")


class UsedRateBody(BaseModel):
    """A rate by which amounts were converted."""

    currency: str
    base: str = Field(description="the currency that one unit is worth `rate` of")
    date: str = Field(description="from which day on")
    rate: str = Field(description="what one unit is in the base")


class FigureCellBody(BaseModel):
    """A cohort at an age, in periods behind its first."""

    cohort: str = Field(examples=["2025-01"])
    age: int
    size: int = Field(description="how many accounts first paid then")
    opening: str = Field(description="at the end of its first period")
    value: str = Field(description="what the cohort is at this age")
    share: str | None = Field(description="of what it was at the end of its first period; null where that was nothing")
    mature: bool = Field(description="whether that period is over")


class CohortAverageBody(BaseModel):
    """All cohorts that are old enough, at an age."""

    age: int
    cohorts: int
    opening: str
    value: str
    share: str | None


class LargestAccountBody(BaseModel):
    """One of the accounts that pay most."""

    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    rank: int = Field(description="from 1 on; equals share one")
    arr: str
    share: str


class BehindBody(BaseModel):
    """An event behind a figure."""

    id: str = Field(examples=["evt_01jd7z5m3sf8x9v0w1y2z3a4b5"], description="the event's id")
    type: str = Field(examples=["contract.signed"])
    position: int
    effective_at: str


class ContributionBody(BaseModel):
    """What an account gives to a figure; those of all pages sum to it."""

    numerator: str
    denominator: str | None


class ExplainedAccountBody(BaseModel):
    """An account that a figure is made of. What else its rows show depends on the KPI, such as its ARR before and after."""

    model_config = ConfigDict(extra="allow")
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    name: str
    in_numerator: bool = Field(description="whether it gives something to the numerator")
    in_denominator: bool = Field(description="whether it gives something to the denominator")
    contribution: ContributionBody = Field(description="what it gives")
    events: list[BehindBody]
