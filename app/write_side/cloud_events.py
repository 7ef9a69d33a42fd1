"""CloudEvents as they come in: which attributes there must be, and what stands in them.

An attribute that is null is one that is absent. Attributes that are not named here are extensions; they are not read.

Source: CloudEvents 1.0.2, the specification and its JSON event format.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from app.domain.kernel import values
from app.domain.kernel.errors import Invalid
from app.domain.kernel.strict_json import decode

MEMBERS: Final = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"}
)
_REQUIRED: Final = ("specversion", "id", "source", "type")
_OPTIONAL: Final = ("subject", "time", "datacontenttype", "dataschema")


class CloudEvent(NamedTuple):
    """What is read of a CloudEvent. subject: the account, when it is named. time: as it was written."""

    id: str
    source: str
    type: str
    subject: str | None
    time: str | None
    data: dict[str, Any]


def read(event: Any) -> CloudEvent:
    """The CloudEvent of a JSON value. Raises: Invalid with what is wrong with it."""
    if not isinstance(event, dict):
        raise Invalid("invalid_event", "an event is a JSON object")
    for member in _REQUIRED:
        value = event.get(member)
        if not isinstance(value, str) or not 0 < len(value) <= 500:
            raise Invalid("invalid_event", f"an event needs {member}, a string of 1 to 500 characters")
    if event["specversion"] != "1.0":
        raise Invalid("unsupported_specversion", "CloudEvents 1.0 are understood")
    for member in _OPTIONAL:
        if not isinstance(event.get(member), str | None):
            raise Invalid("invalid_event", f"{member} must be a string")
    time = event.get("time")
    if time is not None:
        try:
            values.micros(time)
        except ValueError as error:
            raise Invalid("invalid_event", f"time {error}") from error
    return CloudEvent(event["id"], event["source"], event["type"], event.get("subject"), time, _data(event))


def _data(event: Mapping[str, Any]) -> dict[str, Any]:
    data, media = event.get("data"), event.get("datacontenttype")
    if media is not None and not is_json(media):
        raise Invalid("invalid_event", "data is JSON: datacontenttype must be application/json or end with +json")
    if event.get("data_base64") is not None:
        if data is not None:
            raise Invalid("invalid_event", "an event has data or data_base64, not both")
        data = _decoded(event["data_base64"])
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Invalid("invalid_event", "data must be a JSON object")
    return data


def is_json(media_type: str) -> bool:
    """Whether a media type is one of JSON."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def _decoded(text: Any) -> Any:
    if not isinstance(text, str):
        raise Invalid("invalid_event", "data_base64 must be a string")
    try:
        return decode(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise Invalid("invalid_event", "data_base64 is no base64") from error
