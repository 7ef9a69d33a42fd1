"""Row type: what explanations and conversions know of one type of row. Each is stated next to the type that it is about."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Content = Callable[[Sequence[Any], str | None, int], dict[str, Any]]
"""The members that an account's rows give to its explanation. Takes: the rows, the currency of the figure, and in how many parts
of the usual ones amounts are counted.
"""


def _no_content(_rows: Sequence[Any], _currency: str | None, _per: int) -> dict[str, Any]:
    return {}


def _nothing(_row: Any) -> Iterable[Any]:
    return ()


def _always(_row: Any) -> bool:
    return True


@dataclass(frozen=True)
class RowType:
    """What is known of a type of row.

    content: what an explanation shows of an account's rows. matters: whether a row that adds nothing is explained all the same.
    streams: those of which every event is behind a row. events: stream and id of each further event behind it. lifelong: whether
    all that began, prolonged or ended a contract line is behind it, however long before the period.
    amounts: the members that figures are made of, in the row's `currency`, to be converted. parts: the members that are rows
    themselves, converted in its place; the first of them has its currency.
    """

    content: Content = _no_content
    matters: Callable[[Any], bool] = _always
    streams: Callable[[Any], Iterable[str]] = _nothing
    events: Callable[[Any], Iterable[tuple[str, str]]] = _nothing
    lifelong: bool = False
    amounts: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def items(item: Callable[[Any, int], dict[str, Any]]) -> Content:
    """Content that lists each row. Takes: a row as JSON, with its amounts in so many parts of the usual ones."""

    def content(rows: Sequence[Any], _currency: str | None, per: int) -> dict[str, Any]:
        return {"items": [item(row, per) for row in rows]}

    return content


def single(rows: Sequence[Any], currency: str | None, per: int) -> dict[str, Any]:
    """Content of a type of which an account has one row."""
    content: dict[str, Any] = rows[0].content(currency, per)
    return content
