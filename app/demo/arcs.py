"""The arcs: how relationships go, each a function that writes a life."""

from collections.abc import Callable
from typing import Any, Final

from app.demo.cast import EXTRAS, FEES, OWNERS, RETAINER
from app.demo.life import Life, line
from app.demo.years import annual, escalate, first_lines, middle, project, raised, renew
from app.domain import contract_commands
from app.domain.values import add_days, add_months


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
    life.sign(start, 1, first_lines(life)[:1], auto_renew=True, notice_days=30, renewal_term_months=1)
    for year in range(1, 12):
        escalate(life, add_months(start, 12 * year), 4)


def lost(life: Life, start: str) -> None:
    """Less and less, and then gone."""
    stays = ["on_time"] if life.client.number % 2 else []
    if not annual(life, start, [*stays, "lost"], "d"):
        life.close(add_days(life.term_end, 30))


def suspended(life: Life, start: str) -> None:
    """Open-ended, with a rest in a hard season."""
    life.sign(start, None, first_lines(life), notice_days=90)
    rest = add_months(start, 7)
    back = add_months(rest, 2)
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
    life.sign(start, 12, first_lines(life), auto_renew=True, notice_days=60, renewal_term_months=12)
    told = add_months(start, 8)
    life.begin_renewal(add_days(told, -20))
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
    for year in range(2, 12):
        escalate(life, add_months(start, 12 * year))


def late(life: Life, start: str) -> None:
    """Signs when the old term is over; the gap is closed afterwards."""
    annual(life, start, ["late", "on_time", "late"])


def gap(life: Life, start: str) -> None:
    """Pauses for two months before it goes on."""
    annual(life, start, ["gap"], "s-")


def returning(life: Life, start: str) -> None:
    """Leaves after a year, and comes back."""
    if annual(life, start, ["lost"], "-"):
        return
    gone = life.term_end
    life.close(add_days(gone, 20))
    back = add_months(gone, 6)
    life.reopen(add_days(back, -25))
    life.feels(add_days(back, -30), 4)
    annual(life, back, ["on_time"], "u")


def corrected(life: Life, start: str) -> None:
    """An amendment is typed in wrongly and corrected weeks later; the owner changes on the way."""
    life.sign(start, 12, first_lines(life), notice_days=60)
    day = add_months(start, 5)
    before = life.prices["main"]
    wrong = escalate(life, day, 30)
    right: dict[str, Any] = {
        "op": "set_line",
        "line": "main",
        "unit_price": f"{before * 103 // 100}.00",
        "cause": "correction",
    }
    life.do(add_days(day, 33), contract_commands.CorrectContract(corrects="evt_", changes=(right,), reason="A digit was wrong."),
            corrects=wrong, contract=life.contract)  # fmt: skip
    life.prices["main"] = before * 103 // 100
    life.hand_over(add_months(start, 7), OWNERS[(OWNERS.index(life.owner) + 1) % len(OWNERS)])
    while add_days(life.term_end, -120) <= life.end:
        renew(life, "on_time")
        middle(life)


def insolvent(life: Life, start: str) -> None:
    """Goes out of business in the middle of a term."""
    life.sign(start, 12, first_lines(life), auto_renew=True, notice_days=90, renewal_term_months=12)
    end = add_months(start, 16)
    life.feels(add_days(end, -60), -6)
    life.terminate(add_days(end, -10), end, "insolvency", voluntary=False)
    life.close(add_days(end, 60))


def ramped(life: Life, start: str) -> None:
    """Starts small and grows by the terms of the contract itself."""
    fee = life.client.fee
    lines = [
        line("main", RETAINER, fee // 2),
        line("ramp-1", RETAINER, fee // 4, start=add_months(start, 3)),
        line("ramp-2", RETAINER, fee // 4, start=add_months(start, 6)),
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
    while add_days(life.term_end, -120) <= life.end:
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
    life.sign(start, 12, first_lines(life), notice_days=60, draft_first=True)
    low, _high = FEES[life.client.tier]
    draft = contract_commands.DraftContract(
        currency=life.currency,
        start=add_months(life.end, 1),
        end=add_months(life.end, 7),
        lines=(line("main", EXTRAS[0], low // 2),),
        external_ref=f"{life.client.ref}-next",
    )
    life.do(add_days(life.end, -9), draft, new_id=life.new_id("ctr"), account=life.account)


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
)
