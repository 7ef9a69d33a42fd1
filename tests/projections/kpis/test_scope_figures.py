"""Work beyond what was agreed, and other ways that were taken instead."""

from fractions import Fraction

from projections.kpis.base import measure
from projections.kpis.scope import ALTERNATIVE_ACCEPTANCE, SCOPE_CREEP_RATIO, ScopeChangeOutcome, scope_change_outcomes
from projections.views.scope_changes import ScopeChange
from tests.projections.kpis.contract_lines_factory import at

JUNE = at("2025-06-01")
PERIOD = (at("2025-01-01"), at("2026-01-01"))


def scope_change(name: str, **more: object) -> ScopeChange:
    return ScopeChange(name, "acct_1", None, None, "Title", None, None, None, JUNE, "raised", [], 1, JUNE, **more)  # type: ignore[arg-type]


def creep(rows: list[ScopeChangeOutcome]) -> Fraction | None:
    return measure(SCOPE_CREEP_RATIO.methods["hours"], rows).value


def taken(rows: list[ScopeChangeOutcome]) -> Fraction | None:
    return measure(ALTERNATIVE_ACCEPTANCE.methods["count"], rows).value


def test_absorbed_hours_are_set_against_those_that_came_into_contracts() -> None:
    rows = scope_change_outcomes(
        [
            scope_change("scr_1", absorbed_at=JUNE, absorbed_hours=7_500_000, effort_hours=9_000_000),
            scope_change("scr_2", amended_at=JUNE, effort_hours=30_000_000),
            scope_change("scr_3", effort_hours=1_000_000_000),
        ],
        *PERIOD,
    )

    assert creep(rows) == Fraction(1, 4)


def test_only_what_happened_within_the_period_counts() -> None:
    row = scope_change(
        "scr_1",
        absorbed_at=at("2025-01-01"),
        absorbed_hours=5_000_000,
        amended_at=at("2026-01-01"),
        effort_hours=10_000_000,
    )

    [within] = scope_change_outcomes([row], *PERIOD)
    assert (within.absorbed, within.contracted) == (5_000_000, 0)
    assert scope_change_outcomes([row], at("2024-01-01"), at("2025-01-01")) == []


def test_hours_absorbed_where_nothing_was_contracted_give_no_ratio() -> None:
    assert (
        creep(scope_change_outcomes([scope_change("scr_1", absorbed_at=JUNE, absorbed_hours=5_000_000)], *PERIOD))
        is None
    )


def test_a_contracted_change_without_an_estimate_is_warned_of() -> None:
    rows = scope_change_outcomes([scope_change("scr_1", amended_at=JUNE)], *PERIOD)

    assert SCOPE_CREEP_RATIO.warn(rows, measure(SCOPE_CREEP_RATIO.methods["hours"], rows)) == {"effort_not_assessed": 1}


def test_alternatives_count_when_they_were_offered_whenever_they_were_decided() -> None:
    rows = scope_change_outcomes(
        [
            scope_change("scr_1", responded_at=JUNE, with_alternative=True, accepted=True, decided_at=at("2027-01-01")),
            scope_change("scr_2", responded_at=JUNE, with_alternative=True, accepted=False),
            scope_change("scr_3", responded_at=JUNE, with_alternative=True),
            scope_change("scr_4", responded_at=JUNE, with_alternative=False, accepted=True),
            scope_change("scr_5", responded_at=at("2024-06-01"), with_alternative=True, accepted=True),
        ],
        *PERIOD,
    )

    assert taken(rows) == Fraction(1, 3)
    assert ALTERNATIVE_ACCEPTANCE.warn(rows, measure(ALTERNATIVE_ACCEPTANCE.methods["count"], rows)) == {
        "undecided_alternatives": 1
    }


def test_no_offer_gives_no_rate() -> None:
    assert taken(scope_change_outcomes([scope_change("scr_1", responded_at=JUNE)], *PERIOD)) is None
