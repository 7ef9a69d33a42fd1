"""The story: the histories of all accounts side by side, in the order in which things happen."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Final

from app.demo.account_history import AccountHistory
from app.demo.account_teams import write_account_team
from app.demo.agents import write_agents
from app.demo.back_office import write_back_office
from app.demo.budgets import write_budgets
from app.demo.interactions import write_interactions
from app.demo.opportunities import write_opportunities
from app.demo.organisation import write_organisation
from app.demo.people import client, currency_of
from app.demo.renewals import write_forecasts
from app.demo.scenarios import SCENARIOS, newcomer
from app.demo.scope_changes import write_scope_changes
from app.demo.scripted_command import NewId, ScriptedCommand
from app.domain.kernel.values import add_days, add_months, day_start, typeid, zone

SEED: Final = "steward demo 2"
"""What all chances and ids of the story are made from."""


def ids(tenant_id: str, start: str) -> NewId:
    """A maker of ids that are always the same for the same tenant and name.

    Source: RFC 9562 section 5.7, UUIDv7, with the story's first instant for its time and a digest in place of randomness.
    """
    milliseconds = day_start(start, zone("UTC")) // 1000

    def new_id(prefix: str, name: str) -> str:
        deal = hashlib.sha256(f"{SEED}|{tenant_id}|{prefix}|{name}".encode()).digest()[:10]
        number = bytearray(milliseconds.to_bytes(6, "big") + deal)
        number[6] = 0x70 | number[6] & 0x0F
        number[8] = 0x80 | number[8] & 0x3F
        return typeid(prefix, bytes(number))

    return new_id


def story(start: str, *, accounts: int, years: int, currency: str, new_id: NewId) -> list[ScriptedCommand]:
    """The story from a day on, always the same. Gives: its commands in order."""
    end = add_months(start, 12 * years)
    histories = [
        _account_history(
            number, start=start, end=end, accounts=accounts, currency=currency_of(number, currency), new_id=new_id
        )
        for number in range(accounts)
    ]
    rng = Random(f"{SEED}|books")  # noqa: S311 - a story, not a secret
    commands = write_back_office(rng, start, end, currency=currency, new_id=new_id, histories=histories)
    staff = Random(f"{SEED}|organisation")  # noqa: S311 - a story, not a secret
    commands += write_organisation(staff, start, end, new_id)
    assistants = Random(f"{SEED}|agents")  # noqa: S311 - a story, not a secret
    commands += write_agents(assistants, start, end, new_id, histories)
    commands += [scripted for history in histories for scripted in history.commands]
    until = day_start(end, zone("UTC"))
    return sorted((scripted for scripted in commands if scripted.at < until), key=lambda scripted: scripted.at)


def _account_history(
    number: int, *, start: str, end: str, accounts: int, currency: str, new_id: NewId
) -> AccountHistory:
    rng = Random(f"{SEED}|{number}")  # noqa: S311 - a story, not a secret
    history = AccountHistory(client(number, rng), rng, start=start, end=end, currency=currency, new_id=new_id)
    scenario = SCENARIOS[number % len(SCENARIOS)]
    history.open(_first_day(number, accounts, start, end, rng, late=scenario is newcomer))
    first = add_days(history.service_periods[0][0], rng.randrange(50, 65))
    scenario(history, f"{first[:8]}01" if rng.random() < 0.7 else f"{first[:8]}15")
    write_interactions(history)
    write_scope_changes(history)
    write_opportunities(history)
    write_budgets(history)
    write_forecasts(history)
    write_account_team(history, Random(f"{SEED}|team|{number}"))  # noqa: S311 - a story, not a secret
    return history


def _first_day(number: int, accounts: int, start: str, end: str, rng: Random, *, late: bool) -> str:
    """Most clients are there from the first quarter on; the others come one after another; some came just now.

    The first comes on the first day, on which the agency sets its rules, too: from its effective day a ledger's story is recognised.
    """
    if number == 0:
        return start
    if late:
        return add_days(end, -rng.randrange(60, 110))
    if number < accounts * 3 // 5:
        return add_days(start, rng.randrange(1, 75))
    days = rng.randrange(90, 240) + (number - accounts * 3 // 5) * 15
    return add_days(start, days)


def digest(commands: Sequence[ScriptedCommand]) -> bytes:
    """What tells one story from another."""
    sha256 = hashlib.sha256()
    for scripted in commands:
        sha256.update(
            f"{scripted.at}|{scripted.actor}|{scripted.role}|{type(scripted.command).__name__}|{scripted.command.model_dump_json()}\n".encode()
        )
    return sha256.digest()
