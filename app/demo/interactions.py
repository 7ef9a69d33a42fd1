"""Interactions: calls, mails and meetings of an account, month by month."""

from typing import Any, Final

from app.demo import phrases
from app.demo.account_history import AccountHistory
from app.demo.people import OWNER_NAMES
from app.demo.scripted_command import CommandChain, ScriptedCommand
from app.domain.interaction import commands as interaction_commands
from app.domain.kernel.values import add_days, add_months, instant

A_MONTH: Final = {"gold": 4, "silver": 3, "bronze": 2}
"""How many interactions a client of a tier has in a quiet month."""
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
                  "December")  # fmt: skip
_CHANNELS: Final = (("mail", "inbound"), ("mail", "outbound"), ("call", "outbound"), ("call", "inbound"), ("meeting", "outbound"),
                ("chat", "inbound"), ("portal", "inbound"))  # fmt: skip
_MINUTES: Final = {"call": (4, 40), "meeting": (30, 90), "visit": (60, 240)}


def write_interactions(history: AccountHistory) -> None:
    """Writes all interactions of an account; some accounts have one that was logged twice."""
    for start, end in history.service_periods:
        number = 0
        while (first := add_months(start, number)) < end:
            _month(history, first, min(end, history.end), number)
            number += 1


def _month(history: AccountHistory, first: str, end: str, number: int) -> None:
    rng = history.rng
    usual = A_MONTH[history.client.tier]
    for _ in range(rng.randrange(usual, usual + 3)):
        day = add_days(first, rng.randrange(1, 28))
        if day < end:
            channel, direction = rng.choice(_CHANNELS)
            log(history, day, _topic(history, day), channel, direction)
    review = add_days(first, rng.randrange(5, 25))
    if number % 3 == 2 and review < end:
        log(
            history,
            review,
            rng.choice(phrases.REVIEW),
            rng.choice(("meeting", "meeting", "visit")),
            "outbound",
            people=3,
        )
    if number == 4 and history.client.number % 4 == 1 and add_days(first, 4) < end:
        _logged_twice(history, add_days(first, 3))


def _topic(history: AccountHistory, day: str) -> phrases.Topic:
    """What is talked about: the more satisfied the client, the better the news."""
    bad, good = (50, 60) if history.mood(day) < 0 else (6, 35)
    drawn = history.rng.randrange(100)
    if drawn < bad:
        return history.rng.choice(phrases.BAD)
    return history.rng.choice(phrases.GOOD if drawn < good else phrases.PLAIN)


def _logged_twice(history: AccountHistory, day: str) -> None:
    """A call is logged twice; the second entry is voided the next day."""
    log(history, day, phrases.PLAIN[0], "call", "outbound")
    again = log(history, day, phrases.PLAIN[0], "call", "outbound")
    history.do_apart(
        add_days(day, 1), interaction_commands.VoidInteraction(reason="Logged twice."), interaction=again.new_id or ""
    )


def log(
    history: AccountHistory, day: str, topic: phrases.Topic, channel: str, direction: str, *, people: int = 1
) -> ScriptedCommand:
    """An interaction on a day, with some of the client's people and the account's owner."""
    rng, client, owner = history.rng, history.client, history.owner_on(day)
    chain = CommandChain(rng, history.commands)
    occurred = chain.moment(day)
    subject, summary = phrases.fill_in(topic, client, rng, _MONTHS[int(day[5:7]) - 1])
    mood = max(-10, min(10, topic.mood + history.mood(day) // 2 + rng.randrange(-1, 2)))
    shortest, longest = _MINUTES.get(channel, (0, 0))
    guests: list[dict[str, Any]] = [
        {
            "name": name,
            "role": title,
            "email": f"{name.lower().replace(' ', '.')}@{client.mail_domain}" if channel == "mail" else None,
        }
        for name, title in client.contacts[:people]
    ]
    command = interaction_commands.LogInteraction.model_validate({
        "channel": channel,
        "direction": direction,
        "occurred_at": instant(occurred),
        "effective_at": instant(occurred),
        "subject": subject,
        "summary": summary,
        "participants": [*guests, {"name": OWNER_NAMES[owner], "role": "account manager"}],
        "sentiment": _share(mood) if channel != "portal" else None,
        "topics": topic.topics,
        "duration_seconds": rng.randrange(shortest, longest) * 60 if longest else None,
        "visibility": "client" if channel == "portal" else "internal",
    })  # fmt: skip
    return chain.add(day, owner, command, {"account": history.account}, new_id=history.new_id("int"))


def _share(tenths: int) -> str:
    """Tenths as a decimal string between -1 and 1."""
    sign = "-" if tenths < 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"
