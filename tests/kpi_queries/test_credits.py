"""Credit lines in figures: they count with their sign, by SQL as by rows."""

import pytest

from app.domain.contract.commands import AddLine, AmendContract
from app.domain.policy.rules import MetricRules
from tests.kpi_queries.history_factory import account, ask, contract, in_force
from tests.support.application import Steward


@pytest.mark.parametrize("by_rows", [False, True])
def test_a_credit_lowers_revenue_and_is_contraction(sqlite_steward: Steward, by_rows: bool) -> None:
    client = account(sqlite_steward, "Northwind")
    paid = contract(sqlite_steward, client, "100")
    contract(sqlite_steward, account(sqlite_steward, "Contoso"), "50")
    credit = AddLine(op="add_line", line="credit", product="retainer", unit_price="-30", interval="month")
    sqlite_steward.do(AmendContract(effective_at="2025-03-01", changes=(credit,)), contract=paid)
    contract(sqlite_steward, client, "-5", start="2025-06-01")
    if by_rows:
        in_force(
            sqlite_steward,
            MetricRules(netting="month", shortest_gap_days=1),
        )

    sqlite_steward.catch_up()

    year = ("2025-01-01", "2026-01-01")
    assert ask(sqlite_steward, "mrr", None, as_of="2025-12-31")["value"] == "115.00"
    assert ask(sqlite_steward, "net_revenue_retention", year)["numerator"] == "115.00"
    assert ask(sqlite_steward, "gross_revenue_retention", year)["numerator"] == "115.00"
    assert ask(sqlite_steward, "client_retention_rate", year)["numerator"] in ("2", 2)
