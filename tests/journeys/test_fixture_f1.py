"""The fixture F1, end to end."""

from pathlib import Path

from tests.support.application import Steward

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"


def test_the_fixture_is_taken_in_once_and_only_once(steward: Steward) -> None:
    first = steward.ingest_file(F1)
    head = steward.catch_up()
    again = steward.ingest_file(F1)

    assert {item.status for item in first} == {"accepted"}
    assert {item.status for item in again} == {"duplicate"}
    assert steward.catch_up() == head == steward.runtime.log.recorder(steward.tenant).count()
    assert len(steward.rows("accounts")) == 7
