"""What can have happened to a contract and its lines."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.domain.events.base import Event
from app.domain.values import Business, Public

Cause = Literal["negotiation", "escalator", "correction"]


class Line(BaseModel):
    """A thing that is sold under a contract.

    line: its name within the contract. kind: recurring, one_off or usage_commit. quantity, unit_price: decimal strings,
    the price for one interval. start, end: its own term within the contract's, end exclusive. discount_percent: lasting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    line: Business[str]
    product: Business[str]
    kind: Public[str]
    quantity: Business[str]
    unit_price: Business[str]
    interval: Public[str | None] = None
    start: Public[str | None] = None
    end: Public[str | None] = None
    discount_percent: Business[str | None] = None


class LineSet(BaseModel):
    """A line's quantity or price changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    op: Public[Literal["set_line"]] = "set_line"
    line: Business[str]
    quantity: Business[str | None] = None
    unit_price: Business[str | None] = None
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


class ContractDrafted(Event):
    """Terms were put on paper. start: first day; end: first day after, or none when open-ended.

    auto_renew: goes on past its end until somebody gives notice. notice_days: before the end.
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


class ContractSigned(Event):
    """Both sides signed: the terms bind from the contract's start. document_sha256: of the signed paper."""

    TOPIC = "contract.signed"
    signed_at: Public[str]
    document_sha256: Public[str | None] = None


class ContractAmended(Event):
    """Lines changed from the event's effective instant on. scope_change: the request that led to it."""

    TOPIC = "contract.amended"
    amendment_no: Public[int]
    changes: Business[tuple[Change, ...]]
    scope_change: Public[str | None] = None


class ContractCorrected(Event):
    """Terms had been recorded wrongly: the event named in meta.corrects gives way to these changes."""

    TOPIC = "contract.corrected"
    corrects: Public[str]
    changes: Business[tuple[Change, ...]]


class NoticeGiven(Event):
    """Somebody said that the contract will end. by: client or us. late: after the notice deadline."""

    TOPIC = "contract.notice_given"
    by: Public[str]
    effective_end: Public[str]
    late: Public[bool]


class NoticeWithdrawn(Event):
    """The notice was taken back: the contract goes on as before."""

    TOPIC = "contract.notice_withdrawn"


class ContractSuspended(Event):
    """Service and billing rest from the effective instant on. effective_end: first day of work again, when agreed."""

    TOPIC = "contract.suspended"
    effective_end: Public[str | None] = None


class ContractResumed(Event):
    """Service and billing go on."""

    TOPIC = "contract.resumed"


class ContractRenewed(Event):
    """A further term was agreed.

    start, end: of the new term, end exclusive, none when open-ended. timing: early, on_time or late against the
    previous end. retroactive: a late renewal that closes the gap. lines: new ones, or none when the old go on.
    """

    TOPIC = "contract.renewed"
    start: Public[str]
    end: Public[str | None] = None
    previous_end: Public[str | None] = None
    timing: Public[str]
    retroactive: Public[bool] = False
    lines: Business[tuple[Line, ...] | None] = None


class ContractTerminated(Event):
    """The contract ends for good. effective_end: first day without it. reason: why, as a label; voluntary: the client's wish."""

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
)
