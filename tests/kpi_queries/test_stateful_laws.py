"""Stateful histories: whatever the steps, their order and the queries in between, the laws of figures hold.

A machine plays steps for a tenant of its own through the real handler: contracts with plans, corrections, late renewals, suspensions and
notices, several currencies, policies put in force, replaced and retired, and days that pass, on which the watcher does what is due. In
between it queries figures, repeats queries later for what was known then, and repeats earlier requests.

Source: docs/kpis.md, laws; product facts, properties for generated tests.
"""

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from app import kpi_queries as figures
from app.bootstrap import owner
from app.domain.account.commands import RenameAccount
from app.domain.kernel.errors import DomainError, Invalid
from app.domain.kernel.values import instant
from app.kpi_queries import KpiQuery, Scope
from app.store.engine import Database
from projections.kpis import KPIS
from tests.kpi_queries import laws
from tests.kpi_queries.histories import (
    DAY,
    DAYS,
    OWNERS,
    RULINGS,
    TIERS,
    History,
    Look,
    acts,
    deals,
    handovers,
    histories,
)
from tests.kpi_queries.history_player import NO_MONEY, PlayedHistory, sums
from tests.kpi_queries.test_laws import examples
from tests.support.application import Steward

BEGINS = "2024-11-01T09:00:00Z"
ZONES = ["UTC", "UTC", "America/New_York", "Pacific/Auckland"]


@st.composite
def queries(draw: st.DrawFn) -> tuple[KpiQuery, str | None, bool]:
    """A figure of any kind, for any scope, as of some day, and whether it is to be explained."""
    kpi = draw(st.sampled_from(KPIS))
    from_, to = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=2, unique=True)))
    period = (from_, to) if kpi.kind == "period" else (None, None)
    currency = None if kpi.name in NO_MONEY else draw(st.sampled_from([None, "USD", "EUR", "GBP"]))
    reporting = None if currency or kpi.name in NO_MONEY else draw(st.sampled_from([None, "USD", "GBP"]))
    scope = Scope(
        owner=draw(st.sampled_from([None, None, None, *OWNERS, "none"])), tier=draw(st.sampled_from([None, None, None, *TIERS, "none"])),
        currency=currency, attribution=draw(st.sampled_from(["start", "end"])),
    )  # fmt: skip
    method = draw(st.sampled_from(list(kpi.methods)))
    query = KpiQuery(kpi.name, *period, method, scope, reporting_currency=reporting)
    return query, None if kpi.kind == "period" else draw(DAY), draw(st.booleans())


class Ledger(RuleBasedStateMachine):
    """A tenant whose ledger grows. property_steward: the Steward that it lives in; owned: its database with the rights of its owner."""

    property_steward: ClassVar[Steward]
    owned: ClassVar[Database]

    @initialize(zone=st.sampled_from(ZONES), first=histories())
    def begin(self, zone: str, first: History) -> None:
        """A few clients, and what they have bought so far."""
        self.property_steward.clock.set(BEGINS)
        self.zone = zone
        self.played = PlayedHistory(self.property_steward, self.property_steward.new_tenant("Agency", zone), History())
        self.steps: list[Any] = []
        self.numbers = 0
        self.known: list[tuple[Any, str, Any]] = []
        self.events: list[dict[str, Any]] = []
        for step in first.steps:
            self.play(step)

    def play(self, step: Any) -> None:
        """One more step."""
        self.steps.append(step)
        self.played.play(step)
        self.property_steward.catch_up(self.played.tenant)

    # --- steps ---

    @rule(data=st.data())
    def sign(self, data: st.DataObject) -> None:
        """A contract is signed."""
        self.play(data.draw(deals(len(self.played.accounts), len(self.played.deals))))

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        """Something happens to contracts."""
        for step in data.draw(st.lists(acts(len(self.played.deals)), min_size=2, max_size=6)):
            self.play(step)

    @rule(data=st.data(), days=st.sampled_from([30, 180, 400]))
    def work_on_renewals(self, data: st.DataObject, days: int) -> None:
        """A cycle is opened, assessed and forecast, and in time it is due."""
        for kind in ("open", "risk", "forecast", "defer"):
            self.play(replace(data.draw(acts(len(self.played.deals))), kind=kind, which=data.draw(st.integers(0, 3))))
        self.play(Look(days))

    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        """An account gets another owner or tier."""
        self.play(data.draw(handovers(len(self.played.accounts))))

    @rule(ruling=RULINGS)
    def change_rules(self, ruling: Any) -> None:
        """A policy is drafted, put in force, replaced or retired."""
        self.play(ruling)

    @rule(days=st.sampled_from([1, 30, 120, 400]))
    def let_days_pass(self, days: int) -> None:
        """Days pass, and what is due is done."""
        self.play(Look(days))

    # --- queries, and the same repeated: property 6 ---

    @rule(query=queries())
    def ask(self, query: Any) -> None:
        """A query, remembered with its answer: by what was known, and decided by the instant of asking unless the query says when."""
        position = str(self.property_steward.catch_up(self.played.tenant))
        kpi_query, as_of, explained = query
        query = kpi_query, as_of or instant(self.property_steward.clock()), explained
        self.known.append((query, position, self.answered(query, position)))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """An earlier query, about what was known then."""
        query, position, answer = data.draw(st.sampled_from(self.known))
        assert self.answered(query, position) == answer

    def answered(self, request: tuple[KpiQuery, str | None, bool], position: str) -> Any:
        """The answer, or the reason of its refusal."""
        query, as_of, explained = request
        reader = self.property_steward.runtime.reader
        when = reader.when(self.played.tenant, as_of, position)
        try:
            if explained:
                return figures.explain(reader, self.played.tenant, query, when, limit=100)
            return figures.evaluate(reader, self.played.tenant, query, when)
        except DomainError as refused:
            return refused.code, str(refused)

    # --- requests sent twice: property 7 ---

    @rule(day=DAY)
    def take_in(self, day: str) -> None:
        """An event of another system."""
        self.numbers += 1
        event = {
            "specversion": "1.0", "id": f"{self.numbers}", "source": "elsewhere", "type": "account.renamed",
            "time": f"{day}T00:00:00Z", "subject": self.played.accounts[0], "data": {"name": f"Client {self.numbers}"},
        }  # fmt: skip
        self.events.append(event)
        [taken] = self.property_steward.ingest([event], tenant=self.played.tenant)
        assert taken.status == "accepted"
        self.property_steward.catch_up(self.played.tenant)

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def take_in_again(self, data: st.DataObject) -> None:
        """An event that was taken in before changes nothing, and one of its name with other data is refused."""
        event = data.draw(st.sampled_from(self.events))
        head = self.property_steward.catch_up(self.played.tenant)
        again, other = self.property_steward.ingest(
            [event, {**event, "data": {"name": f"{event['data']['name']} and Sons"}}], tenant=self.played.tenant
        )
        assert (again.status, other.status) == ("duplicate", "refused")
        assert other.refusal is not None
        assert other.refusal.code == "idempotency_key_reused"
        assert self.property_steward.catch_up(self.played.tenant) == head

    @rule()
    def repeat(self) -> None:
        """A request that is sent twice has one receipt, and its key serves no other request."""
        self.numbers += 1
        name = f"Client {self.numbers}"
        targets = {
            "tenant": self.played.tenant,
            "key": f"request-{self.played.tenant}-{self.numbers}",
            "account": self.played.accounts[0],
        }
        first = self.property_steward.do(RenameAccount(name=name), **targets)  # type: ignore[arg-type]
        head = self.property_steward.catch_up(self.played.tenant)
        again = self.property_steward.do(RenameAccount(name=name), **targets)  # type: ignore[arg-type]
        assert again.replayed
        assert (again.id, again.position, again.events) == (first.id, first.position, first.events)
        with pytest.raises(Invalid, match="idempotency_key_reused"):
            self.property_steward.do(RenameAccount(name=f"{name} and Sons"), **targets)  # type: ignore[arg-type]
        assert self.property_steward.catch_up(self.played.tenant) == head

    # --- the other laws, at any time and in the end ---

    @rule()
    def figures_are_sound(self) -> None:
        """Properties 1 to 3 and 9, of all steps so far."""
        laws.every_waterfall_closes_and_sub_periods_add_up(self.played)
        laws.every_written_waterfall_closes(self.played)
        laws.retention_counts_who_was_there(self.played)
        laws.retention_is_sound(self.played)
        laws.filtered_figures_sum_to_the_agency(self.played)
        laws.survival_only_falls(self.played)

    @rule()
    def rates_only_move_the_row_of_rates(self) -> None:
        """Properties 1, 2, 3 and 8, of several currencies."""
        laws.totals_close_and_differ_by_the_row_of_rates_alone(self.played)
        laws.no_common_factor_of_rates_moves_a_ratio(self.played)

    def teardown(self) -> None:
        """Properties 4, 5 and 6, of all steps."""
        if not hasattr(self, "played"):
            return
        self.figures_are_sound()
        self.rates_only_move_the_row_of_rates()
        for query, position, answer in self.known:
            assert self.answered(query, position) == answer
        laws.views_are_those_rebuilt_and_replayed(self.played, self.owned)
        self.played.history = History(tuple(self.steps))
        expected = self.figures_of(self.played)
        for variant in ({"split": True}, {"reordered": True}):
            self.property_steward.clock.set(BEGINS)
            assert (
                self.figures_of(
                    self.played.play_again(self.property_steward.new_tenant("Agency", self.zone), **variant)
                )
                == expected
            ), variant

    def figures_of(self, played: PlayedHistory) -> Any:
        """Figures without what differs from one tenant to another, in one currency and converted, where that is possible."""
        answers = sums(played.every_figure())
        for period in laws.PERIODS:
            for name in ("mrr_waterfall", "net_revenue_retention", "renewal_rate"):
                try:
                    answer = played.ask(name, period, currency=None, reporting="GBP")
                except DomainError as refused:
                    answers[name, "GBP", *period] = refused.code
                else:
                    answers |= sums({(name, "GBP", *period): answer})
        return answers


def test_the_laws_hold_whatever_the_steps_the_queries_and_their_order(property_steward: Steward) -> None:
    owned = owner(property_steward.settings)
    machine = type("Ledger", (Ledger,), {"property_steward": property_steward, "owned": owned})
    campaign = settings(
        max_examples=examples(property_steward, 10, 2), stateful_step_count=25, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(machine, settings=campaign)
    finally:
        owned.close()
