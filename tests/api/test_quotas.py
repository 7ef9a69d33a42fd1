"""Quotas: what was taken comes back steadily, each has its own, and only so many are remembered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.http import quotas
from app.api.http.quotas import Quota


class Seconds:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_what_was_taken_comes_back_steadily_and_never_more_than_there_was(seconds: Seconds) -> None:
    quota = Quota("writes", 10, 5, clock=seconds)

    assert [quota.take("a") for _ in range(12)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1, -2]
    assert (quota.left("b"), quota.left("a"), quota.wait("a"), quota.is_overdrawn("a")) == (10, -2, 2, True)
    seconds.now += 1
    assert (quota.left("a"), quota.is_overdrawn("a")) == (0, False)
    seconds.now += 1
    assert (quota.left("a"), quota.wait("a", 10)) == (2, 4)
    seconds.now += 1000
    assert quota.left("a") == 10


def test_what_is_given_back_was_never_taken(seconds: Seconds) -> None:
    quota = Quota("writes", 3, 1, clock=seconds)
    for _ in range(5):
        assert quota.take("a") == 2
        quota.give_back("a")
    assert quota.left("a") == 3


def test_a_header_says_the_quota_and_its_unit_where_it_is_not_requests() -> None:
    assert Quota("writes", 100, 1).policy == '"writes";q=100;w=1'
    assert Quota("body-bytes", 10, 60, unit="content-bytes").policy == '"body-bytes";q=10;qu="content-bytes";w=60'
    assert (Quota("rare", 10, 60).pause, Quota("often", 1000, 60).pause) == (6, 1)


@settings(max_examples=20)
@given(
    st.integers(1, 50), st.integers(1, 60), st.lists(st.tuples(st.integers(1, 60), st.integers(0, 3000)), max_size=30)
)
def test_nobody_takes_more_in_a_time_than_the_quota_twice(
    amount: int, window: int, asked: list[tuple[int, int]]
) -> None:
    clock = Seconds()
    quota, taken, began = Quota("x", amount, window, clock=clock), 0, clock.now
    for count, pause in asked:
        clock.now += pause / 1000
        for _ in range(count):
            if quota.take("a") < 0:
                quota.give_back("a")
            else:
                taken += 1
    assert taken <= amount + amount * (clock.now - began) / window + 0.01


def test_only_so_many_are_remembered_and_those_go_first_who_have_everything_again(
    seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MOST_REMEMBERED", 10)
    quota = Quota("wrong-keys", 2, 60, clock=seconds)
    quota.take("old")
    seconds.now += 61
    for number in range(9):
        quota.take(str(number))

    quota.take("new")  # `old` made space
    assert [quota.left(str(number)) for number in range(9)] == [1] * 9
    quota.take("newer")  # nobody had everything again
    assert len(quota._full_at) == 6
    assert (quota.left("0"), quota.left("new")) == (2, 1)


def test_a_log_has_a_line_a_minute_for_each(seconds: Seconds) -> None:
    quota = Quota("writes", 1, 1, clock=seconds)

    assert [quota.first("a"), quota.first("a"), quota.first("b")] == [True, False, True]
    seconds.now += 61
    assert quota.first("a")
