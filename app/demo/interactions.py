"""The contacts: calls, mails and meetings of an account, month by month."""

from typing import Any, Final

from app.demo import phrases as words
from app.demo.account_history import Life
from app.demo.people import OWNER_NAMES
from app.demo.scripted_command import Step, Thread
from app.domain.interaction import commands as interaction_commands
from app.domain.kernel.values import add_days, add_months, instant

A_MONTH: Final = {"gold": 4, "silver": 3, "bronze": 2}
"""How many contacts a client of a tier has in a quiet month."""
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
                  "December")  # fmt: skip
_WAYS: Final = (("mail", "inbound"), ("mail", "outbound"), ("call", "outbound"), ("call", "inbound"), ("meeting", "outbound"),
                ("chat", "inbound"), ("portal", "inbound"))  # fmt: skip
_MINUTES: Final = {"call": (4, 40), "meeting": (30, 90), "visit": (60, 240)}


def write_contacts(life: Life) -> None:
    """Writes all contacts of a life; some accounts have one that was logged twice."""
    for start, end in life.served:
        number = 0
        while (first := add_months(start, number)) < end:
            _month(life, first, min(end, life.end), number)
            number += 1


def _month(life: Life, first: str, end: str, number: int) -> None:
    rng = life.rng
    usual = A_MONTH[life.client.tier]
    for _ in range(rng.randrange(usual, usual + 3)):
        day = add_days(first, rng.randrange(1, 28))
        if day < end:
            channel, direction = rng.choice(_WAYS)
            log(life, day, _talk(life, day), channel, direction)
    review = add_days(first, rng.randrange(5, 25))
    if number % 3 == 2 and review < end:
        log(life, review, rng.choice(words.REVIEW), rng.choice(("meeting", "meeting", "visit")), "outbound", people=3)
    if number == 4 and life.client.number % 4 == 1 and add_days(first, 4) < end:
        _twice(life, add_days(first, 3))


def _talk(life: Life, day: str) -> words.Talk:
    """What is talked about: the gladder the client, the better the news."""
    bad, good = (50, 60) if life.mood(day) < 0 else (6, 35)
    drawn = life.rng.randrange(100)
    if drawn < bad:
        return life.rng.choice(words.BAD)
    return life.rng.choice(words.GOOD if drawn < good else words.PLAIN)


def _twice(life: Life, day: str) -> None:
    """A call is logged twice; the second entry is voided the next day."""
    log(life, day, words.PLAIN[0], "call", "outbound")
    again = log(life, day, words.PLAIN[0], "call", "outbound")
    life.aside(
        add_days(day, 1), interaction_commands.VoidInteraction(reason="Logged twice."), interaction=again.new_id or ""
    )


def log(life: Life, day: str, talk: words.Talk, channel: str, direction: str, *, people: int = 1) -> Step:
    """A contact on a day, with some of the client's people and the account's owner."""
    rng, client, owner = life.rng, life.client, life.owner_on(day)
    thread = Thread(rng, life.steps)
    occurred = thread.moment(day)
    subject, summary = words.told(talk, client, rng, _MONTHS[int(day[5:7]) - 1])
    mood = max(-10, min(10, talk.mood + life.mood(day) // 2 + rng.randrange(-1, 2)))
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
        "topics": talk.topics,
        "duration_seconds": rng.randrange(shortest, longest) * 60 if longest else None,
        "visibility": "client" if channel == "portal" else "internal",
    })  # fmt: skip
    return thread.tell(day, owner, command, {"account": life.account}, new_id=life.new_id("int"))


def _share(tenths: int) -> str:
    """Tenths as a decimal string between -1 and 1."""
    sign = "-" if tenths < 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"
