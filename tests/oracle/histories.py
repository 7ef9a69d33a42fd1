"""Random histories of contracts: what is signed and happens to it, when it is said, and when watchers run.

A step is a dict of plain values. Days are told by an anchor of the contract (its start, an end, today) and an offset, so that they
lie where something is decided; `when` says how long before or after its own day a thing is said to be effective.
"""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.oracle.contracts import months_after

Step = dict[str, Any]
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland")
BEGINS = ("2023-01-10", "2024-09-01", "2026-06-15")
"""When the first thing is told: history is told as it happens, or long afterwards."""
STARTS = (
    "2023-01-31", "2023-02-28", "2023-03-01", "2023-07-01", "2023-08-30", "2024-02-29", "2024-03-31", "2024-07-01", "2024-11-30",
    "2025-01-01", "2025-01-31",
)  # fmt: skip
OFFSETS = (0, 0, 0, -1, 1, -30, 10, -100, 45, 200)
PRICES = ("100.00", "250.50", "40.00", "1000.00", "0.00")
INTERVALS = ("month", "month", "quarter", "year", "week")
KINDS = (
    "amend", "amend", "amend", "renew", "renew", "renew", "terminate", "notice", "notice", "withdraw", "suspend", "suspend", "resume",
    "defer", "correct", "correct", "add", "remove",
)  # fmt: skip
PASS = st.builds(
    lambda days, watch: {"do": "pass", "days": days, "watch": watch},
    st.sampled_from((1, 30, 100, 200, 400)),
    st.booleans(),
)


@st.composite
def lines(draw: st.DrawFn, more: bool = True) -> list[dict[str, Any]]:
    """The lines of a contract: one that recurs, and maybe a further one."""
    main = {
        "line": "main", "kind": draw(st.sampled_from(("recurring", "recurring", "recurring", "usage_commit", "one_off"))),
        "quantity": draw(st.sampled_from(("1", "1", "3", "0"))), "price": draw(st.sampled_from(PRICES)),
        "interval": draw(st.sampled_from(INTERVALS)), "discount": draw(st.sampled_from((None, None, None, "10", "100"))),
    }  # fmt: skip
    second = (
        draw(
            st.sampled_from(
                (None, None, None, None, "one_off", "one_off", "recurring", "recurring", "recurring", "credit")
            )
        )
        if more
        else None
    )
    if second is None:
        return [main]
    kind, price = ("recurring", "-20.00") if second == "credit" else (second, "60.00")
    return [
        main,
        {"line": "more", "kind": kind, "quantity": "1", "price": price, "interval": "month", "discount": None},
    ]


@st.composite
def deals(draw: st.DrawFn, sold: int) -> Step:
    """A contract to be signed. Takes: how many were sold before, one of which it may replace."""
    start = date.fromisoformat(draw(st.sampled_from(STARTS)))
    length = draw(st.sampled_from((None, 1, 3, 12, 12, 12, 24)))
    end = None if length is None else months_after(start, length)
    return {
        "do": "sign", "account": draw(st.integers(0, 1)), "start": start, "end": end, "auto_renew": draw(st.booleans()),
        "months": draw(st.sampled_from((None, 1, 3, 12, 24))), "notice_days": draw(st.sampled_from((0, 30, 90))),
        "lines": draw(lines()), "replaces": draw(st.sampled_from((None, None, *range(sold)))) if sold else None,
        "when": draw(st.sampled_from((0, 0, -20, None))),
    }  # fmt: skip


@st.composite
def acts(draw: st.DrawFn, sold: int) -> Step:
    """Something that happens to one of the contracts. when: how many days after its own day it is effective; None for now."""
    kind = draw(st.sampled_from(KINDS))
    act: Step = {
        "do": kind, "which": draw(st.integers(0, sold - 1)), "anchor": draw(st.integers(0, 4)),
        "offset": draw(st.sampled_from(OFFSETS)), "when": draw(st.sampled_from((None, None, 0, -60, 20))),
        "number": draw(st.integers(0, 5)), "price": draw(st.sampled_from(PRICES)),
        "span": draw(st.sampled_from((None, 30, 100, 400))),
    }  # fmt: skip
    if kind == "renew":
        act["months"] = draw(st.sampled_from((None, 1, 12, 12, 24)))
        act["lines"] = draw(st.sampled_from((None, None, True)))
        act["lines"] = draw(lines(more=False)) if act["lines"] else None
    return act


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """A history: a zone, rules, contracts and what happens to them, days that pass, and watchers that run or not."""
    first = {
        "do": "begin", "zone": draw(st.sampled_from(ZONES)), "day": draw(st.sampled_from(BEGINS)),
        "grace_days": draw(st.sampled_from((None, None, 0, 60))),
    }  # fmt: skip
    sold = draw(st.sampled_from((1, 1, 2)))
    steps = [first, *(draw(deals(number)) for number in range(sold))]
    steps += draw(st.lists(st.one_of(acts(sold), acts(sold), acts(sold), PASS), min_size=4, max_size=14))
    return steps


QUESTIONS = st.lists(
    st.fixed_dictionaries(
        {
            "day": st.none() | st.sampled_from(STARTS) | st.dates(date(2023, 1, 1), date(2027, 12, 31)).map(str),
            "share": st.none() | st.integers(0, 10),
            "period": st.sampled_from((("2023-01-01", "2028-01-01"), ("2024-01-01", "2025-01-01"), ("2025-01-01", "2026-01-01"))),
        }
    ),
    min_size=2,
    max_size=4,
)  # fmt: skip
"""What is asked: as of a day or now, known at a share of the positions or now."""
