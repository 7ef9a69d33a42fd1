"""A year of an account: what a client buys, what happens between two renewals, and how a renewal goes."""

from collections.abc import Sequence
from itertools import chain, repeat

from app.demo import opportunities, proposals, renewals
from app.demo.account_history import AccountHistory, line
from app.demo.people import COMPETITORS, EXTRAS, PROJECTS, RETAINER, share
from app.demo.scripted_command import ScriptedCommand
from app.domain.contract import commands as contract_commands
from app.domain.kernel.values import add_days, add_months
from app.domain.renewal import commands as renewal_commands

Lines = list[contract_commands.Line]


# --- what a client buys ---


def first_lines(history: AccountHistory, start: str) -> Lines:
    """What a new client signs: a retainer, mostly something beside it, sometimes a project; some get a discount to begin with."""
    fee, rng = history.client.fee, history.rng
    percent, months = rng.choice(((None, 0), (None, 0), (None, 0), ("5", 0), ("10", 18), ("20", 6)))
    end = add_months(start, months) if months else None
    lines = [line("main", RETAINER, fee, discount_percent=percent, discount_end=end)]
    for number, product in enumerate(rng.sample(EXTRAS, rng.randrange(0, 3)), start=1):
        lines.append(line(f"extra-{number}", product, share(fee, product)))
    if rng.random() < 0.3:
        lines.append(project("project-1", rng.choice(PROJECTS), fee * 2))
    return lines


def project(name: str, product: str, price: int) -> contract_commands.Line:
    """A line that is paid once."""
    return contract_commands.Line(line=name, product=product, kind="one_off", unit_price=f"{price}.00")


def raised(history: AccountHistory, percent: int) -> Lines:
    """The lines of the next term: the retainer dearer by so many percent, the others as they are, without temporary terms."""
    prices = {**history.prices, "main": history.prices["main"] * (100 + percent) // 100}
    cleared = {"start": None, "end": None, "discount_percent": None, "discount_end": None, "ramp": None}
    return [
        one.model_copy(update={**cleared, "unit_price": f"{prices[name]}.00"}) for name, one in history.lines.items()
    ]


# --- a year ---


def upsell(history: AccountHistory, day: str) -> None:
    """One more service."""
    product = history.rng.choice(EXTRAS)
    more = line(f"more-{day}", product, share(history.client.fee, product))
    change = {"op": "add_line", **more.model_dump(include={"line", "product", "unit_price", "interval"})}
    opportunities.won(history, add_days(day, -5), history.contract, more, history.amend(day, change))


def escalate(history: AccountHistory, day: str, percent: int = 3) -> ScriptedCommand:
    """The yearly rise that the contract foresees."""
    price = history.prices["main"] * (100 + percent) // 100
    return history.amend(day, {"op": "set_line", "line": "main", "unit_price": f"{price}.00", "cause": "escalator"})


def downsell(history: AccountHistory, day: str) -> None:
    """Less than before."""
    price = history.prices["main"] * 80 // 100
    history.amend(day, {"op": "set_line", "line": "main", "unit_price": f"{price}.00", "cause": "negotiation"})


def middle(history: AccountHistory, moods: str = "usd-") -> None:
    """What happens between two renewals: u(psell), s(teady rise), d(ownsell) or nothing."""
    day = add_months(history.term_start, history.rng.randrange(3, 8))
    match history.rng.choice(moods):
        case "u":
            upsell(history, day)
        case "s":
            escalate(history, day)
        case "d":
            downsell(history, day)


# --- a renewal ---


def renew(history: AccountHistory, outcome: str) -> bool:
    """The renewal of the current term. Gives: whether the client stayed."""
    end, rng = history.term_end, history.rng
    renewals.begin(history, outcome)
    next_end = add_months(end, 12)
    if outcome == "lost":
        return _lose(history)
    if outcome == "early":
        history.risk(add_days(end, -80), "on_track", "0.95", "strong results", "growing budget")
        start = add_days(end, -30)
        negotiated(history, add_days(end, -50), add_months(start, 12), raised(history, 12), start=start)
        return True
    history.risk(
        add_days(end, -75),
        rng.choice(("on_track", "on_track", "watch")),
        rng.choice(("0.8", "0.85", "0.9")),
        "steady work",
    )
    match outcome:
        case "late":
            history.risk(add_days(end, -10), "at_risk", "0.6", "procurement is slow")
            proposals.unanswered(history, add_days(end, -70))
            recorded_on = add_days(end, rng.randrange(6, 20))
            history.renew(recorded_on, next_end, start=recorded_on, retroactive=True)
        case "gap":
            history.risk(add_days(end, -10), "critical", "0.4", "budget is not released")
            renewals.expire(history)
            start = add_months(end, 2)
            history.renew(add_days(start, -6), add_months(start, 12), start=start)
        case "deferred":
            history.do(add_days(end, -30), renewal_commands.DeferRenewal(new_due=add_days(end, 14), reason="Their board meets later."),
                    renewal=history.renewal)  # fmt: skip
            history.renew(add_days(end, -2), next_end, lines=raised(history, 2))
        case _:
            recorded_on = add_days(end, -rng.randrange(8, 25))
            if rng.random() < 0.6:
                negotiated(history, recorded_on, next_end, raised(history, 4))
            else:
                history.renew(recorded_on, next_end)
    return True


def negotiated(history: AccountHistory, recorded_on: str, end: str, lines: Lines, *, start: str = "") -> None:
    """A further term that was talked about, on paper and in versions."""
    renewal = history.renewal
    renewed = history.renew(recorded_on, end, start=start, lines=lines)
    proposals.agreed(history, recorded_on, lines, renewed, renewal)


def _lose(history: AccountHistory) -> bool:
    end, rng = history.term_end, history.rng
    history.set_mood(add_days(end, -150), -4)
    history.risk(add_days(end, -90), "at_risk", "0.5", "declining engagement", "new decision maker")
    history.risk(add_days(end, -50), "critical", "0.2", "tender announced", "champion left")
    proposals.refused(history, add_days(end, -70), raised(history, 5))
    reason, competitor = rng.choice((("went to a competitor", rng.choice(COMPETITORS)), ("price", None), ("budget cut", None),
                                     ("moved in-house", COMPETITORS[-1])))  # fmt: skip
    history.terminate(add_days(end, -rng.randrange(16, 30)), end, reason, competitor=competitor)
    return False


def annual(
    history: AccountHistory,
    start: str,
    outcomes: Sequence[str],
    moods: str = "usd-",
    *,
    draft_first: bool = False,
    replaces: str | None = None,
) -> bool:
    """A contract of a year, renewed by these outcomes and then on time until the story ends. Gives: whether it goes on."""
    history.sign(start, 12, first_lines(history, start), notice_days=history.rng.choice((60, 90)), draft_first=draft_first,
              replaces=replaces)  # fmt: skip
    for outcome in chain(outcomes, repeat("on_time")):
        middle(history, moods)
        if add_days(history.term_end, -180) > history.end:
            return True
        if not renew(history, outcome):
            return False
    return True
