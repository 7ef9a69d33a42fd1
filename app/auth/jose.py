"""Signed tokens: taken apart before anything in them is believed, and verified by joserfc with one key and one algorithm.

Source: RFC 7515, RFC 7519, RFC 8725 (best practices of JWT), RFC 9864 (Ed25519 by its name).
"""

import base64
import binascii
import copy
import json
import re
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError

from app.domain.kernel.errors import Unauthenticated

LONGEST: Final = 8192
"""How many characters a token may have."""
LONGEST_HEADER: Final = 2048
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA", "Ed25519")
"""By which anything may be signed at all: none that is symmetric, and `none` never."""
BROUGHT: Final = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"})
"""Members of a header that would bring a key, or another way to read it."""
_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class _Registry(jws.JWSRegistry):
    """The algorithms that there are, and no other. EdDSA without the warning that it has another name now."""

    algorithms = {name: copy.copy(jws.JWSRegistry.algorithms[name]) for name in ALGORITHMS}
    max_header_length = LONGEST_HEADER


_Registry.algorithms["EdDSA"].security_warning = None


class Unverified(NamedTuple):
    """A token as it says of itself, before it was verified: nothing of it is to be believed but by which key to verify it."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def algorithm(self) -> str:
        """By which it says that it was signed: one that there is."""
        return str(self.header["alg"])


def is_token(text: str) -> bool:
    """Whether a text has the form of a signed token."""
    return len(text) <= LONGEST and _FORM.fullmatch(text) is not None


def taken_apart(text: str, *, brings_key: bool = False) -> Unverified:
    """A token as it says of itself. Takes: whether it may bring its key, as a proof does. Raises: Unauthenticated."""
    if not is_token(text):
        raise invalid("it does not have the form of a signed token")
    header, payload = (_object(part) for part in text.split(".")[:2])
    if header.get("alg") not in ALGORITHMS:
        raise invalid("its algorithm is not one that is taken")
    if (BROUGHT - {"jwk"} if brings_key else BROUGHT) & header.keys():
        raise invalid("its header brings a key of its own, or asks to be read in another way")
    if not isinstance(header.get("kid"), str | None) or not isinstance(header.get("typ"), str | None):
        raise invalid("its header does not have the members of a token's")
    return Unverified(text, header, payload)


def issuer_named_in(text: str) -> str:
    """The issuer that a token names, whether it is good or not; nothing where it names none."""
    try:
        return str(_object(text.split(".")[1]).get("iss", ""))[:200] if is_token(text) else ""
    except Unauthenticated:
        return ""


def verify(token: Unverified, key: Any) -> None:
    """Raises: Unauthenticated unless a token was signed with a key by the algorithm that it names."""
    try:
        registry = _Registry(algorithms=[token.algorithm], strict_check_header=False)
        jws.deserialize_compact(token.text, key, registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise invalid("its signature is not right") from error


def invalid(why: str) -> Unauthenticated:
    """The refusal of a token that is none of its issuer's."""
    return Unauthenticated("invalid_token", f"the access token is not valid: {why}")


def _object(part: str) -> dict[str, Any]:
    """A part of a token, decoded. Raises: Unauthenticated."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = json.loads(raw.decode(), object_pairs_hook=_unique)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise invalid("it does not have the form of a signed token") from error
    if not isinstance(value, dict):
        raise invalid("it does not have the form of a signed token")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members
