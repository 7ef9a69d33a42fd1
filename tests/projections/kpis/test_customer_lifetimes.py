"""Lives and tenures: how long accounts stay, by the calendar of their own start."""

from zoneinfo import ZoneInfo

from app.domain.kernel.values import day_start
from projections.kpis.customer_lifetimes import LONGEST, CustomerLifetime, Tenure, customer_lifetimes, tenures
from projections.views.contract_lines import ContractLine
from tests.projections.kpis.contract_lines_factory import UTC, at, changed, line


def tenures_in(lines: list[ContractLine], until: str, months: int = 12) -> list[tuple[int, bool]]:
    """The tenures of a book, seen until a day's first instant."""
    return [tuple(tenure) for tenure in tenures(customer_lifetimes(lines, at(until)), months, UTC)]


def spells(lines: list[ContractLine], until: str = "2030-01-01") -> list[tuple[int, int | None]]:
    [life] = customer_lifetimes(lines, at(until))
    return [tuple(spell) for spell in life.spans()]


def test_an_account_that_pays_on_has_one_spell_without_an_end() -> None:
    assert spells([line("a", "10", "2020-03-05")]) == [(at("2020-03-05"), None)]


def test_contracts_that_follow_each_other_without_a_gap_are_one_spell() -> None:
    book = [
        line("a", "10", "2020-01-01", "2021-01-01"),
        line("a", "30", "2021-01-01", "2022-01-01", contract="a-2"),
        line("a", "5", "2020-06-01", "2020-07-01", contract="a-3"),
    ]
    assert spells(book) == [(at("2020-01-01"), at("2022-01-01"))]


def test_a_rest_does_not_end_a_spell_but_an_end_while_resting_does() -> None:
    book = [
        line("a", "10", "2020-01-01", "2020-05-01"),
        line("a", "10", "2020-05-01", "2020-08-01", held=True),
        line("a", "10", "2020-08-01", "2021-01-01"),
    ]
    assert spells(book) == [(at("2020-01-01"), at("2021-01-01"))]
    assert spells(book[:2]) == [(at("2020-01-01"), at("2020-08-01"))]


def test_who_comes_back_begins_another_spell() -> None:
    book = [line("a", "10", "2020-01-01", "2021-01-01"), line("a", "10", "2021-03-01", contract="a-2")]

    assert spells(book) == [(at("2020-01-01"), at("2021-01-01")), (at("2021-03-01"), None)]
    assert tenures_in(book, "2023-04-01") == [(1, True), (2, False)]


def test_who_never_paid_and_what_lies_ahead_counts_for_nothing() -> None:
    book = [
        line("free", "0", "2020-01-01"),
        line("once", "10", "2020-01-01", kind="one_off"),
        line("resting", "10", "2020-01-01", held=True),
        line("ahead", "10", "2025-01-01"),
    ]
    assert customer_lifetimes(book, at("2024-01-01")) == []
    assert [life.account for life in customer_lifetimes(book, at("2025-01-02"))] == ["ahead"]


def test_an_end_that_lies_ahead_is_not_known_by_then() -> None:
    book = [line("a", "10", "2020-01-01", "2023-01-01")]

    assert tenures_in(book, "2023-01-01") == [(2, False)]
    assert tenures_in(book, "2023-01-02") == [(3, True)]


def test_an_account_is_lost_at_the_first_renewal_point_that_it_does_not_pass() -> None:
    assert tenures_in([line("a", "10", "2020-01-01", "2021-01-01")], "2030-01-01") == [(1, True)]
    assert tenures_in([line("a", "10", "2020-01-01", "2020-04-01")], "2030-01-01") == [(1, True)]
    assert tenures_in([line("a", "10", "2020-01-01", "2021-04-01")], "2030-01-01") == [(2, True)]
    assert tenures_in([line("a", "10", "2020-01-01", "2021-04-01")], "2030-01-01", 1) == [(15, True)]


def test_until_its_renewal_point_has_passed_an_early_loss_is_censored_like_those_that_go_on() -> None:
    """Otherwise those who can only have been lost yet would be at risk alone."""
    book = [line("a", "10", "2020-01-01", "2021-04-01")]

    assert tenures_in(book, "2021-06-01") == [(1, False)]
    assert tenures_in(book, "2022-01-01") == [(1, False)]
    assert tenures_in(book, "2022-01-02") == [(2, True)]


def test_months_are_those_of_the_calendar_whatever_their_length() -> None:
    book = [line("a", "10", "2020-01-31")]

    assert tenures_in(book, "2020-02-29", 1) == [(0, False)]
    assert tenures_in(book, "2020-03-01", 1) == [(1, False)]
    assert tenures_in(book, "2021-01-31", 1) == [(11, False)]
    assert tenures_in(book, "2021-02-01", 1) == [(12, False)]
    assert tenures_in(book, "2021-02-01", 3) == [(4, False)]
    assert tenures_in([line("leap", "10", "2020-02-29")], "2021-03-01") == [(1, False)]


def test_days_begin_at_midnight_in_the_zone_also_where_a_day_has_23_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start, end = day_start("2020-03-01", berlin), day_start("2020-04-01", berlin)
    book = [line("a", "10", "2020-01-01")._replace(valid_from=start, valid_to=end)]

    assert tenures(customer_lifetimes(book, end), 1, berlin) == [Tenure(0, False)]
    assert tenures(customer_lifetimes(book, end + 1), 1, berlin) == [Tenure(1, True)]
    assert tenures(customer_lifetimes(book, end + 1), 1, UTC) == [Tenure(1, False)]


def test_a_spell_of_centuries_is_looked_at_for_a_bounded_time() -> None:
    [tenure] = tenures(customer_lifetimes([line("old", "10", "1300-01-01")], at("2020-01-01")), 1, UTC)
    assert tenure == Tenure(LONGEST, False)
    [lost] = tenures(customer_lifetimes([line("old", "10", "1300-01-01", "2000-01-01")], at("2020-01-01")), 1, UTC)
    assert lost == Tenure(LONGEST, False)


def test_what_an_account_paid_at_an_instant_is_what_it_paid_before_it() -> None:
    [life] = customer_lifetimes(changed("a", ("2020-01-01", "10"), ("2021-01-01", "20")), at("2022-01-01"))

    assert [life.annual(at(day)) for day in ("2020-01-01", "2020-01-02", "2021-01-01", "2021-01-02")] == [
        0, 120_000_000, 120_000_000, 240_000_000,
    ]  # fmt: skip
    assert life.closing == 240_000_000
    assert isinstance(life, CustomerLifetime)
