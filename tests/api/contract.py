"""The contract as tests walk it: every operation with its path, scopes, parameters and example body."""

import json
from dataclasses import dataclass
from typing import Any

from app.main import create_app
from app.settings import Settings
from tests.support.application import KEY

PERIOD = {"from": "2026-01-01", "to": "2026-02-01"}
OPEN = frozenset(
    {
        "issuers.metadata",
        "issuers.metadata_of_tenant",
        "system.livez",
        "system.readyz",
        "system.metrics",
        "inbound.receive",
    }
)
"""Operations without a key: they tell no tenant's data. A sender of webhooks has a signature instead."""
PER_ITEM = frozenset({"events.ingest"})
"""Operations whose scope depends on what is in the body."""
ANYBODY = frozenset({"users.me"})
"""Operations that every key may call, whatever its scopes: they tell the caller who they are."""
SCHEMA: dict[str, Any] = create_app(Settings(vault_key=KEY)).openapi()


@dataclass(frozen=True)
class Operation:
    """A path and a method. params: of its path; query: of its query; body: the contract's example; media: its type."""

    name: str
    method: str
    path: str
    scopes: frozenset[str]
    secured: bool
    params: tuple[str, ...]
    query: tuple[str, ...]
    body: bytes | None
    media: str | None
    spec: dict[str, Any]

    def url(self, ids: dict[str, str]) -> str:
        """The path with its parameters filled in."""
        return self.path.format_map({name: ids[name] for name in self.params})

    @property
    def required_query(self) -> dict[str, str]:
        """The least query that it takes: a period, and the contract's example of every other required parameter."""
        schemas = {one["name"]: one["schema"] for one in self.spec.get("parameters", []) if one["in"] == "query"}
        needed = {one["name"] for one in self.spec.get("parameters", []) if one["in"] == "query" and one["required"]}
        return {
            name: PERIOD[name] if name in PERIOD else schemas[name]["examples"][0]
            for name in schemas
            if name in needed | {*PERIOD}
        }

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET" and not (self.scopes and all(one.endswith(":read") for one in self.scopes))

    @property
    def listed(self) -> bool:
        """Whether it answers pages."""
        return "cursor" in self.query


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the contract, or what it refers to."""
    while "$ref" in part:
        *_, kind, name = part["$ref"].split("/")
        part = SCHEMA["components"][kind][name]
    return part


def operations() -> list[Operation]:
    """Every operation of the contract."""
    collected = []
    for path, methods in SCHEMA["paths"].items():
        for method, spec in methods.items():
            parameters = spec.get("parameters", [])
            content = spec.get("requestBody", {}).get("content", {})
            media = next(iter(content), None)
            example = content[media].get("example") if media else None
            collected.append(
                Operation(
                    spec["operationId"],
                    method.upper(),
                    path,
                    frozenset(spec.get("x-scopes", ())),
                    bool(spec["security"]),
                    tuple(one["name"] for one in parameters if one["in"] == "path"),
                    tuple(one["name"] for one in parameters if one["in"] == "query"),
                    json.dumps(example).encode() if example is not None else None,
                    media,
                    {**spec, "responses": {status: resolved(answer) for status, answer in spec["responses"].items()}},
                )
            )
    return collected


OPERATIONS = operations()
SECURED = [one for one in OPERATIONS if one.secured]
READS = [one for one in SECURED if one.method == "GET"]
WRITES = [one for one in SECURED if one.writes]
LISTS = [one for one in READS if one.listed]
