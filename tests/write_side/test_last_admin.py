"""The last admin, when two are taken at the same moment: each of two processes sees the other one still there."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.domain.api_key.commands import RecordApiKey, RevokeApiKey
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError
from app.domain.user.commands import GrantRole, InviteUser, RevokeRole, SuspendUser
from tests.support.application import Steward

ROUNDS = 3
"""How often the same race is run; each goes one way or the other."""
ADMIN = GrantRole(role="admin", start="2026-01-01")
Taking = tuple[Command, dict[str, str]]


@pytest.fixture
def other(steward: Steward) -> Iterator[Steward]:
    """Like another process on the same database: other memory, other committer."""
    made = Steward(steward.settings.database_url)
    yield made
    made.close()


class Race:
    """Two admins' commands at the same moment, each in a process of its own."""

    def __init__(self, steward: Steward, other: Steward) -> None:
        self.stewards = (steward, other)
        self._numbers = iter(range(10_000))

    def do(self, command: Command, *, by: int = 0, **targets: str) -> str:
        """Handles a command as an admin. Gives: the id of what it is about."""
        receipt = self.stewards[by].do(
            command, tenant=self.stewards[0].tenant, key=f"race-{next(self._numbers)}", role="admin", **targets
        )
        return receipt.id

    def admin(self) -> str:
        """A user who is an admin."""
        user = self.do(InviteUser(name="Maria"))
        self.do(ADMIN, user=user)
        return user

    def key(self, user: str | None = None) -> str:
        """A key of an admin."""
        members: dict[str, Any] = {"user": user} if user else {"role": "admin"}
        return self.do(RecordApiKey(secret_sha256="0" * 64, **members))

    def run(self, takings: tuple[Taking, Taking]) -> list[str]:
        """What became of the two commands, as sorted codes."""
        begin, ends = threading.Barrier(2), ["", ""]

        def take(by: int) -> None:
            command, targets = takings[by]
            begin.wait()
            try:
                self.do(command, by=by, **targets)
                ends[by] = "done"
            except DomainError as refusal:
                ends[by] = refusal.code

        threads = [threading.Thread(target=take, args=(by,)) for by in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return sorted(ends)


def suspended_or_revoked(race: Race) -> tuple[Taking, Taking]:
    """Two admins, of whom one is suspended while the other one's role is taken."""
    return (SuspendUser(), {"user": race.admin()}), (RevokeRole(grant=1), {"user": race.admin()})


def both_suspended(race: Race) -> tuple[Taking, Taking]:
    """Two admins, each of whom is suspended."""
    return (SuspendUser(), {"user": race.admin()}), (SuspendUser(), {"user": race.admin()})


def both_keys_revoked(race: Race) -> tuple[Taking, Taking]:
    """Two keys of admins, each of which is revoked."""
    return (RevokeApiKey(), {"api_key": race.key()}), (RevokeApiKey(), {"api_key": race.key()})


def the_key_of_one_and_the_person_of_the_other(race: Race) -> tuple[Taking, Taking]:
    """An admin's personal key and the key of a service: the person is suspended while the other key is revoked."""
    person, key = race.admin(), race.key()
    race.key(person)
    race.admin()  # so that it is not the last person
    return (SuspendUser(), {"user": person}), (RevokeApiKey(), {"api_key": key})


@pytest.mark.parametrize(
    ("prepared", "refused"),
    [
        (both_suspended, "last_admin"),
        (suspended_or_revoked, "last_admin"),
        (both_keys_revoked, "last_admin_key"),
        (the_key_of_one_and_the_person_of_the_other, "last_admin_key"),
    ],
)
def test_of_two_that_would_take_the_last_admin_at_the_same_moment_one_is_refused(
    steward: Steward, other: Steward, prepared: Callable[[Race], tuple[Taking, Taking]], refused: str
) -> None:
    for _ in range(ROUNDS):
        steward.tenant = steward.new_tenant("Agency")  # in which nobody else is an admin
        race = Race(steward, other)

        assert race.run(prepared(race)) == ["done", refused]
