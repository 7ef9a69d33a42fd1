"""Laws that hold for every history, on SQLite often and on PostgreSQL a few times; of a campaign (`make laws`) many times as many.

Source: docs/kpis.md, laws: roll-forward, retention, splitting and reordering, replay, knowledge, owners.
"""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import HealthCheck, given, settings

from app.bootstrap import owner
from tests.kpi_queries import laws
from tests.kpi_queries.histories import PERIODS, History, histories
from tests.kpi_queries.history_factory import in_force, rates
from tests.kpi_queries.history_player import PlayedHistory, sums
from tests.support import campaigns
from tests.support.application import Steward


def examples(property_steward: Steward, sqlite: int, postgresql: int) -> int:
    """How many histories are played, on either database."""
    return campaigns.examples(postgresql if property_steward.runtime.database.postgres else sqlite)


def for_every_history(
    property_steward: Steward,
    law: Callable[[PlayedHistory], None],
    play: Callable[[PlayedHistory], PlayedHistory] = PlayedHistory.play_all,
    *,
    ruled: bool = False,
) -> None:
    """Plays random histories, each for a tenant of its own, and holds a law against them. Takes: whether it has rules of its own."""

    @settings(
        max_examples=examples(property_steward, 12, 2),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(ruled))
    def holds(history: History) -> None:
        law(play(PlayedHistory(property_steward, property_steward.new_tenant("Agency"), history)))

    holds()


def test_every_waterfall_leads_from_opening_to_closing_and_sub_periods_add_up(
    property_steward: Steward,
) -> None:
    def law(played: PlayedHistory) -> None:
        laws.every_waterfall_closes_and_sub_periods_add_up(played)
        laws.every_written_waterfall_closes(played)

    for_every_history(property_steward, law, ruled=True)


def test_gross_retention_never_exceeds_net_and_net_is_the_same_by_movements(property_steward: Steward) -> None:
    def law(played: PlayedHistory) -> None:
        laws.retention_counts_who_was_there(played)
        laws.retention_is_sound(played)

    for_every_history(property_steward, law, ruled=True)


def test_splitting_lines_and_reordering_steps_change_no_figure(property_steward: Steward) -> None:
    def law(played: PlayedHistory) -> None:
        figures = sums(played.every_figure())
        assert sums(played.play_again(property_steward.new_tenant("Split"), split=True).every_figure()) == figures
        assert (
            sums(played.play_again(property_steward.new_tenant("Reordered"), reordered=True).every_figure()) == figures
        )

    for_every_history(property_steward, law)


def test_views_caught_up_step_by_step_are_those_rebuilt_and_those_replayed(property_steward: Steward) -> None:
    owned = owner(property_steward.settings)

    def step_by_step(played: PlayedHistory) -> PlayedHistory:
        for step in played.steps():
            step()
            property_steward.catch_up(played.tenant)
        return played

    for_every_history(
        property_steward,
        lambda played: laws.views_are_those_rebuilt_and_replayed(played, owned),
        step_by_step,
        ruled=True,
    )
    owned.close()


def test_what_was_known_at_a_position_never_changes(property_steward: Steward) -> None:
    def law(played: PlayedHistory) -> None:
        steps = played.steps()
        known = {}
        for at, step in enumerate(steps):
            step()
            if at in (0, len(steps) // 2):
                position = property_steward.catch_up(played.tenant)
                known[position] = played.every_figure(known_at=position)
        property_steward.catch_up(played.tenant)
        for position, answers in known.items():
            assert played.every_figure(known_at=position) == answers

    for_every_history(property_steward, law, lambda played: played)


def test_the_figures_of_all_owners_tiers_industries_or_countries_sum_to_the_agencys_whatever_the_attribution(
    property_steward: Steward,
) -> None:
    for_every_history(property_steward, laws.filtered_figures_sum_to_the_agency)


# --- money of several currencies ---


def test_in_total_waterfalls_close_and_at_each_days_rates_their_sub_periods_add_up(
    property_steward: Steward,
) -> None:
    for_every_history(property_steward, laws.totals_close_and_differ_by_the_row_of_rates_alone)


def test_retention_of_several_currencies_is_sound_and_no_common_factor_of_rates_moves_it(
    property_steward: Steward,
) -> None:
    for_every_history(property_steward, laws.no_common_factor_of_rates_moves_a_ratio)


def test_the_owners_openings_sum_to_the_agencys_in_one_currency_too(property_steward: Steward) -> None:
    def law(played: PlayedHistory) -> None:
        table = rates(*((day, money, text) for day, text in laws.GROWING for money in ("EUR", "GBP")))
        in_force(property_steward, table, tenant=played.tenant)
        property_steward.catch_up(played.tenant)
        for attribution in ("start", "end"):
            answers = [
                played.ask(
                    "arr_growth", PERIODS[2], currency=None, reporting="USD", owner=owner_, attribution=attribution
                )
                for owner_ in (None, *laws.HOLDERS)
            ]
            for part in ("numerator", "denominator"):
                whole, *owned = (Decimal(answer[part]) for answer in answers)
                assert abs(whole - sum(owned)) <= Decimal("0.02")  # each is rounded to the cent by itself

    for_every_history(property_steward, law)
