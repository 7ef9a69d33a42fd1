"""The budget: spent by document, corrected by name, and told of once when a threshold is reached."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.account.commands import CloseAccount
from app.domain.account.state import AccountState
from app.domain.budget.aggregate import BUDGET
from app.domain.budget.commands import CloseBudget, CorrectSpend, RecordForecast, RecordSpend, ReviseBudget, SetBudget
from app.domain.budget.decisions import close, correct_spend, projection, record_spend, revise, set_
from app.domain.budget.state import BudgetState
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import MICRO, micros, scaled, zone
from tests.domain.scenario import Scenario, TakesCommands, recorded
from tests.domain.scope_change.scope_changes import account, contract, refusal
from tests.support.campaigns import examples

TERMS: dict[str, Any] = {
    "title": "Spring campaign", "currency": "EUR", "amount": "1000.00", "start": "2026-01-01", "end": "2026-04-11",
}  # fmt: skip
"""A hundred days."""


def budget(scenario: TakesCommands, **members: Any) -> str:
    """A budget of 1000.00 over a hundred days from the first of January."""
    return scenario.do(SetBudget(**{**TERMS, **members}), account=account(scenario)).id


def spent(
    scenario: TakesCommands, named: str, amount: str, document: str, day: str = "2026-01-10", **members: Any
) -> list[str]:
    """Something spent. Gives: the topics that it led to."""
    told = scenario.do(RecordSpend(amount=amount, document=document, spent_at=day, **members), budget=named)
    return [topic for _, topic, _ in told.events]


def crossings(scenario: TakesCommands) -> list[tuple[int, int, str, str]]:
    """The thresholds that were told: percent, revision, spent, projected."""
    return [
        (event.data["percent"], event.data["revision"], event.data["spent"], event.data["projected_at_end"])
        for event in scenario.events()
        if event.type == "budget.threshold_crossed"
    ]


# --- thresholds ---


def test_a_threshold_is_told_with_the_spending_that_reaches_it_and_never_again(scenario: Scenario) -> None:
    named = budget(scenario)

    assert spent(scenario, named, "499.99", "a") == ["budget.spend_recorded"]
    assert spent(scenario, named, "0.01", "b") == ["budget.spend_recorded", "budget.threshold_crossed"]
    assert spent(scenario, named, "100.00", "c") == ["budget.spend_recorded"]

    assert crossings(scenario) == [(50, 0, "500", "5000")]  # ten of a hundred days


def test_several_thresholds_are_told_at_once_in_their_order(scenario: Scenario) -> None:
    named = budget(scenario)

    spent(scenario, named, "1000.00", "a", "2026-01-15")

    assert crossings(scenario) == [(percent, 0, "1000", "6666.666667") for percent in (50, 80, 100)]


def test_a_revision_tells_anew_what_is_reached_of_the_new_amount(scenario: Scenario) -> None:
    named = budget(scenario)
    spent(scenario, named, "850.00", "a")

    scenario.do(ReviseBudget(amount="1600.00", reason="A second flight"), budget=named)
    scenario.do(ReviseBudget(amount="1000.00", reason="No second flight"), budget=named)

    assert [told[:2] for told in crossings(scenario)] == [(50, 0), (80, 0), (50, 1), (50, 2), (80, 2)]


def test_a_correction_upwards_reaches_a_threshold_and_one_downwards_takes_nothing_back(
    scenario: Scenario,
) -> None:
    named = budget(scenario)
    spent(scenario, named, "400.00", "a")

    for amount in ("500.00", "100.00", "500.00"):
        scenario.do(CorrectSpend(document="a", amount=amount), budget=named)

    assert [told[:2] for told in crossings(scenario)] == [(50, 0)]
    corrected = [event for event in scenario.events() if "corrected" in event.type]
    recorded = next(event for event in scenario.events() if "recorded" in event.type)
    assert {event.data["corrects"] for event in corrected} == {recorded.event_id}
    assert {event.effective_at for event in corrected} == {recorded.effective_at}
    assert [event.data["previous"] for event in corrected] == ["400", "500", "100"]


def test_a_threshold_is_reached_when_everything_that_it_took_has_come_true(scenario: Scenario) -> None:
    named = budget(scenario, effective_at="2025-12-01")
    spent(scenario, named, "300.00", "later", "2026-01-12")
    spent(scenario, named, "300.00", "sooner", "2026-01-02")

    told = scenario.events()[-1]

    assert told.type == "budget.threshold_crossed"
    assert told.effective_at == micros("2026-01-12T00:00:00Z")
    assert told.data["projected_at_end"] == "5000"  # twelve days, whichever of them was told last


@pytest.mark.parametrize(
    ("day", "projected"), [("2026-01-01", 100), ("2026-01-03", 33.333333), ("2026-04-10", 1), ("2027-01-01", 1), ("2025-01-01", 100)]
)  # fmt: skip
def test_what_will_have_been_spent_goes_by_days(day: str, projected: float) -> None:
    assert projection(MICRO, "2026-01-01", "2026-04-11", day) == round(projected * MICRO)


# --- refusals ---


def test_the_same_document_is_not_spent_twice(scenario: Scenario) -> None:
    named = budget(scenario)
    spent(scenario, named, "1.00", "a")

    again = RecordSpend(amount="1.00", document="a", spent_at="2026-01-10")

    assert refusal(scenario, again, budget=named) == "document_recorded"


def test_what_was_spent_outside_of_its_days_is_refused_and_what_came_late_says_so(
    scenario: Scenario,
) -> None:
    named = budget(scenario, start="2026-01-05", end="2026-01-10")

    def spend(day: str, **members: Any) -> RecordSpend:
        return RecordSpend(amount="1.00", document=day, spent_at=day, **members)

    assert refusal(scenario, spend("2026-01-04"), budget=named) == "outside_period"
    assert refusal(scenario, spend("2026-01-04", late=True), budget=named) == "outside_period"
    assert refusal(scenario, spend("2026-01-10"), budget=named) == "outside_period"
    assert refusal(scenario, spend("2026-02-01"), budget=named) == "spent_in_future"
    scenario.do(spend("2026-01-09", late=True), budget=named)
    scenario.do(spend("2026-01-12", late=True), budget=named)
    late = [event.data["late"] for event in scenario.events() if "spend" in event.type]
    assert late == [False, True]


def test_nothing_happens_to_a_closed_budget(scenario: Scenario) -> None:
    named = budget(scenario)
    spent(scenario, named, "1.00", "a")
    scenario.do(CloseBudget(), budget=named)

    commands: list[Command] = [
        RecordSpend(amount="1.00", document="b", spent_at="2026-01-10"),
        CorrectSpend(document="a", amount="2.00"),
        ReviseBudget(amount="2000.00", reason="More"),
        RecordForecast(at_completion="2.00"),
        CloseBudget(),
    ]
    assert {refusal(scenario, command, budget=named) for command in commands} == {"budget_closed"}


def test_nothing_but_an_end_and_corrections_happens_on_a_closed_account(scenario: Scenario) -> None:
    client = account(scenario)
    named = scenario.do(SetBudget(**TERMS), account=client).id
    spent(scenario, named, "1.00", "a")
    scenario.do(CloseAccount(), account=client)

    assert refusal(scenario, SetBudget(**TERMS), account=client) == "account_closed"
    assert refusal(scenario, RecordForecast(at_completion="2.00"), budget=named) == "account_closed"
    assert refusal(scenario, ReviseBudget(amount="2.00", reason="Less"), budget=named) == "account_closed"
    scenario.do(CorrectSpend(document="a", amount="2.00"), budget=named)
    scenario.do(CloseBudget(), budget=named)


def test_what_changes_nothing_or_is_not_there_is_refused(scenario: Scenario) -> None:
    named = budget(scenario)
    spent(scenario, named, "1.00", "a")

    assert refusal(scenario, ReviseBudget(amount="1000", reason="None"), budget=named) == "nothing_changes"
    assert refusal(scenario, CorrectSpend(document="a", amount="1"), budget=named) == "nothing_changes"
    assert refusal(scenario, CorrectSpend(document="b", amount="1"), budget=named) == "document_unknown"


def test_a_budget_pays_for_a_contract_of_its_own_account_only(scenario: Scenario) -> None:
    other = contract(scenario, account(scenario))

    assert refusal(scenario, SetBudget(**TERMS, contract=other), account=account(scenario)) == "other_account"


def test_more_than_a_million_millions_is_not_spent(scenario: Scenario) -> None:
    named = budget(scenario, amount="999999999999")
    spent(scenario, named, "999999999999.99", "a")

    with pytest.raises(Invalid, match="amount_out_of_range"):
        spent(scenario, named, "1.00", "b")


@pytest.mark.parametrize(
    ("currency", "fine", "payable"), [("EUR", "0.001", "0.01"), ("JPY", "1000.5", "1000"), ("KWD", "0.0005", "0.005")]
)
def test_what_nobody_can_pay_is_no_amount_of_a_budget(
    scenario: Scenario, currency: str, fine: str, payable: str
) -> None:
    of = account(scenario)
    with pytest.raises(Invalid, match="amount_too_fine"):
        scenario.do(SetBudget(**{**TERMS, "currency": currency, "amount": fine}), account=of)
    named = scenario.do(SetBudget(**{**TERMS, "currency": currency, "amount": "7000"}), account=of).id
    spent(scenario, named, payable, "a")

    before = len(scenario.topics())
    commands: tuple[Command, ...] = (
        RecordSpend(amount=fine, document="b", spent_at="2026-01-10"),
        CorrectSpend(document="a", amount=fine),
        ReviseBudget(amount=fine, reason="less"),
        RecordForecast(at_completion=fine),
    )
    for command in commands:
        with pytest.raises(Invalid, match="amount_too_fine"):
            scenario.do(command, budget=named)
    assert len(scenario.topics()) == before


@pytest.mark.parametrize(
    "members",
    [{"amount": "-1"}, {"amount": "0.00"}, {"amount": 5}, {"end": "2026-01-01"}, {"thresholds": (80, 50)}, {"thresholds": (50, 50)},
     {"thresholds": (0,)}, {"thresholds": (1001,)}, {"thresholds": ("50",)}, {"currency": "eur"}],
)  # fmt: skip
def test_terms_that_make_no_sense_are_invalid(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SetBudget(**{**TERMS, **members})


def test_negative_and_empty_amounts_are_invalid() -> None:
    for amount in ("-1", "0"):
        with pytest.raises(ValidationError):
            RecordSpend(amount=amount, document="a", spent_at="2026-01-10")
    with pytest.raises(ValidationError):
        CorrectSpend(document="a", amount="-1")
    with pytest.raises(ValidationError):
        ReviseBudget(amount="1.00")  # type: ignore[call-arg]


# --- whatever happens ---

UTC = zone("UTC")
NOW = micros("2026-04-30T00:00:00Z")
AMOUNTS = st.integers(1, 400).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
DOCUMENTS = st.sampled_from("abcde")
DAYS = st.integers(1, 30).map(lambda day: f"2026-01-{day:02}")
STEPS = st.one_of(
    st.builds(RecordSpend, amount=AMOUNTS.filter(lambda text: scaled(text) > 0), document=DOCUMENTS, spent_at=DAYS),
    st.builds(CorrectSpend, document=DOCUMENTS, amount=AMOUNTS),
    st.builds(ReviseBudget, amount=AMOUNTS.filter(lambda text: scaled(text) > 0), reason=st.just("so")),
    st.just(CloseBudget()),
)


class Walk:
    """A budget in memory: each command is decided, its events are folded."""

    def __init__(self, thresholds: tuple[int, ...]) -> None:
        self.events: list[Event] = []
        self.state = BudgetState()
        account = AccountState(account="acct_1", open=True, name="Northwind", currency="EUR")
        self.context = Context(
            tenant_id="tnt",
            principal=Principal("test"),
            now=NOW,
            effective_at=NOW,
            zone=UTC,
            stream_id="bud_1",
            new_id=str,
            states={"account": account},
            ids={"account": "acct_1"},
        )
        self.take(set_(self.state, SetBudget(**{**TERMS, "amount": "4.00", "thresholds": thresholds}), self.context))

    def take(self, decided: Any) -> None:
        """Appends what was decided."""
        for one in decided:
            event, at = (one.event, one.effective_at) if isinstance(one, Decided) else (one, None)
            self.events.append(event)
            version = len(self.events)
            latest = recorded(event, stream_id="bud_1", version=version, recorded_at=NOW, effective_at=at or NOW)
            self.state = BUDGET.fold([latest], self.state)

    def do(self, command: Command) -> None:
        """Decides a command; what is refused leaves nothing."""
        decide: dict[type, Any] = {
            RecordSpend: record_spend,
            CorrectSpend: correct_spend,
            ReviseBudget: revise,
            CloseBudget: close,
        }
        with suppress(Refused):
            self.take(decide[type(command)](self.state, command, self.context))


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(STEPS, max_size=30), st.sets(st.integers(1, 150), max_size=5))
def test_what_is_spent_is_what_was_recorded_and_corrected_and_thresholds_are_told_exactly_once(
    steps: list[Command], thresholds: set[int]
) -> None:
    walk = Walk(tuple(sorted(thresholds)))
    for step in steps:
        walk.do(step)

    documents: dict[str, int] = {}
    amount, revision, reached, told = 4 * MICRO, 0, set(), []
    for event in walk.events:
        data = event.model_dump()
        match event.TOPIC:
            case "budget.spend_recorded" | "budget.spend_corrected":
                documents[data["document"]] = scaled(data["amount"])
            case "budget.revised":
                revision, amount = revision + 1, scaled(data["amount"])
                assert data["revision"] == revision
            case "budget.threshold_crossed":
                told.append((data["revision"], data["percent"]))
        total = sum(documents.values())
        reached |= {(revision, percent) for percent in thresholds if total * 100 >= percent * amount}
    assert walk.state.spent == sum(documents.values())
    assert sorted(told) == sorted(reached)
