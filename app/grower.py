"""The grower: rows of one view, folded and written in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, bindparam, delete, insert, text, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.recorded import Recorded
from app.domain.values import FOREVER
from app.store.engine import Database, keyed, keys
from projections.base import Key, View


@dataclass
class Grower:
    """Folds events into one view's table: loads the rows that a batch touches, folds, writes once."""

    database: Database
    connection: Connection
    view: View[Any]
    table: Table
    tenant_id: str
    where: ZoneInfo
    groups: dict[str, dict[Key, Any]] = field(default_factory=dict)
    since: dict[Key, int] = field(default_factory=dict)
    opened: dict[tuple[Key, int], tuple[Any, int]] = field(default_factory=dict)
    closed: list[tuple[Key, int, int]] = field(default_factory=list)
    dirty: set[Key] = field(default_factory=set)
    stored: set[Key] = field(default_factory=set)

    def apply(self, events: Sequence[Recorded]) -> tuple[int, str] | None:
        """Folds a batch and writes it.

        Gives: None, or the position of a poison event and its error's name; the events before it are written.
        """
        wanted = [
            (group, event)
            for event in events
            if event.type in self.view.on and (group := self.view.group_of(event)) is not None
        ]
        self._load({group for group, _ in wanted})
        poison = None
        for group, event in wanted:
            before = self.groups.setdefault(group, {})
            try:
                after = dict(self.view.fold(before, event, self.where))
            except Exception as fault:  # noqa: BLE001 - whatever a fold raises, the view stands still there
                poison = (event.position, type(fault).__name__)
                break
            self._note(before, after, event.position)
            self.groups[group] = after
        self._write()
        return poison

    def _load(self, groups: set[str]) -> None:
        if not groups or self.view.facts:
            return
        condition = f"pos_to = {FOREVER}" if self.view.history else ""
        members = len(self.view.members)
        columns = [self.table.c[name] for name in (*self.view.members, *(["pos_from"] if self.view.history else []))]
        names = ", ".join(f"f.{column.name}" for column in columns)
        statement = text(keyed(self.database, self.table.name, self.view.group, names, condition)).columns(*columns)
        for stored in self.connection.execute(
            statement, {"tenant_id": self.tenant_id, "keys": keys(self.database, sorted(groups))}
        ):
            row = self.view.row(*stored[:members])
            key = self.view.key(row)
            self.groups.setdefault(key[0], {})[key] = row
            self.stored.add(key)
            if self.view.history:
                self.since[key] = stored.pos_from

    def _note(self, before: Mapping[Key, Any], after: Mapping[Key, Any], position: int) -> None:
        changed = [key for key, row in after.items() if before.get(key) != row]
        gone = [key for key in before if key not in after]
        if not self.view.history:
            self.dirty.update(changed, gone)
            return
        for key in [*gone, *(key for key in changed if key in before)]:
            since = self.since.pop(key)
            if (key, since) in self.opened:
                row, _ = self.opened[(key, since)]
                self.opened[(key, since)] = (row, position)
            else:
                self.closed.append((key, since, position))
        for key in changed:
            self.opened[(key, position)] = (after[key], FOREVER)
            self.since[key] = position

    def _write(self) -> None:
        table, view = self.table, self.view
        if view.history:
            self._close()
            rows = [
                self._values(row) | {"pos_from": since, "pos_to": until}
                for (_, since), (row, until) in self.opened.items()
            ]
            if rows:
                self.connection.execute(insert(table), rows)
            return
        kept = {key: row for group in self.groups.values() for key, row in group.items()}
        rows = [self._values(kept[key]) for key in self.dirty if key in kept]
        gone = [key for key in self.dirty if key not in kept and key in self.stored]
        if rows:
            self._upsert(rows)
        if gone:
            matches = [
                table.c.tenant_id == self.tenant_id,
                *(table.c[name] == bindparam(f"k_{name}") for name in view.keys),
            ]
            self.connection.execute(
                delete(table).where(*matches),
                [{f"k_{name}": part for name, part in zip(view.keys, key, strict=True)} for key in gone],
            )

    def _close(self) -> None:
        if not self.closed:
            return
        table = self.table
        names = (*self.view.keys, "pos_from")
        matches = [table.c.tenant_id == self.tenant_id, *(table.c[name] == bindparam(f"k_{name}") for name in names)]
        self.connection.execute(
            update(table).where(*matches).values(pos_to=bindparam("until")),
            [
                {**{f"k_{name}": part for name, part in zip(names, (*key, since), strict=True)}, "until": until}
                for key, since, until in self.closed
            ],
        )

    def _upsert(self, rows: list[dict[str, Any]]) -> None:
        dialect = postgresql if self.database.postgres else sqlite
        statement = dialect.insert(self.table)
        leading = ["tenant_id", *self.view.keys]
        rest = {name: statement.excluded[name] for name in self.view.members if name not in self.view.keys}
        upsert = (
            statement.on_conflict_do_update(index_elements=leading, set_=rest)
            if rest
            else statement.on_conflict_do_nothing(index_elements=leading)
        )
        self.connection.execute(upsert, rows)

    def _values(self, row: Any) -> dict[str, Any]:
        return {"tenant_id": self.tenant_id, **{name: getattr(row, name) for name in self.view.members}}
