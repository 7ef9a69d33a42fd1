"""Users and teams as views: read step by step they are what a rebuild makes, under both clocks."""

from app.domain.team.commands import AddTeamMember, DissolveTeam, FormTeam, RemoveTeamMember, RenameTeam
from app.domain.user import commands
from app.domain.user.commands import InviteUser
from tests.support.application import Steward
from tests.support.views import assert_views_are_right


def test_a_user_is_read_under_both_clocks(steward: Steward) -> None:
    maria = steward.do(InviteUser(name="Maria", address="maria@agency.example", external_ref="maria")).id
    helena = steward.do(InviteUser(name="Helena")).id
    for role, start, end in (("sales", "2026-01-01", "2026-02-01"), ("director", "2026-01-15", None)):
        steward.do(commands.GrantRole(role=role, start=start, end=end), role="admin", user=maria)
        steward.catch_up()
    steward.do(commands.SetReportingLine(manager=helena, start="2026-03-01"), user=maria)
    steward.do(commands.SetReportingLine(manager=None, start="2026-01-01"), user=maria)
    before = steward.runtime.log.head(steward.tenant)
    steward.clock.set("2026-01-20T09:00:00Z")
    steward.do(commands.BindLogin(issuer="https://login.example", subject="7"), role="admin", user=maria)
    steward.do(commands.SuspendUser(), role="admin", user=maria)
    steward.do(commands.RevokeRole(grant=2), role="admin", user=maria)

    rows = {row.user: row for row in steward.rows("users")}
    then = {row.user: row for row in steward.rows("users", known_at=str(before))}
    earlier = {row.user: row for row in steward.rows("users", as_of="2026-01-19")}

    assert [(role["role"], role["start"], role["end"]) for role in rows[maria].roles] == [
        ("sales", "2026-01-01", "2026-02-01"),
        ("director", "2026-01-15", None),
    ]
    assert [line["manager"] for line in rows[maria].lines] == [None, helena]
    for row in (then[maria], earlier[maria]):
        assert (row.status, row.issuer, row.roles[1]["revoked_at"]) == ("invited", None, None)
    assert (rows[maria].status, rows[maria].issuer) == ("suspended", "https://login.example")
    assert rows[maria].roles[1]["revoked_at"] == steward.stream(maria)[-1].effective_at
    assert rows[helena].status == "invited"
    steward.do(commands.ReinstateUser(), role="admin", user=maria)
    assert next(row.status for row in steward.rows("users") if row.user == maria) == "active"
    assert_views_are_right(steward)


def test_the_name_and_the_address_of_a_user_are_sealed_under_a_key_of_their_own_and_go_with_it(
    steward: Steward,
) -> None:
    maria = steward.do(InviteUser(name="Maria Lindqvist", address="maria@agency.example")).id
    steward.do(commands.BindLogin(issuer="https://login.example", subject="maria-7"), role="admin", user=maria)
    log = steward.runtime.log
    events = steward.stream(maria)

    def opened() -> list[object]:
        return [log.reveal(steward.tenant, [(event.event_id, event.data)])[0] for event in events]

    stored = b"".join(event.body for event in events)
    assert b"Maria" not in stored
    assert b"maria" not in stored
    assert opened()[0] == {"user": maria, "name": "Maria Lindqvist", "address": "maria@agency.example"}

    assert log.erase(steward.tenant, maria)

    assert opened() == [
        {"user": maria, "name": None, "address": None},
        {"user": maria, "issuer": "https://login.example", "subject": None},
    ]


def test_a_team_is_read_as_its_members_come_and_go(steward: Steward) -> None:
    maria, ruth = (steward.do(InviteUser(name=name)).id for name in ("Maria", "Ruth"))
    team = steward.do(FormTeam(name="Retail", external_ref="retail")).id
    steward.do(AddTeamMember(user=maria, start="2026-01-01"), team=team)
    steward.do(AddTeamMember(user=ruth, start="2026-06-01"), team=team)
    steward.catch_up()
    steward.do(RemoveTeamMember(end="2026-02-01"), team=team, user=maria)
    steward.do(RenameTeam(name="Shops"), team=team)

    (row,) = steward.rows("teams")
    steward.clock.set("2026-01-20T09:00:00Z")
    steward.do(DissolveTeam(), team=team)
    (dissolved,) = steward.rows("teams")
    (before,) = steward.rows("teams", as_of="2026-01-18")

    assert (row.name, row.status) == ("Shops", "formed")
    assert row.members == [
        {"user": maria, "start": "2026-01-01", "end": "2026-02-01"},
        {"user": ruth, "start": "2026-06-01", "end": None},
    ]
    assert (dissolved.status, dissolved.members) == (
        "dissolved",
        [{"user": maria, "start": "2026-01-01", "end": "2026-01-20"}],
    )
    assert before.members == row.members
    assert_views_are_right(steward)
