"""Golden events: how each event of each version is stored, for ever.

One file a topic and version in `events/`, its SHA-256 in `events/MANIFEST`. `python -m tests.golden` writes the files that
are missing, and refuses as soon as one that is there has changed: what was stored must be read for ever, so a changed
event gets a new version, an upcaster, and a file of its own.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from app.domain.catalogue import CATALOGUE
from app.domain.kernel.event import Event
from app.domain.kernel.values import Sealed

FOLDER: Final = Path(__file__).parent / "events"
SEALED: Final = {
    "alg": "A256GCM",
    "key": "evt_01jd0000000000000000000000",
    "nonce": "AAAAAAAAAAAAAAAA",
    "ct": "c2VhbGVk",
}
WORDS: Final = {
    "account": "acct_01jd0000000000000000000000", "contract": "ctr_01jd0000000000000000000000",
    "interaction": "int_01jd0000000000000000000000", "scope_change": "scr_01jd0000000000000000000000",
    "contract_event": "evt_01jd0000000000000000000000", "corrects": "evt_01jd0000000000000000000000",
    "stakeholder": "stk_01jd0000000000000000000000", "user": "usr_01jd0000000000000000000000",
    "manager": "usr_01jd0000000000000000000000", "role": "account_manager", "currency": "EUR", "time_zone": "Europe/Berlin",
    "quantity": "2.5", "unit_price": "1000.00", "discount_percent": "12.5", "interval": "month", "kind": "recurring",
    "start": "2026-01-01", "end": "2027-01-01", "previous_end": "2026-01-01", "effective_end": "2026-07-01", "due": "2027-01-01",
    "signed_at": "2025-12-15T09:00:00.000000Z", "occurred_at": "2026-01-15T09:00:00.000000Z", "sentiment": "-0.5",
    "discount_end": "2026-07-01", "closes": "2026-01-01", "ends_on": "2026-07-01", "corrected": "contract.drafted",
    "replaces": "ctr_01jd0000000000000000000000", "renewal": "rnw_01jd0000000000000000000000",
    "document_sha256": "00" * 32, "secret_sha256": "00" * 32,
    "amount": "1200.00", "previous": "1000.00", "spent": "600.00", "at_completion": "1100.00", "at": "2026-01-15T09:00:00.000000Z",
    "reporting_currency": "EUR", "gross_margin": "0.8", "valid_until": "2026-12-31", "discount_rate": "0.1",
}  # fmt: skip
"""What members of a name are like; others are called after themselves."""


def sample(kind: type[BaseModel]) -> dict[str, Any]:
    """Every member of a model, as JSON."""
    return {name: _value(name, field.annotation) for name, field in kind.model_fields.items()}


def _value(name: str, annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _value(name, get_args(annotation)[0])
    options = [one for one in get_args(annotation) if one is not NoneType]
    if get_origin(annotation) in (Union, UnionType):
        return SEALED if Sealed in options else _value(name, options[0])
    if get_origin(annotation) is tuple:
        return [_value(name, option) for option in _options(options[0])]
    if get_origin(annotation) is Literal:
        return options[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return sample(annotation)
    return {bool: True, int: 7}.get(annotation, WORDS.get(name, name))


def _options(annotation: Any) -> tuple[Any, ...]:
    """Each of the things that a list may hold."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def file_of(kind: type[Event]) -> str:
    """The name of the file of an event's newest version."""
    return f"{kind.TOPIC}.v{kind.VERSION}.json"


def topic_of(file: str) -> tuple[str, int]:
    """The topic and version of a file's name."""
    topic, _, version = file.removesuffix(".json").rpartition(".v")
    return topic, int(version)


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(folder: Path = FOLDER) -> dict[str, str]:
    """The digests that were promised, by file."""
    path = folder / "MANIFEST"
    lines = path.read_text().splitlines() if path.exists() else []
    return {file: told for told, file in (line.split("  ", 1) for line in lines)}


def broken(folder: Path = FOLDER) -> list[str]:
    """What is no longer as it was promised."""
    promised, found = manifest(folder), {path.name for path in folder.glob("*.json")}
    return sorted(
        [f"{file} has changed" for file in promised if file in found and digest(folder / file) != promised[file]]
        + [f"{file} is gone" for file in promised if file not in found]
        + [f"{file} is not in the MANIFEST" for file in found - set(promised)]
    )


def add(folder: Path = FOLDER, catalogue: Mapping[str, type[Event]] = CATALOGUE) -> list[str]:
    """Writes the files that are missing. Gives: their names. Raises: ValueError when one that is there has changed."""
    if problems := broken(folder):
        raise ValueError("; ".join(problems))
    missing = sorted(
        {file_of(kind): kind for kind in catalogue.values() if not (folder / file_of(kind)).exists()}.items()
    )
    for file, kind in missing:
        text = json.dumps(sample(kind), indent=2, sort_keys=True, ensure_ascii=False)
        (folder / file).write_text(f"{text}\n")
    promised = manifest(folder) | {file: digest(folder / file) for file, _ in missing}
    (folder / "MANIFEST").write_text("".join(f"{told}  {file}\n" for file, told in sorted(promised.items())))
    return [file for file, _ in missing]
