"""The organisation of the demo: who works for the agency, in which roles and teams, and to whom they report."""

from random import Random
from typing import Final, NamedTuple

from app.demo.people import ADMIN, COLLEAGUES, DIRECTOR, OWNERS, SENIOR
from app.demo.scripted_command import CommandChain, NewId, ScriptedCommand
from app.domain.issuer import commands as issuer_commands
from app.domain.kernel import roles
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days
from app.domain.team import commands as team_commands
from app.domain.user import commands as user_commands

ISSUER: Final = "https://login.harbour-pine.example"
COORDINATOR: Final = "usr_noah"
"""Who supports, and leaves in the end."""


class Post(NamedTuple):
    """What a colleague is: the role, and to whom they report."""

    role: roles.PersonRole
    manager: str | None


POSTS: Final = {
    ADMIN: Post("admin", DIRECTOR),
    DIRECTOR: Post("director", None),
    SENIOR: Post("senior_account_manager", DIRECTOR),
    **dict.fromkeys(OWNERS, Post("account_manager", SENIOR)),
    COORDINATOR: Post("coordinator", SENIOR),
    "usr_ines": Post("finance", DIRECTOR),
}
TEAMS: Final = {"Brand": (*OWNERS[:3], SENIOR), "Digital": OWNERS[3:], "Pitch": (OWNERS[0], OWNERS[3])}
"""Who works together from the beginning."""


class Organisation(CommandChain):
    """The commands that the admin gives."""

    def __init__(self, rng: Random, new_id: NewId) -> None:
        super().__init__(rng, [])
        self.new_id = new_id

    def do(self, day: str, command: Command, *, new_id: str | None = None, **targets: str) -> None:
        """A command by the admin."""
        self.add(day, ADMIN, command, targets, new_id=new_id, role=roles.ADMIN)

    def user(self, name: str) -> str:
        """The id of a colleague."""
        return self.new_id("usr", name)

    def team(self, name: str) -> str:
        """The id of a team."""
        return self.new_id("tem", name)


def write_organisation(rng: Random, start: str, end: str, new_id: NewId) -> list[ScriptedCommand]:
    """Who comes, who leads whom and who goes, over the whole story."""
    made, first = Organisation(rng, new_id), add_days(start, 1)
    for name, post in POSTS.items():
        invited = user_commands.InviteUser(
            name=COLLEAGUES[name], address=f"{name.removeprefix('usr_')}@harbour-pine.example", external_ref=name
        )
        made.do(first, invited, new_id=made.user(name))
        made.do(first, user_commands.GrantRole(role=post.role, start=first), user=made.user(name))
        login = user_commands.BindLogin(issuer=ISSUER, subject=name.removeprefix("usr_"))
        made.do(first, login, user=made.user(name))
    for name, post in POSTS.items():
        manager = None if post.manager is None else made.user(post.manager)
        line = user_commands.SetReportingLine(manager=manager, start=first)
        made.do(first, line, user=made.user(name))
    _issuers(made, first, add_days(start, 40))
    for team, members in TEAMS.items():
        made.do(first, team_commands.FormTeam(name=team, external_ref=team.lower()), new_id=made.team(team))
        for name in members:
            joins = team_commands.AddTeamMember(user=made.user(name), start=first)
            made.do(first, joins, team=made.team(team))
    _names(made, start)
    _changes(made, start, end)
    return made.commands


def _names(made: Organisation, start: str) -> None:
    """A name from an older address book that turns out to be a colleague's, and a contact who becomes one."""
    day = add_days(start, 20)
    for name in ("m.lindqvist", "usr_olga"):
        made.do(day, user_commands.NoteUser(external_ref=name), new_id=made.user(name))
    made.do(add_days(day, 1), user_commands.MergeUser(into=made.user(OWNERS[0])), user=made.user("m.lindqvist"))
    invited = user_commands.ClaimUser(name="Olga Santos", address="olga@harbour-pine.example")
    made.do(add_days(day, 2), invited, user=made.user("usr_olga"))


def _issuers(made: Organisation, first: str, later: str) -> None:
    """Whose tokens let colleagues in: an identity provider, which a while later asks for an audience of its own."""
    before = made.new_id("iss", "before")
    made.do(first, issuer_commands.RecordIssuer(issuer=ISSUER, audience="steward"), new_id=before)
    own = issuer_commands.RecordIssuer(issuer=ISSUER, audience="https://steward.harbour-pine.example")
    made.do(later, own, new_id=made.new_id("iss", "after"))
    made.do(later, issuer_commands.CloseIssuer(reason="It has an audience of its own"), issuer=before)


def _changes(made: Organisation, start: str, end: str) -> None:
    """A leave, another name for a team, a team that is done, and somebody who leaves."""
    away, back = add_days(start, 60), add_days(start, 88)
    made.do(away, user_commands.SuspendUser(reason="A leave without access"), user=made.user(OWNERS[4]))
    made.do(back, user_commands.ReinstateUser(), user=made.user(OWNERS[4]))
    made.do(add_days(start, 120), team_commands.RenameTeam(name="Digital and data"), team=made.team("Digital"))
    made.do(add_days(start, 150), team_commands.DissolveTeam(reason="The pitch is won"), team=made.team("Pitch"))
    last = add_days(end, -30)
    member, leaver = made.user(OWNERS[2]), made.user(COORDINATOR)
    made.do(last, team_commands.RemoveTeamMember(), team=made.team("Brand"), user=member)
    made.do(last, user_commands.RevokeRole(grant=1, reason="Leaves the agency"), user=leaver)
    made.do(last, user_commands.SuspendUser(reason="Leaves the agency"), user=leaver)
