"""The meaning of a command: what counts of what was written."""

from app.domain.kernel.meaning import meaning
from app.domain.proposal.commands import DraftProposal


def test_decimals_are_compared_as_numbers_and_defaults_as_absent_however_deep() -> None:
    item = {"item": "a", "product": "x", "unit_price": "10.50", "interval": "month"}
    written = {"currency": "EUR", "valid_until": "2026-12-31", "items": [item], "cost": "100"}
    other = {
        **written,
        "items": [{**item, "unit_price": "10.5", "quantity": "1.000", "kind": "recurring"}],
        "cost": "100.0",
    }

    assert meaning(DraftProposal.model_validate(written)) == meaning(DraftProposal.model_validate(other))
    assert meaning(DraftProposal.model_validate(written)) != meaning(
        DraftProposal.model_validate({**written, "cost": "100.1"})
    )


def test_a_text_that_looks_like_a_number_stays_a_text() -> None:
    item = {"item": "1.0", "product": "x", "unit_price": "1", "interval": "month"}
    written = {"currency": "EUR", "valid_until": "2026-12-31", "items": [item]}

    assert meaning(DraftProposal.model_validate(written))["items"][0]["item"] == "1.0"
