"""Random rules, and random contract lines that rules count."""

from hypothesis import strategies as st

from app.domain.policy.rules import MetricRules
from projections.views.contract_lines import ContractLine
from tests.projections.kpis.contract_lines_factory import line

DAY = st.sampled_from([
    "2024-03-01", "2024-11-15", "2025-01-01", "2025-01-20", "2025-02-01", "2025-02-10", "2025-06-30", "2025-07-01", "2025-12-31",
    "2026-01-01",
])  # fmt: skip
ANY_RULES = st.builds(
    MetricRules,
    customer_from=st.sampled_from(["first_paid_day", "start"]),
    churn_at=st.sampled_from(["effective_end", "notice"]), contract_end=st.sampled_from(["contraction", "churn"]),
    new_and_churned=st.sampled_from(["waterfall", "counted", "ignored"]), reactivation_days=st.none() | st.integers(1, 200),
    shortest_gap_days=st.sampled_from([0, 0, 10, 60]), discounts=st.sampled_from(["lasting", "all", "none"]),
    hold=st.sampled_from(["zero", "unchanged"]), usage_commit=st.sampled_from(["counted", "excluded"]),
    netting=st.sampled_from(["instant", "month", "period"]), churn_denominator=st.sampled_from(["start", "start_and_new"]),
    reactivation=st.sampled_from(["separate", "expansion"]), escalators=st.sampled_from(["counted", "stripped"]),
)  # fmt: skip


@st.composite
def books(draw: st.DrawFn) -> list[ContractLine]:
    """Contracts of a few accounts, of lines that follow each other or leave gaps, rest, escalate and are given up."""
    book: list[ContractLine] = []
    for contract in range(draw(st.integers(1, 5))):
        days = sorted(set(draw(st.lists(DAY, min_size=2, max_size=5))))
        if len(days) == 1:
            days += ["2026-06-01"]
        account, currency = draw(st.sampled_from("abc")), draw(st.sampled_from(["USD", "USD", "EUR", "GBP"]))
        noticed = {"noticed": draw(DAY)} if draw(st.booleans()) else {}
        for start, end in zip(days, [*days[1:], None], strict=True):
            if end is None and draw(st.booleans()):
                continue
            book.append(
                line(
                    account,
                    draw(st.sampled_from(["0", "40", "100", "100", "105"])),
                    start,
                    end,
                    contract=f"c{contract}",
                    held=draw(st.sampled_from([False, False, True])),
                    cause=draw(st.sampled_from(["negotiation", "escalator"])),
                    kind=draw(st.sampled_from(["recurring", "recurring", "usage_commit", "one_off"])),
                    currency=currency,
                    temporary=draw(st.sampled_from(["0", "0", "20"])),
                    trial=start == days[0] and draw(st.booleans()),
                    **noticed,
                )
            )
    return book
