"""Rules that a tenant may set: what a policy of each kind holds, with the defaults.

Every member is classified, because events hold rules as they were drafted. docs/policies.md explains each rule.
"""

from itertools import pairwise
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.domain.kernel.rights import with_limit
from app.domain.kernel.roles import ADMIN
from app.domain.kernel.values import Amount, Currency, Day, Percent, Public, Share, scaled

Role = Literal["account_manager", "senior_account_manager", "director", "vp", "admin"]
SENIORITY: Final = get_args(Role)
"""Who approves for whom: each role for those before it. Others approve nothing."""
DIRECTING: Final = frozenset({*with_limit("concede", "floor", "below"), ADMIN})
"""Who decides about what goes below the margin floor: as the table of rights says, and the key of a service that does everything."""
POLICY_REFERENCE: Final = "ref:approval@default"
"""The policy that sets the limits of roles."""
Kind = Literal["metric", "fx", "approval", "incentive", "renewal"]
KINDS: Final = get_args(Kind)


def _not_negative(text: str) -> str:
    if text.startswith("-"):
        raise ValueError("must not be negative")
    return text


Part = Annotated[Share, AfterValidator(_not_negative)]
"""A share from 0 to 1."""


class Rules(BaseModel):
    """The rules of a policy version; frozen like the event that holds them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MetricRules(Rules):
    """How revenue figures are counted. Source: docs/policies.md; each member is a rule on which vendors disagree."""

    kind: Public[Literal["metric"]] = "metric"
    reporting_currency: Public[Currency | None] = None
    fx: Public[Literal["constant", "spot"]] = "constant"
    customer_from: Public[Literal["first_paid_day", "start"]] = "first_paid_day"
    churn_at: Public[Literal["effective_end", "notice"]] = "effective_end"
    contract_end: Public[Literal["contraction", "churn"]] = "contraction"
    new_and_churned: Public[Literal["waterfall", "counted", "ignored"]] = "waterfall"
    reactivation_days: Public[Annotated[int, Field(ge=1, le=36_500)] | None] = None
    shortest_gap_days: Public[Annotated[int, Field(ge=0, le=3_650)]] = 0
    discounts: Public[Literal["lasting", "all", "none"]] = "lasting"
    hold: Public[Literal["zero", "unchanged"]] = "zero"
    usage_commit: Public[Literal["counted", "excluded"]] = "counted"
    netting: Public[Literal["instant", "month", "period"]] = "instant"
    churn_denominator: Public[Literal["start", "start_and_new"]] = "start"
    reactivation: Public[Literal["separate", "expansion"]] = "separate"
    escalators: Public[Literal["counted", "stripped"]] = "counted"
    gross_margin: Public[Part] = "1"
    discount_rate: Public[Part] = "0.1"


Rate = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,10})?$")]
RATE: Final = 10**10
"""Rates are integers of 10^-10 inside."""


def rate(text: str) -> int:
    """A rate as an integer of 10^-10."""
    whole, _, fraction = text.partition(".")
    return int(whole) * RATE + int(fraction.ljust(10, "0") or 0)


def _fault(code: str, detail: str) -> PydanticCustomError:
    """A validation error with a code of its own, which the problem document names. Takes: `code` and `detail`, both written here."""
    return PydanticCustomError(code, detail)


class FxRate(BaseModel):
    """The rate of a currency in the table's base from a day on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    date: Public[Day]
    currency: Public[Currency]
    rate: Public[Rate]


class FxRules(Rules):
    """A table of exchange rates: for each of its days one rate for each of its currencies; a rate holds until the next day."""

    kind: Public[Literal["fx"]] = "fx"
    base: Public[Currency]
    rates: Public[Annotated[tuple[FxRate, ...], Field(min_length=1, max_length=20_000)]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        pairs: set[tuple[str, str]] = set()
        for each in self.rates:
            if (each.date, each.currency) in pairs:
                raise _fault("fx_rate_twice", f"two rates for {each.currency} on {each.date}")
            pairs.add((each.date, each.currency))
        if any(each.currency == self.base or rate(each.rate) == 0 for each in self.rates):
            raise _fault("fx_rate_unsound", "the base has no rate of its own, and no rate is 0")
        currencies = {each.currency for each in self.rates}
        for day in sorted({each.date for each in self.rates}):
            for currency in sorted(currencies):
                if (day, currency) not in pairs:
                    raise _fault("fx_rate_missing", f"no rate for {currency} on {day}")
        return self


class ApprovalLimit(BaseModel):
    """Up to which amount, in whatever currency, a role may concede or approve; no amount means no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Public[Role]
    amount: Public[Amount | None] = None


class ApprovalRules(Rules):
    """Who may concede how much. margin_floor: below it a director approves."""

    kind: Public[Literal["approval"]] = "approval"
    limits: Public[Annotated[tuple[ApprovalLimit, ...], Field(min_length=1, max_length=10)]] = (
        ApprovalLimit(role="account_manager", amount="1000"),
        ApprovalLimit(role="senior_account_manager", amount="10000"),
        ApprovalLimit(role="director"),
        ApprovalLimit(role="vp"),
        ApprovalLimit(role="admin"),
    )
    margin_floor: Public[Part] = "0.2"

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({limit.role for limit in self.limits}) != len(self.limits):
            raise _fault("approval_limit_twice", "two limits for the same role")
        return self

    def limit(self, role: str) -> int | None:
        """The limit of a role in 10^-6; 0 for a role that has none of its own, None where it is unlimited."""
        for limit in self.limits:
            if limit.role == role:
                return None if limit.amount is None else scaled(limit.amount)
        return 0


class RenewalRules(Rules):
    """When work on a renewal begins.

    lead_days: before the due day; at the first the cycle is opened, the others are milestones. grace_days: how long after its
    end a term may still be renewed without a gap. frozen_days: how long before its due day the method `frozen` reads what expires;
    left out, the first of the lead days.
    """

    kind: Public[Literal["renewal"]] = "renewal"
    lead_days: Public[
        Annotated[tuple[Annotated[int, Field(ge=1, le=1_000)], ...], Field(min_length=1, max_length=10)]
    ] = (
        180,
        120,
        90,
    )
    grace_days: Public[Annotated[int, Field(ge=0, le=365)]] = 30
    frozen_days: Public[Annotated[int | None, Field(ge=0, le=1_000)]] = None

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if any(later >= earlier for earlier, later in pairwise(self.lead_days)):
            raise _fault("lead_days_not_falling", "lead_days fall from the first to the last")
        return self


class IncentiveRate(BaseModel):
    """What is paid of a value that an event names. rule: which events; percent: of their annual value."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rule: Public[Literal["renewal", "expansion", "new_business"]]
    percent: Public[Percent]


class RetentionTier(BaseModel):
    """A factor on what renewals pay, from a revenue retention of the payee's book on. at_least, factor: decimals."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    at_least: Public[Amount]
    factor: Public[Amount]


class IncentiveRules(Rules):
    """What account managers are paid for. clawback_months: how long a loss takes back what a win had paid."""

    kind: Public[Literal["incentive"]] = "incentive"
    rates: Public[Annotated[tuple[IncentiveRate, ...], Field(min_length=1, max_length=10)]]
    retention_tiers: Public[Annotated[tuple[RetentionTier, ...], Field(max_length=10)]] = ()
    clawback_months: Public[Annotated[int, Field(ge=0, le=120)]] = 0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len({each.rule for each in self.rates}) != len(self.rates):
            raise _fault("incentive_rate_twice", "two rates for the same rule")
        if any(scaled(low.at_least) >= scaled(high.at_least) for low, high in pairwise(self.retention_tiers)):
            raise _fault("retention_tiers_not_rising", "retention tiers rise from the first to the last")
        return self


AnyRules = Annotated[MetricRules | FxRules | ApprovalRules | IncentiveRules | RenewalRules, Field(discriminator="kind")]
