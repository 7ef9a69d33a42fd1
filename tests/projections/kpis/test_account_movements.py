"""What each account paid, and what its movements are called."""

import itertools
from fractions import Fraction

from projections.kpis.account_movements import Movement
from tests.projections.kpis.contract_lines_factory import at, changed, line, moved, over, value

YEAR = ("2025-01-01", "2026-01-01")


def test_a_change_on_the_first_day_belongs_to_the_period_and_one_on_the_last_boundary_does_not() -> None:
    book = changed("a", ("2024-01-01", "100"), ("2025-01-01", "150"), ("2026-01-01", "170"))

    assert moved(book, *YEAR) == {"opening": 100, "expansion": 50, "closing": 150}
    assert moved(book, "2026-01-01", "2027-01-01") == {"opening": 150, "expansion": 20, "closing": 170}
    assert moved(book, "2024-01-01", "2025-01-01") == {"new": 100, "closing": 100}


def test_a_line_that_ends_on_the_first_day_was_still_paid_when_the_period_opened() -> None:
    book = [line("a", "100", "2024-01-01", "2025-01-01")]

    assert moved(book, *YEAR) == {"opening": 100, "churn": 100}
    assert value("client_retention_rate", book, *YEAR) == 0


def test_what_happens_to_an_account_at_one_instant_is_netted() -> None:
    moves = [
        line("a", "100", "2024-01-01", "2025-03-01", contract="old"),
        line("a", "40", "2025-03-01", contract="new", line="one"),
        line("a", "90", "2025-03-01", contract="new", line="two"),
    ]

    assert moved(moves, *YEAR) == {"opening": 100, "expansion": 30, "closing": 130}


def test_a_second_contract_is_expansion_and_the_end_of_one_of_two_is_contraction() -> None:
    book = [line("a", "100", "2024-01-01"), line("a", "60", "2025-02-01", "2025-06-01", contract="a-2")]

    assert moved(book, *YEAR) == {"opening": 100, "expansion": 60, "contraction": 60, "closing": 100}


def test_the_first_payment_ever_is_new_and_a_return_is_a_reactivation_however_long_ago() -> None:
    book = [line("a", "100", "2020-01-01", "2020-02-01"), line("a", "80", "2025-05-01"), line("b", "70", "2025-05-01")]

    assert moved(book, *YEAR) == {"new": 70, "reactivation": 80, "closing": 150}


def test_who_joins_and_leaves_in_the_period_is_in_the_waterfall_and_in_no_churn_rate() -> None:
    book = [line("a", "100", "2024-01-01"), line("b", "50", "2025-02-01", "2025-04-01")]

    assert moved(book, *YEAR) == {"opening": 100, "new": 50, "churn": 50, "closing": 100}
    assert value("customer_churn_rate", book, *YEAR) == 0
    assert value("gross_mrr_churn_rate", book, *YEAR) == 0
    assert value("net_mrr_churn_rate", book, *YEAR) == 0


def test_a_rest_is_contraction_by_hold_and_no_churn_and_its_end_is_expansion() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-03-01"),
        line("a", "100", "2025-03-01", "2025-07-01", held=True),
        line("a", "100", "2025-07-01"),
    ]
    [row] = over(book, *YEAR)

    hundred = 1200 * 10**6
    assert row.movements == (
        Movement(at("2025-03-01"), "contraction", hundred, hundred, 0),
        Movement(at("2025-07-01"), "expansion", hundred, hundred, 0),
    )
    assert moved(book, *YEAR) == {"opening": 100, "contraction": 100, "expansion": 100, "closing": 100}
    assert value("client_retention_rate", book, *YEAR) == 1
    assert value("client_retention_rate", book, *YEAR, "strict") == 0


def test_an_account_that_rests_at_the_end_pays_nothing_and_counts_as_resting() -> None:
    book = [line("a", "100", "2024-01-01", "2025-03-01"), line("a", "100", "2025-03-01", held=True)]
    [row] = over(book, *YEAR)

    assert row.suspended
    assert row.closing == 0
    assert value("client_retention_rate", book, *YEAR) == 0


def test_a_contract_that_ends_while_it_rests_is_no_second_loss_and_a_return_is_a_reactivation() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-03-01"),
        line("a", "100", "2025-03-01", "2025-07-01", held=True),
        line("a", "100", "2025-09-01", contract="a-2"),
    ]

    assert moved(book, *YEAR) == {"opening": 100, "contraction": 100, "reactivation": 100, "closing": 100}


def test_a_hold_of_one_contract_while_another_ends_is_contraction_of_which_only_the_hold_is_tagged() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-03-01"),
        line("a", "100", "2025-03-01", held=True),
        line("a", "40", "2024-01-01", "2025-03-01", contract="a-2"),
    ]
    [row] = over(book, *YEAR)

    assert row.movements == (Movement(at("2025-03-01"), "contraction", 1680 * 10**6, 1200 * 10**6, 0),)


def test_a_contract_that_rests_from_its_first_day_is_new_when_it_is_paid_for_the_first_time() -> None:
    book = [line("a", "100", "2025-02-01", "2025-03-01", held=True), line("a", "100", "2025-03-01")]

    assert moved(book, *YEAR) == {"new": 100, "closing": 100}


def test_an_escalator_is_expansion_and_tagged_as_agreed_up_front() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-03-01"),
        line("a", "103", "2025-03-01", cause="escalator"),
        line("a", "10", "2025-03-01", line="extra", cause="new"),
    ]
    [row] = over(book, *YEAR)

    assert row.movements == (Movement(at("2025-03-01"), "expansion", 156 * 10**6, 0, 36 * 10**6),)


def test_a_tag_is_never_more_than_its_movement() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-03-01"),
        line("a", "100", "2025-03-01", held=True),
        line("a", "80", "2025-03-01", contract="a-2"),
    ]
    [row] = over(book, *YEAR)

    assert row.movements == (Movement(at("2025-03-01"), "contraction", 240 * 10**6, 240 * 10**6, 0),)


def test_free_and_one_off_lines_and_a_contracts_own_row_count_for_nothing() -> None:
    book = [
        line("a", "0", "2024-01-01"),
        line("a", "900", "2024-01-01", line="setup", kind="one_off"),
        line("a", "500", "2024-01-01", line=""),
        line("b", "100", "2024-01-01", "2025-06-01"),
        line("b", "0", "2024-01-01", line="free"),
    ]

    assert moved(book, *YEAR) == {"opening": 100, "churn": 100}


def test_a_committed_minimum_of_usage_counts() -> None:
    assert moved([line("a", "100", "2024-01-01", kind="usage_commit")], *YEAR) == {"opening": 100, "closing": 100}


def test_periods_chain() -> None:
    book = [
        *changed("a", ("2024-01-01", "100"), ("2025-04-01", "150"), ("2025-07-01", "0"), ("2025-10-01", "80")),
        *changed("b", ("2025-04-01", "33.333333"), ("2025-10-01", "0")),
    ]
    quarters = ["2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01", "2026-01-01"]
    parts = [moved(book, start, end) for start, end in itertools.pairwise(quarters)]

    for earlier, later in itertools.pairwise(parts):
        assert earlier.get("closing", 0) == later.get("opening", 0)
    whole = moved(book, *YEAR)
    for kind in ("new", "expansion", "reactivation", "contraction", "churn"):
        assert sum((part.get(kind, Fraction(0)) for part in parts), Fraction(0)) == whole.get(kind, 0)
