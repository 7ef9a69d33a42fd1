"""Translation: a message's JSON as an event of the one format that is taken in.

Pure and without judgement: whatever does not fit is refused where every event is.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.kernel.values import is_typeid


def cloud_event(endpoint_id: str, message_id: str, body: Any) -> Any:
    """The CloudEvent of a message.

    A body that is a CloudEvent stays as it is, and so does what is no object. `{"type", "timestamp", "data"}` becomes
    an event of the endpoint's about the account that its data names: as `account`, or as `subject` where that is no text.
    """
    if not isinstance(body, Mapping) or "specversion" in body:
        return body
    data, account = body.get("data", {}), None
    if isinstance(data, Mapping):
        data = {name: _named(value) for name, value in data.items()}
        if isinstance(data.get("account"), str):
            account = data.pop("account")
        elif _is_name(data.get("subject")):
            account = data.pop("subject")
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:steward:webhook:{endpoint_id}",
        "type": body.get("type"),
        "data": data,
    }
    if account is not None:
        event["subject"] = account
    if "timestamp" in body:
        event["time"] = body["timestamp"]
    return event


def _named(value: Any) -> Any:
    """`ref:` and the sender's own id where a member names a thing by `external_id`, alone or with its `provider`."""
    if (
        isinstance(value, Mapping)
        and isinstance(value.get("external_id"), str)
        and set(value) <= {"provider", "external_id"}
    ):
        return f"ref:{value['external_id']}"
    return value


def _is_name(value: Any) -> bool:
    """Whether a subject names an account, and is not the subject of a conversation."""
    return isinstance(value, str) and (is_typeid(value, "acct") or value.startswith("ref:"))
