"""The years: what a client buys, what happens between two renewals, and how a renewal goes."""

from collections.abc import Sequence
from itertools import chain, repeat

from app.demo import opportunities as chances
from app.demo import proposals as offers
from app.demo import renewals as cycles
from app.demo.account_history import Life, line
from app.demo.people import COMPETITORS, EXTRAS, PROJECTS, RETAINER, share
from app.demo.scripted_command import Step
from app.domain.contract import commands as contract_commands
from app.domain.kernel.values import add_days, add_months
from app.domain.renewal import commands as renewal_commands

Lines = list[contract_commands.Line]


# --- what a client buys ---


def first_lines(life: Life, start: str) -> Lines:
    """What a new client signs: a retainer, mostly something beside it, sometimes a project; some get a discount to begin with."""
    fee, rng = life.client.fee, life.rng
    percent, months = rng.choice(((None, 0), (None, 0), (None, 0), ("5", 0), ("10", 18), ("20", 6)))
    end = add_months(start, months) if months else None
    lines = [line("main", RETAINER, fee, discount_percent=percent, discount_end=end)]
    for number, offer in enumerate(rng.sample(EXTRAS, rng.randrange(0, 3)), start=1):
        lines.append(line(f"extra-{number}", offer, share(fee, offer)))
    if rng.random() < 0.3:
        lines.append(project("project-1", rng.choice(PROJECTS), fee * 2))
    return lines


def project(name: str, product: str, price: int) -> contract_commands.Line:
    """A line that is paid once."""
    return contract_commands.Line(line=name, product=product, kind="one_off", unit_price=f"{price}.00")


def raised(life: Life, percent: int) -> Lines:
    """The lines of the next term: the retainer dearer by so many percent, the others as they are, without what was agreed once."""
    prices = {**life.prices, "main": life.prices["main"] * (100 + percent) // 100}
    told = {"start": None, "end": None, "discount_percent": None, "discount_end": None, "ramp": None}
    return [one.model_copy(update={**told, "unit_price": f"{prices[name]}.00"}) for name, one in life.lines.items()]


# --- a year ---


def upsell(life: Life, day: str) -> None:
    """One more service."""
    offer = life.rng.choice(EXTRAS)
    more = line(f"more-{day}", offer, share(life.client.fee, offer))
    change = {"op": "add_line", **more.model_dump(include={"line", "product", "unit_price", "interval"})}
    chances.won(life, add_days(day, -5), life.contract, more, life.amend(day, change))


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
    cycles.begin(life, outcome)
    next_end = add_months(end, 12)
    if outcome == "lost":
        return _lose(life)
    if outcome == "early":
        life.risk(add_days(end, -80), "on_track", "0.95", "strong results", "growing budget")
        start = add_days(end, -30)
        negotiated(life, add_days(end, -50), add_months(start, 12), raised(life, 12), start=start)
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
            offers.unanswered(life, add_days(end, -70))
            told = add_days(end, rng.randrange(6, 20))
            life.renew(told, next_end, start=told, retroactive=True)
        case "gap":
            life.risk(add_days(end, -10), "critical", "0.4", "budget is not released")
            cycles.run_out(life)
            start = add_months(end, 2)
            life.renew(add_days(start, -6), add_months(start, 12), start=start)
        case "deferred":
            life.do(add_days(end, -30), renewal_commands.DeferRenewal(new_due=add_days(end, 14), reason="Their board meets later."),
                    renewal=life.cycle)  # fmt: skip
            life.renew(add_days(end, -2), next_end, lines=raised(life, 2))
        case _:
            told = add_days(end, -rng.randrange(8, 25))
            if rng.random() < 0.6:
                negotiated(life, told, next_end, raised(life, 4))
            else:
                life.renew(told, next_end)
    return True


def negotiated(life: Life, told: str, end: str, lines: Lines, *, start: str = "") -> None:
    """A further term that was talked about, on paper and in versions."""
    cycle = life.cycle
    renewed = life.renew(told, end, start=start, lines=lines)
    offers.agreed(life, told, lines, renewed, cycle)


def _lose(life: Life) -> bool:
    end, rng = life.term_end, life.rng
    life.feels(add_days(end, -150), -4)
    life.risk(add_days(end, -90), "at_risk", "0.5", "declining engagement", "new decision maker")
    life.risk(add_days(end, -50), "critical", "0.2", "tender announced", "champion left")
    offers.refused(life, add_days(end, -70), raised(life, 5))
    reason, competitor = rng.choice((("went to a competitor", rng.choice(COMPETITORS)), ("price", None), ("budget cut", None),
                                     ("moved in-house", COMPETITORS[-1])))  # fmt: skip
    life.terminate(add_days(end, -rng.randrange(16, 30)), end, reason, competitor=competitor)
    return False


def annual(
    life: Life,
    start: str,
    outcomes: Sequence[str],
    moods: str = "usd-",
    *,
    draft_first: bool = False,
    replaces: str | None = None,
) -> bool:
    """A contract of a year, renewed by these outcomes and then on time until the story ends. Gives: whether it goes on."""
    life.sign(start, 12, first_lines(life, start), notice_days=life.rng.choice((60, 90)), draft_first=draft_first,
              replaces=replaces)  # fmt: skip
    for outcome in chain(outcomes, repeat("on_time")):
        middle(life, moods)
        if add_days(life.term_end, -180) > life.end:
            return True
        if not renew(life, outcome):
            return False
    return True
