"""The commands of a team; each is the body of its request."""

from pydantic import Field

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Day, Group, Ref


class FormTeam(Creation):
    """Forms a team, alone or as a part of another."""

    name: Group = Field(examples=["Retail"])
    parent: Ref | None = Field(
        None, description="the team that it is a part of: its id, or `ref:` and your own reference"
    )


class RenameTeam(Command):
    """Gives the team another name."""

    name: Group = Field(examples=["Retail and food"])


class AddTeamMember(Command):
    """Makes a user belong to the team for a while, or until they are removed."""

    user: Ref = Field(description="their id, or `ref:` and your own reference", examples=["ref:maria"])
    start: Day | None = Field(None, description="the first day; default: today, in the tenant's zone")
    end: Day | None = Field(None, description="the first day on which they belong to it no more; default: none")


class RemoveTeamMember(Command):
    """Makes a user belong to the team no more."""

    end: Day | None = Field(
        None, description="the first day on which they belong to it no more; default: today, in the tenant's zone"
    )


class DissolveTeam(Command):
    """Ends the team, and with it everybody's belonging to it."""
