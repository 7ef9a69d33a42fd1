"""The types of the rows that figures are made of, each with what explanations and conversions know of it."""

from collections.abc import Mapping
from typing import Any, Final

from projections.kpis.account_movements import AccountMovements
from projections.kpis.budgets import BUDGET_ROW
from projections.kpis.cohorts import JOINED_ROW, Joined
from projections.kpis.committed import COMMITMENT_ROW, Commitment
from projections.kpis.concentration import WEIGHT_ROW, Weight
from projections.kpis.customer_lifetimes import LIFETIME_ROW, CustomerLifetime
from projections.kpis.explained_movements import MOVEMENTS_ROW
from projections.kpis.forecast import FORECAST_ROW, OUTLOOK_ROW, PREDICTED_ROW, Outlook, Predicted
from projections.kpis.growth import AGREEMENT_ROW, DEAL_ROW, Agreement, Deal
from projections.kpis.incentives import PAYMENT_ROW, Payment
from projections.kpis.renewals import RENEWAL_ROW
from projections.kpis.row_type import RowType
from projections.kpis.scope import SCOPE_CHANGE_ROW, ScopeChangeOutcome
from projections.views.budgets import Budget
from projections.views.forecasts import Forecast
from projections.views.renewals import Renewal

ROW_TYPES: Final[Mapping[type, RowType]] = {
    AccountMovements: MOVEMENTS_ROW,
    CustomerLifetime: LIFETIME_ROW,
    Joined: JOINED_ROW,
    Weight: WEIGHT_ROW,
    Commitment: COMMITMENT_ROW,
    Renewal: RENEWAL_ROW,
    Outlook: OUTLOOK_ROW,
    Predicted: PREDICTED_ROW,
    Forecast: FORECAST_ROW,
    ScopeChangeOutcome: SCOPE_CHANGE_ROW,
    Deal: DEAL_ROW,
    Agreement: AGREEMENT_ROW,
    Budget: BUDGET_ROW,
    Payment: PAYMENT_ROW,
}


def row_type(row: Any) -> RowType:
    """The type of a row."""
    return ROW_TYPES[type(row)]
