"""Scenarios: how relationships go, each a function that writes the history of an account."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from app.demo import proposals, renewals
from app.demo.account_history import AccountHistory, line
from app.demo.back_office import quarter
from app.demo.handovers import write_handover
from app.demo.people import EXTRAS, FEES, OWNERS, RETAINER, foreign
from app.demo.scripted_command import CommandChain
from app.demo.years import annual, escalate, first_lines, middle, project, raised, renew
from app.domain.contract import commands as contract_commands
from app.domain.kernel.values import add_days, add_months


def steady(history: AccountHistory, start: str) -> None:
    """Year after year, with the rise that was agreed."""
    annual(history, start, ["on_time"], "s", draft_first=True)


def growing(history: AccountHistory, start: str) -> None:
    """Buys more every year and rises into the first tier."""
    history.set_mood(start, 5)
    if history.client.tier != "gold":
        history.set_tier(add_months(start, 11), "gold")
    annual(history, start, ["early", "early"], "u")


def monthly(history: AccountHistory, start: str) -> None:
    """From month to month, dearer once a year."""
    history.sign(start, 1, first_lines(history, start)[:1], auto_renew=True, notice_days=30, renewal_term_months=1)
    for year in range(1, 12):
        escalate(history, add_months(start, 12 * year), 4)


def lost(history: AccountHistory, start: str) -> None:
    """Less and less, and then gone."""
    stays = ["on_time"] if history.client.number % 2 else []
    if not annual(history, start, [*stays, "lost"], "d"):
        history.close(add_days(history.term_end, 30))


def suspended(history: AccountHistory, start: str) -> None:
    """Open-ended, with a suspension in a hard season."""
    history.sign(start, None, first_lines(history, start), notice_days=90)
    suspended_from = add_months(start, 7)
    back = add_months(suspended_from, 2)
    history.suspensions.append((add_days(suspended_from, -10), add_days(back, 10)))
    history.do(
        add_days(suspended_from, -8),
        contract_commands.SuspendContract(
            effective_at=suspended_from,
            effective_end=add_months(suspended_from, 3),
            by="client",
            reason="Short-time work until the season begins.",
        ),
        contract=history.contract,
    )
    history.set_mood(suspended_from, -2)
    history.do(add_days(back, -3), contract_commands.ResumeContract(effective_at=back), contract=history.contract)
    history.set_mood(back, 3)
    for year in range(1, 12):
        escalate(history, add_months(start, 12 * year))


def wavering(history: AccountHistory, start: str) -> None:
    """Gives notice, is won back, and goes on."""
    history.sign(start, 12, first_lines(history, start), auto_renew=True, notice_days=60, renewal_term_months=12)
    recorded_on = add_months(start, 8)
    renewals.begin(history, "wavering")
    history.set_mood(recorded_on, -5)
    history.stop_requests(recorded_on)
    history.do(
        recorded_on,
        contract_commands.GiveNotice(effective_at=recorded_on, by="client", reason="They want to compare offers."),
        contract=history.contract,
    )
    history.risk(add_days(recorded_on, 2), "critical", "0.25", "notice given")
    back = add_days(recorded_on, 40)
    history.do(
        back, contract_commands.WithdrawNotice(reason="The new strategy convinced them."), contract=history.contract
    )
    history.resume_requests(add_days(back, 1))
    history.risk(add_days(back, 1), "on_track", "0.9", "notice withdrawn")
    history.set_mood(back, 4)
    history.renew(add_days(history.term_end, -12), add_months(history.term_end, 12), lines=raised(history, 3))
    while add_days(history.term_end, -180) <= history.end:
        again = history.term_end
        renewals.renew_automatically(history)
        escalate(history, again)


def late(history: AccountHistory, start: str) -> None:
    """Signs when the old term is over; the gap is closed afterwards."""
    annual(history, start, ["late", "on_time", "late"])


def gap(history: AccountHistory, start: str) -> None:
    """Pauses for two months before it goes on."""
    annual(history, start, ["gap"], "s-")


def returning(history: AccountHistory, start: str) -> None:
    """Leaves after a year, and comes back; its new parent company pays in another currency."""
    if annual(history, start, ["lost"], "-"):
        return
    gone, former = history.term_end, history.contract
    history.close(add_days(gone, 20))
    back = add_months(gone, 6)
    history.reopen(add_days(back, -25))
    history.set_mood(add_days(back, -30), 4)
    history.currency = foreign(history.currency)
    annual(history, back, ["on_time"], "u", replaces=former)


def corrected(history: AccountHistory, start: str) -> None:
    """An amendment is typed in wrongly, certified, and corrected once somebody looks; the owner changes on the way."""
    drafted = history.sign(start, 12, first_lines(history, start), notice_days=30)
    history.do(add_days(start, 20), contract_commands.CorrectContract.model_validate(
        {"corrects": "evt_", "terms": {"notice_days": 60}, "reason": "The signed copy says sixty days."}),
        cites=(drafted, "contract.drafted"), contract=history.contract)  # fmt: skip
    day, receiver = add_months(start, 4), OWNERS[(OWNERS.index(history.owner) + 1) % len(OWNERS)]
    rejected = history.client.number % 2 == 0
    write_handover(history, day, receiver, Random(f"handover|{history.client.ref}"), rejected=rejected)  # noqa: S311 - a story, not a secret
    history.hand_over(add_days(day, 9), receiver)
    later = history.client.number // len(SCENARIOS) % 2
    if later:
        renew(history, "on_time")
    day = add_months(start, 17 if later else 5)
    before = history.prices["main"]
    wrong = escalate(history, day, 30)
    history.prices["main"] = before * 103 // 100
    history.lines["main"] = history.lines["main"].model_copy(update={"unit_price": f"{history.prices['main']}.00"})
    change: dict[str, Any] = {
        "op": "set_line",
        "line": "main",
        "unit_price": f"{history.prices['main']}.00",
        "cause": "correction",
    }
    right = contract_commands.CorrectContract.model_validate(
        {"corrects": "evt_", "changes": [change], "reason": "A digit was wrong; the auditors found it."}
    )
    first, last, recorded_on = _year(day) if later else _quarter(day)
    CommandChain(history.rng, history.commands).add(
        recorded_on, history.owner, right, {"contract": history.contract}, cites=(wrong, "contract.amended")
    )
    history.restatements.add((first, last, add_days(recorded_on, 7)))
    while add_days(history.term_end, -180) <= history.end:
        renew(history, "on_time")
        middle(history)


def _quarter(day: str) -> tuple[str, str, str]:
    """In which quarter a mistake of a day lies, and when it is found, once that is closed."""
    first, last = quarter(day)
    return first, last, add_days(last, 33)


def _year(day: str) -> tuple[str, str, str]:
    """In which year a mistake of a day lies, and when it is found, once that is closed."""
    first = f"{day[:4]}-01-01"
    return first, add_months(first, 12), add_days(add_months(first, 12), 40)


def insolvent(history: AccountHistory, start: str) -> None:
    """Goes on by itself, and out of business soon afterwards."""
    start = f"{start[:8]}15"
    history.sign(start, 12, first_lines(history, start), auto_renew=True, notice_days=90, renewal_term_months=12)
    renewals.renew_automatically(history)
    end = add_months(start, 16)
    history.set_mood(add_days(end, -60), -6)
    history.terminate(add_days(end, -10), end, "insolvency", voluntary=False)
    history.close(add_days(end, 60))


def ramped(history: AccountHistory, start: str) -> None:
    """Starts small and grows by the terms of the contract itself."""
    fee = history.client.fee
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
    history.sign(start, 12, lines, notice_days=60, draft_first=True)
    history.prices["main"] = fee
    while add_days(history.term_end, -180) <= history.end:
        renew(history, "deferred")
        middle(history, "u-")


def team(history: AccountHistory, start: str) -> None:
    """Pays for people by the day and changes how many."""
    rate = max(history.client.fee // 15 // 10 * 10, 60)
    people = contract_commands.Line(line="team", product="embedded team", unit_price=f"{rate}.00", interval="day")
    history.sign(start, None, [people], notice_days=30)
    for months, quantity in ((4, "1.5"), (10, "2"), (15, "1.5"), (22, "2.5"), (30, "2")):
        history.amend(
            add_months(start, months), {"op": "set_line", "line": "team", "quantity": quantity, "cause": "negotiation"}
        )
    if len(history.client.name) % 2:
        history.rename(add_months(start, 13), f"{history.client.name} Group")
        history.move(add_months(start, 13), "CH")


def newcomer(history: AccountHistory, start: str) -> None:
    """Came in the last months; a second contract is drafted."""
    history.sign(start, 12, first_lines(history, start), notice_days=60, draft_first=True)
    low, _high = FEES[history.client.tier]
    draft = contract_commands.DraftContract(
        currency=history.currency,
        start=add_months(history.end, 1),
        end=add_months(history.end, 7),
        lines=(line("main", EXTRAS[0], low // 2),),
        external_ref=f"{history.client.ref}-next",
    )
    history.do(add_days(history.end, -9), draft, new_id=history.new_id("ctr"), account=history.account)
    negotiation = proposals.Negotiation(history, "Half a year more", history.contract)
    negotiation.draft(add_days(history.end, -8), draft.lines)
    negotiation.record_position(add_days(history.end, -3))
    sixth = low // 2 * 12 // 6  # of six months' fees; the margin floor lets no account manager do that alone
    negotiation.concede(add_days(history.end, -1), "price", sixth, "two months less in the year")


def evergreen(history: AccountHistory, start: str) -> None:
    """Goes on by itself every year."""
    history.sign(start, 12, first_lines(history, start), auto_renew=True, notice_days=60, renewal_term_months=12)
    while add_days(history.term_end, -180) <= history.end:
        middle(history, "us-")
        renewals.renew_automatically(history)


def lapsed(history: AccountHistory, start: str) -> None:
    """Answers less and less, and lets the contract run out."""
    history.sign(start, 12, first_lines(history, start), notice_days=30)
    end = history.term_end
    renewals.begin(history, "lapsed")
    history.set_mood(add_months(start, 7), -4)
    history.risk(add_days(end, -170), "watch", "0.6", "nobody answers")
    proposals.unanswered(history, add_days(end, -75))
    renewals.expire(history)
    history.close(add_days(end, 60))


SCENARIOS: Final[tuple[Callable[[AccountHistory, str], None], ...]] = (
    steady,
    growing,
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
    growing,
    evergreen,
    lapsed,
)
