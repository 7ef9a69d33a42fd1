"""Names: a user of whom only a name is known, who becomes a person or turns out to be another one."""

import pytest

from app.domain.kernel.errors import Refused
from app.domain.user.commands import BindLogin, ClaimUser, GrantRole, InviteUser, MergeUser, NoteUser
from app.domain.user.names import canonical_name, names_of
from app.domain.user.state import UserState
from app.store.people import People
from tests.support.application import Steward


def noted(steward: Steward, name: str) -> str:
    """A user of whom only a name is known."""
    return steward.do(NoteUser(external_ref=name), role="admin").id


def test_a_name_is_nobody_with_rights_until_the_person_takes_it_over(steward: Steward) -> None:
    user = noted(steward, "maria")
    for command in (GrantRole(role="director"), BindLogin(issuer="https://login.example", subject="1")):
        with pytest.raises(Refused) as refusal:
            steward.do(command, role="admin", user=user)
        assert refusal.value.code == "user_unclaimed"

    steward.do(ClaimUser(name="Maria Lindqvist"), role="admin", user=user)

    steward.do(GrantRole(role="account_manager"), role="admin", user=user)
    person = People(steward.runtime.log).find(steward.tenant, "maria")
    assert person is not None
    assert (person.user, person.name, person.names) == (user, "maria", ("maria", user))
    with pytest.raises(Refused) as refusal:
        steward.do(ClaimUser(name="Maria"), role="admin", user=user)
    assert refusal.value.code == "user_claimed"


def test_all_names_of_users_who_were_merged_lead_to_the_one_that_they_became(steward: Steward) -> None:
    first, second = noted(steward, "m. lindqvist"), noted(steward, "maria l.")
    maria = steward.do(InviteUser(name="Maria", external_ref="maria"), role="admin").id

    steward.do(MergeUser(into=second), role="admin", user=first)
    steward.do(MergeUser(into="ref:maria"), role="admin", user=second)

    people = People(steward.runtime.log)
    names = ("maria", maria, "ref:maria", "maria l.", second, "m. lindqvist", first)
    assert {people.find(steward.tenant, name) for name in names} == {people.find(steward.tenant, maria)}
    person = people.find(steward.tenant, first)
    assert person is not None
    assert set(person.names) == {name for name in names if name != "ref:maria"}


@pytest.mark.parametrize("into", ["itself", "merged"])
def test_a_name_is_not_merged_into_itself_nor_into_who_is_no_more(steward: Steward, into: str) -> None:
    first, second = noted(steward, "a"), noted(steward, "b")
    if into == "merged":
        steward.do(MergeUser(into=second), role="admin", user=first)

    with pytest.raises(Refused) as refusal:
        steward.do(MergeUser(into=first), role="admin", user=second if into == "merged" else first)

    assert refusal.value.code == {"itself": "merged_into_itself", "merged": "user_merged"}[into]


def test_only_a_name_can_be_merged_for_a_person_has_rights_of_their_own(steward: Steward) -> None:
    people = [steward.do(InviteUser(name=name), role="admin").id for name in "ab"]

    with pytest.raises(Refused) as refusal:
        steward.do(MergeUser(into=people[0]), role="admin", user=people[1])

    assert refusal.value.code == "user_claimed"


def test_a_reference_that_looks_like_the_id_of_a_user_is_none(steward: Steward) -> None:
    other = steward.do(InviteUser(name="a"), role="admin").id

    for command in (InviteUser(name="b", external_ref=other), NoteUser(external_ref=other)):
        with pytest.raises(Exception, match="reference") as refusal:
            steward.do(command, role="admin")
        assert getattr(refusal.value, "code", "") == "reference_like_id"


def test_the_canonical_name_is_the_reference_unless_no_account_can_be_grouped_by_it() -> None:
    for ref, name in (("maria", "maria"), ("x" * 101, "usr_1"), ("None", "usr_1"), (None, "usr_1")):
        state = UserState(exists=True, external_ref=ref)
        assert canonical_name("usr_1", state) == name
        assert names_of("usr_1", state)[0] == name
