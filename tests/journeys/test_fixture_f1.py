"""The house fixture, end to end."""

from pathlib import Path

from tests.support.applications import House

F1 = Path(__file__).parents[1] / "data" / "house-fixture-f1.ndjson"


def test_the_fixture_is_taken_in_once_and_only_once(house: House) -> None:
    first = house.ingest_file(F1)
    head = house.catch_up()
    again = house.ingest_file(F1)

    assert {item.status for item in first} == {"accepted"}
    assert {item.status for item in again} == {"duplicate"}
    assert house.catch_up() == head == house.runtime.log.recorder(house.tenant).count()
    assert len(house.rows("accounts")) == 7
