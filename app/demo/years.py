"""The years: what a client buys, what happens between two renewals, and how a renewal goes."""

from collections.abc import Sequence
from itertools import chain, repeat

from app.demo.cast import COMPETITORS, EXTRAS, PROJECTS, RETAINER, Offer
from app.demo.life import Life, Step, line
from app.domain import contract_commands, renewal
from app.domain.values import add_days, add_months

Lines = list[contract_commands.Line]


# --- what a client buys ---


def first_lines(life: Life) -> Lines:
    """What a new client signs: a retainer, mostly something beside it, sometimes a project."""
    fee, rng = life.client.fee, life.rng
    lines = [line("main", RETAINER, fee, discount_percent="5" if rng.random() < 0.2 else None)]
    for number, offer in enumerate(rng.sample(EXTRAS, rng.randrange(0, 3)), start=1):
        lines.append(line(f"extra-{number}", offer, share(fee, offer)))
    if rng.random() < 0.3:
        lines.append(project("project-1", rng.choice(PROJECTS), fee * 2))
    return lines


def project(name: str, product: str, price: int) -> contract_commands.Line:
    """A line that is paid once."""
    return contract_commands.Line(line=name, product=product, kind="one_off", unit_price=f"{price}.00")


def share(fee: int, offer: Offer) -> int:
    """The price of an offer for a client of a fee, in whole tens."""
    return max(fee * offer.percent // 100 // 10 * 10, 40)


def raised(life: Life, percent: int) -> Lines:
    """The retainer for the next term, dearer by so many percent."""
    price = life.prices["main"] * (100 + percent) // 100
    return [line("main", RETAINER, price)]


# --- a year ---


def upsell(life: Life, day: str) -> None:
    """One more service."""
    offer = life.rng.choice(EXTRAS)
    name = f"more-{day}"
    life.amend(day, {"op": "add_line", "line": name, "product": offer.product, "unit_price": f"{share(life.client.fee, offer)}.00",
                     "interval": offer.interval})  # fmt: skip


def escalate(life: Life, day: str, percent: int = 3) -> Step:
    """The yearly rise that the contract foresees."""
    price = life.prices["main"] * (100 + percent) // 100
    return life.amend(day, {"op": "set_line", "line": "main", "unit_price": f"{price}.00", "cause": "escalator"})


def downsell(life: Life, day: str) -> None:
    """Less than before."""
    price = life.prices["main"] * 80 // 100
    life.amend(day, {"op": "set_line", "line": "main", "unit_price": f"{price}.00", "cause": "negotiation"})


def middle(life: Life, moods: str = "usd-") -> None:
    """What happens between two renewals: u(psell), s(teady rise), d(ownsell) or nothing."""
    day = add_months(life.term_start, life.rng.randrange(3, 8))
    match life.rng.choice(moods):
        case "u":
            upsell(life, day)
        case "s":
            escalate(life, day)
        case "d":
            downsell(life, day)


# --- a renewal ---


def renew(life: Life, outcome: str) -> bool:
    """The renewal of the current term. Gives: whether the client stayed."""
    end, rng = life.term_end, life.rng
    life.begin_renewal(add_days(end, -rng.randrange(95, 115)))
    next_end = add_months(end, 12)
    if outcome == "lost":
        return _lose(life)
    if outcome == "early":
        life.risk(add_days(end, -80), "on_track", "0.95", "strong results", "growing budget")
        start = add_days(end, -30)
        life.renew(add_days(end, -50), add_months(start, 12), start=start, lines=raised(life, 12))
        return True
    life.risk(
        add_days(end, -75),
        rng.choice(("on_track", "on_track", "watch")),
        rng.choice(("0.8", "0.85", "0.9")),
        "steady work",
    )
    match outcome:
        case "late":
            life.risk(add_days(end, -10), "at_risk", "0.6", "procurement is slow")
            told = add_days(end, rng.randrange(6, 20))
            life.renew(told, next_end, start=told, retroactive=True)
        case "gap":
            life.risk(add_days(end, -10), "critical", "0.4", "budget is not released")
            start = add_months(end, 2)
            life.renew(add_days(start, -6), add_months(start, 12), start=start)
        case "deferred":
            life.do(add_days(end, -30), renewal.DeferRenewal(new_due=add_days(end, 14), reason="Their board meets later."),
                    renewal=life.cycle)  # fmt: skip
            life.renew(add_days(end, -2), next_end, lines=raised(life, 2))
        case _:
            life.renew(
                add_days(end, -rng.randrange(8, 25)), next_end, lines=raised(life, 4) if rng.random() < 0.5 else ()
            )
    return True


def _lose(life: Life) -> bool:
    end, rng = life.term_end, life.rng
    life.feels(add_days(end, -150), -4)
    life.risk(add_days(end, -90), "at_risk", "0.5", "declining engagement", "new decision maker")
    life.risk(add_days(end, -50), "critical", "0.2", "tender announced", "champion left")
    reason, competitor = rng.choice((("went to a competitor", rng.choice(COMPETITORS)), ("price", None), ("budget cut", None),
                                     ("moved in-house", COMPETITORS[-1])))  # fmt: skip
    life.terminate(add_days(end, -rng.randrange(16, 30)), end, reason, competitor=competitor)
    return False


def annual(life: Life, start: str, outcomes: Sequence[str], moods: str = "usd-", *, draft_first: bool = False) -> bool:
    """A contract of a year, renewed by these outcomes and then on time until the story ends. Gives: whether it goes on."""
    life.sign(start, 12, first_lines(life), notice_days=life.rng.choice((60, 90)), draft_first=draft_first)
    for outcome in chain(outcomes, repeat("on_time")):
        middle(life, moods)
        if add_days(life.term_end, -120) > life.end:
            return True
        if not renew(life, outcome):
            return False
    return True
