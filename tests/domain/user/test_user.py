"""Users: who may do what, who says so, and that an agency never locks itself out."""

from typing import Any

import pytest

from app.domain.api_key.commands import RecordApiKey, RevokeApiKey
from app.domain.api_key.events import ApiKeyIssued, ApiKeyRevoked
from app.domain.kernel.errors import Invalid, NotAllowed, NotFound
from app.domain.kernel.roles import LEVELS, ROLES, USUAL_REACH
from app.domain.user import commands, events
from tests.domain.scenario import Scenario, refusal

SECRET = "0" * 64


def agency() -> Scenario:
    """An agency on 15 January 2026 with nobody in it."""
    return Scenario()


def user(scenario: Scenario, *roles: str, **grant: Any) -> str:
    """A user with roles since the first of the year."""
    made = scenario.do(commands.InviteUser(name="Maria"), role="admin").id
    for role in roles:
        command = commands.GrantRole.model_validate({"role": role, "start": "2026-01-01", **grant})
        scenario.do(command, role="admin", user=made)
    return made


def key(scenario: Scenario, role: str | None = "admin", **members: Any) -> str:
    """A key, by an admin."""
    command = RecordApiKey.model_validate({"role": role, "secret_sha256": SECRET, **members})
    return str(scenario.do(command, role="admin").id)


def grant(role: str, **members: Any) -> commands.GrantRole:
    """A role to be given."""
    return commands.GrantRole.model_validate({"role": role, **members})


# --- being a user ---


def test_an_invited_person_has_no_right_until_they_are_given_a_role() -> None:
    scenario = agency()

    maria = user(scenario)
    before = scenario.state("user", maria).roles_on("2026-01-15")
    scenario.do(grant("director"), role="vp", user=maria)

    assert before == ()
    assert scenario.state("user", maria).roles_on("2026-01-15") == ("director",)
    assert scenario.state("user", maria).roles_on("2026-01-14") == ()


def test_a_suspended_user_has_no_role_until_they_are_reinstated() -> None:
    scenario = agency()
    maria = user(scenario, "director")

    scenario.do(commands.SuspendUser(), role="admin", user=maria)
    meanwhile = scenario.state("user", maria).roles_on("2026-01-15")
    again = refusal(scenario, commands.SuspendUser(), role="admin", user=maria)
    scenario.do(commands.ReinstateUser(), role="admin", user=maria)

    assert (meanwhile, again) == ((), "Refused user_suspended")
    assert scenario.state("user", maria).roles_on("2026-01-15") == ("director",)
    assert refusal(scenario, commands.ReinstateUser(), role="admin", user=maria) == "Refused user_not_suspended"


def test_nothing_that_a_user_may_do_changes_ahead_of_time() -> None:
    scenario = agency()
    maria = user(scenario, "director")

    for command in (
        commands.InviteUser(name="Ruth", effective_at="2026-02-01"),
        commands.SuspendUser(effective_at="2026-02-01"),
        commands.RevokeRole(grant=1, effective_at="2026-02-01"),
        grant("vp", effective_at="2026-02-01"),
        commands.BindLogin(issuer="https://login.example", subject="7", effective_at="2026-02-01"),
    ):
        scenario.when(command, role="admin", user=maria).refused("effective_in_future", Invalid)


# --- roles and their days ---


def test_a_role_counts_on_its_days_and_not_on_the_day_behind_them() -> None:
    scenario = agency()
    maria = user(scenario, "sales", end="2026-02-01")
    state = scenario.state("user", maria)

    days = ("2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01")

    assert [state.roles_on(day) for day in days] == [(), ("sales",), ("sales",), ()]


def test_the_same_role_is_not_given_twice_for_one_day_and_another_beside_it_is() -> None:
    scenario = agency()
    maria = user(scenario, "sales", end="2026-02-01")

    scenario.when(grant("sales", start="2026-01-31"), role="admin", user=maria).refused("role_granted")
    scenario.do(grant("sales", start="2026-02-01"), role="admin", user=maria)
    scenario.do(grant("finance", end="2026-03-01"), role="admin", user=maria)

    assert scenario.state("user", maria).roles_on("2026-02-01") == ("finance", "sales")


@pytest.mark.parametrize("end", ["2026-01-15", "2026-01-01"])
def test_a_role_that_ends_before_it_begins_is_refused(end: str) -> None:
    scenario = agency()

    scenario.when(grant("sales", end=end), role="admin", user=user(scenario)).refused("end_before_start", Invalid)


def test_a_revoked_role_is_gone_at_once_and_may_be_given_again() -> None:
    scenario = agency()
    maria = user(scenario, "sales", "director")

    scenario.when(commands.RevokeRole(grant=2), role="vp", user=maria).then(
        events.RoleRevoked(grant=2, role="director")
    )
    scenario.do(commands.RevokeRole(grant=2), role="vp", user=maria)

    assert scenario.state("user", maria).roles_on("2026-01-15") == ("sales",)
    assert refusal(scenario, commands.RevokeRole(grant=2), role="vp", user=maria) == "Refused role_not_granted"
    scenario.when(commands.RevokeRole(grant=3), role="vp", user=maria).refused("unknown_grant", NotFound)
    scenario.do(grant("director"), role="vp", user=maria)
    assert scenario.state("user", maria).roles_on("2026-01-15") == ("director", "sales")


def test_a_role_has_the_reach_that_is_usual_for_it_unless_another_is_named() -> None:
    scenario = agency()
    maria = user(scenario)

    for role in ("account_manager", "director", "vp", "project_manager"):
        (given,) = scenario.when(grant(role), role="admin", user=maria).events
        assert isinstance(given, events.RoleGranted)
        assert given.reach == USUAL_REACH[role]
    (wider,) = scenario.when(grant("account_manager", reach="team"), role="admin", user=maria).events
    assert isinstance(wider, events.RoleGranted)
    assert wider.reach == "team"


@pytest.mark.parametrize(
    "members", [{"role": "specialist"}, {"role": "director", "department": "legal"}, {"role": "integration"}]
)
def test_a_specialist_has_a_department_nobody_else_has_and_no_person_is_an_integration(members: Any) -> None:
    with pytest.raises(ValueError, match=r"department_of_specialist|literal_error"):
        commands.GrantRole.model_validate(members)


# --- nobody reaches above themselves ---


@pytest.mark.parametrize("own", [*LEVELS, "integration", ""])
def test_nobody_gives_or_takes_a_role_above_their_own_and_is_told_who_may(own: str) -> None:
    scenario = agency()
    scenario.given(scenario.new_id("key"), ApiKeyIssued(role="admin", secret_sha256=SECRET))
    user(scenario, "admin")
    for role, level in LEVELS.items():
        department = {"department": "legal"} if role == "specialist" else {}
        having = user(scenario, role, **department)
        for command in (
            grant(role, **department),
            commands.RevokeRole(grant=1),
            commands.SuspendUser(),
            commands.BindLogin(issuer="https://login.example", subject=having),
        ):
            about = user(scenario) if isinstance(command, commands.GrantRole) else having
            outcome = scenario.when(command, role=own, user=about)
            if level <= LEVELS.get(own, 0):
                assert outcome.refusal is None, (own, role, outcome.refusal)
            else:
                outcome.refused("above_own_level", NotAllowed)
                assert outcome.refusal is not None
                assert outcome.refusal.members["may"] == [name for name in ROLES if name == "admin"]


def test_a_role_that_begins_later_protects_its_holder_already() -> None:
    scenario = agency()
    user(scenario, "admin")
    maria = user(scenario)
    scenario.do(grant("vp", start="2026-02-01"), role="admin", user=maria)

    scenario.when(commands.SuspendUser(), role="director", user=maria).refused("above_own_level", NotAllowed)


# --- the last admin ---


def test_the_last_admin_keeps_the_role_until_there_is_another() -> None:
    scenario = agency()
    maria = user(scenario, "admin")

    for command in (commands.SuspendUser(), commands.RevokeRole(grant=1)):
        scenario.when(command, role="admin", user=maria).refused("last_admin")
    user(scenario, "admin")
    for command in (commands.SuspendUser(), commands.RevokeRole(grant=1)):
        assert scenario.when(command, role="admin", user=maria).refusal is None


@pytest.mark.parametrize("members", [{"end": "2026-12-31"}, {"start": "2026-02-01"}])
def test_an_admin_for_a_while_or_from_later_on_does_not_take_the_place_of_the_last_one(members: Any) -> None:
    scenario = agency()
    maria, ruth = user(scenario, "admin"), user(scenario)
    scenario.do(grant("admin", **members), role="admin", user=ruth)

    scenario.when(commands.SuspendUser(), role="admin", user=maria).refused("last_admin")
    assert scenario.when(commands.SuspendUser(), role="admin", user=ruth).refusal is None


def test_a_suspended_admin_does_not_take_the_place_of_the_last_one() -> None:
    scenario = agency()
    maria, ruth = user(scenario, "admin"), user(scenario, "admin")
    scenario.do(commands.SuspendUser(), role="admin", user=ruth)

    scenario.when(commands.RevokeRole(grant=1), role="admin", user=maria).refused("last_admin")


# --- the last key of an admin ---


def test_the_last_key_of_an_admin_is_not_revoked() -> None:
    scenario = agency()
    first = key(scenario)
    key(scenario, "director")

    scenario.when(RevokeApiKey(), role="admin", api_key=first).refused("last_admin_key")
    key(scenario)
    scenario.when(RevokeApiKey(), role="admin", api_key=first).then(ApiKeyRevoked())


@pytest.mark.parametrize("ends", ["2026-01-15T08:59:59Z", "2027-01-01T00:00:00Z"])
def test_a_key_that_expires_does_not_take_the_place_of_the_last_one(ends: str) -> None:
    scenario = agency()
    first, second = key(scenario), key(scenario, expires_at=ends)

    scenario.when(RevokeApiKey(), role="admin", api_key=first).refused("last_admin_key")
    assert scenario.when(RevokeApiKey(), role="admin", api_key=second).refusal is None


def test_keys_that_all_expire_may_be_changed_for_one_another() -> None:
    scenario = agency()
    first, second = (key(scenario, expires_at=f"2027-0{month}-01T00:00:00Z") for month in (1, 2))

    scenario.do(RevokeApiKey(), role="admin", api_key=first)

    scenario.when(RevokeApiKey(), role="admin", api_key=second).refused("last_admin_key")


def test_an_admin_whose_personal_key_is_the_last_one_is_not_suspended() -> None:
    scenario = agency()
    maria, ruth = user(scenario, "admin"), user(scenario, "admin")
    personal = key(scenario, None, user=maria)

    for command in (commands.SuspendUser(), commands.RevokeRole(grant=1)):
        scenario.when(command, role="admin", user=maria).refused("last_admin_key")
    scenario.when(RevokeApiKey(), role="admin", api_key=personal).refused("last_admin_key")
    key(scenario, "admin", user=ruth)
    assert scenario.when(commands.SuspendUser(), role="admin", user=maria).refusal is None


# --- personal keys ---


def test_a_personal_key_goes_as_far_as_its_user_and_no_further() -> None:
    scenario = agency()
    maria = user(scenario, "account_manager")
    made = key(scenario, "account_manager", user=maria)

    assert scenario.state("api_key", made).user == maria
    for role, code in (("director", "role_not_granted"), ("admin", "role_not_granted")):
        command = RecordApiKey.model_validate({"role": role, "user": maria, "secret_sha256": SECRET})
        scenario.when(command, role="admin").refused(code)


def test_a_user_who_is_suspended_gets_no_key_and_no_login() -> None:
    scenario = agency()
    maria = user(scenario, "account_manager")
    scenario.do(commands.SuspendUser(), role="admin", user=maria)

    command = RecordApiKey.model_validate({"user": maria, "secret_sha256": SECRET})

    scenario.when(command, role="admin").refused("user_suspended")
    login = commands.BindLogin(issuer="https://login.example", subject="7")
    scenario.when(login, role="admin", user=maria).refused("user_suspended")


@pytest.mark.parametrize(
    ("own", "role", "refused"),
    [("admin", "admin", False), ("vp", "admin", True), ("director", "vp", True), ("integration", "auditor", True),
     ("integration", "integration", False), ("account_manager", "coordinator", False)],
)  # fmt: skip
def test_a_key_is_issued_and_revoked_by_nobody_below_it(own: str, role: str, refused: bool) -> None:
    scenario = agency()
    key(scenario)
    scopes = ("accounts:read",) if role == "integration" else ()
    made = key(scenario, role, scopes=scopes)

    issuing = RecordApiKey.model_validate({"role": role, "scopes": scopes, "secret_sha256": SECRET})
    for outcome in (scenario.when(issuing, role=own), scenario.when(RevokeApiKey(), role=own, api_key=made)):
        if refused:
            outcome.refused("above_own_level", NotAllowed)
        else:
            assert outcome.refusal is None


@pytest.mark.parametrize("own", ["integration", "vp", "coordinator"])
def test_a_personal_key_that_would_grow_with_its_user_is_issued_by_an_admin_only(own: str) -> None:
    scenario = agency()
    maria = user(scenario)
    growing = RecordApiKey.model_validate({"user": maria, "secret_sha256": SECRET})

    scenario.when(growing, role=own).refused("above_own_level", NotAllowed)
    assert scenario.when(growing, role="admin").refusal is None


def test_the_personal_key_of_somebody_above_is_not_revoked_from_below() -> None:
    scenario = agency()
    key(scenario)
    personal = key(scenario, None, user=user(scenario, "director"))

    scenario.when(RevokeApiKey(), role="account_manager", api_key=personal).refused("above_own_level", NotAllowed)
    scenario.when(RevokeApiKey(), role="integration", api_key=personal).refused("above_own_level", NotAllowed)


def test_a_key_names_a_role_or_a_user() -> None:
    command = RecordApiKey.model_validate({"secret_sha256": SECRET})

    agency().when(command, role="admin").refused("role_required", Invalid)


# --- who reports to whom ---


def reports(manager: str | None, day: str = "2026-01-01") -> commands.SetReportingLine:
    """A reporting line from a day on."""
    return commands.SetReportingLine.model_validate({"manager": manager, "start": day})


def test_a_person_reports_to_another_from_a_day_on() -> None:
    scenario = agency()
    maria, helena, ruth = user(scenario), user(scenario), user(scenario)

    scenario.do(reports(helena), user=maria)
    scenario.do(reports(ruth, "2026-03-01"), user=maria)
    scenario.do(reports(None, "2026-06-01"), user=maria)

    days = ("2025-12-31", "2026-01-01", "2026-02-28", "2026-03-01", "2026-06-01")
    assert [scenario.state("user", maria).manager_on(day) for day in days] == [None, helena, helena, ruth, None]


def test_nobody_reports_to_themselves_by_way_of_others_on_any_day() -> None:
    scenario = agency()
    maria, helena, ruth = user(scenario), user(scenario), user(scenario)
    scenario.do(reports(helena), user=maria)
    scenario.do(reports(ruth, "2026-03-01"), user=helena)

    assert refusal(scenario, reports(maria), user=maria) == "Refused reports_in_circle"
    assert refusal(scenario, reports(maria), user=ruth) == "Refused reports_in_circle"
    scenario.do(reports(None, "2026-03-01"), user=maria)
    scenario.do(reports(maria), user=ruth)
    assert refusal(scenario, reports(helena, "2026-04-01"), user=maria) == "Refused reports_in_circle"
