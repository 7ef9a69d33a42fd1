"""What all commands share: settings, a runtime for as long as it is needed, answers and progress."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.bootstrap import build
from app.cli.failures import Misuse, first_fault
from app.domain.kernel.errors import Invalid
from app.domain.kernel.principal import Principal
from app.domain.kernel.roles import ADMIN
from app.domain.tenant.state import TenantState
from app.observe import logs
from app.runtime import Runtime
from app.settings import PREFIX, Settings, load_settings
from app.store.urls import is_supported

WIDEST: Final = 400
"""How long a line of a table may become."""


Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
TenantId = Annotated[str, typer.Option("--tenant", metavar="ID", help="The tenant's id.")]
Model = TypeVar("Model", bound=BaseModel)


# --- settings and the runtime ---


def settings_or_misuse() -> Settings:
    """The settings of the environment and `.env`. Raises: Misuse for one that does not exist or does not fit."""
    try:
        settings = load_settings()
    except (ValueError, OSError) as error:
        raise Misuse("invalid_settings", str(error)) from error
    for name in ("database_url", "owner_url"):
        _require_database(name, getattr(settings, name))
    return settings


def _require_database(name: str, url: str | None) -> None:
    if url is not None and not is_supported(url):
        raise Misuse("invalid_settings", f"{PREFIX}{name.upper()}: must be sqlite:///path or postgresql+psycopg://…")


@contextmanager
def open_runtime(settings: Settings | None = None) -> Iterator[Runtime]:
    """A runtime for as long as it is needed. Raises: SchemaOutdated."""
    settings = settings or settings_or_misuse()
    logs.configure(settings.log_level)
    runtime = build(settings)
    try:
        yield runtime
    finally:
        runtime.close()


def operator(command: str) -> Principal:
    """Who works on the command line, who may do what an admin may. Takes: the command, which the events name as the client."""
    return Principal("cli", ADMIN, client=f"cli:{command}")


def require_tenant(runtime: Runtime, tenant_id: str) -> TenantState:
    """A tenant's state. Raises: NotFound."""
    state: TenantState = runtime.handler.load(tenant_id, "tenant", tenant_id)[1].state
    return state


def validated(kind: type[Model], **members: Any) -> Model:
    """A command with these members. Raises: Invalid with the first thing that does not fit."""
    try:
        return kind.model_validate(members)
    except ValidationError as error:
        raise Invalid("invalid_command", first_fault(error)) from error


# --- answering ---


def show(text: str = "") -> None:
    """A line for people on stdout."""
    typer.echo(text)


def warn(text: str) -> None:
    """A line for people on stderr."""
    typer.echo(text, err=True)


def show_json(body: Any) -> None:
    """A body for scripts on stdout."""
    typer.echo(json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows for people on stdout, as wide as they are: an id that is cut off is none."""
    console = Console(width=WIDEST, markup=False, highlight=False, emoji=False)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def show_rows(body: Sequence[Mapping[str, Any]], columns: Sequence[str], *, json_: bool) -> None:
    """Rows: for scripts with all members, for people as a table of some columns."""
    if json_:
        show_json(list(body))
    else:
        show_table(columns, ([row[column] for column in columns] for row in body))


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[tuple[Progress, Any]]:
    """A progress bar on stderr, shown only to people. Gives: the bar and its task."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield bar, bar.add_task(label, total=total)
