"""The arcs: how relationships go, each a function that writes a life."""

from collections.abc import Callable
from typing import Any, Final

from app.demo import proposals as offers
from app.demo import renewals as cycles
from app.demo.account_history import Life, line
from app.demo.back_office import quarter
from app.demo.people import EXTRAS, FEES, OWNERS, RETAINER, foreign
from app.demo.scripted_command import Thread
from app.demo.years import annual, escalate, first_lines, middle, project, raised, renew
from app.domain.contract import commands as contract_commands
from app.domain.kernel.values import add_days, add_months


def steady(life: Life, start: str) -> None:
    """Year after year, with the rise that was agreed."""
    annual(life, start, ["on_time"], "s", draft_first=True)


def grower(life: Life, start: str) -> None:
    """Buys more every year and rises into the first tier."""
    life.feels(start, 5)
    if life.client.tier != "gold":
        life.set_tier(add_months(start, 11), "gold")
    annual(life, start, ["early", "early"], "u")


def monthly(life: Life, start: str) -> None:
    """From month to month, dearer once a year."""
    life.sign(start, 1, first_lines(life, start)[:1], auto_renew=True, notice_days=30, renewal_term_months=1)
    for year in range(1, 12):
        escalate(life, add_months(start, 12 * year), 4)


def lost(life: Life, start: str) -> None:
    """Less and less, and then gone."""
    stays = ["on_time"] if life.client.number % 2 else []
    if not annual(life, start, [*stays, "lost"], "d"):
        life.close(add_days(life.term_end, 30))


def suspended(life: Life, start: str) -> None:
    """Open-ended, with a rest in a hard season."""
    life.sign(start, None, first_lines(life, start), notice_days=90)
    rest = add_months(start, 7)
    back = add_months(rest, 2)
    life.resting.append((add_days(rest, -10), add_days(back, 10)))
    life.do(
        add_days(rest, -8),
        contract_commands.SuspendContract(
            effective_at=rest,
            effective_end=add_months(rest, 3),
            by="client",
            reason="Short-time work until the season begins.",
        ),
        contract=life.contract,
    )
    life.feels(rest, -2)
    life.do(add_days(back, -3), contract_commands.ResumeContract(effective_at=back), contract=life.contract)
    life.feels(back, 3)
    for year in range(1, 12):
        escalate(life, add_months(start, 12 * year))


def wavering(life: Life, start: str) -> None:
    """Gives notice, is won back, and goes on."""
    life.sign(start, 12, first_lines(life, start), auto_renew=True, notice_days=60, renewal_term_months=12)
    told = add_months(start, 8)
    cycles.begin(life, "wavering")
    life.feels(told, -5)
    life.quiet(told)
    life.do(
        told,
        contract_commands.GiveNotice(effective_at=told, by="client", reason="They want to compare offers."),
        contract=life.contract,
    )
    life.risk(add_days(told, 2), "critical", "0.25", "notice given")
    back = add_days(told, 40)
    life.do(back, contract_commands.WithdrawNotice(reason="The new strategy convinced them."), contract=life.contract)
    life.lively(add_days(back, 1))
    life.risk(add_days(back, 1), "on_track", "0.9", "notice withdrawn")
    life.feels(back, 4)
    life.renew(add_days(life.term_end, -12), add_months(life.term_end, 12), lines=raised(life, 3))
    while add_days(life.term_end, -180) <= life.end:
        again = life.term_end
        cycles.go_on(life)
        escalate(life, again)


def late(life: Life, start: str) -> None:
    """Signs when the old term is over; the gap is closed afterwards."""
    annual(life, start, ["late", "on_time", "late"])


def gap(life: Life, start: str) -> None:
    """Pauses for two months before it goes on."""
    annual(life, start, ["gap"], "s-")


def returning(life: Life, start: str) -> None:
    """Leaves after a year, and comes back; its new parent company pays in another currency."""
    if annual(life, start, ["lost"], "-"):
        return
    gone, former = life.term_end, life.contract
    life.close(add_days(gone, 20))
    back = add_months(gone, 6)
    life.reopen(add_days(back, -25))
    life.feels(add_days(back, -30), 4)
    life.currency = foreign(life.currency)
    annual(life, back, ["on_time"], "u", replaces=former)


def corrected(life: Life, start: str) -> None:
    """An amendment is typed in wrongly, certified, and corrected once somebody looks; the owner changes on the way."""
    drafted = life.sign(start, 12, first_lines(life, start), notice_days=30)
    life.do(add_days(start, 20), contract_commands.CorrectContract.model_validate(
        {"corrects": "evt_", "terms": {"notice_days": 60}, "reason": "The signed copy says sixty days."}),
        cites=(drafted, "contract.drafted"), contract=life.contract)  # fmt: skip
    life.hand_over(add_months(start, 4), OWNERS[(OWNERS.index(life.owner) + 1) % len(OWNERS)])
    later = life.client.number // len(ARCS) % 2
    if later:
        renew(life, "on_time")
    day = add_months(start, 17 if later else 5)
    before = life.prices["main"]
    wrong = escalate(life, day, 30)
    life.prices["main"] = before * 103 // 100
    life.lines["main"] = life.lines["main"].model_copy(update={"unit_price": f"{life.prices['main']}.00"})
    change: dict[str, Any] = {
        "op": "set_line",
        "line": "main",
        "unit_price": f"{life.prices['main']}.00",
        "cause": "correction",
    }
    right = contract_commands.CorrectContract.model_validate(
        {"corrects": "evt_", "changes": [change], "reason": "A digit was wrong; the auditors found it."}
    )
    first, last, found = _year(day) if later else _quarter(day)
    Thread(life.rng, life.steps).tell(
        found, life.owner, right, {"contract": life.contract}, cites=(wrong, "contract.amended")
    )
    life.restated.add((first, last, add_days(found, 7)))
    while add_days(life.term_end, -180) <= life.end:
        renew(life, "on_time")
        middle(life)


def _quarter(day: str) -> tuple[str, str, str]:
    """In which quarter a mistake of a day lies, and when it is found, once that is closed."""
    first, last = quarter(day)
    return first, last, add_days(last, 33)


def _year(day: str) -> tuple[str, str, str]:
    """In which year a mistake of a day lies, and when it is found, once that is closed."""
    first = f"{day[:4]}-01-01"
    return first, add_months(first, 12), add_days(add_months(first, 12), 40)


def insolvent(life: Life, start: str) -> None:
    """Goes on by itself, and out of business soon afterwards."""
    start = f"{start[:8]}15"
    life.sign(start, 12, first_lines(life, start), auto_renew=True, notice_days=90, renewal_term_months=12)
    cycles.go_on(life)
    end = add_months(start, 16)
    life.feels(add_days(end, -60), -6)
    life.terminate(add_days(end, -10), end, "insolvency", voluntary=False)
    life.close(add_days(end, 60))


def ramped(life: Life, start: str) -> None:
    """Starts small and grows by the terms of the contract itself."""
    fee = life.client.fee
    ramp = [{"start": add_months(start, 3), "unit_price": f"{fee * 3 // 4}.00"},
            {"start": add_months(start, 6), "unit_price": f"{fee}.00"}]  # fmt: skip
    lines = [
        line("main", RETAINER, fee // 2, ramp=ramp),
        contract_commands.Line(
            line="adspend",
            product="ad spend commitment",
            kind="usage_commit",
            unit_price=f"{fee // 5}.00",
            interval="month",
        ),
        project("set-up", "website relaunch", fee * 3),
    ]
    life.sign(start, 12, lines, notice_days=60, draft_first=True)
    life.prices["main"] = fee
    while add_days(life.term_end, -180) <= life.end:
        renew(life, "deferred")
        middle(life, "u-")


def team(life: Life, start: str) -> None:
    """Pays for people by the day and changes how many."""
    rate = max(life.client.fee // 15 // 10 * 10, 60)
    people = contract_commands.Line(line="team", product="embedded team", unit_price=f"{rate}.00", interval="day")
    life.sign(start, None, [people], notice_days=30)
    for months, quantity in ((4, "1.5"), (10, "2"), (15, "1.5"), (22, "2.5"), (30, "2")):
        life.amend(
            add_months(start, months), {"op": "set_line", "line": "team", "quantity": quantity, "cause": "negotiation"}
        )
    if len(life.client.name) % 2:
        life.rename(add_months(start, 13), f"{life.client.name} Group")


def newcomer(life: Life, start: str) -> None:
    """Came in the last months; a second contract lies on the table."""
    life.sign(start, 12, first_lines(life, start), notice_days=60, draft_first=True)
    low, _high = FEES[life.client.tier]
    draft = contract_commands.DraftContract(
        currency=life.currency,
        start=add_months(life.end, 1),
        end=add_months(life.end, 7),
        lines=(line("main", EXTRAS[0], low // 2),),
        external_ref=f"{life.client.ref}-next",
    )
    life.do(add_days(life.end, -9), draft, new_id=life.new_id("ctr"), account=life.account)
    talks = offers.Talks(life, "Half a year more", life.contract)
    talks.offer(add_days(life.end, -8), draft.lines)
    talks.listen(add_days(life.end, -3))
    sixth = low // 2 * 12 // 6  # of six months' fees; the margin floor lets no account manager do that alone
    talks.give(add_days(life.end, -1), "price", sixth, "two months less in the year")


def evergreen(life: Life, start: str) -> None:
    """Goes on by itself every year."""
    life.sign(start, 12, first_lines(life, start), auto_renew=True, notice_days=60, renewal_term_months=12)
    while add_days(life.term_end, -180) <= life.end:
        middle(life, "us-")
        cycles.go_on(life)


def lapsed(life: Life, start: str) -> None:
    """Answers less and less, and lets the contract run out."""
    life.sign(start, 12, first_lines(life, start), notice_days=30)
    end = life.term_end
    cycles.begin(life, "lapsed")
    life.feels(add_months(start, 7), -4)
    life.risk(add_days(end, -170), "watch", "0.6", "nobody answers")
    offers.unanswered(life, add_days(end, -75))
    cycles.run_out(life)
    life.close(add_days(end, 60))


ARCS: Final[tuple[Callable[[Life, str], None], ...]] = (
    steady,
    grower,
    monthly,
    lost,
    suspended,
    wavering,
    late,
    steady,
    gap,
    returning,
    corrected,
    insolvent,
    ramped,
    team,
    newcomer,
    grower,
    evergreen,
    lapsed,
)
