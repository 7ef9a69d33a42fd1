"""The table of rights: who may do what, by which of their roles, and who could do it instead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.aggregates import DECISIONS
from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.principal import Principal
from app.domain.kernel.reach import WHOLE, Reach
from app.domain.kernel.rights import (
    RIGHTS,
    VERSION,
    Asked,
    Authored,
    Authorisation,
    Stored,
    at_once,
    authorise,
    could,
    who_could,
)
from app.domain.kernel.roles import ROLES

HOUR = 3600 * 10**6
NOT_BUILT = {"override_health"}
"""Rows of the table whose commands are not there yet."""
MARIA = "usr_01jd7z5m3sf8x9v0w1y2z3a4b5"


class Logged:
    """An event as the log holds it."""

    def __init__(self, recorded_at: int, **meta: str) -> None:
        self.recorded_at = recorded_at
        self.meta: dict[str, Any] = meta


def asked(capability: str, *roles: str, actor: str = MARIA, now: int = 0, **more: Any) -> Asked:
    """What somebody in some roles asks for."""
    principal = Principal(actor, roles=roles, **more.pop("principal", {}))
    return Asked(principal, capability, more.pop("noun", "account"), now, **more)


def allowed_at_once(question: Asked) -> bool:
    """Whether the short way allows it, as the long way does then."""
    found = at_once(question.principal, question.capability)
    assert found is None or found == authorise(question)
    return found is not None


def refused(question: Asked) -> dict[str, Any]:
    """With what somebody is refused."""
    with pytest.raises(NotAllowed) as refusal:
        authorise(question)
    return {"code": refusal.value.code, **refusal.value.members}


def test_every_decision_names_a_row_of_the_table_and_every_row_is_of_some_decision() -> None:
    assert {decision.capability for decision in DECISIONS.values()} == {*RIGHTS} - NOT_BUILT


def test_every_row_has_a_cell_for_every_role_of_a_person() -> None:
    assert {frozenset(row) for row in RIGHTS.values()} == {frozenset(ROLES) - {"integration"}}


def test_the_rule_names_capability_role_and_limit() -> None:
    assert authorise(asked("log", "coordinator")).rule == "log:coordinator"
    assert authorise(asked("respond", "account_manager")).rule == "respond:account_manager:limit"
    assert authorise(asked("respond", "account_manager")).said() == {
        "rule": "respond:account_manager:limit",
        "version": VERSION,
    }


def test_of_several_roles_the_highest_that_allows_it_counts_and_is_named() -> None:
    assert authorise(asked("answer_consult", "director", "finance", "specialist")).rule == "answer_consult:finance"
    assert authorise(asked("sign", "auditor", "account_manager", "vp")).rule == "sign:vp"


def test_a_role_counts_over_the_accounts_that_it_reaches_itself() -> None:
    own = Reach("portfolio", frozenset({"maria"}), user=MARIA)
    reaches = (("account_manager", own), ("finance", WHOLE))
    there = {"principal": {"reaches": reaches}, "sees": lambda reach: reach.whole}
    here = {"principal": {"reaches": reaches}, "sees": lambda _reach: True}

    assert authorise(asked("negotiate", "account_manager", "finance", **here)).rule == "negotiate:account_manager"
    assert refused(asked("negotiate", "account_manager", "finance", **there))["code"] == "not_yours_to_do"
    assert authorise(asked("budget", "account_manager", "finance", **there)).rule == "budget:finance"


def test_who_may_draft_or_propose_is_pointed_to_a_suggestion() -> None:
    assert refused(asked("sign", "account_manager")) == {
        "code": "needs_suggestion",
        "rule": "sign:account_manager:propose",
        "may": ["senior_account_manager", "director", "vp"],
        "may_suggest": True,
    }
    assert refused(asked("respond", "coordinator"))["rule"] == "respond:coordinator:draft"


def test_who_may_not_is_answered_who_could() -> None:
    assert refused(asked("transfer_ownership", "finance")) == {
        "code": "not_yours_to_do",
        "rule": "transfer_ownership:finance:-",
        "may": ["director", "vp"],
    }
    assert refused(asked("log"))["rule"] == "log:-"
    assert who_could("administer") == ["admin"]


@pytest.mark.parametrize(
    ("role", "author", "hours", "allowed"),
    [
        ("coordinator", MARIA, 23, True), ("coordinator", MARIA, 24, False), ("coordinator", "usr_other", 1, False),
        ("account_manager", MARIA, 23, True), ("account_manager", MARIA, 24, False), ("account_manager", "usr_other", 1, False),
        ("project_manager", MARIA, 9_000, True), ("project_manager", "usr_other", 1, False), ("sales", MARIA, 9_000, True),
        ("senior_account_manager", "usr_other", 9_000, True), ("director", "usr_other", 9_000, True),
        ("vp", "usr_other", 9_000, True), ("finance", MARIA, 1, False), ("auditor", MARIA, 1, False), ("admin", MARIA, 1, False),
    ],
)  # fmt: skip
def test_who_corrects_what(role: str, author: str, hours: int, allowed: bool) -> None:
    stored: dict[str, Stored] = {"evt_1": Logged(0)}
    question = asked(
        "correct",
        role,
        now=hours * HOUR,
        noun="interaction",
        authored=lambda: Authored("evt_1", author),
        stored=stored.get,
    )

    if allowed:
        assert authorise(question).role == role
    else:
        assert refused(question)["may"] == ["senior_account_manager", "director", "vp"]


def test_finance_corrects_money() -> None:
    question = asked("correct", "finance", noun="budget", authored=lambda: Authored("evt_1", "usr_other"))

    assert authorise(question).rule == "correct:finance:money"


def test_what_was_done_on_behalf_of_somebody_is_theirs_to_correct() -> None:
    stored: dict[str, Stored] = {"evt_1": Logged(0, on_behalf_of=MARIA)}
    question = asked("correct", "coordinator", now=HOUR, authored=lambda: Authored("evt_1", "agt_1"), stored=stored.get)

    assert authorise(question).rule == "correct:coordinator:own_24h"


@pytest.mark.parametrize(
    ("author", "source", "said", "allowed"),
    [("key_1", None, None, True), ("key_2", "crm", "crm", True), ("key_2", "crm", "shop", False), ("key_2", None, None, False)],
)  # fmt: skip
def test_an_integration_corrects_what_came_from_its_own_source(
    author: str, source: str | None, said: str | None, allowed: bool
) -> None:
    stored: dict[str, Stored] = {"evt_1": Logged(0, **({} if source is None else {"source": source}))}
    question = Asked(
        Principal("key_1", "integration", roles=("integration",), trust="service"), "correct", "interaction", 0, said,
        authored=lambda: Authored("evt_1", author), stored=stored.get,
    )  # fmt: skip

    if allowed:
        assert authorise(question).rule == "service"
    else:
        assert refused(question)["rule"] == "correct:integration:own_source"


def test_only_who_is_no_user_key_or_agent_is_the_system_unless_it_is_said() -> None:
    assert authorise(asked("watch", actor="system:renewals")).rule == "system"
    assert authorise(asked("watch", actor="usr_maria", principal={"trust": "system"})).rule == "system"
    assert authorise(asked("sign", actor="key_1", principal={"trust": "service"})).rule == "service"
    for actor in ("usr_1", "key_1", "agt_1"):
        assert refused(asked("log", actor=actor))["code"] == "not_yours_to_do"


def test_a_right_that_is_narrowed_is_what_both_allow() -> None:
    def narrowed(question: Asked) -> None:
        if question.capability != "log":
            raise NotAllowed("agent_may_not", "not this agent's")

    agent = {"narrowed": narrowed}

    assert authorise(asked("log", "account_manager", principal=agent)).rule == "log:account_manager"
    assert refused(asked("negotiate", "account_manager", principal=agent))["code"] == "agent_may_not"
    assert refused(asked("log", "finance", principal=agent))["code"] == "not_yours_to_do"


def test_what_a_frontend_offers_is_what_some_role_may_do() -> None:
    assert could(Principal("usr_1", roles=("account_manager",)), "sign") is None
    assert could(Principal("usr_1", roles=("account_manager", "vp")), "sign") == Authorisation("sign:vp", "vp")
    assert could(Principal("key_1", "admin", trust="service"), "sign") is not None


ROLE_SETS = st.lists(st.sampled_from(sorted(ROLES)), max_size=3, unique=True).map(tuple)


@given(ROLE_SETS, st.sampled_from(sorted(RIGHTS)), st.sampled_from([None, "person", "service", "system"]))
def test_the_short_way_allows_what_the_long_way_allows(roles: tuple[str, ...], capability: str, trust: Any) -> None:
    role = roles[0] if roles else ""
    question = asked(capability, *roles, principal={"trust": trust, "role": role})

    if not allowed_at_once(question) and trust not in ("service", "system"):
        try:
            found = authorise(question)
        except NotAllowed:
            return
        assert found.limit in ("first", "own", "own_24h", "money")
