"""Of what fell due, how much goes on."""

from fractions import Fraction

from app.domain.kernel.values import FOREVER
from projections.kpis.base import measure
from projections.kpis.renewals import RENEWAL_RATE, due
from projections.views.renewals import Renewal
from tests.projections.kpis.contract_lines_factory import at

MILLION = 10**6
ROW = Renewal(
    account="acct_1",
    contract="ctr_1",
    due="2025-07-01",
    valid_from=0,
    valid_to=FOREVER,
    due_at=at("2025-07-01"),
    currency="USD",
    notice_deadline="2025-06-01",
    atr=1200 * MILLION,
    outcome="open",
)


def rate(rows: list[Renewal], method: str, start: str = "2025-01-01", end: str = "2026-01-01") -> Fraction | None:
    """The rate of a period."""
    return measure(RENEWAL_RATE.methods[method], due(rows, at(start), at(end))).value


def won(value: int, **more: object) -> Renewal:
    return ROW._replace(outcome="renewed", renewed=value * MILLION, **more)


def test_value_counts_growth_only_where_it_is_not_capped() -> None:
    rows = [won(1500), won(900, contract="ctr_2"), ROW._replace(contract="ctr_3", outcome="lost")]

    assert rate(rows, "count") == Fraction(2, 3)
    assert rate(rows, "value") == Fraction(1200 + 900, 3600)
    assert rate(rows, "net_value") == Fraction(1500 + 900, 3600)


def test_growth_of_one_contract_never_makes_up_for_the_loss_of_another() -> None:
    rows = [won(100_000), ROW._replace(contract="ctr_2", outcome="lost")]

    assert rate(rows, "value") == Fraction(1, 2)


def test_a_decision_counts_on_its_due_day_however_early_or_late_it_came() -> None:
    early = won(1200, decided_at=at("2024-12-01"), timing="early")
    late = won(1200, contract="ctr_2", decided_at=at("2026-02-01"), timing="late")

    assert rate([early, late], "count") == 1
    assert rate([early, late], "count", "2024-01-01", "2025-01-01") is None


def test_what_is_due_on_the_first_day_belongs_to_the_period_and_on_the_last_boundary_does_not() -> None:
    assert rate([won(1200)], "count", "2025-07-01", "2025-08-01") == 1
    assert rate([won(1200)], "count", "2025-06-01", "2025-07-01") is None


def test_a_contract_that_renews_itself_goes_on_unless_notice_was_given() -> None:
    itself = ROW._replace(auto_renew=True, continues=ROW.atr)
    noticed = itself._replace(noticed=True, contract="ctr_2")

    assert rate([itself], "net_value") == 1
    assert rate([itself, noticed], "count") == Fraction(1, 2)


def test_what_goes_on_by_itself_goes_on_at_what_runs_at_its_due_day() -> None:
    grown = ROW._replace(auto_renew=True, continues=1800 * MILLION)

    assert rate([grown], "net_value") == Fraction(3, 2)
    assert rate([grown], "value") == 1


def test_a_notice_is_a_decision_and_no_undecided_end() -> None:
    rows = due([ROW, ROW._replace(noticed=True, contract="ctr_2")], at("2025-01-01"), at("2026-01-01"))

    assert RENEWAL_RATE.warn(rows, measure(RENEWAL_RATE.methods["count"], rows)) == {"undecided_renewals": 1}


def test_an_open_decision_counts_as_not_renewed_and_is_warned_of() -> None:
    rows = due([ROW, won(1200, contract="ctr_2")], at("2025-01-01"), at("2026-01-01"))
    measured = measure(RENEWAL_RATE.methods["count"], rows)

    assert measured.value == Fraction(1, 2)
    assert RENEWAL_RATE.warn(rows, measured) == {"undecided_renewals": 1}
    assert RENEWAL_RATE.warn(rows[1:], measured) == {}
