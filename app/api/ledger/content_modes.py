"""How CloudEvents come over HTTP: one as JSON (structured mode), one in headers and body (binary mode), a batch, or one a line.

Source: CloudEvents 1.0.2, HTTP protocol binding section 3.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.http.problems import Refusal
from app.api.http.strict_json_route import require_type
from app.domain.kernel.errors import DomainError, Invalid
from app.domain.kernel.strict_json import Malformed, decode, decode_array
from app.write_side.cloud_events import is_json

Mode = Literal["single", "binary", "batch", "lines"]
MOST: Final = 10_000
SINGLE, BATCH, LINES = "application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson"
_MODES: Final[dict[str, Mode]] = {SINGLE: "single", BATCH: "batch", LINES: "lines"}
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]+")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_ELSEWHERE: Final = ("data", "datacontenttype")
"""What the body and its Content-Type say in binary mode."""

_EXAMPLE: Final = {
    "specversion": "1.0", "id": "crm-4711", "source": "urn:example:crm", "type": "interaction.logged", "subject": "ref:northwind",
    "time": "2026-01-15T09:00:00Z",
    "data": {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z", "subject": "Asked for a second campaign"},
}  # fmt: skip
_REFERENCE: Final = {"$ref": "#/components/schemas/CloudEvent"}
_TEXT: Final = {"type": "string", "minLength": 1}
_CLOUD_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A CloudEvent 1.0 whose type is one of this log's; further attributes are extensions, which are not read.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"enum": ["1.0"], "type": "string", "description": "of CloudEvents"},
        "id": {**_TEXT, "description": "its id, which no two events of a source share"},
        "source": {**_TEXT, "description": "who sends it"},
        "type": {**_TEXT, "description": "an event type of this log, such as `interaction.logged`"},
        "subject": {"type": ["string", "null"], "description": "the account, by its id or `ref:` and the caller's own reference"},
        "time": {"type": ["string", "null"], "description": "from when it is true in business, an RFC 3339 instant; default: now"},
        "data": {"type": ["object", "null"], "description": "the members of the command of the event's type"},
    },
}  # fmt: skip
DESCRIPTION: Final[dict[str, Any]] = {
    "x-schemas": {"CloudEvent": _CLOUD_EVENT},
    "parameters": [
        {
            "name": f"ce-{attribute}",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},  # of the time, too: generators take no instants in headers
            "description": f"in binary mode: the attribute `{attribute}`",
        }
        for attribute in ("specversion", "id", "source", "type", "subject", "time")
    ],
    "requestBody": {
        "required": True,
        "content": {
            SINGLE: {"schema": _REFERENCE, "example": _EXAMPLE},
            "application/json": {
                "schema": {
                    "type": "object",
                    "title": "CloudEventData",
                    "description": "`data` of an event in binary mode",
                },
                "example": _EXAMPLE["data"],
            },
            BATCH: {"schema": {"type": "array", "items": _REFERENCE, "maxItems": MOST}, "example": [_EXAMPLE]},
            LINES: {"schema": {"type": "string"}, "example": json.dumps(_EXAMPLE)},
        },
    },
}


def mode_of(request: Request) -> Mode:
    """The mode of a request: by the media type, else binary where it has the attributes. Raises: Refusal with 415."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _MODES and "ce-specversion" in request.headers and (not media or is_json(media)):
        return "binary"
    return _MODES[require_type(request, *_MODES)]


def events_of(mode: Mode, headers: Headers, raw: bytes, largest: int) -> list[Any]:
    """The events of a request; in lines, one that cannot be read is refused alone.

    Takes: how large one event may be. Raises: Refusal for a body that is none.
    """
    try:
        if mode == "lines":
            return _lines(raw, largest)
        if mode == "batch":
            return decode_array(raw, most=MOST, largest=largest)
        if len(raw) > largest:
            raise Invalid("event_too_large", f"an event may have {largest} bytes")
        return [decode(raw) if mode == "single" else _of_headers(headers, raw)]
    except DomainError as error:
        raise Refusal(error) from error


def _lines(raw: bytes, largest: int) -> list[Any]:
    raw = raw.strip()
    if raw.count(b"\n") >= MOST:  # counted first: millions of empty lines are not worth a list
        raise Invalid("too_many_events", f"a request takes {MOST} events")
    if not raw:
        raise Malformed("malformed_json", "the body has no line")
    return [_line(line, largest) for line in raw.split(b"\n") if line.strip()]


def _line(line: bytes, largest: int) -> Any:
    try:
        if len(line) > largest:
            raise Invalid("event_too_large", f"an event may have {largest} bytes")
        return decode(line)
    except DomainError as error:
        return error


def _of_headers(headers: Headers, raw: bytes) -> dict[str, Any]:
    """The event of binary mode: its attributes are headers, its data is the body."""
    event: dict[str, Any] = {}
    for name, value in _attributes(headers):
        if name in event or name in _ELSEWHERE or not _ATTRIBUTE.fullmatch(name):
            raise Invalid("invalid_event", f"ce-{name[:50]} is no attribute of an event, or comes twice")
        event[name] = _attribute(value)
    if "content-type" in headers:
        event["datacontenttype"] = headers["content-type"]
    if raw:
        event["data"] = decode(raw)
    return event


def _attributes(headers: Headers) -> Iterator[tuple[str, str]]:
    return ((name[3:], value) for name, value in headers.items() if name.startswith("ce-"))


def _attribute(value: str) -> str:
    """The text of an attribute's header: first what is in quotes, then what is percent-encoded."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        text = unquote_to_bytes(value.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("invalid_event", "an attribute is percent-encoded UTF-8") from error
    if _CONTROL.search(text):
        raise Invalid("invalid_event", "an attribute holds no control characters")
    return text
