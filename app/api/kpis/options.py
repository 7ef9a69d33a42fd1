"""Options of KPIs: the parameters that only some KPIs take, and the members that only their answers have."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from app.api.http.response_models import OR_NULL
from app.api.kpis.parts import CohortAverageBody, FigureCellBody, LargestAccountBody

Options = tuple[tuple[str, str], ...]


def options(
    discount_rate: Annotated[
        str | None, Query(description="lifetime value: a year, from 0 to 1; default: the rules'", examples=["0.1"])
    ] = None,
    margin: Annotated[
        str | None, Query(description="lifetime value: gross margin from 0 to 1; default: the rules'", examples=["0.8"])
    ] = None,
    horizon: Annotated[
        str | None, Query(description="lifetime value: how many periods are counted at the most", examples=["5"])
    ] = None,
    cohort: Annotated[
        str | None,
        Query(
            description="lifetime value: only accounts that first paid in this month, quarter or year",
            examples=["2015-01", "2015-Q1", "2015"],
        ),
    ] = None,
    period: Annotated[
        str | None, Query(description="lifetime value: month, quarter or year between renewal points; default year")
    ] = None,
    granularity: Annotated[
        str | None, Query(description="cohorts: month, quarter or year in which accounts first paid; default month")
    ] = None,
    group_by: Annotated[
        str | None,
        Query(
            max_length=20,
            description="revenue figures: what they are shared out by: owner, tier, industry, country, currency or "
            "product; churned_mrr: also how contracts ended: reason, voluntary or competitor",
            examples=["owner"],
        ),
    ] = None,
    days_before: Annotated[
        str | None,
        Query(
            max_length=20, description="forecast_accuracy: by the forecast that stood so many days before the due day"
        ),
    ] = None,
    top: Annotated[
        str | None, Query(description="concentration: of how many of the largest accounts; default 10")
    ] = None,
) -> Options:
    """The options that the caller gave, by name."""
    values = {
        "discount_rate": discount_rate,
        "margin": margin,
        "horizon": horizon,
        "cohort": cohort,
        "period": period,
        "granularity": granularity,
        "group_by": group_by,
        "days_before": days_before,
        "top": top,
    }
    return tuple((name, value) for name, value in values.items() if value is not None)


class ModelParametersBody(BaseModel):
    """The shape of the beta distribution of non-renewal probabilities, to six decimals."""

    alpha: str
    beta: str


class RenewalPointBody(BaseModel):
    """A renewal point."""

    period: int
    at_risk: int
    lost: int
    survivors: int


class ModelObservationsBody(BaseModel):
    """What a model was fitted to."""

    accounts: int
    tenures: int = Field(description="times without a lapse; who came back has several")
    lost: int
    censored: int
    periods: list[RenewalPointBody]


class SurvivalPointBody(BaseModel):
    """The share that lasts beyond a period."""

    period: int
    share: str
    standard_error: str | None = Field(None, description="Greenwood's, of kaplan_meier")


class ResidualLifetimeBody(BaseModel):
    """What is still expected when the next decision is pending (DERL)."""

    renewals_made: int
    value: str | None = Field(description="in discounted payments")
    residual_value: str | None = Field(description="in money")


class OptionMembers(BaseModel):
    """Members that only some figures have."""

    model: str | None = Field(None, description="lifetime value, as all down to residual_lifetime")
    period_length: str | None = None
    cohort: str | None = None
    revenue_per_period: str | None = None
    gross_margin: str | None = None
    gross_margin_from: str | None = Field(None, description="query, or the policy that `policy_version` names")
    discount_rate: str | None = None
    horizon: int | None = None
    churn_rate: str | None = None
    parameters: ModelParametersBody | None = None
    log_likelihood: str | None = None
    log_likelihood_per_1000: str | None = None
    observations: ModelObservationsBody | None = None
    survival: list[SurvivalPointBody] | None = None
    expected_lifetime: str | None = Field(None, description="in periods, not discounted")
    residual_lifetime: list[ResidualLifetimeBody] | None = None
    renewals_made: int | None = Field(None, description="of one account: how many renewal points it has passed")
    granularity: str | None = Field(None, description="cohorts")
    cells: list[FigureCellBody] | None = Field(
        None, description="cohorts: cohort, age, size, opening, value, share, mature"
    )
    averages: list[CohortAverageBody] | None = Field(None, description="cohorts: by age, of mature cells only")
    top: int | None = Field(None, description="concentration")
    accounts: int | None = Field(None, description="concentration: how many pay")
    herfindahl_index: str | None = Field(
        None, json_schema_extra=OR_NULL, description="concentration: the sum of all squared shares"
    )
    largest: list[LargestAccountBody] | None = Field(None, description="concentration: account, rank, arr, share")
