"""Heads of requests: what is refused for its head alone, and headers that come in several lines.

Source: RFC 9110 section 5.3 for lines of one name, 8.4 for a coding that is not undone; RFC 9112 section 3.2 for Host; RFC 3986
section 2.1 and RFC 3987 section 3.1 for addresses, which are percent-encoded UTF-8.
"""

from collections import Counter
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from app.domain.kernel.errors import Invalid

Headers = list[tuple[bytes, bytes]]
BESIDES: Final = 4
"""How many bytes a header has besides its name and value."""
UNCODED: Final = {b"content-encoding": b"identity", b"transfer-encoding": b"chunked"}
"""What these headers may say: nothing else is undone here."""
ONCE: Final = frozenset(
    (b"authorization", b"content-type", b"idempotency-key", b"if-match", b"min-event-position", b"steward-run")
)
"""Headers that are read and have one value. Those of a signature are its provider's matter."""
LISTS: Final = frozenset((b"accept", b"accept-encoding", b"if-none-match", b"prefer"))
"""Headers that are read and hold lists: several lines are one list."""


def refused(scope: Scope, head_limit: int, limit: int) -> Invalid | None:
    """The refusal of a request for its head; None for a sound one, whose lists that came in several lines have one then.

    Takes: how large its head and its body may be.
    """
    headers: Headers = scope["headers"]
    by_name: dict[bytes, bytes] = dict(headers)
    length = sum([len(name) + len(value) for name, value in headers]) + BESIDES * len(headers)
    length += len(scope["path"]) + len(scope["query_string"])
    announced = by_name.get(b"content-length", b"0")
    twice = repeated(headers) if len(by_name) < len(headers) else set()
    if twice:
        by_name |= {name: value for name, value in headers if name in UNCODED and value != UNCODED[name]}
    if length > head_limit:
        return Invalid("headers_too_large", f"the head of a request may have {head_limit} bytes")
    if b"host" in twice or (b"host" not in by_name and scope["http_version"] == "1.1"):
        return Invalid("invalid_host", "a request names one Host")
    if twice and (once := sorted(twice & ONCE)):
        return Invalid("header_repeated", f"{once[0].decode().title()} has one value")
    for name, only in UNCODED.items():
        if name in by_name and by_name[name].strip().lower() != only:
            return Invalid("unsupported_encoding", f"send a body as it is, without {name.decode()}")
    if announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
        return Invalid("too_large", f"a body may have {limit} bytes here")
    if twice:
        scope["headers"] = _with_lists_joined(headers, twice & LISTS)
    query: bytes = scope["query_string"]
    path: bytes = scope.get("raw_path") or b""
    if b"%" in path or b"%" in query or not (path.isascii() and query.isascii()):
        return _misread(path.partition(b"?")[0], query)
    return None


def repeated(headers: Headers) -> set[bytes]:
    """The names that stand in several lines."""
    return {name for name, lines in Counter(name for name, _ in headers).items() if lines > 1}


def _with_lists_joined(headers: Headers, lists: set[bytes]) -> Headers:
    """The headers with one line for each of these lists: whoever reads a header reads its first line."""
    joined = [(name, b", ".join(value for each, value in headers if each == name)) for name in sorted(lists)]
    return [*(header for header in headers if header[0] not in lists), *joined]


def _misread(path: bytes, query: bytes) -> Invalid | None:
    """The refusal of an address that would be read as something else: U+FFFD would stand for what is no UTF-8."""
    if not _is_text(path):
        return Invalid("invalid_path", "a path is percent-encoded UTF-8")
    for part in query.split(b"&"):
        if not _is_text(part):
            name = unquote_to_bytes(part.partition(b"=")[0]).decode("utf-8", "replace")[:50]
            why = "is not percent-encoded UTF-8"
            wrong = {"pointer": name, "code": "value_error", "detail": why}
            return Invalid("invalid_parameter", f"{name} {why}", errors=[wrong])
    return None


def _is_text(encoded: bytes) -> bool:
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return encoded.isascii()
