"""`steward import`: history from elsewhere, in the one format in which events are taken in."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer

from app.cli.console import Json, TenantId, open_runtime, operator, progress, require_tenant, show, show_json, warn
from app.cli.failures import REFUSED, Misuse
from app.cli.ndjson import Line, batches, lines
from app.domain.kernel.errors import DomainError
from app.write_side.ingestion import Item

BATCH: Final = 1000
MOST_REFUSALS: Final = 10_000
"""How many refusals are listed; the others are counted."""
INTERRUPTED: Final = 130


@dataclass
class Summary:
    """How many of a file's events were accepted, known before, or refused, and why."""

    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    position: int | None = None
    read_lines: int = 0
    refusals: list[dict[str, Any]] = field(default_factory=list)

    def add(self, line: Line, item: Item) -> None:
        """Counts the result of a line."""
        self.read_lines = line.number
        setattr(self, item.status, getattr(self, item.status) + 1)
        if item.receipt:
            self.position = max(self.position or 0, item.receipt.position)
        if item.refusal and len(self.refusals) < MOST_REFUSALS:
            refusal = {"line": line.number, "code": item.refusal.code, "detail": item.refusal.detail}
            if "errors" in item.refusal.members:
                refusal["errors"] = item.refusal.members["errors"]
            self.refusals.append(refusal)

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {"accepted": self.accepted, "duplicate": self.duplicate, "refused": self.refused, "position": self.position,
                "refusals": self.refusals, "refusals_left_out": self.refused - len(self.refusals)}  # fmt: skip


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CloudEvents, one a line; - reads stdin.")],
    tenant: TenantId,
    json_: Json = False,
) -> None:
    """Take a file of events in. Safe to repeat and to interrupt: an event counts once, by its source and id.

    When it returns, the views have read what was taken in.
    """
    with opened(file) as (source, size), open_runtime() as runtime:
        require_tenant(runtime, tenant)
        summary = Summary()
        with progress("taking events in", size) as (bar, task):
            try:
                for batch in batches(lines(source), BATCH):
                    items = runtime.ingestion.ingest(tenant, operator("import"), [line.event for line in batch])
                    for line, item in zip(batch, items, strict=True):
                        summary.add(line, item)
                    bar.update(task, completed=batch[-1].end)
            except DomainError as error:
                raise type(error)(
                    error.code, f"{error.detail}; stopped after line {summary.read_lines}, run it again to go on"
                ) from error
            except KeyboardInterrupt:
                warn(f"interrupted after line {summary.read_lines}; run it again to go on")
                raise typer.Exit(INTERRUPTED) from None
        with progress("bringing views up to date", None) as (bar, task):
            head = runtime.log.head(tenant)
            while read := runtime.projector.step(tenant, until=head):
                bar.update(task, advance=read)
    _show(summary, json_=json_)
    if summary.refused:
        raise typer.Exit(REFUSED)


def _show(summary: Summary, *, json_: bool) -> None:
    if json_:
        show_json(summary.body())
        return
    for refusal in summary.refusals:
        where = "".join(f"; {error['pointer']}: {error['detail']}" for error in refusal.get("errors", ()))
        warn(f"line {refusal['line']}: {refusal['code']}: {refusal['detail']}{where}")
    if summary.refused > len(summary.refusals):
        warn(f"and {summary.refused - len(summary.refusals)} more")
    show(f"accepted   {summary.accepted}\nduplicate  {summary.duplicate}\nrefused    {summary.refused}")


@contextmanager
def opened(name: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """A file to read and its size, where it has one. Raises: Misuse for what cannot be read."""
    if name == "-":
        yield sys.stdin.buffer, None
        return
    path = Path(name)
    try:
        file = path.open("rb")
    except OSError as error:
        raise Misuse("file_unreadable", f"{name}: {error.strerror or type(error).__name__}") from error
    with file:
        yield file, path.stat().st_size if path.is_file() else None
