"""Commands that are imported when they are called: the list of commands, with its help, costs no import of Steward."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


class Entry(NamedTuple):
    """A command of the list. target: `module:name` of a function or of a `typer.Typer`. help: its line in the list."""

    target: str
    help: str

    def load(self, name: str) -> Any:
        """The command itself."""
        target = resolve_name(self.target)
        if isinstance(target, typer.Typer):
            target.rich_markup_mode = None
            group = get_group(target)
            group.name = name
            return group
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name)(target)
        return get_command(single)


def group_of(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """The class of a group of these commands, for `typer.Typer(cls=...)`."""

    class LazyGroup(TyperGroup):
        """A group that lists its commands by name and help, and imports the one that is called."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.commands = {name: TyperCommand(name, help=entry.help) for name, entry in entries.items()}

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the name is that of the method it takes the place of
            """The names, in the order of the list."""
            return list(self.commands)

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
            """The command that some words call, and the words behind it."""
            name, command, rest = super().resolve_command(ctx, args)
            return name, entries[name].load(name) if name else command, rest

    return LazyGroup
