"""What the contract says of the whole: what this is, under which licence, where it is served, and what its parts are about."""

from typing import Any, Final

SUMMARY: Final = "The ledger of client relationships"
DESCRIPTION: Final = """\
Every interaction, scope change and renewal of a client is an event that is appended and never edited. Everything that is read is computed
from the events, under two clocks: `as_of` says at which moment in business, `known_at` says by what was known.

**Writing.** A write names a fact. It answers 201 with a receipt once the disk has it, and `Event-Position`. The same `Idempotency-Key` with
the same request is answered once. `If-Match` with the version that you saw refuses what somebody else changed meanwhile.

**Reading.** Views follow the log. A read with `Min-Event-Position` waits until it shows what you wrote. Lists come in pages: follow
`next_cursor` while there is one.

**Forms.** Money is `{"amount": "1200.00", "currency": "EUR"}`, decimals are strings, days are `YYYY-MM-DD`, instants are RFC 3339 in UTC.
Periods and intervals are half-open: `to` and `end` are the first day after. Where a path takes an id it also takes `ref:` and your own
reference.

**Problems.** Every refusal is a problem document (RFC 9457) with a stable `code`. An unknown member or parameter is refused, never ignored.
"""
LICENSE: Final[dict[str, Any]] = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
CONTACT: Final[dict[str, Any]] = {"name": "The maintainers of Steward"}
SERVERS: Final[list[dict[str, Any]]] = [{"url": "/", "description": "The server that answers this contract"}]
TAGS: Final[dict[str, str]] = {
    "accounts": "The clients, their recurring revenue, their timeline, and what changed between two moments.",
    "handovers": "How an account goes from one person to another, with what the next one must know.",
    "interactions": "Every contact with a client: calls, mails, meetings, chats, visits.",
    "contracts": "What was agreed: lines, terms, notice, rests, renewals and ends.",
    "renewals": "The end of each term, from the day on which work on it begins to its outcome.",
    "scope_changes": "What a client asks for beyond what was agreed, from the request to the answer and the work.",
    "proposals": "Offers: versions, concessions, approvals, and what the client says to them.",
    "opportunities": "What a client could need more, from the first idea to business or loss.",
    "budgets": "What a client sets aside, what is spent of it, and what is expected in all.",
    "kpis": "Figures under both clocks, the rows and events that they are made of, and what restated them.",
    "boards": "Several rows laid out together, as a page shows them.",
    "kpi_certificates": "Figures that were certified: they can be computed again at any time.",
    "period_closes": "Periods whose figures were certified together, and what later knowledge changed.",
    "incentives": "What account managers are paid for what they sold and kept.",
    "policies": "The rules of figures, rates, health, approvals and incentives, in versions.",
    "events": "The log itself: the feed of all events, and the ingestion of events from other systems.",
    "webhooks": "Addresses for senders of webhooks, and what came in.",
    "users": "The persons of the agency: their roles, to whom they report, and who the caller is.",
    "teams": "Who works together, from when until when.",
    "audit": "Who could see what, on a day in the past too.",
    "issuers": "Identity providers whose access tokens let users in.",
    "agents": "Software that acts for persons, and what bounds it.",
    "suggestions": "Writes that somebody prepares, and somebody else decides about.",
    "api_keys": "Keys, their roles and scopes.",
    "system": "Whether the server lives, is ready, and how it does.",
}
"""What each group of operations is about, in the order of the reference."""
