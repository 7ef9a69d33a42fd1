"""The policy: a table of roles and scopes."""

from typing import get_args

import pytest

from app.auth.caller import NOUN_SCOPES, Caller
from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.principal import Principal
from app.domain.kernel.roles import (
    ADMINISTRATION,
    BUSINESS,
    LEVELS,
    MEMBERS,
    PEOPLE,
    ROLES,
    RULES,
    SCOPES,
    PersonRole,
    highest,
    scopes_of,
    service_scopes,
    who_may,
)
from app.write_side.ingestion import TOPICS


def caller(role: str, *scopes: str) -> Caller:
    """Somebody with a role."""
    return Caller("tnt_x", Principal("key_x", role, client="key_x"), scopes_of(role, scopes))


def test_there_is_a_line_for_every_role() -> None:
    assert {*ROLES} == {*get_args(PersonRole), "integration"}
    assert {*LEVELS} == {*get_args(PersonRole)}


def test_an_admin_keeps_house_and_reads_no_client_content_a_director_sets_rules_and_a_manager_does_all_the_business_by_them() -> (
    None
):
    business = {f"{nouns}:{verb}" for nouns in BUSINESS for verb in ("read", "write")}
    colleagues = {f"{nouns}:read" for nouns in PEOPLE}

    house = {f"{nouns}:{verb}" for nouns in (*PEOPLE, *ADMINISTRATION) for verb in ("read", "write")}
    assert ROLES["admin"] == house | {"policies:read", "events:write", "personal:read", "access:read"}
    assert service_scopes("admin") == SCOPES
    assert service_scopes("auditor") == ROLES["auditor"]
    rules = {f"{nouns}:{verb}" for nouns in RULES for verb in ("read", "write")}
    members = {f"{kind}:read" for kind in MEMBERS}
    assert ROLES["director"] == ROLES["vp"] == business | colleagues | members | rules
    manages = business | colleagues | members | {f"{nouns}:read" for nouns in RULES}
    assert ROLES["account_manager"] == ROLES["senior_account_manager"] == manages


def test_who_supports_or_is_asked_reads_no_feed_and_no_figures() -> None:
    for role in ("coordinator", "project_manager", "customer_success", "sales", "specialist"):
        assert not {"events:read", "kpis:read", "budgets:read"} & ROLES[role]
        assert ("contracts:read" in ROLES[role]) == (role == "sales")  # who signs the first contract of an account
        assert {"accounts:read", "interactions:write", "scope_changes:write", "users:read"} <= ROLES[role]


def test_the_levels_are_the_ladder_of_the_agency() -> None:
    ladder = ("coordinator", "account_manager", "senior_account_manager", "director", "vp", "admin")

    assert [LEVELS[role] for role in ladder] == sorted({*LEVELS.values()})
    assert highest(["coordinator", "director", "sales"]) == "director"
    assert highest([]) == ""
    assert highest(["finance", "auditor", "senior_account_manager", "sales"]) == "senior_account_manager"
    assert who_may("policies:write", at_least="vp") == ["vp"]


def test_an_auditor_reads_everything_but_what_is_personal_and_writes_nothing() -> None:
    masked = {"personal:read", "texts:read"}

    assert ROLES["auditor"] == {scope for scope in SCOPES if scope.endswith(":read")} - masked


@pytest.mark.parametrize(
    ("role", "members"),
    [
        ("coordinator", "personal texts"),
        ("account_manager", "commercial personal texts"),
        ("vp", "commercial personal texts"),
        ("project_manager", "texts"),
        ("customer_success", "personal texts"),
        ("sales", "personal texts"),
        ("specialist", "texts"),
        ("finance", "commercial"),
        ("auditor", "commercial"),
        ("admin", "personal"),
        ("integration", ""),
    ],
)
def test_a_role_reads_commercial_and_personal_members_as_the_table_of_rights_says(role: str, members: str) -> None:
    """Finance reads no personal data, an auditor masked ones, a project manager what the work is about."""
    assert {kind for kind in MEMBERS if f"{kind}:read" in scopes_of(role)} == {*members.split()}


@pytest.mark.parametrize("role", ["customer_success", "sales"])
def test_who_reads_commercial_values_of_their_own_reads_them_while_they_reach_nothing_else(role: str) -> None:
    assert "commercial:read" not in scopes_of(role)
    assert scopes_of(role, own=True) == scopes_of(role) | {"commercial:read"}
    assert scopes_of("coordinator", own=True) == scopes_of("coordinator")


def test_only_an_admin_keeps_the_keys_of_the_house() -> None:
    keeping = {f"{nouns}:write" for nouns in (*ADMINISTRATION, *PEOPLE)}

    assert [role for role, scopes in ROLES.items() if scopes & keeping] == ["admin"]


def test_an_integration_has_what_its_key_names_and_nothing_else() -> None:
    assert caller("integration").scopes == frozenset()
    assert caller("integration", "accounts:read", "moon:write").scopes == {"accounts:read"}
    assert caller("auditor", "accounts:write").scopes == ROLES["auditor"]


def test_a_missing_scope_is_named() -> None:
    with pytest.raises(NotAllowed) as refusal:
        caller("auditor").require("accounts:write")

    assert (refusal.value.code, refusal.value.members) == (
        "scope_missing",
        {"scope": "accounts:write", "may": who_may("accounts:write")},
    )


def test_every_noun_that_can_be_taken_in_is_written_under_a_scope_that_exists() -> None:
    for topic in TOPICS.values():
        assert f"{NOUN_SCOPES[topic.noun]}:write" in SCOPES, topic.noun


def test_events_are_written_under_their_nouns_scope_or_under_that_of_all_events() -> None:
    for noun, nouns in NOUN_SCOPES.items():
        caller("integration", f"{nouns}:write").require_to_write(noun)
        caller("integration", "events:write").require_to_write(noun)
        with pytest.raises(NotAllowed) as refusal:
            caller("integration", "events:read", f"{nouns}:read").require_to_write(noun)
        assert refusal.value.members == {"scope": f"{nouns}:write", "may": who_may(f"{nouns}:write")}


@pytest.mark.parametrize(("scope", "may"), [("interactions:write", True), ("events:write", True), ("events:read", False),
                                            ("api_keys:write", False), ("webhooks:write", False)])  # fmt: skip
def test_who_may_write_some_event_may_knock_at_the_door_for_events(scope: str, may: bool) -> None:
    somebody = caller("integration", scope)

    if may:
        somebody.require_ingestion()
    else:
        with pytest.raises(NotAllowed):
            somebody.require_ingestion()


def test_nobody_gives_or_takes_a_scope_that_is_not_their_own() -> None:
    caller("integration", "accounts:read").require_scopes(["accounts:read"])
    caller("integration").require_scopes([])
    with pytest.raises(NotAllowed) as refusal:
        caller("integration", "accounts:read").require_scopes(["accounts:read", "accounts:write"])
    assert refusal.value.members["scope"] == "accounts:write"
