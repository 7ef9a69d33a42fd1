"""What a provider is, and the form in which a message comes in."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.kernel.errors import Unauthenticated
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.domain.webhook_endpoint.state import WebhookEndpointState

_TIMESTAMP: Final = re.compile(r"[1-9][0-9]*")
_LONGEST: Final = 15
"""Digits of a timestamp that are worth reading; more are a time that nobody lives to see."""


@dataclass(frozen=True)
class Delivery:
    """A message as it came: its headers in order, names and values as bytes, and its raw body."""

    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def only(self, name: str, malformed: str) -> str:
        """The value of a header that must be there once. Takes: the reason to give when it is not one ASCII text.

        Raises: Unauthenticated.
        """
        wanted = name.lower().encode()
        found = [value for header, value in self.headers if header.lower() == wanted]
        if not any(found):
            raise unverified("missing_header")
        if len(found) > 1 or not found[0].isascii():
            raise unverified(malformed)
        return found[0].decode()


@dataclass(frozen=True)
class Provider:
    """A sender, as a table of pure functions.

    check: raises Invalid for an endpoint that it cannot serve; check_secret, check_public_key: the same for their texts.
    verify(endpoint, secrets, delivery, now in seconds): raises Unauthenticated with a reason. identify(delivery, its
    JSON): the message's id, the same for every attempt to deliver it. keeps: the headers that are stored with it.
    """

    name: str
    check: Callable[[RegisterWebhookEndpoint], None]
    check_secret: Callable[[str], None]
    check_public_key: Callable[[str], None]
    verify: Callable[[WebhookEndpointState, Sequence[str], Delivery, int], None]
    identify: Callable[[Delivery, Any], str]
    keeps: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The name as it stands in addresses."""
        return self.name.replace("_", "-")


def unverified(reason: str) -> Unauthenticated:
    """The refusal of a message that does not prove who sent it."""
    return Unauthenticated("invalid_signature", "the message does not bear a good signature", reason=reason)


def require_fresh(timestamp: str, tolerance_seconds: int, now: int) -> None:
    """Raises: Unauthenticated for a timestamp that is none, or too far away. Takes: seconds since 1970, text and number."""
    if not _TIMESTAMP.fullmatch(timestamp):
        raise unverified("timestamp_malformed")
    if len(timestamp) > _LONGEST or int(timestamp) > now + tolerance_seconds:
        raise unverified("timestamp_too_new")
    if int(timestamp) < now - tolerance_seconds:
        raise unverified("timestamp_too_old")
