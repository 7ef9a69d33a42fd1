"""The known answers of signatures: recorded by others, or computed with other code than ours."""

import json
from pathlib import Path
from typing import Any

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "webhook_signatures.json").read_text()
)["vectors"]


def body_of(vector: dict[str, Any]) -> bytes:
    """The exact bytes of a vector's body."""
    assert vector["request"]["body_encoding"] == "utf8"
    return str(vector["request"]["body"]).encode()


def terms_of(vector: dict[str, Any]) -> dict[str, Any]:
    """What a registration says to get the vector's endpoint."""
    config = {name: value for name, value in vector["config"].items() if name != "signing_key"}
    return {"provider": vector["provider"], **config}
