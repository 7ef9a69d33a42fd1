"""Lists as CSV, and the groups of a figure, for a caller that sends `Accept: text/csv`.

Source: RFC 4180 for the form; OWASP, "CSV Injection", for what a spreadsheet would take for a formula.
"""

import csv
import io
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

MEDIA: Final = "text/csv"
GROUPS: Final = "groups"
_FORMULA: Final = re.compile(
    r"(?:^|[;,|\t\r\n])[\s\"\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*(?='*[=+\-@＝＋－＠])|^(?='*[\t\r\n])"
)
"""What stands before a formula: the beginning of a cell for whatever a spreadsheet takes as the separator, and what it skips."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_QUALITY: Final = re.compile(r"[01](\.[0-9]{0,3})?")


def requested_file(request: Request) -> tuple[str | None, tuple[str, ...]]:
    """The file's name and the columns of the answer's model, where a caller prefers CSV to JSON."""
    if not prefers_csv(request.headers.get("accept", "")):
        return None, ()
    parts = [part for part in request.scope["path"].split("/")[2:] if re.fullmatch(r"[a-z0-9_-]{1,60}", part)]
    documented = getattr(request.scope.get("route"), "responses", {}).get(200, {})
    return f"{'-'.join(parts) or 'list'}.csv", _columns(documented.get("model"))


def prefers_csv(accept: str) -> bool:
    """Whether an Accept header prefers CSV to JSON; JSON where it has no preference, or allows neither.

    Source: RFC 9110 section 12.5.1; at equal quality the one that is named counts more than a wildcard.
    """
    qualities: dict[str, int] = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = (_thousandths(parameter[2:].strip()) for parameter in parameters if parameter.startswith("q="))
        qualities[media] = next(quality, 1000)
    table = _quality(qualities, MEDIA)
    return table[0] > 0 and table > _quality(qualities, "application/json")


def _quality(qualities: Mapping[str, int], kind: str) -> tuple[int, int]:
    """The quality of a media type, in thousandths, and how exactly the header names it."""
    names = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    exactness = reversed([*enumerate(names)])
    return next(((qualities[name], exactly) for exactly, name in exactness if name in qualities), (0, 0))


def _thousandths(quality: str) -> int:
    if not _QUALITY.fullmatch(quality):
        return 0
    whole, _, rest = quality.partition(".")
    return min(int(whole) * 1000 + int(rest.ljust(3, "0") or 0), 1000)


def rows_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The list of an answer; None where it has none."""
    name = listed(body)
    return None if name is None else body[name]


def listed(members: Container[str]) -> str | None:
    """The member of an answer whose list is also answered as CSV, such as the groups of a figure; the feed of events has none."""
    if "data" in members:
        return None if "next_after" in members else "data"
    if "events" in members and "has_more" in members:
        return "events"
    return GROUPS if GROUPS in members else None


def answer(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], name: str, headers: Mapping[str, str]
) -> Response:
    """Rows as a file."""
    all_headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept", **headers}
    return Response(written(rows, columns), 200, all_headers, f"{MEDIA}; charset=utf-8; header=present")


def written(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as CSV: a header, then a line each; members within members have dots in their names, lists are JSON.

    Takes: columns that there are whatever the rows hold; what else rows have follows in the order in which it is met.
    """
    flat = [dict(_flat(row)) for row in rows]
    names = list(dict.fromkeys([*columns, *(name for row in flat for name in row)]))
    # A member that is null in one row and has members in another has columns for these alone.
    parents = {name.rpartition(".")[0] for name in names if "." in name}
    names = [name for name in names if name not in parents or any(row.get(name) is not None for row in flat)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    if names:
        writer.writerow([_guarded(name) for name in names])
    writer.writerows([_cell(row.get(name)) for name in names] for row in flat)
    return file.getvalue()


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if isinstance(member, Mapping) and member:
            yield from _flat(member, f"{path}{name}.")
        else:
            yield f"{path}{name}", None if isinstance(member, Mapping) else member


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _guarded(value)
    return str(value) if isinstance(value, int) else orjson.dumps(_guarded_within(value)).decode()


def _guarded(text: str) -> str:
    """A text that no spreadsheet reads as a formula: an apostrophe stands before the sign that would begin one.

    Nothing is lost: one apostrophe less before `'…=`, `'…+`, `'…-` or `'…@` at the beginning of a part is what was there.
    """
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\g<0>'", text)


def _guarded_within(value: Any) -> Any:
    """The same for every text in a list or an object, which are written as JSON."""
    if isinstance(value, str):
        return _guarded(value)
    if isinstance(value, Mapping):
        return {name: _guarded_within(member) for name, member in value.items()}
    return [_guarded_within(each) for each in value] if isinstance(value, list | tuple) else value


@cache
def _columns(model: type[BaseModel] | None) -> tuple[str, ...]:
    """The columns of a list, as its answer's model declares them."""
    name = listed(model.model_fields) if model is not None else None
    if model is None or name is None:
        return ()
    annotation = model.model_fields[name].annotation
    lists = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(column for one in lists for item in _models(one, list) for column in _names(item))


def _names(model: type[BaseModel], path: str = "", depth: int = 0) -> Iterator[str]:
    for name, field in model.model_fields.items():
        column, inner = field.alias or name, next(iter(_models(field.annotation, Union, UnionType)), None)
        if _open(field.annotation):
            continue  # its members are columns, and which they are only rows say
        if inner is not None and depth < 4:
            yield from _names(inner, f"{path}{column}.", depth + 1)
        else:
            yield f"{path}{column}"


def _open(annotation: Any) -> bool:
    """Whether an annotation is an object with whatever members, or None."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return any(get_origin(part) is dict for part in parts)


def _models(annotation: Any, *within: Any) -> list[type[BaseModel]]:
    """The models that an annotation is made of, alone or within annotations of some kinds."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in within:
        return [model for part in get_args(annotation) for model in _models(part, *within)]
    return []
