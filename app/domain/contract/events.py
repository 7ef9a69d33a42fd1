"""What can have happened to a contract and its lines."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event, WithNewMembers
from app.domain.kernel.values import Business, Commercial, Public

Cause = Literal["negotiation", "escalator", "correction"]


class RampStep(BaseModel):
    """What a line's quantity or price is from a day on, as agreed when the line was."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: Public[str]
    quantity: Business[str | None] = None
    unit_price: Commercial[str | None] = None
    cause: Public[Cause] = "escalator"


class Line(BaseModel):
    """A thing that is sold under a contract.

    line: its name within the contract. kind: recurring, one_off or usage_commit. quantity, unit_price: decimal strings,
    the price for one interval, or for interval_count of them; below 0 for a credit. start, end: its own term within the
    contract's, end exclusive. discount_percent: until discount_end, the first day without it, or for good. ramp: what it becomes later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    line: Business[str]
    product: Business[str]
    kind: Public[str]
    quantity: Business[str]
    unit_price: Commercial[str]
    interval: Public[str | None] = None
    interval_count: Public[int | None] = None
    start: Public[str | None] = None
    end: Public[str | None] = None
    discount_percent: Commercial[str | None] = None
    discount_end: Public[str | None] = None
    ramp: Business[tuple[RampStep, ...] | None] = None


class LineSet(BaseModel):
    """A line's quantity, price or discount changed. discount_percent: until discount_end, or for good; discount_end alone: the
    discount in force ends then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    op: Public[Literal["set_line"]] = "set_line"
    line: Business[str]
    quantity: Business[str | None] = None
    unit_price: Commercial[str | None] = None
    discount_percent: Commercial[str | None] = None
    discount_end: Public[str | None] = None
    cause: Public[Cause | None] = None


class LineAdded(Line):
    """A line joined the contract."""

    op: Public[Literal["add_line"]] = "add_line"


class LineRemoved(BaseModel):
    """A line left the contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    op: Public[Literal["remove_line"]] = "remove_line"
    line: Business[str]


Change = LineSet | LineAdded | LineRemoved


class ContractDrafted(WithNewMembers):
    """Terms were put on paper. start: first day; end: first day after, or none when open-ended.

    auto_renew: goes on past its end until somebody gives notice. notice_days: before the end. replaces: the contract of
    the account that this one follows, after a termination or in another currency.
    """

    TOPIC = "contract.drafted"
    account: Public[str]
    currency: Public[str]
    start: Public[str]
    end: Public[str | None] = None
    auto_renew: Public[bool] = False
    notice_days: Public[int] = 0
    renewal_term_months: Public[int | None] = None
    lines: Business[tuple[Line, ...]]
    external_ref: Business[str | None] = None
    replaces: Public[str | None] = None


class ContractSigned(Event):
    """Both sides signed: the terms bind from the contract's start. document_sha256: of the signed paper."""

    TOPIC = "contract.signed"
    signed_at: Public[str]
    document_sha256: Public[str | None] = None


class ContractAmended(WithNewMembers):
    """Lines changed from the event's effective instant on. scope_change: the request that led to it."""

    TOPIC = "contract.amended"
    amendment_no: Public[int]
    changes: Business[tuple[Change, ...]]
    scope_change: Public[str | None] = None


class ContractCorrected(WithNewMembers):
    """Terms had been recorded wrongly: the event named in meta.corrects gives way to these changes."""

    TOPIC = "contract.corrected"
    corrects: Public[str]
    changes: Business[tuple[Change, ...]]


class Term(BaseModel):
    """The days over which a contract was agreed, end exclusive, none when open-ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: Public[str]
    end: Public[str | None] = None


class TermsCorrected(Event):
    """The days of an earlier event had been recorded wrongly: these are right.

    corrects: that event; corrected: its topic. start, end, auto_renew, notice_days, effective_end: the members that it should have had.
    terms, ends_on: all terms, and where notice or termination ends them, as they are with it. renewal: the open cycle
    that the due day of which it moves.
    """

    TOPIC = "contract.terms_corrected"
    corrects: Public[str]
    corrected: Public[str]
    start: Public[str | None] = None
    end: Public[str | None] = None
    auto_renew: Public[bool | None] = None
    notice_days: Public[int | None] = None
    effective_end: Public[str | None] = None
    terms: Public[tuple[Term, ...]]
    ends_on: Public[str | None] = None
    renewal: Public[str | None] = None


class NoticeGiven(Event):
    """Somebody gave notice that the contract will end. by: client or us. late: after the deadline of that end; without a said
    end, of the term that ran, so that a contract which renews itself goes on for another one.
    """

    TOPIC = "contract.notice_given"
    by: Public[str]
    effective_end: Public[str]
    late: Public[bool]


class NoticeWithdrawn(Event):
    """The notice was taken back: the contract goes on as before."""

    TOPIC = "contract.notice_withdrawn"


class ContractSuspended(Event):
    """Service and billing are suspended from the effective instant on. effective_end: first day of work again, when agreed."""

    TOPIC = "contract.suspended"
    effective_end: Public[str | None] = None


class ContractResumed(Event):
    """Service and billing go on."""

    TOPIC = "contract.resumed"


class ContractRenewed(WithNewMembers):
    """A further term was agreed.

    start, end: of the new term, end exclusive, none when open-ended. timing: early, on_time or late against the
    previous end. retroactive: a late renewal that closes the gap. lines: new ones, or none when the old go on.
    automatic: by its own terms, nobody having objected. closes: the day on which the term before ends, as it does now.
    """

    TOPIC = "contract.renewed"
    start: Public[str]
    end: Public[str | None] = None
    previous_end: Public[str | None] = None
    timing: Public[str]
    retroactive: Public[bool] = False
    lines: Business[tuple[Line, ...] | None] = None
    automatic: Public[bool] = False
    closes: Public[str | None] = None


class ContractExpired(Event):
    """A term ended and nobody had renewed it. end: the first day without the contract. voluntary: the client had given notice."""

    TOPIC = "contract.expired"
    end: Public[str]
    voluntary: Public[bool]


class ContractTerminated(Event):
    """The contract ends for good. effective_end: first day without it. reason: why, as a label; voluntary: the client decided it."""

    TOPIC = "contract.terminated"
    effective_end: Public[str]
    reason: Business[str]
    voluntary: Public[bool]
    competitor: Business[str | None] = None


EVENTS = (
    ContractDrafted,
    ContractSigned,
    ContractAmended,
    ContractCorrected,
    NoticeGiven,
    NoticeWithdrawn,
    ContractSuspended,
    ContractResumed,
    ContractRenewed,
    ContractTerminated,
    TermsCorrected,
    ContractExpired,
)
