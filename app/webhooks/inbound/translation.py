"""Translation: a message's JSON as a CloudEvent that can be ingested.

Pure, and it refuses nothing: a body that does not fit is refused by ingestion, as every event is.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.kernel.values import is_typeid
from app.webhooks.inbound import forgiving_json
from app.webhooks.inbound.forgiving_json import NotJson
from app.write_side.cloud_events import MEMBERS


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


def says_the_same(body: bytes, other: bytes) -> bool:
    """Whether two bodies that came under one message id say the same.

    How the JSON is written does not count, nor does what is read of no message: which attempt to deliver it this is, say.
    """
    if body == other:
        return True
    try:
        return bool(_read_of(forgiving_json.read(body)) == _read_of(forgiving_json.read(other)))
    except (NotJson, RecursionError):
        return False


def _read_of(body: Any) -> Any:
    """What is read of a body; all of it, where that is nothing."""
    if isinstance(body, Mapping) and "specversion" in body:
        return {name: value for name, value in body.items() if name in MEMBERS}
    if isinstance(body, Mapping) and "type" in body and "data" in body:
        return {name: body.get(name) for name in ("type", "timestamp", "data")}
    return body if body is not None else object()


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
