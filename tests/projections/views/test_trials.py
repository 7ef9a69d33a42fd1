"""Trials in the two views of what is paid: lines and run rates say the same, however a contract came to what it is."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.views import contract_lines, run_rates
from tests.domain.contract.test_schedule import END, UTC, Told, amended, at, build, contract, events, line, set_line

DAYS = [f"2026-{month:02}-01" for month in range(1, 12)]
DAY = st.sampled_from(DAYS)
FREE = st.fixed_dictionaries(
    {"discount_percent": st.sampled_from(["100", "100", "50"]), "discount_end": DAY | st.just("2027-06-01")}
)
CHANGE = st.one_of(
    st.fixed_dictionaries({"unit_price": st.sampled_from(["0", "100", "40"])}),
    FREE,
    st.fixed_dictionaries({"discount_end": DAY}),
)
NAME = st.sampled_from(["main", "more"])


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """A contract of two lines that may be free at first, with changes, swaps of lines, rests and a renewal, in any order."""
    told = contract(
        *(line(name, draw(st.sampled_from(["0", "100"])), **draw(st.just({}) | FREE)) for name in ("main", "more"))
    )
    for number in range(draw(st.integers(0, 6))):
        day, name = draw(DAY), draw(NAME)
        swap = [
            {"op": "remove_line", "line": name},
            {"op": "add_line", **line(f"new-{number}", "70", **draw(st.just({}) | FREE))},
        ]
        told.append(
            draw(
                st.one_of(
                    CHANGE.map(lambda change, day=day, name=name: amended(day, set_line(name, **change))),
                    st.just(amended(day, *swap)),
                    st.just(("contract.suspended", day, {})),
                    st.just(("contract.resumed", day, {})),
                )
            )
        )
    if draw(st.booleans()):
        lines = [line(draw(NAME), "90", **draw(st.just({}) | FREE))]
        told.append(
            ("contract.renewed", "2026-12-01", {"start": END, "end": "2028-01-01", "timing": "on_time", "lines": lines})
        )
    return told


def folded(view: Any, told: list[Told]) -> list[Any]:
    """A view's rows after all events, one after the other."""
    rows: dict[Any, Any] = {}
    for event in events(told):
        rows = dict(view.fold(rows, event, UTC)) if event.type in view.on else rows
    return list(rows.values())


@given(histories())
@settings(max_examples=60, deadline=None)
def test_lines_and_run_rates_say_the_same_of_trials_after_every_history(told: list[Told]) -> None:
    intervals = build(told).intervals()
    lines = [row for row in folded(contract_lines.VIEW, told) if row.line]
    assert sorted((row.line, row.valid_from, row.valid_to, row.annual, str(row.trial)) for row in lines) == sorted(
        (each.line, each.start, each.end, each.annual, str(each.trial)) for each in intervals
    )
    rates = [row for row in folded(run_rates.VIEW, told) if not row.contract]
    for moment in map(at, [*DAYS, END, "2027-07-01"]):
        paid = sum(row.annual for row in lines if row.valid_from <= moment < row.valid_to)
        assert paid == sum(row.annual for row in rates if row.valid_from <= moment < row.valid_to)


@given(histories())
@settings(max_examples=60, deadline=None)
def test_a_trial_pays_nothing_and_nothing_was_paid_for_the_line_before_it_without_a_gap(told: list[Told]) -> None:
    intervals = build(told).intervals()
    for each in intervals:
        before = next((one for one in intervals if (one.line, one.end) == (each.line, each.start)), None)
        free = each.gross == each.lasting + each.temporary
        if each.trial is not None:
            assert free
            assert each.annual == 0
            assert before is None or before.trial is not None or before.suspended
        elif free and before is not None:
            assert before.trial is None
