"""Contracts: whatever is agreed, the views tell what the decisions rest on."""

from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.contract.commands import (
    AmendContract,
    CorrectContract,
    ExpireContract,
    GiveNotice,
    RampStep,
    RenewAutomatically,
    RenewContract,
    ResumeContract,
    SetLine,
    SuspendContract,
    TerminateContract,
    Terms,
    WithdrawNotice,
)
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import day_start, unscaled
from tests.domain.contract.contracts import add, annual, remove, reprice, signed
from tests.support.application import Steward
from tests.support.campaigns import examples


class Wrong(NamedTuple):
    """One of the contract's events had said a wrong day."""

    event: int
    member: str
    day: str

    def corrected(self, steward: Steward, contract: str) -> CorrectContract:
        """The command that sets it right."""
        told = list(steward.stream(contract))
        return CorrectContract(
            corrects=told[self.event % len(told)].event_id, terms=Terms.model_validate({self.member: self.day})
        )


DAYS = st.dates(min_value=date(2025, 11, 1), max_value=date(2028, 3, 1)).map(str)
PRICES = st.integers(1, 5000).map(str)
STEPS = st.one_of(
    st.builds(lambda day, price: AmendContract(effective_at=day, changes=(reprice("main", price),)), DAYS, PRICES),
    st.builds(lambda day, name: AmendContract(effective_at=day, changes=(add(name),)), DAYS, st.sampled_from("abc")),
    st.builds(lambda day, name: AmendContract(effective_at=day, changes=(remove(name),)), DAYS, st.sampled_from("abc")),
    st.builds(lambda day: GiveNotice(effective_at=day), DAYS),
    st.just(WithdrawNotice()),
    st.builds(lambda day, end: SuspendContract(effective_at=day, effective_end=end), DAYS, st.none() | DAYS),
    st.builds(lambda day: ResumeContract(effective_at=day), DAYS),
    st.builds(
        lambda day, end, back: RenewContract(start=day, end=end, retroactive=back),
        st.none() | DAYS,
        DAYS,
        st.booleans(),
    ),
    st.builds(lambda day: TerminateContract(effective_end=day, reason="x", voluntary=True), DAYS),
    st.builds(
        lambda day, percent, end: AmendContract(
            effective_at=day,
            changes=(SetLine(op="set_line", line="main", discount_percent=percent, discount_end=end),),
        ),
        DAYS,
        st.sampled_from(["10", "100"]),
        st.none() | DAYS,
    ),
    st.builds(
        lambda day, end: AmendContract(
            effective_at=day, changes=(SetLine(op="set_line", line="main", discount_end=end),)
        ),
        DAYS,
        DAYS,
    ),
    st.builds(
        lambda day, name, begins: AmendContract(
            effective_at=day, changes=(add(name, ramp=(RampStep(start=begins, unit_price="7"),)),)
        ),
        DAYS,
        st.sampled_from("abc"),
        DAYS,
    ),
    st.just(ExpireContract()),
    st.just(RenewAutomatically()),
    st.builds(Wrong, st.integers(0, 20), st.sampled_from(["start", "end", "effective_end"]), DAYS),
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=8), st.booleans(), st.lists(DAYS, min_size=1, max_size=5))
def test_whatever_is_agreed_the_views_tell_what_the_decisions_rest_on(
    sqlite_steward: Steward, steps: list[Any], auto_renew: bool, days: list[str]
) -> None:
    sqlite_steward.clock.set("2026-01-15T09:00:00Z")
    contract = signed(sqlite_steward, auto_renew=auto_renew)
    sqlite_steward.clock.set("2027-02-01T09:00:00Z")

    for step in steps:
        try:
            sqlite_steward.do(
                step.corrected(sqlite_steward, contract) if isinstance(step, Wrong) else step, contract=contract
            )
        except DomainError as refused:
            assert refused.code != "error"

    sqlite_steward.catch_up()
    rows = [row for row in sqlite_steward.rows("contract_lines") if row.contract == contract and row.line]
    where = sqlite_steward.zone
    for day in days:
        moment = day_start(day, where)
        paid = sum(row.annual for row in rows if row.valid_from <= moment < row.valid_to)
        assert [unscaled(paid)] == annual(sqlite_steward, contract, day)
    assert all(row.annual == (0 if row.held or row.trial is not None else row.gross - row.lasting) for row in rows)
    assert all(row.gross >= row.lasting + row.temporary >= 0 and not (row.lasting and row.temporary) for row in rows)
    for name in {row.line for row in rows}:
        spans = sorted((row.valid_from, row.valid_to) for row in rows if row.line == name)
        assert all(start < end for start, end in spans)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
