"""Credentials: what a caller may be let in by, an API key or an access token, checked the same way."""

from typing import Final

from app.auth import keys
from app.auth.caller import Caller
from app.auth.jose import invalid, is_token, issuer_named_in
from app.auth.keys import ApiKeyAuthenticator
from app.auth.tokens import TokenAuthenticator
from app.domain.kernel.errors import Unauthenticated

WRONG: Final = frozenset({"invalid_key", "invalid_token", "issuer_unknown"})
"""The codes of what nobody has given anybody: of these an address may send a few in a minute. What has expired is none of them."""


class Credentials:
    """Checks keys and tokens. Takes: who checks the ones, and the others."""

    def __init__(self, by_key: ApiKeyAuthenticator, by_token: TokenAuthenticator) -> None:
        self._by_key = by_key
        self._by_token = by_token

    def cached(self, text: str) -> Caller | None:
        """The caller with what was checked just now; None when it must be checked."""
        return self._by(text).cached(text)

    def knows(self, text: str) -> bool:
        """Whether it was good when it was checked last, however long ago that is."""
        return self._by(text).knows(text)

    def check(self, text: str) -> Caller:
        """The caller. Raises: Unauthenticated; of tokens also NotAllowed and Unavailable."""
        return self._by(text).check(text)

    def _by(self, text: str) -> ApiKeyAuthenticator | TokenAuthenticator:
        return self._by_token if _may_be_token(text) else self._by_key


def is_well_formed(text: str) -> bool:
    """Whether a text may be a key or a token, as far as its form says."""
    return is_token(text) if _may_be_token(text) else keys.is_well_formed(text)


def malformed(text: str) -> Unauthenticated:
    """The refusal of what has neither form."""
    if _may_be_token(text):
        return invalid("it does not have the form of a signed token")
    return Unauthenticated("invalid_key", "the API key is not valid")


def whose(text: str) -> str:
    """Who has to wait while it is checked: those with keys that name the same tenant, or tokens that name the same issuer."""
    return f"token of {issuer_named_in(text)}" if _may_be_token(text) else f"key of {keys.tenant_named_in(text)}"


def _may_be_token(text: str) -> bool:
    return "." in text
