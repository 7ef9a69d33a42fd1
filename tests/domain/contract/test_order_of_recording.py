"""The order in which facts are recorded changes nothing: told in any order that is accepted, a contract pays the same each day."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.contract.commands import (
    AmendContract,
    CorrectContract,
    GiveNotice,
    Line,
    RenewContract,
    ResumeContract,
    SuspendContract,
    TerminateContract,
    WithdrawNotice,
)
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import add_days
from tests.domain.contract.contracts import MAIN, annual, line, reprice, schedule, signed
from tests.domain.scenario import Scenario
from tests.support.campaigns import examples

NOW = "2030-01-01T00:00:00Z"
DAYS = st.integers(10, 1100).map(lambda number: add_days("2026-01-01", number))
LONG = st.integers(20, 400)


@st.composite
def facts(draw: Any) -> list[Any]:
    """Facts of one contract, each on a day of its own, in the order of their days."""
    told: list[Any] = []
    for day in sorted(draw(st.sets(DAYS, min_size=3, max_size=6))):
        later, kind = add_days(day, draw(LONG)), draw(st.integers(0, 6))
        told.append(
            (
                SuspendContract(effective_at=day),
                SuspendContract(effective_at=day, effective_end=later),
                ResumeContract(effective_at=day),
                AmendContract(effective_at=day, changes=(reprice("main", str(draw(st.integers(1, 9)))),)),
                GiveNotice(effective_at=day, effective_end=later),
                WithdrawNotice(effective_at=day),
                TerminateContract(effective_at=day, effective_end=later, reason="x", voluntary=True),
            )[kind]
        )
    return told


def accepted(scenario: Scenario, contract: str, told: Sequence[Any]) -> list[Any]:
    """What of some facts is accepted in their order."""
    taken = []
    for command in told:
        try:
            scenario.do(command, contract=contract)
        except DomainError:
            continue
        taken.append(command)
    return taken


@settings(max_examples=examples(60), deadline=None)
@given(facts(), st.randoms(use_true_random=False))
def test_facts_of_a_contract_give_the_same_schedule_in_any_order_that_is_accepted(told: list[Any], chance: Any) -> None:
    scenario = Scenario()
    scenario.set_now(NOW)
    first, second = signed(scenario, auto_renew=True), signed(scenario, auto_renew=True)
    told = accepted(scenario, first, told)
    chance.shuffle(told)

    again = accepted(scenario, second, told)

    if len(again) == len(told):
        paid = [
            [each[1:4] for each in schedule(scenario, contract).intervals() if each.annual]
            for contract in (first, second)
        ]
        assert paid[0] == paid[1]
        terms = [schedule(scenario, contract).terms for contract in (first, second)]
        assert terms[0].windows() == terms[1].windows()


def test_renewals_that_are_recorded_out_of_order_give_the_same_terms(scenario: Scenario) -> None:
    scenario.set_now(NOW)
    second = RenewContract(effective_at="2026-12-01", start="2027-01-01", end="2028-01-01")
    third = RenewContract(effective_at="2027-12-10", start="2028-02-01", end="2029-01-01")
    for order in ((second, third), (third, second)):
        contract = signed(scenario)
        assert accepted(scenario, contract, order) == list(order)
        assert annual(scenario, contract, "2027-12-31", "2028-01-01", "2028-02-01", "2029-01-01") == [
            "12000", "0", "12000", "0",
        ]  # fmt: skip


def test_what_was_decided_before_a_termination_may_be_recorded_after_it(scenario: Scenario) -> None:
    scenario.set_now(NOW)
    raised = AmendContract(effective_at="2026-03-01", changes=(reprice("main", "1100"),))
    ends = TerminateContract(effective_at="2026-05-01", effective_end="2026-09-01", reason="x", voluntary=True)
    late = AmendContract(effective_at="2026-06-01", changes=(reprice("main", "1200"),))
    contract = signed(scenario)

    assert accepted(scenario, contract, [ends, raised, late]) == [ends, raised]

    assert annual(scenario, contract, "2026-02-28", "2026-08-31", "2026-09-01") == ["12000", "13200", "0"]


# --- a start that is corrected ---


def corrected(scenario: Scenario, contract: str, number: int, start: str) -> None:
    wrong = scenario.stream(contract)[number].event_id
    scenario.do(CorrectContract(corrects=wrong, terms={"start": start}), contract=contract)


def test_a_discount_is_measured_from_the_corrected_start(scenario: Scenario) -> None:
    half = Line(**MAIN.model_dump() | {"discount_percent": "50", "discount_end": "2027-01-01"})
    contract = signed(scenario, end="2028-01-01", lines=(half,))
    assert annual(scenario, contract, "2026-06-01", "2027-01-01") == ["6000", "12000"]

    corrected(scenario, contract, 0, "2026-03-01")  # less than twelve months: it does not count any more
    assert annual(scenario, contract, "2026-02-28", "2026-06-01") == ["0", "12000"]

    corrected(scenario, contract, 0, "2025-12-01")
    assert annual(scenario, contract, "2025-11-30", "2025-12-01", "2026-06-01") == ["0", "6000", "6000"]


def test_lines_of_a_renewal_give_way_and_begin_on_its_corrected_start(scenario: Scenario) -> None:
    for start in ("2027-02-01", "2026-11-01"):
        contract = signed(scenario, auto_renew=True)
        scenario.do(
            RenewContract(start="2027-01-01", end="2028-01-01", lines=(line("new", "200.00"),)), contract=contract
        )

        corrected(scenario, contract, 2, start)

        assert annual(scenario, contract, add_days(start, -1), start, "2027-12-31") == ["12000", "2400", "2400"]
