"""The story: all lives side by side, in the order in which they happened."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Final

from app.demo.account_history import Life
from app.demo.back_office import write_books
from app.demo.budgets import write_budgets
from app.demo.interactions import write_contacts
from app.demo.opportunities import write_chances
from app.demo.people import client, currency_of
from app.demo.renewals import write_forecasts
from app.demo.scenarios import ARCS, newcomer
from app.demo.scope_changes import write_wishes
from app.demo.scripted_command import NewId, Step
from app.domain.kernel.values import add_days, add_months, day_start, typeid, zone

SEED: Final = "steward demo 2"
"""Another story gets another number."""


def ids(tenant_id: str, start: str) -> NewId:
    """A maker of ids that are always the same for the same tenant and name.

    Source: RFC 9562 section 5.7, UUIDv7, with a story's first instant for its time and a digest for chance.
    """
    milliseconds = day_start(start, zone("UTC")) // 1000

    def new_id(prefix: str, name: str) -> str:
        chance = hashlib.sha256(f"{SEED}|{tenant_id}|{prefix}|{name}".encode()).digest()[:10]
        number = bytearray(milliseconds.to_bytes(6, "big") + chance)
        number[6] = 0x70 | number[6] & 0x0F
        number[8] = 0x80 | number[8] & 0x3F
        return typeid(prefix, bytes(number))

    return new_id


def story(start: str, *, accounts: int, years: int, currency: str, new_id: NewId) -> list[Step]:
    """The story from a day on, the same whenever it is told. Gives: its steps in order."""
    end = add_months(start, 12 * years)
    lives = [_life(number, start, end, accounts, currency, new_id) for number in range(accounts)]
    steps = write_books(Random(f"{SEED}|books"), start, end, currency, new_id, lives)  # noqa: S311 - a story, not a secret
    steps += [step for life in lives for step in life.steps]
    until = day_start(end, zone("UTC"))
    return sorted((step for step in steps if step.at < until), key=lambda step: step.at)


def _life(number: int, start: str, end: str, accounts: int, currency: str, new_id: NewId) -> Life:
    rng = Random(f"{SEED}|{number}")  # noqa: S311 - a story, not a secret
    life = Life(client(number, rng), rng, start, end, currency_of(number, currency), new_id)
    arc = ARCS[number % len(ARCS)]
    life.open(_first_day(number, accounts, start, end, rng, late=arc is newcomer))
    first = add_days(life.served[0][0], rng.randrange(50, 65))
    arc(life, f"{first[:8]}01" if rng.random() < 0.7 else f"{first[:8]}15")
    write_contacts(life)
    write_wishes(life)
    write_chances(life)
    write_budgets(life)
    write_forecasts(life)
    return life


def _first_day(number: int, accounts: int, start: str, end: str, rng: Random, *, late: bool) -> str:
    """Most clients are there from the first quarter on; the others come one after another; some came just now.

    The first comes on the first day, on which the agency sets its rules, too: that is how a story's start is found again.
    """
    if number == 0:
        return start
    if late:
        return add_days(end, -rng.randrange(60, 110))
    if number < accounts * 3 // 5:
        return add_days(start, rng.randrange(1, 75))
    days = rng.randrange(90, 240) + (number - accounts * 3 // 5) * 15
    return add_days(start, days)


def digest(steps: Sequence[Step]) -> bytes:
    """What tells one story from another."""
    told = hashlib.sha256()
    for step in steps:
        told.update(
            f"{step.at}|{step.actor}|{step.role}|{type(step.command).__name__}|{step.command.model_dump_json()}\n".encode()
        )
    return told.digest()
