"""Translation: a message's JSON as a CloudEvent that can be ingested.

Pure, and it refuses nothing: a body that does not fit is refused by ingestion, as every event is.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.kernel.values import is_typeid


def cloud_event(endpoint_id: str, message_id: str, body: Any) -> Any:
    """The CloudEvent of a message.

    A body that is a CloudEvent, or no object at all, stays as it is. `{"type", "timestamp", "data"}` becomes an event of
    the endpoint about the account that its data names: as `account`, or as `subject` where that is an id or reference.
    """
    if not isinstance(body, Mapping) or "specversion" in body:
        return body
    data, account = body.get("data", {}), None
    if isinstance(data, Mapping):
        data = {name: _id_or_ref(value) for name, value in data.items()}
        if isinstance(data.get("account"), str):
            account = data.pop("account")
        elif _names_account(data.get("subject")):
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


def _id_or_ref(value: Any) -> Any:
    """`ref:` and the sender's own id, where a member names an aggregate by `external_id`, alone or with its `provider`."""
    if (
        isinstance(value, Mapping)
        and isinstance(value.get("external_id"), str)
        and set(value) <= {"provider", "external_id"}
    ):
        return f"ref:{value['external_id']}"
    return value


def _names_account(value: Any) -> bool:
    """Whether a subject names an account, and is not the subject line of a conversation."""
    return isinstance(value, str) and (is_typeid(value, "acct") or value.startswith("ref:"))
