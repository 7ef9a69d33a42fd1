"""What a view is: a row, a key, folds, and one table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import UnionType
from typing import Any, ClassVar, Final, Generic, NamedTuple, TypeVar, get_args, get_type_hints
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Index, MetaData, Table, Text, text
from sqlalchemy.types import JSON, TypeEngine

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded

Row = TypeVar("Row")
Key = tuple[Any, ...]
Rows = Mapping[Key, Row]
Condition = ColumnElement[bool]
"""What a query requires of a row, in SQL. Only views make conditions; callers name them."""
Fold = Callable[[Any, Recorded, ZoneInfo], Any]
"""(row or None, event, the tenant's zone) -> row or None; or the same for all rows of a group"""


class Validity(NamedTuple):
    """How rows that hold over a span of business time are read as of an instant.

    in_force: the conditions on rows at an instant, microseconds. unknown: those on rows which say that the states of their group's
    part are not worked out until then; same_part: the members that name the part; heads: the conditions on the rows that states are
    worked out from. states: all rows of a part, from the heads of its group. Takes: the heads, the part, the instant, a position, the zone.
    """

    in_force: Callable[[int], "list[Condition]"]
    unknown: Callable[[int], "list[Condition]"]
    part: str
    heads: Callable[[], "list[Condition]"]
    states: Callable[[Sequence[Any], str, int, int, ZoneInfo], Iterable[Any]]


metadata: Final = MetaData()
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, so that lists are in the same order on both databases."""
_TYPES: Final[dict[Any, TypeEngine[Any]]] = {str: _TEXT, int: BigInteger(), bool: Boolean()}


class Partial(NamedTuple):
    """An index of some of a table's rows.

    Takes: its name behind the table's; its columns behind the tenant, an expression in brackets; which rows, in SQL.
    """

    name: str
    columns: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class View(Generic[Row]):
    """A view over one tenant's log.

    row: a NamedTuple of str, int, bool or JSON members. keys: the primary key; the first is the group, by which events find
    their rows. group_of: the group of an event, None for none. on: topic -> fold.
    history: whether earlier states of a row stay, each with the positions over which it was the truth (`pos_from`,
    `pos_to`), so that any past position can be read without a replay.
    aged: whether a past state keeps the class of its lifetime (column `age`, see `interval_index`), so that an index finds it.
    schedule: whether events that are effective later belong to a row (a contract) or not yet (a tier that changes next month).
    facts: whether a row is one event and never changes; then it has `position` and `effective_at`. Rows of other views have
    `latest_at`, the latest effective time among their events, unless they are schedules.
    noun: what an error calls a row.
    many: whether folds take and give all rows of a group, as a mapping by key, instead of one row.
    validity: how rows that hold over a span of business time, [valid_from, valid_to), are read; None where rows hold for ever.
    unversioned: which rows of a view with history are a fold's own working state: only their newest state is kept.
    retracted: retracting topic -> the topic of the same stream that it takes back. What a fold made of that, a count or a
    maximum, cannot be undone from the row alone: the group is folded again without it. Not with `history` or `many`.
    """

    name: str
    version: int
    row: type[Row]
    keys: tuple[str, ...]
    on: Mapping[str, Fold]
    group_of: Callable[[Recorded], str | None]
    history: bool = False
    aged: bool = False
    schedule: bool = False
    facts: bool = False
    indexes: tuple[tuple[str, ...] | Partial, ...] = ()
    noun: str = ""
    many: bool = False
    unversioned: Callable[[Key], bool] | None = None
    retracted: Mapping[str, str] = field(default_factory=dict)
    validity: Validity | None = None

    OPEN: ClassVar[int] = FOREVER

    @property
    def follower(self) -> str:
        """The name under which its position is kept, and its table's name."""
        return f"{self.name}_v{self.version}"

    @property
    def group(self) -> str:
        """The member by which events find their rows."""
        return self.keys[0]

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The row's members, in order."""
        members: tuple[str, ...] = self.row._fields  # type: ignore[attr-defined]  # every row is a NamedTuple; there is no type for that
        return members

    @cached_property
    def columns(self) -> tuple[Column[Any], ...]:
        """The serving table's columns of the row's members, in order."""
        return tuple(self.table.c[member] for member in self.members)

    @cached_property
    def table(self) -> Table:
        """The table of this version."""
        name = self.follower
        if name in metadata.tables:
            return metadata.tables[name]
        hints = get_type_hints(self.row)
        leading = (*self.keys, "pos_from") if self.history else self.keys
        columns: list[Column[Any]] = [Column("tenant_id", Text, primary_key=True)]
        columns += [
            Column(member, _column_type(hints[member]), primary_key=True, autoincrement=False) for member in self.keys
        ]
        if self.history:
            columns.append(Column("pos_from", BigInteger, primary_key=True, autoincrement=False))
            columns.append(Column("pos_to", BigInteger, nullable=False))
        if self.aged:
            columns.append(Column("age", BigInteger, nullable=True))
        columns += [
            Column(member, _column_type(hints[member]), nullable=True)
            for member in self.members
            if member not in leading
        ]
        by_latest = (("latest_at",),) if "latest_at" in self.members else ()
        indexes = [_index(name, index) for index in (*self.indexes, *by_latest)]
        return Table(name, metadata, *columns, *indexes)

    def is_integer(self, member: str) -> bool:
        """Whether a member is an integer, as instants are."""
        return isinstance(self.table.c[member].type, BigInteger)

    def key(self, row: Row) -> Key:
        """What tells a row from the others of its tenant."""
        return tuple(getattr(row, member) for member in self.keys)

    def fold(self, rows: Rows[Row], recorded: Recorded, where: ZoneInfo) -> Rows[Row]:
        """A group's rows after one more event."""
        fold = self.on[recorded.type]
        if self.many:
            folded: Rows[Row] = fold(rows, recorded, where)
            return folded
        group = self.group_of(recorded)
        row = fold(rows.get((group,)), recorded, where)
        return {} if row is None else {(group,): row}


def stream(recorded: Recorded) -> str | None:
    """Groups events by their stream."""
    return recorded.stream_id


def account(recorded: Recorded) -> str | None:
    """Groups events by their account."""
    return recorded.account_id


def newest(stamps: Mapping[str, int], member: str, effective_at: int) -> bool:
    """Whether an event decides a member: an earlier effective time does not overrule a later one."""
    return stamps.get(member, -FOREVER) <= effective_at


def overlay(row: Any, effective_at: int, **changes: Any) -> Any:
    """A row with those members changed that no event changed that is effective later; the row's `stamps` remember when."""
    deciding = {member: value for member, value in changes.items() if newest(row.stamps, member, effective_at)}
    return row._replace(**deciding, stamps={**row.stamps, **dict.fromkeys(deciding, effective_at)})


def _index(table: str, index: tuple[str, ...] | Partial) -> Index:
    if isinstance(index, Partial):
        where, columns = text(index.where), [text(name) if name.startswith("(") else name for name in index.columns]
        return Index(f"{table}_{index.name}", "tenant_id", *columns, postgresql_where=where, sqlite_where=where)
    return Index(f"{table}_{'_'.join(index)}", "tenant_id", *index)


def _column_type(annotation: Any) -> TypeEngine[Any]:
    options = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    kinds = [kind for kind in options if kind is not type(None)]
    if len(kinds) == 1 and kinds[0] in _TYPES:
        return _TYPES[kinds[0]]
    return JSON(none_as_null=True)
