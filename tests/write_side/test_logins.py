"""A login is one person's for ever, and the database alone does not tell whose."""

import hashlib
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.aggregates import DECISIONS
from app.domain.user.commands import BindLogin, InviteUser
from app.domain.user.decisions import LOGIN, former_login_claims
from app.store.tables import refs
from tests.domain.scenario import refusal
from tests.support.application import Steward


def test_nobody_tells_from_the_database_alone_whose_login_it_is(steward: Steward) -> None:
    login = BindLogin(issuer="https://login.example", subject="7")
    maria = steward.do(InviteUser(name="Maria"), role="admin").id
    steward.do(login, role="admin", user=maria)

    with steward.runtime.log.database.read(steward.tenant) as connection:
        kept = list(
            connection.scalars(select(refs.c.ref).where(refs.c.noun == LOGIN, refs.c.tenant_id == steward.tenant))
        )

    assert kept == [steward.runtime.vault.mark(steward.tenant, b"https://login.example\n7").hex()]
    assert kept != [hashlib.sha256(b"https://login.example\n7").hexdigest()]


def test_a_login_that_an_older_ledger_claimed_is_still_one_persons(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = BindLogin(issuer="https://login.example", subject="7")
    maria, ruth = (steward.do(InviteUser(name=name), role="admin").id for name in ("Maria", "Ruth"))
    with monkeypatch.context() as older:
        decision = replace(DECISIONS[BindLogin], claims=former_login_claims, former_claims=None)
        older.setitem(DECISIONS, BindLogin, decision)
        steward.do(login, role="admin", user=maria)

    assert refusal(steward, login, role="admin", user=ruth) == "Refused login_taken"
    assert steward.do(login, role="admin", user=maria).version == 3
