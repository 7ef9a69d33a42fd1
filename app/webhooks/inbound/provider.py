"""What a provider is, and a message as it arrives."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.kernel.errors import Unauthenticated
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.domain.webhook_endpoint.state import WebhookEndpointState

_TIMESTAMP: Final = re.compile(r"[1-9][0-9]*")
_MOST_DIGITS: Final = 15
"""A timestamp with more digits is refused unread: it lies far in the future."""


@dataclass(frozen=True)
class Delivery:
    """A message as it arrived: its headers in order, names and values as bytes, and its raw body."""

    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def only(self, name: str, malformed: str) -> str:
        """The value of a header that must be there exactly once. Takes: the reason of the refusal when it is not one ASCII text.

        Raises: Unauthenticated.
        """
        header_name = name.lower().encode()
        values = [value for header, value in self.headers if header.lower() == header_name]
        if not any(values):
            raise unverified("missing_header")
        if len(values) > 1 or not values[0].isascii():
            raise unverified(malformed)
        return values[0].decode()

    def signatures(self, name: str) -> str:
        """The value of the header that holds signatures, one of which may be broken: what is not ASCII reads as U+FFFD.

        Raises: Unauthenticated unless the header is there exactly once.
        """
        header_name = name.lower().encode()
        values = [value for header, value in self.headers if header.lower() == header_name]
        if not any(values):
            raise unverified("missing_header")
        if len(values) > 1:
            raise unverified("signature_malformed")
        return values[0].decode("ascii", "replace")

    def first(self, name: str) -> str | None:
        """The value of a header that proves nothing, if it is there."""
        header_name = name.lower().encode()
        return next((value.decode("latin-1") for header, value in self.headers if header.lower() == header_name), None)

    @property
    def claims_json(self) -> bool:
        """Whether the body is said to be JSON, or nothing is said of it."""
        kind = (self.first("content-type") or "application/json").partition(";")[0].strip().lower()
        return kind in ("", "application/json", "text/json") or kind.endswith("+json")


@dataclass(frozen=True)
class Provider:
    """A sender, as a table of pure functions.

    check: raises Invalid for an endpoint that it cannot serve; check_secret, check_public_key: the same for their texts.
    verify(endpoint, secrets, delivery, now in seconds): raises Unauthenticated with a reason. identify(endpoint, delivery,
    its JSON as it is read forgivingly): the message's id, the same for every attempt to deliver it. stored_headers: the
    headers that are stored with it. owns_ids: whether the sender promises one id for one message, so that another body
    under the same id is answered as an error.
    """

    name: str
    check: Callable[[RegisterWebhookEndpoint], None]
    check_secret: Callable[[str], None]
    check_public_key: Callable[[str], None]
    verify: Callable[[WebhookEndpointState, Sequence[str], Delivery, int], None]
    identify: Callable[[WebhookEndpointState, Delivery, Any], str]
    stored_headers: tuple[str, ...] = ()
    owns_ids: bool = False

    @property
    def path(self) -> str:
        """The name as it is written in addresses."""
        return self.name.replace("_", "-")


def unverified(reason: str) -> Unauthenticated:
    """The refusal of a message whose sender is not proved."""
    return Unauthenticated("invalid_signature", "the message does not bear a good signature", reason=reason)


def require_fresh(timestamp: str, tolerance_seconds: int, now: int) -> None:
    """Raises: Unauthenticated for a malformed timestamp, or one too far from now. Takes: seconds since 1970, text and number."""
    if not _TIMESTAMP.fullmatch(timestamp):
        raise unverified("timestamp_malformed")
    if len(timestamp) > _MOST_DIGITS or int(timestamp) > now + tolerance_seconds:
        raise unverified("timestamp_too_new")
    if int(timestamp) < now - tolerance_seconds:
        raise unverified("timestamp_too_old")
