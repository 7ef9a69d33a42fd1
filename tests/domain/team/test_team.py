"""Teams: who belongs to one, on which days."""

from typing import Any

import pytest

from app.domain.kernel.errors import Invalid
from app.domain.team import commands, events
from app.domain.team.state import Spell
from app.domain.user.commands import InviteUser, SuspendUser
from tests.domain.scenario import Scenario, refusal


def formed() -> tuple[Scenario, str, str]:
    """A team, and a user who does not belong to it."""
    scenario = Scenario()
    return scenario, scenario.do(commands.FormTeam(name="Retail")).id, scenario.do(InviteUser(name="Maria")).id


def joins(user: str, **days: Any) -> commands.AddTeamMember:
    """A user who joins."""
    return commands.AddTeamMember.model_validate({"user": user, **days})


def test_a_user_belongs_to_a_team_on_the_days_that_were_said() -> None:
    scenario, team, maria = formed()

    scenario.do(joins(maria, end="2026-02-01"), team=team)
    scenario.do(joins(maria, start="2026-03-01"), team=team)
    scenario.do(commands.RemoveTeamMember(end="2026-04-01"), team=team, user=maria)

    spells = scenario.state("team", team).members[maria]
    assert spells == (Spell("2026-01-15", "2026-02-01"), Spell("2026-03-01", "2026-04-01"))


def test_nobody_belongs_to_a_team_twice_on_one_day_and_nobody_leaves_it_twice() -> None:
    scenario, team, maria = formed()
    scenario.do(joins(maria, end="2026-02-01"), team=team)

    scenario.when(joins(maria, start="2026-01-31"), team=team).refused("team_member")
    scenario.when(joins(maria, start="2026-02-01"), team=team).then(
        events.TeamMemberAdded(user=maria, start="2026-02-01")
    )
    leaves = commands.RemoveTeamMember(end="2026-02-01")
    scenario.when(leaves, team=team, user=maria).refused("not_a_team_member")
    scenario.do(commands.RemoveTeamMember(), team=team, user=maria)
    assert scenario.state("team", team).members[maria] == ()
    assert refusal(scenario, commands.RemoveTeamMember(), team=team, user=maria) == "Refused not_a_team_member"


def test_who_leaves_on_a_day_does_not_come_back_later_by_an_earlier_word() -> None:
    scenario, team, maria = formed()
    scenario.do(joins(maria, start="2026-06-01"), team=team)

    scenario.do(commands.RemoveTeamMember(end="2026-05-01"), team=team, user=maria)

    assert scenario.state("team", team).members[maria] == ()


@pytest.mark.parametrize("end", ["2026-01-15", "2025-12-31"])
def test_an_end_before_the_start_is_refused(end: str) -> None:
    scenario, team, maria = formed()

    scenario.when(joins(maria, end=end), team=team).refused("end_before_start", Invalid)


def test_a_suspended_user_joins_nothing() -> None:
    scenario, team, maria = formed()
    scenario.do(SuspendUser(), role="admin", user=maria)

    scenario.when(joins(maria), team=team).refused("user_suspended")


def test_a_dissolved_team_has_nobody_and_does_nothing() -> None:
    scenario, team, maria = formed()
    scenario.do(joins(maria, start="2026-01-01"), team=team)

    scenario.do(commands.DissolveTeam(), team=team)

    assert scenario.state("team", team).members[maria] == (Spell("2026-01-01", "2026-01-15"),)
    for command in (
        joins(maria),
        commands.RenameTeam(name="Food"),
        commands.DissolveTeam(),
        commands.RemoveTeamMember(),
    ):
        scenario.when(command, team=team, user=maria).refused("team_dissolved")
    scenario.when(commands.FormTeam(name="Part", parent=team)).refused("team_dissolved")


def test_a_team_is_a_part_of_another_and_has_a_name_of_its_own() -> None:
    scenario, team, _maria = formed()

    scenario.when(commands.FormTeam(name="Food", parent=team)).then(events.TeamFormed(name="Food", parent=team))
    scenario.when(commands.RenameTeam(name="Retail"), team=team).refused("nothing_changes")
    scenario.when(commands.RenameTeam(name="Shops"), team=team).then(events.TeamRenamed(name="Shops"))
