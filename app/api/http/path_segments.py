"""Paths: a slash that is percent-encoded belongs to a name, and does not end it.

A server decodes a path before it is routed, so that `/v1/accounts/ref:DE%2F4711` would be a path of four segments. While a
request is routed, a character that no reference can hold stands for such a slash; whoever takes a name from the path puts the
slash back.

Source: RFC 3986 sections 2.2 and 3.3: `/` and `%2F` are not the same in a path.
"""

from typing import Final
from urllib.parse import quote, unquote

from starlette.types import Scope

_SLASH: Final = "\ufdd0"
"""Stands for a slash within a segment: what Unicode says is no character, so that no reference holds it."""


def with_whole_segments(scope: Scope) -> Scope:
    """A request whose path has the segments that the caller wrote."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2F" not in raw and b"%2f" not in raw:
        return scope
    segments = raw.partition(b"?")[0].decode("latin-1").split("/")
    return {**scope, "path": "/".join(unquote(segment).replace("/", _SLASH) for segment in segments)}


def name_in(segment: str) -> str:
    """The name that a segment holds."""
    return segment.replace(_SLASH, "/")


def encoded(path: str) -> str:
    """A routed path as a caller writes it."""
    return quote(path).replace(quote(_SLASH), "%2F")
