"""The faults that pydantic finds in a value, as Steward answers them: where, what, and never the value itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from pydantic import ValidationError

AT_MOST: Final = 100
"""How many faults are answered."""


def faults_of(error: ValidationError, value: Any = None) -> list[dict[str, str]]:
    """What is wrong where in a value, at most 100 faults."""
    found = relevant(error.errors(include_url=False, include_context=False, include_input=False))
    return [fault(pydantic_fault, pydantic_fault["loc"], value) for pydantic_fault in found]


def relevant(pydantic_faults: Sequence[Any]) -> list[Any]:
    """At most 100 of pydantic's faults, without lists that it calls too short only because their members are faulty."""
    faulty = {found["loc"][:depth] for found in pydantic_faults for depth in range(len(found["loc"]))}
    return [found for found in pydantic_faults if found["type"] != "too_short" or found["loc"] not in faulty][:AT_MOST]


def fault(pydantic_fault: Mapping[str, Any], path: Sequence[int | str], value: Any) -> dict[str, str]:
    """One fault: an RFC 6901 pointer as a fragment, a code, a sentence. Takes: the path of the fault in the value."""
    code = pydantic_fault["type"]
    detail = "is none of the kinds that are known here" if code == "union_tag_invalid" else str(pydantic_fault["msg"])
    return {"pointer": _pointer(path, value, missing=code == "missing"), "code": code, "detail": detail}


def _pointer(path: Sequence[int | str], value: Any, *, missing: bool) -> str:
    """The pointer of a path into a value. Pydantic puts names of alternatives into its paths, too; they are left out."""
    parts = []
    for at, part in enumerate(path):
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if inside:
            value = value[part]
        if inside or (missing and at == len(path) - 1):
            parts.append(quote(str(part).replace("~", "~0").replace("/", "~1"), safe="!$&'()*+,;=:@?~"))
    return "#/" + "/".join(parts) if parts else "#"
